// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.io.InvalidObjectException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.util.Collection;

/**
 * A queue without a bound for many producers and many consumers, strictly first in, first out, for more threads than
 * CPUs: {@link SliceMpmcArrayQueue} on a chain of segments.
 *
 * <p>
 * <b>Order, errors, relaxed calls and iterators</b> are those of {@link SliceMpmcArrayQueue}, and it is no more
 * lock-free than that queue. {@code offer} never fails, {@code relaxedOffer} only while another thread adds elements or
 * another CPU has its turn. {@code capacity} is {@code UNBOUNDED_CAPACITY}; {@code fill} without a limit adds 64
 * elements.
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before it added an element is visible to the thread that takes or sees it.
 *
 * <p>
 * <b>Cost:</b> one atomic instruction an operation; a {@code peek} that finds an element locks the consumers' end for
 * some nanoseconds. Memory: segments of 1024 references (4 or 8 KB). Consumers give an empty segment back to the
 * producers, so a queue whose length stays within a segment or two allocates nothing; a longer one allocates a segment
 * for each 1024 elements. An empty queue keeps two segments at most.
 *
 * <p>
 * <b>Serialization:</b> a queue goes into a stream as its elements, which must not refer to the queue itself: reading
 * these ends in a ClassCastException.
 *
 * @param <E> the type of the elements
 * @since 0.1.0
 */
public final class SliceMpmcUnboundedQueue<E> extends StrictQueue<E> implements Serializable {
    /*
     * Source: the two locks of SliceMpmcArrayQueue; linked arrays are from JCTools' unbounded queues.
     */
    private static final long serialVersionUID = 1;

    /** An empty queue. */
    public SliceMpmcUnboundedQueue() {
        this(Rings.unbounded());
    }

    /**
     * A queue that holds these elements.
     *
     * @param elements what it holds at first, in the order of their iterator
     * @throws NullPointerException when the collection or an element is null
     */
    @SuppressWarnings("this-escape")
    public SliceMpmcUnboundedQueue(Collection<? extends E> elements) {
        this();
        addAll(elements);
    }

    SliceMpmcUnboundedQueue(Ring ring) {
        super(ring, true);
    }

    @Override
    public int capacity() {
        return UNBOUNDED_CAPACITY;
    }

    @Override
    Ring ringWithRoom() {
        return ring;
    }

    @Override
    int fillBatch(Supplier<E> supplier, int limit) {
        for (int i = 0; i < limit; i++) {
            turns.offer(given(supplier));
        }
        return limit;
    }

    private Object writeReplace() {
        return new SerializedQueue(SerializedQueue.NON_BLOCKING, 0, false, 0, toArray());
    }

    private void readObject(ObjectInputStream stream) throws InvalidObjectException {
        throw new InvalidObjectException("a queue comes as its elements");
    }
}
