// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

/** Queues without a bound in which almost each call is at the end of a segment. */
public final class ShortSegments {
    private ShortSegments() {
    }

    /**
     * A queue.
     *
     * @param <E> the type of the elements
     * @return an empty one
     */
    public static <E> SliceMpmcUnboundedQueue<E> queue() {
        return new SliceMpmcUnboundedQueue<>(Ring.unbounded(2, -1));
    }

    /**
     * A blocking queue.
     *
     * @param <E> the type of the elements
     * @return an empty one
     */
    public static <E> SliceBlockingQueue<E> blockingQueue() {
        return new SliceBlockingQueue<>(Ring.unbounded(2, -1), false, 1_000);
    }
}
