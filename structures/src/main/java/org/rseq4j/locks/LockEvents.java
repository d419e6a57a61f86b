// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;

/** The Flight Recorder events of locks, where the run-time image has the Flight Recorder. */
final class LockEvents {
    private static final boolean PRESENT = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

    private LockEvents() {
    }

    /** Begins to measure a wait; null without the recorder, and when that fails: a lock works without memory too. */
    static Object begin() {
        try {
            return PRESENT ? LockWait.started() : null;
        } catch (OutOfMemoryError | StackOverflowError | LinkageError e) {
            return null;
        }
    }

    /** Ends what {@link #begin()} returned. */
    static void end(Object wait, Object lock, long formerOwner, boolean acquired) {
        if (wait != null) {
            try {
                LockWait.tell(wait, lock, formerOwner, acquired);
            } catch (OutOfMemoryError | StackOverflowError e) {
                // The event is lost, the lock is not.
            }
        }
    }

    @Name("org.rseq4j.LockWait")
    @Label("Lock Wait")
    @Description("A thread waited in the queue of a SliceLock for longer than the threshold")
    @Category("rseq4j")
    @StackTrace(true)
    @Threshold("10 ms")
    @SuppressWarnings("UnusedVariable") // the recorder reads the fields
    private static final class LockWait extends Event {
        @Label("Lock")
        private String lock;

        @Label("Former Owner")
        @Description("The id of the thread that held the lock when the wait began")
        private long formerOwner;

        @Label("Acquired")
        private boolean acquired;

        static Object started() {
            var event = new LockWait();
            if (!event.isEnabled()) {
                return null;
            }
            event.begin();
            return event;
        }

        static void tell(Object wait, Object lock, long formerOwner, boolean acquired) {
            var event = (LockWait) wait;
            event.end();
            if (event.shouldCommit()) {
                event.lock = lock.getClass().getName() + "@" + Integer.toHexString(System.identityHashCode(lock));
                event.formerOwner = formerOwner;
                event.acquired = acquired;
                event.commit();
            }
        }
    }
}
