// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.Collection;
import java.util.Objects;
import org.jctools.queues.MessagePassingQueue;
import org.rseq4j.internal.thread.Ids;

/**
 * What the message passing queues have in common: all that is not the way of one element in or out.
 *
 * <p>
 * Batches hold no element outside a ring but the one that the consumer was just given, or that the supplier has just
 * given; so there is nothing to lose and nothing to give back when either throws or never returns. What a fill holds in
 * advance is room, which a store of a field gives back.
 */
abstract class RingQueue<E> extends RingCollection<E> implements MessagePassingQueue<E> {
    /** For how many elements room is reserved at once, and between how many the exit condition is asked. */
    static final int BATCH = 64;
    /** Odd, so no sum of indices. */
    private static final long MOVING = 1;

    RingQueue(Ring[] rings) {
        super(rings, contentsOf(rings));
    }

    /** The ring to begin with. */
    abstract int first();

    /** The ring to add a batch to, looked for and waited for as by an offer; null when there is no room. */
    abstract Ring ringWithRoom();

    // ---- Moves between rings ----

    /** A stamp that differs after a move has begun; {@link #MOVING} while one is under way. */
    final long moves() {
        long moves = 0;
        for (Ring ring : rings) {
            moves += ring.movesTo;
            if (ring.isMoving()) {
                return MOVING;
            }
        }
        return moves;
    }

    /** Whether elements went from one ring to another meanwhile, so that a look at all rings may have missed them. */
    final boolean movedSince(long stamp) {
        return stamp == MOVING || moves() != stamp;
    }

    // ---- MessagePassingQueue ----

    @Override
    public int capacity() {
        return rings.length * rings[0].capacity();
    }

    /**
     * Takes elements one by one, as {@code poll} does, and hands each over before it takes the next.
     *
     * <p>
     * When the consumer throws, the element that it was given is gone, and no other.
     *
     * @param consumer gets the elements
     * @param limit how many at most
     * @return how many it was given; fewer than the limit only when {@code poll} found nothing
     * @throws IllegalArgumentException when the consumer is null or the limit negative
     */
    @Override
    public int drain(Consumer<E> consumer, int limit) {
        check(consumer != null, "the consumer is null");
        checkLimit(limit);
        int done = 0;
        for (E element; done < limit && (element = poll()) != null; done++) {
            consumer.accept(element);
        }
        return done;
    }

    /**
     * Takes elements until there are none, as {@link #drain(Consumer, int)} does.
     *
     * @param consumer gets the elements
     * @return how many it was given
     * @throws IllegalArgumentException when the consumer is null
     */
    @Override
    public int drain(Consumer<E> consumer) {
        return drain(consumer, Integer.MAX_VALUE);
    }

    /**
     * Takes elements as long as the condition says, and waits by the strategy when there are none.
     *
     * @param consumer gets the elements
     * @param wait how to wait
     * @param exit is asked before each 64 elements
     * @throws IllegalArgumentException when an argument is null
     */
    @Override
    public void drain(Consumer<E> consumer, WaitStrategy wait, ExitCondition exit) {
        check(consumer != null, "the consumer is null");
        check(wait != null, "the wait strategy is null");
        check(exit != null, "the exit condition is null");
        int idle = 0;
        while (exit.keepRunning()) {
            idle = drain(consumer, BATCH) == 0 ? wait.idle(idle) : 0;
        }
    }

    /**
     * Adds elements one by one: room for up to 64 is reserved, then the supplier is asked, without a lock, for one
     * element after the other, each of which is in the queue before the next is asked for.
     *
     * <p>
     * Reserved room counts as full to others while the supplier works. When the supplier throws or returns null, what
     * it gave before is in the queue, and the rest of the reservation is given back.
     *
     * @param supplier gives the elements
     * @param limit how many at most
     * @return how many were added
     * @throws IllegalArgumentException when the supplier is null or the limit negative
     * @throws NullPointerException when the supplier returned null
     */
    @Override
    public int fill(Supplier<E> supplier, int limit) {
        check(supplier != null, "the supplier is null");
        checkLimit(limit);
        int done = 0;
        while (done < limit) {
            int n = fillBatch(supplier, Math.min(limit - done, BATCH));
            if (n == 0) {
                break;
            }
            done += n;
        }
        return done;
    }

    /** As {@link #fill(Supplier, int)}, for not more than a batch; 0 only when there is no room. */
    int fillBatch(Supplier<E> supplier, int limit) {
        Ring ring = ringWithRoom();
        int done = ring == null ? 0 : fillRing(ring, supplier, limit);
        // None when all of its room is reserved, or was taken meanwhile.
        return ring == null || done > 0 ? done : fillAnyRing(supplier, limit);
    }

    private int fillAnyRing(Supplier<E> supplier, int limit) {
        for (int tries = 0;; tries++) {
            long stamp = moves();
            for (Ring ring : rings) {
                int done = ring.free() == 0 ? 0 : fillRing(ring, supplier, limit);
                if (done > 0) {
                    return done;
                }
            }
            if (!movedSince(stamp)) {
                return 0;
            }
            Ring.pause(tries);
        }
    }

    private int fillRing(Ring ring, Supplier<E> supplier, int limit) {
        var reservation = new Reservation();
        int shard = first();
        int done = 0;
        try {
            ring.reserve(reservation, limit);
            while (reservation.left > 0) {
                ring.offerReserved(reservation, given(supplier), shard);
                done++;
            }
        } finally {
            reservation.over = true;
        }
        return done;
    }

    static <E> E given(Supplier<E> supplier) {
        return Objects.requireNonNull(supplier.get(), "the supplier returned null");
    }

    /**
     * Adds elements until there is no room or as many as the capacity were added, as {@link #fill(Supplier, int)} does;
     * a queue without a bound gets 64.
     *
     * @param supplier gives the elements
     * @return how many were added
     * @throws IllegalArgumentException when the supplier is null
     * @throws NullPointerException when the supplier returned null
     */
    @Override
    public int fill(Supplier<E> supplier) {
        return fill(supplier, capacity() == UNBOUNDED_CAPACITY ? BATCH : capacity());
    }

    /**
     * Adds elements as long as the condition says, and waits by the strategy when there is no room.
     *
     * @param supplier gives the elements
     * @param wait how to wait
     * @param exit is asked before each 64 elements
     * @throws IllegalArgumentException when an argument is null
     * @throws NullPointerException when the supplier returned null
     */
    @Override
    public void fill(Supplier<E> supplier, WaitStrategy wait, ExitCondition exit) {
        check(supplier != null, "the supplier is null");
        check(wait != null, "the wait strategy is null");
        check(exit != null, "the exit condition is null");
        int idle = 0;
        while (exit.keepRunning()) {
            idle = fill(supplier, BATCH) == 0 ? wait.idle(idle) : 0;
        }
    }

    private static void checkLimit(int limit) {
        if (limit < 0) {
            throw new IllegalArgumentException("the limit is negative: " + limit);
        }
    }

    private static void check(boolean good, String otherwise) {
        if (!good) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    /** The elements of a collection as an array that nobody else has, none of them null. */
    static Object[] checked(Collection<?> elements) {
        Object[] all = elements.toArray();
        for (Object element : all) {
            Objects.requireNonNull(element, "element");
        }
        return all;
    }

    /** The running thread's index below a number of rings. */
    static int shard(int rings) {
        int id = Ids.concurrencyId();
        return id < rings ? id : id % rings;
    }
}
