// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

/**
 * Room in a ring that is kept for one thread, which gives the rest back by one store of a field: nothing that could
 * throw.
 */
final class Reservation {
    volatile boolean over;
    /** Guarded by the ring's tail, as the next field. */
    int left;
    Reservation next;
}
