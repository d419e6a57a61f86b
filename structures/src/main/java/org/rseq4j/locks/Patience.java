package org.rseq4j.locks;

import java.util.concurrent.locks.LockSupport;

/** How a thread waits for a lock: what ends the wait in vain, and one sleep of it. */
final class Patience {
    private Patience() {
    }

    /** Whether the wait ends in vain: by an interrupt, which stays set, or by the deadline of System.nanoTime. */
    static boolean isOver(boolean interruptibly, boolean timed, long deadline) {
        return interruptibly && Thread.currentThread().isInterrupted()
                || timed && deadline - System.nanoTime() <= 0;
    }

    /**
     * Parks, at most until the deadline. An interrupt that does not end the wait is cleared, as it would keep the thread from
     * parking again.
     *
     * @return whether one was, so that it is to be set again when the wait is over
     */
    static boolean park(Object blocker, boolean interruptibly, boolean timed, long deadline) {
        if (timed) {
            LockSupport.parkNanos(blocker, deadline - System.nanoTime());
        } else {
            LockSupport.park(blocker);
        }
        return !interruptibly && Thread.interrupted();
    }
}
