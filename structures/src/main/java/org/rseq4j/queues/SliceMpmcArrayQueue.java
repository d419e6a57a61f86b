// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.Collection;
import org.rseq4j.internal.thread.Ids;

/**
 * A bounded queue for many producers and many consumers, strictly first in, first out, for more threads than CPUs. It
 * does not park; {@link SliceBlockingQueue} does.
 *
 * <p>
 * <b>It is not lock-free.</b> Each end has a lock, held for some nanoseconds. A thread that is scheduled out while it
 * has one holds up the others at that end, which spin briefly and then yield. Where the time slice extension is
 * supported, the kernel is asked not to let that happen. No code of the caller runs under a lock.
 *
 * <p>
 * <b>Order:</b> linearizable. Single operations, {@code size}, {@code offerAll}, {@code clear}, {@code contains} and
 * {@code remove(Object)} take effect at one moment between their begin and their end. {@code poll} returns null, and
 * {@code offer} false, only if the queue was empty, or full, at such a moment; room that a running
 * {@link #fill(Supplier, int) fill} has reserved counts as full. {@code drain} and {@code fill} go one by one;
 * {@link #offerAll} adds its elements together. {@code relaxedOffer}, {@code relaxedPoll} and {@code relaxedPeek} may
 * also fail because another thread is at that end or another CPU has its turn; they never yield.
 *
 * <p>
 * <b>Errors:</b> a call that throws, even a StackOverflowError, has done nothing and leaves nothing locked. A consumer
 * that throws costs the element that it was given.
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before it added an element is visible to the thread that takes or sees it.
 *
 * <p>
 * <b>Iterators</b> are weakly consistent: each element that is there all the while is shown once, none twice, and
 * {@code remove} removes that element or none.
 *
 * <p>
 * <b>Cost:</b> one atomic instruction an operation; a failing call writes nothing. While CPUs compete, one of them has
 * the queue for up to 0.1 ms, and strict calls on the others wait that long at most. Memory: a reference for each
 * element, the capacity rounded up to a power of two, and 1.8 KB.
 *
 * <p>
 * It is not serializable, as JCTools' queues are not.
 *
 * @param <E> the type of the elements
 * @since 0.1.0
 */
public final class SliceMpmcArrayQueue<E> extends StrictQueue<E> {
    /*
     * Source: a ring with an index for either end (Lamport). Each side keeps the other's index as it last saw it (Lee,
     * Bu and Chandranmenon's MCRingBuffer, 2010). The lock is the index's lowest bit; claim and publication stand in
     * one section. Ring has the protocol.
     *
     * Turns. Threads of one CPU have both ends for a while, which keeps cache lines from moving at every operation
     * (Turns). A strict call of another CPU spins, then yields, until it is that CPU's turn, or until the queue was
     * full or empty at a moment of the call, though it may not be so any more when the call returns. After 0.1 ms it
     * goes without the turn. The turn passes within microseconds when its threads do nothing. A thread that finds the
     * queue full or empty after many elements yields once before it says so. Queues of fewer than 64 elements have no
     * turns.
     *
     * Searches. contains, remove(Object) and iterators look at what is there when they begin, however much is added
     * meanwhile. They copy 64 elements at a time under the consumers' lock, more when others take elements faster than
     * a search looks at them, so that it ends. remove(Object) gives up after others took what it had found 24 times. A
     * removal from the middle moves those before it up, under that lock.
     */

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
        this(capacity, start, capacity >= Turns.MIN_CAPACITY);
    }

    /** A queue of any size whose users take turns, or do not. */
    SliceMpmcArrayQueue(int capacity, long start, boolean turns) {
        super(Rings.bounded(capacity, start), turns);
    }

    @Override
    Ring ringWithRoom() {
        return turns.awaitRoom() ? ring : null;
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
            int n = ring.tryOfferAll(all, 0, all.length, Ids.concurrencyId());
            if (n >= 0) {
                return n;
            }
            Ring.pause(spins);
        }
        return 0;
    }
}
