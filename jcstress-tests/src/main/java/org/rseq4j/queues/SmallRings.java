// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

/** Queues with a ring for each CPU that is full after a few elements, so that elements are moved all the time. */
public final class SmallRings {
    private SmallRings() {
    }

    /**
     * A queue, of which only a larger one has so many rings otherwise.
     *
     * @param <E> the type of the elements
     * @param capacity how many elements all rings hold together, at least
     * @return an empty one
     */
    public static <E> PerCpuQueue<E> queue(int capacity) {
        return new PerCpuQueue<>(capacity, Math.max(2, Runtime.getRuntime().availableProcessors()), 0);
    }
}
