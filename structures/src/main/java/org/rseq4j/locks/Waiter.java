// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

/** A thread that waits in a lock's queue or in that of a condition, and its links. */
final class Waiter {
    static final int NOWHERE = 0;
    static final int ON_CONDITION = 1;
    static final int QUEUED = 2;

    final Thread thread = Thread.currentThread();
    /** Where it waits; taken from a condition by one compare-and-set, else changed with the queue's links. */
    volatile int place;
    /** Whether its thread does not wait any more, though it is in the lock's queue. */
    volatile boolean gone;
    /** In the lock's queue, with its links. */
    Waiter previous;
    Waiter next;
    /** In the condition's queue, under the lock. */
    Waiter nextOnCondition;

    Waiter(int place) {
        this.place = place;
    }
}
