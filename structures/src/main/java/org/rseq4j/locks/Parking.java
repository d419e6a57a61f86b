// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.util.concurrent.locks.LockSupport;

/** How a thread waits: what ends the wait in vain, and one sleep of it. */
final class Parking {
    /**
     * How long the first sleep is at most, and the longest of the later ones, each of which may last twice as long as
     * the one before. A waker that fails, out of stack or memory, so holds its waiter up by no more than that has
     * waited already. Tests make it so long that a lost wake-up is seen.
     */
    static final long FIRST_SLEEP = Long.getLong("rseq4j.debug.firstSleepMillis", 200) * 1_000_000;
    private static final long LONGEST_SLEEP = 60_000_000_000L;

    private Parking() {
    }

    /** Whether the wait ends in vain: by an interrupt, which stays set, or by the deadline of System.nanoTime. */
    static boolean isOver(boolean interruptibly, boolean timed, long deadline) {
        return interruptibly && Thread.currentThread().isInterrupted()
                || timed && deadline - System.nanoTime() <= 0;
    }

    /**
     * Parks, at most for the sleep's length and until the deadline. An interrupt that does not end the wait is cleared,
     * as it would keep the thread from parking again.
     *
     * @return whether one was, so that it is to be set again when the wait is over
     */
    static boolean park(Object blocker, long sleep, boolean interruptibly, boolean timed, long deadline) {
        LockSupport.parkNanos(blocker, timed ? Math.min(sleep, deadline - System.nanoTime()) : sleep);
        return !interruptibly && Thread.interrupted();
    }

    static long longer(long sleep) {
        return Math.max(sleep, Math.min(2 * sleep, LONGEST_SLEEP));
    }
}
