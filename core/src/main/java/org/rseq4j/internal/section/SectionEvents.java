// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** The Flight Recorder event of sections, where the run-time image has the Flight Recorder. */
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
}
