// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.micrometer.core.instrument.MockClock;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.stress.ChildJvm;
import org.rseq4j.stress.Storm;

/** Metrics whose epochs cannot end any more: a process that puts itself under a filter. */
@Tag("jvm")
class ScrapesWithoutMembarrierTest {
    @Test
    void scrapesGoOnWithoutMembarrier() throws Exception {
        assumeTrue(Sequences.canFence(), "needs membarrier");
        assumeTrue(Storm.isAvailable(), "needs the tests' native library");
        ChildJvm.run("went on without", Map.of(), List.of(), Refused.class);
    }

    static final class Refused {
        private Refused() {
        }

        public static void main(String[] arguments) {
            var clock = new MockClock();
            var registry = new PerCpuPrometheusMeterRegistry(PrometheusConfig.DEFAULT, new PrometheusRegistry(), clock);
            Timer timer = registry.timer("timer");
            var summary = new PerCpuSummary();
            PerCpuMetrics.summary(summary, "summary", "Numbers").bindTo(registry);
            timer.record(8, TimeUnit.SECONDS);
            summary.record(8);
            registry.scrape();
            if (Storm.refuseMembarrier() != 0) {
                System.out.println("no filter could be installed: went on without a test");
                return;
            }
            for (int records = 2; records < 5; records++) {
                timer.record(9 - records, TimeUnit.SECONDS);
                summary.record(9 - records);
                clock.add(10, TimeUnit.MINUTES);
                String text = registry.scrape();
                says(text, "timer_seconds_count " + records);
                says(text, "summary_count_total " + (double) records);
                // Of the epoch that goes on; the 8 was before.
                says(text, "timer_seconds_max 7.0");
                says(text, "summary_max 7.0");
            }
            if (timer.count() != 4 || timer.max(TimeUnit.SECONDS) != 7
                    || registry.get("summary.min").gauge().value() != 5) {
                throw new AssertionError(registry.scrape());
            }
            System.out.println("went on without");
        }

        private static void says(String text, String line) {
            if (!text.lines().anyMatch(line::equals)) {
                throw new AssertionError(line + " is not in\n" + text);
            }
        }
    }
}
