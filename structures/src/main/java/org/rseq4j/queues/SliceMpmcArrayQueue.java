// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.Collection;
import java.util.Objects;
import org.rseq4j.Rseq;

/**
 * A bounded queue for many producers and many consumers, strictly first in, first out, in an array, whose claim of a
 * slot and its publication stand in one section.
 *
 * <p>
 * <b>Order:</b> linearizable. {@code offer}, {@code poll}, {@code peek}, {@code size}, {@code isEmpty}, {@code
 * offerAll}, {@code clear}, {@code contains} and {@code remove(Object)} take effect at one moment between their begin
 * and their end, {@code drain} and {@code fill} one by one: elements leave in the order in which their offers took
 * effect, whatever threads do.
 *
 * <p>
 * <b>Emptiness:</b> {@code poll}, {@code peek} and {@code isEmpty} say that there is nothing only when there was
 * nothing at one moment of the call: never while an element whose offer has returned is in the queue. {@code offer}
 * says that it is full only when it was, at one moment; room that a running {@link #fill(Supplier, int) fill} has
 * reserved counts as full.
 *
 * <p>
 * <b>Size:</b> {@code size} is how many there were at one moment of the call.
 *
 * <p>
 * <b>Relaxed calls</b> ({@code relaxedOffer}, {@code relaxedPoll}, {@code relaxedPeek}) may also fail because another
 * thread is at the same end of the queue or another CPU has its turn; they never yield. What they do succeed with is in
 * the same strict order.
 *
 * <p>
 * <b>Batches:</b> {@code drain} and {@code fill} move one element after the other, so a batch is so many single calls
 * and lose no more when user code throws; {@link #offerAll} adds all that it adds under one lock and in one section, so
 * those stay together and become visible at one moment, and where some had to be left out, the queue is full at that
 * moment. A batch of thousands takes longer than a grant lasts.
 *
 * <p>
 * <b>It is not lock-free:</b> there is a lock for either end, held for some nanoseconds. A thread that is scheduled out
 * there holds up those of its end, who spin briefly, then call {@code Thread.yield}; the kernel is asked not to let
 * that happen, and does as asked where the time slice extension is supported. No code of the user runs under a lock. A
 * call that throws, also a StackOverflowError, has done nothing and leaves nothing locked; a consumer that throws costs
 * the element that it was given.
 *
 * <p>
 * <b>Cost:</b> one atomic instruction an operation; a failing call loads a few words and writes nothing. Threads of one
 * CPU have both ends of the queue for up to 0.1 ms while those of other CPUs want it too, which keeps the cache lines
 * from moving at every operation: a strict call of another CPU spins, then yields until it is that CPU's turn, or until
 * the queue was full or empty at a moment of the call, though it may not be so any more when the call returns; after
 * 0.1 ms it goes without the turn, however many CPUs there are. The turn passes within
 * microseconds when its threads do nothing. A thread that finds the queue full or empty after many elements yields once
 * before it says so. Queues of fewer than 64 elements have no turns. Memory: a reference for each element, the capacity
 * rounded up to a power of two, and about 1.5 kilobytes.
 *
 * <p>
 * <b>Unsupported</b> is nothing of {@code java.util.Queue}. Iterators are weakly consistent, show each element that is
 * there all the while once and none twice, and remove their own element or none. {@code contains}, {@code
 * remove(Object)} and iterators look at what is there when they begin, however much comes meanwhile, and copy 64
 * elements at a time under the consumers' lock, more when others take elements faster than a search looks at them; so a
 * search ends, and {@code remove(Object)} gives up only after others took what it had found 24 times. A removal from
 * the middle moves those before it up under that lock.
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before it added an element is visible to the thread that takes or sees the
 * element.
 *
 * <p>
 * It is not serializable, nor are JCTools' queues; {@link SliceBlockingQueue} is.
 *
 * <p>
 * Source: a ring with an index for either end (Lamport); each side keeps the other's index as it last saw it (as in
 * Lee, Bu and Chandranmenon's MCRingBuffer, 2010); the lock is the index's lowest bit.
 *
 * @param <E> the type of the elements
 * @since 0.1.0
 */
public final class SliceMpmcArrayQueue<E> extends RingQueue<E> {
    private final Ring ring;
    private final Turns turns;

    /**
     * A queue.
     *
     * @param capacity how many elements it holds at most, from 1 to 2^30
     * @throws IllegalArgumentException when the capacity is not in that range
     */
    public SliceMpmcArrayQueue(int capacity) {
        this(capacity, 0);
    }

    /** A queue whose indices start anywhere. */
    SliceMpmcArrayQueue(int capacity, long start) {
        this(capacity, start, capacity >= Turns.LEAST);
    }

    /** A queue of any size whose users take turns, or do not. */
    SliceMpmcArrayQueue(int capacity, long start, boolean turns) {
        super(new Ring[]{new Ring(Ring.checkCapacity(capacity), start)});
        ring = rings[0];
        this.turns = new Turns(ring, turns);
    }

    @Override
    int first() {
        return 0;
    }

    @Override
    Ring ringWithRoom() {
        return turns.awaitRoom() ? ring : null;
    }

    /**
     * Adds an element at the end.
     *
     * @param element the element
     * @return false when there was no room
     * @throws NullPointerException when the element is null
     */
    @Override
    public boolean offer(E element) {
        Objects.requireNonNull(element, "element");
        return turns.offer(element);
    }

    /**
     * Adds an element at the end, unless that would take long.
     *
     * @param element the element
     * @return false when there was no room, or another thread was adding elements
     * @throws NullPointerException when the element is null
     */
    @Override
    public boolean relaxedOffer(E element) {
        Objects.requireNonNull(element, "element");
        return turns.relaxedOffer(element);
    }

    /**
     * Adds as many of these elements as there is room for, the first ones, next to each other and at one moment. If
     * some are left out, the queue is full at that moment, and consumers were held up meanwhile.
     *
     * @param elements the elements, in the order of their iterator
     * @return how many were added
     * @throws NullPointerException when the collection or an element is null; then nothing is added
     */
    public int offerAll(Collection<? extends E> elements) {
        Object[] all = checked(elements);
        for (int spins = 0; all.length > 0; spins++) {
            int n = ring.tryOfferAll(all, 0, all.length, Rseq.concurrencyId());
            if (n >= 0) {
                return n;
            }
            Ring.pause(spins);
        }
        return 0;
    }

    /** {@return the first element, which is taken out; null when there is none} */
    @Override
    @SuppressWarnings("unchecked")
    public E poll() {
        return (E) turns.poll();
    }

    /** {@return the first element, which is taken out; null when there is none or another thread is taking one} */
    @Override
    @SuppressWarnings("unchecked")
    public E relaxedPoll() {
        return (E) turns.relaxedPoll();
    }

    /** {@return the first element, which stays; null when there is none} */
    @Override
    @SuppressWarnings("unchecked")
    public E peek() {
        return (E) ring.peek();
    }

    /** {@return the first element, which stays; null when there is none or another thread is taking it} */
    @Override
    @SuppressWarnings({"unchecked", "ReferenceEquality"}) // BUSY is one object
    public E relaxedPeek() {
        Object element = ring.tryPeek();
        return element == Ring.BUSY ? null : (E) element;
    }
}
