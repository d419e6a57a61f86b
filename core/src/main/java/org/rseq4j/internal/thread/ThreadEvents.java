// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** The Flight Recorder events of the start and of threads, where the run-time image has the Flight Recorder. */
@SuppressWarnings("UnusedVariable") // the recorder reads the events' fields
final class ThreadEvents {
    private static final boolean PRESENT = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

    private ThreadEvents() {
    }

    /** What the library found at start. */
    static void started(String status) {
        if (PRESENT) {
            Started.tell(status);
        }
    }

    /** A thread that uses the library got no rseq area. */
    static void withoutArea(int error) {
        if (PRESENT) {
            WithoutArea.tell(error);
        }
    }

    @Name("org.rseq4j.Status")
    @Label("rseq4j Status")
    @Description("What rseq4j found at start")
    @Category("rseq4j")
    @StackTrace(false)
    private static final class Started extends Event {
        @Label("Status")
        private String status;

        static void tell(String status) {
            var event = new Started();
            event.status = status;
            event.commit();
        }
    }

    @Name("org.rseq4j.ThreadWithoutArea")
    @Label("Thread Without rseq Area")
    @Description("A thread used rseq4j and got no rseq area: its ids are stripes, its sections have no effect")
    @Category("rseq4j")
    @StackTrace(true)
    private static final class WithoutArea extends Event {
        @Label("Error")
        @Description("errno of the registration; 6 (ENXIO): the C library did not register it")
        private int error;

        static void tell(int error) {
            var event = new WithoutArea();
            event.error = error;
            event.commit();
        }
    }
}
