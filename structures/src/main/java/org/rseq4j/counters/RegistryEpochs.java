// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.List;

/**
 * Ends the epochs of a registry's summaries together, so that the sequences of the process are restarted once and not
 * once for each. A summary that begins to record just afterwards ends its own alone.
 */
final class RegistryEpochs {
    /** From one look at all meters to the next, at least. */
    private static final long PAUSE = 100_000_000;

    private final MeterRegistry registry;
    private volatile long looked;

    /** A meter with a summary. */
    interface Member {
        /** {@return the summary when its epoch is due, else null} */
        PerCpuSummary due(long nanos);
    }

    RegistryEpochs(MeterRegistry registry, Clock clock) {
        this.registry = registry;
        this.looked = clock.monotonicTime() - PAUSE;
    }

    /** Before a reading of one of them. */
    void endWith(Member one, long nanos) {
        if (nanos - looked >= PAUSE && one.due(nanos) != null) {
            looked = nanos;
            List<PerCpuSummary> due = new ArrayList<>();
            registry.forEachMeter(meter -> {
                PerCpuSummary summary = meter instanceof Member member ? member.due(nanos) : null;
                if (summary != null) {
                    due.add(summary);
                }
            });
            PerCpuSummary.endEpochs(due, nanos);
        }
    }
}
