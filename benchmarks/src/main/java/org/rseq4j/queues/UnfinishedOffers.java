// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

/** Looks into a queue for an offer that has claimed its place and not yet published the element. For benchmarks. */
public final class UnfinishedOffers {
    private final Ring ring;

    /**
     * Looks into a queue.
     *
     * @param queue the queue
     */
    public UnfinishedOffers(SliceMpmcArrayQueue<?> queue) {
        ring = queue.rings[0];
    }

    /** {@return a number that tells the unfinished offer from all others; 0 when there is none} */
    public long current() {
        long tail = ring.tail;
        return (tail & 1) == 0 ? 0 : tail;
    }
}
