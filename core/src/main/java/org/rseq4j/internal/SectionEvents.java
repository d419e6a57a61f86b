package org.rseq4j.internal;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** The Flight Recorder events of sections and of the start, where the run-time image has the Flight Recorder. */
@SuppressWarnings("UnusedVariable") // the recorder reads the events' fields
final class SectionEvents {
    private static final boolean PRESENT = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

    private SectionEvents() {
    }

    /** A section that did not end as it began; on the path of an interrupted section only. */
    static void section(String outcome) {
        if (PRESENT) {
            Interrupted.tell(outcome);
        }
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

    @Name("org.rseq4j.Section")
    @Label("Interrupted Section")
    @Description("A section with a time slice extension request that was granted, revoked or scheduled out")
    @Category("rseq4j")
    @Enabled(false)
    @StackTrace(true)
    private static final class Interrupted extends Event {
        @Label("Outcome")
        @Description("yielded: granted and given back in time; revoked: granted, given back too late; "
                + "interrupted: scheduled out inside")
        private String outcome;

        static void tell(String outcome) {
            var event = new Interrupted();
            if (event.isEnabled() && !SectionTraining.isTraining()) {
                event.outcome = outcome;
                event.commit();
            }
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
