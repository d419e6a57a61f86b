// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.io.PrintWriter;
import java.io.StringWriter;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;

/** What is told to the JDK's Flight Recorder, where the run-time image has it. */
@SuppressWarnings("UnusedVariable") // the recorder reads the events' fields
final class PoolEvents {
    private static final boolean PRESENT = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

    private PoolEvents() {
    }

    /** So that it is not the first operation that initializes an event, and may find no stack or memory for that. */
    static void initialize() {
        acquiring();
    }

    static void misuse(PoolMisuse misuse) {
        if (PRESENT) {
            Misuse.tell(misuse);
        }
    }

    /** What is to be given to {@link #acquired}; null where nobody records. */
    static Object acquiring() {
        return PRESENT ? SlowAcquire.begun() : null;
    }

    /** An object was made or waited for. It may be the caller's already, so nothing is thrown. */
    static void acquired(Object begun, boolean successfully) {
        try {
            var event = (SlowAcquire) begun;
            event.acquired = successfully;
            event.commit();
        } catch (Throwable e) {
            // no stack, or no memory
        }
    }

    @Name("org.rseq4j.PoolAcquire")
    @Label("Slow Pool Acquire")
    @Description("A pool had no object at hand: one was made, or waited for")
    @Category("rseq4j")
    @Threshold("10 ms")
    @StackTrace(true)
    private static final class SlowAcquire extends Event {
        @Label("Acquired")
        @Description("Whether it got an object; not after a time-out, an interrupt, or what a hook threw")
        private boolean acquired;

        static SlowAcquire begun() {
            var event = new SlowAcquire();
            if (!event.isEnabled()) {
                return null;
            }
            event.begin();
            return event;
        }
    }

    @Name("org.rseq4j.PoolMisuse")
    @Label("Pool Misuse")
    @Description("An object of a pool was released twice, released to the wrong pool, or never released")
    @Category("rseq4j")
    @StackTrace(true)
    private static final class Misuse extends Event {
        @Label("Kind")
        private String kind;
        @Label("Object")
        private String object;
        @Label("Acquired")
        @Description("The stack of the last acquire")
        private String acquired;

        static void tell(PoolMisuse misuse) {
            var event = new Misuse();
            if (event.isEnabled()) {
                event.kind = misuse.kind().name();
                event.object = misuse.object();
                var text = new StringWriter();
                if (misuse.acquired() != null) {
                    misuse.acquired().printStackTrace(new PrintWriter(text));
                }
                event.acquired = text.toString();
                event.commit();
            }
        }
    }
}
