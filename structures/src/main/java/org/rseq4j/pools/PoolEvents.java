package org.rseq4j.pools;

import java.io.PrintWriter;
import java.io.StringWriter;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** What is told to the JDK's Flight Recorder, where the run-time image has it. */
@SuppressWarnings("UnusedVariable") // the recorder reads the events' fields
final class PoolEvents {
    private static final boolean PRESENT = ModuleLayer.boot().findModule("jdk.jfr").isPresent();

    private PoolEvents() {
    }

    static void misuse(PoolMisuse misuse) {
        if (PRESENT) {
            Misuse.tell(misuse);
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
