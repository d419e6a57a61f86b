// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.spring;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.function.ToDoubleFunction;
import org.rseq4j.Rseq;
import org.rseq4j.RseqStatus;
import org.rseq4j.SliceExtension;

/**
 * Meters of the library itself: {@code rseq4j.sections.interrupted}, the sections that were interrupted, by
 * {@code outcome} ({@code yielded}: the grant was given back in time; {@code revoked}: too late; {@code descheduled}:
 * no grant), and {@code rseq4j.status}, always 1, whose tags say which registration is used and whether there is a time
 * slice extension. Reading them costs what {@link SliceExtension#statistics()} costs; nothing is counted for them.
 *
 * @since 0.1.0
 */
public final class RseqMeters implements MeterBinder {
    /** Makes a binder. */
    public RseqMeters() {
        // nothing to set
    }

    @Override
    public void bindTo(MeterRegistry registry) {
        RseqStatus status = Rseq.status();
        Gauge.builder("rseq4j.status", () -> 1).description("What rseq4j found on this machine")
                .tag("registration", status.registration().name())
                .tag("slice.extension", status.sliceExtension().name())
                .register(registry);
        sections(registry, "yielded", SliceExtension.Statistics::yielded);
        sections(registry, "revoked", SliceExtension.Statistics::revoked);
        sections(registry, "descheduled", SliceExtension.Statistics::interrupted);
    }

    private static void sections(MeterRegistry registry, String outcome,
            ToDoubleFunction<SliceExtension.Statistics> count) {
        FunctionCounter.builder("rseq4j.sections.interrupted", count, c -> c.applyAsDouble(SliceExtension.statistics()))
                .description("Sections that were interrupted").tag("outcome", outcome).register(registry);
    }
}
