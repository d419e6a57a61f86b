// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.Objects;
import org.agrona.concurrent.IdleStrategy;
import org.jctools.queues.MessagePassingQueue;

/**
 * Waits at a message passing queue by an Agrona {@link IdleStrategy}. Needs Agrona, which is optional for this library;
 * no other class of it does.
 *
 * <p>
 * A strategy has state and belongs to one thread. A call resets it when it begins, then calls {@code idle} after each
 * attempt that failed. How long an element or room goes unnoticed is the strategy's longest pause.
 *
 * <p>
 * <b>Happens-before:</b> that of the queue's own {@code offer} and {@code poll}.
 *
 * @since 0.1.0
 */
public final class IdleWaiting {
    private IdleWaiting() {
    }

    /**
     * Adds an element, waiting for room.
     *
     * @param <E> the type of the elements
     * @param queue the queue
     * @param element the element
     * @param idle how to wait
     * @throws InterruptedException when the thread is interrupted while there is no room; the element was not added
     * @throws NullPointerException when an argument is null
     */
    public static <E> void put(MessagePassingQueue<E> queue, E element, IdleStrategy idle)
            throws InterruptedException {
        Objects.requireNonNull(idle, "idle");
        Objects.requireNonNull(element, "element");
        if (!queue.offer(element)) {
            idle.reset();
            do {
                waitOnce(idle);
            } while (!queue.offer(element));
        }
    }

    /**
     * Takes an element, waiting for one.
     *
     * @param <E> the type of the elements
     * @param queue the queue
     * @param idle how to wait
     * @return the element
     * @throws InterruptedException when the thread is interrupted while there is none
     * @throws NullPointerException when an argument is null
     */
    public static <E> E take(MessagePassingQueue<E> queue, IdleStrategy idle) throws InterruptedException {
        Objects.requireNonNull(idle, "idle");
        E element = queue.poll();
        if (element == null) {
            idle.reset();
            do {
                waitOnce(idle);
                element = queue.poll();
            } while (element == null);
        }
        return element;
    }

    /**
     * The strategy in the form that {@code drain} and {@code fill} take.
     *
     * @param idle how to wait; for one thread
     * @return a wait strategy that resets it after each success
     * @throws NullPointerException when the strategy is null
     */
    public static MessagePassingQueue.WaitStrategy by(IdleStrategy idle) {
        Objects.requireNonNull(idle, "idle");
        return counter -> {
            if (counter == 0) {
                idle.reset();
            }
            idle.idle();
            return counter + 1 == 0 ? 1 : counter + 1;
        };
    }

    private static void waitOnce(IdleStrategy idle) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        idle.idle();
    }
}
