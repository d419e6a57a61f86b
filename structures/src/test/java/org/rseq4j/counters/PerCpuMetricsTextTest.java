// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.Measurement;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MockClock;
import io.micrometer.core.instrument.Statistic;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import io.micrometer.core.instrument.simple.CountingMode;
import io.micrometer.core.instrument.simple.SimpleConfig;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.micrometer.statsd.StatsdConfig;
import io.micrometer.statsd.StatsdMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What registries of each kind send over three steps, of our meters and of Micrometer's own, which recorded the same.
 */
@Tag("java")
class PerCpuMetricsTextTest {
    private static final Duration STEP = Duration.ofSeconds(10);

    private final MockClock clock = new MockClock();
    private final PrometheusMeterRegistry prometheus = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT,
            new PrometheusRegistry(), clock);

    /** The value of a line of Prometheus' text. */
    private static double value(String text, String name) {
        return text.lines().filter(line -> line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1))).findFirst()
                .orElseThrow(() -> new AssertionError("no " + name + " in\n" + text));
    }

    @Test
    void prometheusReadsWhatWasEverRecorded() {
        var meters = new BothMeters(prometheus);
        for (int step = 1; step <= 3; step++) {
            meters.recordTen();
            clock.add(STEP);
            String text = prometheus.scrape();
            for (List<String> pair : List.of(List.of("ours_c_total", "own_c_total"),
                    List.of("ours_s_count_total", "own_s_count"), List.of("ours_s_sum_total", "own_s_sum"),
                    List.of("ours_s_max", "own_s_max"), List.of("ours_t_seconds_count", "own_t_seconds_count"),
                    List.of("ours_t_seconds_sum", "own_t_seconds_sum"),
                    List.of("ours_t_max_seconds", "own_t_seconds_max"),
                    List.of("ours_h_seconds_count", "own_h_seconds_count"),
                    List.of("ours_h_histogram_total{le=\"0.01\"}", "own_h_seconds_bucket{le=\"0.01\"}"),
                    List.of("ours_h_histogram_total{le=\"0.1\"}", "own_h_seconds_bucket{le=\"0.1\"}"),
                    List.of("ours_h_histogram_total{le=\"+Inf\"}", "own_h_seconds_bucket{le=\"+Inf\"}"))) {
                assertEquals(value(text, pair.get(1)), value(text, pair.get(0)), 1e-9, pair + " of step " + step);
            }
            assertEquals(10.0 * step, value(text, "ours_s_count_total"));
        }
    }

    private MeterRegistry steps() {
        return new SimpleMeterRegistry(new SimpleConfig() {
            @Override
            public String get(String key) {
                return null;
            }

            @Override
            public CountingMode mode() {
                return CountingMode.STEP;
            }

            @Override
            public Duration step() {
                return STEP;
            }
        }, clock);
    }

    private static double measured(MeterRegistry registry, String name, Statistic statistic) {
        for (Meter meter : registry.find(name).meters()) {
            for (Measurement measurement : meter.measure()) {
                if (measurement.getStatistic() == statistic) {
                    return measurement.getValue();
                }
            }
        }
        throw new AssertionError("no " + statistic + " of " + name);
    }

    /** Also behind a composite, whose children may be of different kinds. */
    @Test
    void aStepRegistryReadsWhatWasRecordedInAStep() {
        MeterRegistry child = steps();
        var composite = new CompositeMeterRegistry(clock);
        composite.add(prometheus);
        composite.add(child);
        for (MeterRegistry registry : List.of(steps(), composite)) {
            MeterRegistry read = registry instanceof CompositeMeterRegistry ? child : registry;
            var meters = new BothMeters(registry);
            for (int step = 1; step <= 3; step++) {
                meters.recordTen();
                clock.add(STEP);
                assertEquals(10, measured(read, "ours.c", Statistic.COUNT));
                assertEquals(10, measured(read, "own.s", Statistic.COUNT));
                assertEquals(10, measured(read, "ours.s.count", Statistic.COUNT));
                assertEquals(50, measured(read, "own.s", Statistic.TOTAL));
                assertEquals(50, measured(read, "ours.s.sum", Statistic.COUNT));
                assertEquals(5, measured(read, "own.s", Statistic.MAX));
                assertEquals(5, measured(read, "ours.s.max", Statistic.VALUE));
                assertEquals(10, measured(read, "ours.t", Statistic.COUNT));
                assertEquals(measured(read, "own.t", Statistic.TOTAL_TIME),
                        measured(read, "ours.t", Statistic.TOTAL_TIME), 1e-9);
            }
        }
    }

    @Test
    void statsdIsSentWhatIsNewInAStep() throws Exception {
        List<String> lines = new ArrayList<>();
        var statsd = StatsdMeterRegistry.builder(new StatsdConfig() {
            @Override
            public String get(String key) {
                return null;
            }

            @Override
            public boolean buffered() {
                return false;
            }

            @Override
            public Duration pollingFrequency() {
                return Duration.ofDays(1);
            }
        }).clock(clock).lineSink(lines::add).build();
        var poll = StatsdMeterRegistry.class.getDeclaredMethod("poll");
        poll.setAccessible(true);
        try {
            var meters = new BothMeters(statsd);
            for (int step = 1; step <= 3; step++) {
                lines.clear();
                meters.recordTen();
                clock.add(STEP);
                poll.invoke(statsd);
                String text = String.join("\n", lines).replaceAll("#[^\n]*", "");
                for (String line : List.of("ours.c:10|c", "own.c:1|c", "ours.s.count:10|c", "ours.s.sum:50|c",
                        "ours.s.max:5|g", "own.s:5|h", "own.t:50|ms", "ours.t:50|ms")) {
                    assertTrue(text.contains(line), line + " of step " + step + " is not in\n" + text);
                }
            }
        } finally {
            statsd.close();
        }
    }

    /** Prometheus' client throws at a counter below 0, and all that it would have sent is lost with it. */
    @Test
    void nothingThatIsNegativeStopsAScrape() {
        var meters = new BothMeters(prometheus);
        var upAndDown = new PerCpuCounter();
        var signed = new PerCpuSummary();
        PerCpuMetrics.gauge(upAndDown, "depth", "").bindTo(prometheus);
        PerCpuMetrics.signedSummary(signed, "offset", "").bindTo(prometheus);
        meters.counter.decrement();
        meters.sizes.record(-5);
        meters.times.record(-5);
        upAndDown.decrement();
        signed.record(-7);
        String text = prometheus.scrape();
        assertEquals(0, value(text, "ours_c_total"));
        assertEquals(0, value(text, "ours_s_sum_total"));
        assertEquals(-1, value(text, "depth"));
        assertEquals(-7, value(text, "offset_sum"));
        assertEquals(0, value(text, "own_c_total"));
    }

    @Test
    void extremesAndPercentilesAreThoseOfAWhile() {
        var meters = new BothMeters(prometheus);
        meters.times.record(9000);
        meters.histogram.record(9000);
        meters.ownTimes.record(9000, TimeUnit.MILLISECONDS);
        String slow = prometheus.scrape();
        for (String name : List.of("ours_t_max_seconds", "ours_h_max_seconds", "own_t_seconds_max",
                "ours_h_percentile_seconds{phi=\"0.5\"}")) {
            assertEquals(9, value(slow, name), 0.1, name);
        }
        for (int i = 0; i < 30; i++) {
            meters.recordTen();
            clock.add(STEP);
            String text = prometheus.scrape();
            assertEquals(10.0 * (i + 1) + 1, value(text, "ours_t_seconds_count"));
            assertEquals(i < 11 ? 9 : i > 17 ? 0.05 : value(text, "ours_h_max_seconds"),
                    value(text, "ours_h_max_seconds"), 0.1, "at " + 10 * (i + 1) + " s");
        }
        String later = prometheus.scrape();
        for (String name : List.of("ours_t_max_seconds", "ours_h_max_seconds", "own_t_seconds_max",
                "ours_h_percentile_seconds{phi=\"0.999\"}")) {
            assertEquals(0.05, value(later, name), 0.001, name);
        }
        clock.add(Duration.ofHours(1));
        assertEquals(0, value(prometheus.scrape(), "ours_t_max_seconds"));
        assertEquals(0, value(prometheus.scrape(), "ours_h_max_seconds"));
        assertEquals(9000, meters.times.snapshot().max());
    }

    @Test
    void aResetLosesNothingThatWasReadAndOfASummaryNothing() {
        var meters = new BothMeters(prometheus);
        meters.recordTen();
        prometheus.scrape();
        meters.counter.reset();
        meters.histogram.snapshotAndReset();
        meters.times.record(7000);
        meters.times.snapshotAndReset();
        meters.counter.add(4);
        meters.histogram.record(50);
        meters.times.record(50);
        clock.add(STEP);
        String text = prometheus.scrape();
        assertEquals(14, value(text, "ours_c_total"));
        assertEquals(11, value(text, "ours_h_seconds_count"));
        assertEquals(12, value(text, "ours_t_seconds_count"));
        assertEquals(7.55, value(text, "ours_t_seconds_sum"), 1e-9);
        assertEquals(7, value(text, "ours_t_max_seconds"));
    }

    /** Prometheus takes a sum that falls for a process that was started again. */
    @Test
    void theSumOfAHistogramDoesNotFall() {
        try (var histogram = new PerCpuHistogram(3_600_000_000L, 3)) {
            var readings = new HistogramReadings(histogram);
            var random = new java.util.Random(8);
            double before = 0;
            for (int i = 0; i < 300; i++) {
                if (i % 3 == 0) {
                    histogram.record(random.nextLong(1L << random.nextInt(1, 31)));
                } else if (i % 3 == 1) {
                    histogram.record(0);
                }
                double sum = readings.read(i).sum();
                assertTrue(sum >= before, sum + " after " + before);
                assertEquals(histogram.snapshot().getMean() * histogram.snapshot().getTotalCount(), sum,
                        1e-9 * sum + 1e-9);
                before = sum;
            }
        }
    }
}
