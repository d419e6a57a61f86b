// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** Ours and Micrometer's own of each kind, in one registry. */
final class BothMeters {
    final PerCpuCounter counter = new PerCpuCounter();
    final PerCpuSummary sizes = new PerCpuSummary();
    final PerCpuSummary times = new PerCpuSummary();
    final PerCpuHistogram histogram = new PerCpuHistogram(100_000, 2);
    private final Counter ownCounter;
    private final DistributionSummary ownSizes;
    final Timer ownTimes;
    private final Timer ownHistogram;

    BothMeters(MeterRegistry registry) {
        PerCpuMetrics.counter(counter, "ours.c", "").bindTo(registry);
        PerCpuMetrics.summary(sizes, "ours.s", "").bindTo(registry);
        PerCpuMetrics.timer(times, "ours.t", "", TimeUnit.MILLISECONDS).bindTo(registry);
        PerCpuMetrics.timer(histogram, "ours.h", "", TimeUnit.MILLISECONDS).withBuckets(10, 100).bindTo(registry);
        ownCounter = Counter.builder("own.c").register(registry);
        ownSizes = DistributionSummary.builder("own.s").register(registry);
        ownTimes = Timer.builder("own.t").register(registry);
        ownHistogram = Timer.builder("own.h")
                .serviceLevelObjectives(Duration.ofMillis(10), Duration.ofMillis(100)).register(registry);
    }

    void recordTen() {
        for (int i = 0; i < 10; i++) {
            counter.increment();
            ownCounter.increment();
            sizes.record(5);
            ownSizes.record(5);
            times.record(50);
            ownTimes.record(50, TimeUnit.MILLISECONDS);
            histogram.record(50);
            ownHistogram.record(50, TimeUnit.MILLISECONDS);
        }
    }
}
