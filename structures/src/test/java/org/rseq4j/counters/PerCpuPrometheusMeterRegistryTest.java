// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.LongTaskTimer;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MockClock;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.stress.TestThreads;

/** What is scraped, beside Micrometer's own registry, in which the same was recorded. */
@Tag("java")
class PerCpuPrometheusMeterRegistryTest {
    private static final String OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    private final MockClock clock = new MockClock();
    private final PrometheusMeterRegistry own = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT,
            new PrometheusRegistry(), clock);
    private final PerCpuPrometheusMeterRegistry ours = new PerCpuPrometheusMeterRegistry(PrometheusConfig.DEFAULT,
            new PrometheusRegistry(), clock);

    /** Does the same to both, and compares what is scraped. */
    private String both(Consumer<MeterRegistry> recording) {
        recording.accept(own);
        recording.accept(ours);
        assertEquals(own.scrape(OPEN_METRICS), ours.scrape(OPEN_METRICS));
        String text = ours.scrape();
        assertEquals(own.scrape(), text);
        return text;
    }

    @Test
    void countersAreScrapedAsMicrometersOwn() {
        String text = both(registry -> {
            for (String kind : List.of("new", "old", "a \"quoted\" one")) {
                Counter counter = Counter.builder("orders.placed").description("Orders").baseUnit("orders")
                        .tag("order.kind", kind).register(registry);
                counter.increment();
                counter.increment(41);
                counter.increment(0.25);
                counter.increment(-5);
                counter.increment(0x1p40);
            }
            Counter.builder("nothing").register(registry);
        });
        assertTrue(text.contains("orders_placed_orders_total{order_kind=\"new\"} "), text);
    }

    @Test
    void timersAreScrapedAsMicrometersOwn() {
        String text = both(registry -> {
            for (String route : List.of("/a", "/b")) {
                Timer timer = Timer.builder("http.requests").description("Requests").tag("route", route)
                        .register(registry);
                for (long i = 1; i < 100; i++) {
                    timer.record(i * i, TimeUnit.MICROSECONDS);
                }
                timer.record(Duration.ofHours(1));
                timer.record(-1, TimeUnit.SECONDS);
            }
            Timer.builder("nothing").register(registry);
        });
        assertTrue(text.contains("http_requests_seconds_count{route=\"/a\"} 100"), text);
        assertTrue(text.contains("http_requests_seconds_max{route=\"/b\"} 3600.0"), text);
    }

    @Test
    void summariesAreScrapedAsMicrometersOwn() {
        String text = both(registry -> {
            DistributionSummary sizes = DistributionSummary.builder("sizes").baseUnit("bytes").register(registry);
            DistributionSummary scaled = DistributionSummary.builder("scaled").scale(0.5).register(registry);
            for (int i = 0; i < 100; i++) {
                sizes.record(i);
                scaled.record(i);
            }
            sizes.record(0x1p52);
            scaled.record(1e12);
        });
        assertTrue(text.contains("sizes_bytes_count 101"), text);
        assertTrue(text.contains("scaled_max 5.0E11"), text);
    }

    @Test
    void bucketsAndPercentilesAreMicrometersOwn() {
        String text = both(registry -> {
            Timer objectives = Timer.builder("objectives").tag("a", "b")
                    .serviceLevelObjectives(Duration.ofMillis(10), Duration.ofMillis(100)).register(registry);
            Timer buckets = Timer.builder("buckets").publishPercentileHistogram().register(registry);
            Timer percentiles = Timer.builder("percentiles").publishPercentiles(0.5, 0.99).register(registry);
            DistributionSummary sizes = DistributionSummary.builder("sizes").serviceLevelObjectives(1, 10)
                    .publishPercentiles(0.9).register(registry);
            for (int i = 0; i < 100; i++) {
                objectives.record(i, TimeUnit.MILLISECONDS);
                buckets.record(i, TimeUnit.MILLISECONDS);
                percentiles.record(i, TimeUnit.MILLISECONDS);
                sizes.record(i);
            }
        });
        assertTrue(text.contains("objectives_seconds_bucket{a=\"b\",le=\"0.01\"} 11"), text);
    }

    @Test
    void otherMetersFiltersAndCommonTagsStay() {
        both(registry -> {
            registry.config().commonTags("application", "shop").meterFilter(MeterFilter.denyNameStartsWith("denied"));
            registry.counter("denied.counter").increment();
            registry.timer("denied.timer").record(1, TimeUnit.SECONDS);
            registry.counter("counted").increment();
            registry.timer("timed").record(1, TimeUnit.SECONDS);
            Gauge.builder("gauge", () -> 7).register(registry);
            FunctionCounter.builder("function", this, ignored -> 8).register(registry);
            LongTaskTimer.builder("long").register(registry).start();
        });
    }

    @Test
    void removedMetersAreGone() {
        both(registry -> {
            Timer first = registry.timer("timed", "route", "/a");
            Timer second = registry.timer("timed", "route", "/b");
            Counter counter = registry.counter("counted");
            first.record(1, TimeUnit.SECONDS);
            second.record(2, TimeUnit.SECONDS);
            registry.remove(first);
            registry.remove(counter);
        });
        assertEquals("", both(MeterRegistry::clear));
        both(registry -> registry.timer("timed", "route", "/a").record(3, TimeUnit.SECONDS));
    }

    @Test
    void aNameThatAnotherKindHasIsNotShown() {
        both(registry -> {
            LongTaskTimer.builder("work").register(registry);
            registry.timer("work", "a", "b").record(1, TimeUnit.SECONDS);
            Gauge.builder("size", () -> 1).register(registry);
            registry.summary("size", "a", "b").record(5);
        });
    }

    @Test
    void metersOfOneNameAreOfTheKindOfTheFirst() {
        Timer.builder("plain").tag("a", "1").register(ours).record(1, TimeUnit.SECONDS);
        Timer.builder("plain").tag("a", "2").publishPercentiles(0.5).register(ours).record(1, TimeUnit.SECONDS);
        Timer.builder("rich").tag("a", "1").publishPercentiles(0.5).register(ours).record(1, TimeUnit.SECONDS);
        Timer.builder("rich").tag("a", "2").register(ours).record(1, TimeUnit.SECONDS);
        String text = ours.scrape();
        assertTrue(text.contains("plain_seconds_count{a=\"2\"} 1"), text);
        assertTrue(text.contains("rich_seconds{a=\"1\",quantile=\"0.5\"}"), text);
        assertTrue(text.contains("rich_seconds_max{a=\"2\"} 1.0"), text);
    }

    @Test
    void aNameWhoseMetersWereAllRemovedMayGetBuckets() {
        var registry = new PerCpuPrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        registry.remove(registry.timer("waits"));
        Timer.builder("waits").serviceLevelObjectives(Duration.ofMillis(10)).register(registry).record(Duration.ZERO);
        assertTrue(registry.scrape().contains("waits_seconds_bucket"), registry::scrape);
    }

    @Test
    void aFirstMeterWhoseMakingMetAnErrorChoosesNothingForItsName() {
        var fails = new AtomicBoolean();
        var prometheus = new PrometheusRegistry() {
            @Override
            public void register(MultiCollector collector) {
                if (fails.getAndSet(false)) {
                    throw new StackOverflowError("as meant");
                }
                super.register(collector);
            }
        };
        var registry = new PerCpuPrometheusMeterRegistry(PrometheusConfig.DEFAULT, prometheus, clock);
        fails.set(true);
        assertThrows(StackOverflowError.class, () -> registry.timer("waits"));
        Timer.builder("waits").serviceLevelObjectives(Duration.ofMillis(10)).register(registry).record(Duration.ZERO);
        assertTrue(registry.scrape().contains("waits_seconds_bucket"), registry::scrape);
    }

    @Test
    void maximaAreThoseOfTheLastExpiry() {
        Consumer<MeterRegistry> three = registry -> {
            registry.timer("timed").record(3, TimeUnit.SECONDS);
            registry.summary("sizes").record(3);
            registry.summary("sizes").record(2.5);
        };
        both(three);
        for (int step = 0; step < 3; step++) {
            clock.add(PrometheusConfig.DEFAULT.step());
            own.scrape();
            ours.scrape();
        }
        String text = both(registry -> {});
        assertTrue(text.contains("timed_seconds_max 0.0"), text);
        assertTrue(both(three).contains("sizes_max 3.0"));
    }

    /** One reading ends the epochs of all: sequences are restarted once in a scrape, and not for each meter. */
    @Test
    void theEpochsOfAllMetersEndTogether() {
        Timer read = ours.timer("read");
        Timer timer = ours.timer("other");
        DistributionSummary summary = ours.summary("others");
        read.record(1, TimeUnit.SECONDS);
        timer.record(3, TimeUnit.SECONDS);
        summary.record(3);
        assertEquals(1, read.max(TimeUnit.SECONDS));
        clock.add(PrometheusConfig.DEFAULT.step());
        assertEquals(0, timer.max(TimeUnit.SECONDS));
        assertEquals(0, summary.max());
    }

    @Test
    void aScrapeShowsMaximaOnceWhileMetersAreReplaced() {
        var prometheus = new PrometheusRegistry();
        var registry = new PerCpuPrometheusMeterRegistry(PrometheusConfig.DEFAULT, prometheus, clock);
        for (int i = 0; i < 100; i++) {
            String name = "timed" + i;
            registry.timer(name);
            Gauge.builder("replaces" + i, () -> {
                registry.remove(registry.timer(name));
                registry.timer(name);
                return 1;
            }).register(registry);
        }
        for (int i = 0; i < 10; i++) {
            List<String> maxima = prometheus.scrape().stream().map(snapshot -> snapshot.getMetadata().getName())
                    .filter(name -> name.endsWith("_max")).toList();
            assertEquals(maxima.stream().distinct().toList(), maxima);
        }
    }

    @Test
    void aScrapeOfSomeNamesHasTheirMaximaOnly() {
        both(registry -> {
            registry.timer("timed").record(3, TimeUnit.SECONDS);
            registry.summary("sizes").record(3);
        });
        String text = ours.scrape("text/plain", Set.of("sizes_max"));
        assertEquals(own.scrape("text/plain", Set.of("sizes_max")), text);
        assertTrue(text.contains("sizes_max 3.0"), text);
        assertFalse(text.contains("timed"), text);
    }

    @Test
    void theMetersThemselvesSayTheSame() {
        for (MeterRegistry registry : List.of(own, ours)) {
            Counter counter = registry.counter("counted");
            counter.increment(2);
            counter.increment(0.5);
            assertEquals(2.5, counter.count());
            Timer timer = registry.timer("timed");
            timer.record(2, TimeUnit.SECONDS);
            timer.record(3, TimeUnit.SECONDS);
            assertEquals(2, timer.count());
            assertEquals(5, timer.totalTime(TimeUnit.SECONDS));
            assertEquals(3000, timer.max(TimeUnit.MILLISECONDS));
            assertEquals(2.5, timer.takeSnapshot().mean(TimeUnit.SECONDS));
            DistributionSummary summary = registry.summary("sizes");
            summary.record(2);
            summary.record(2.5);
            assertEquals(2, summary.count());
            assertEquals(4.5, summary.totalAmount());
            assertEquals(2.5, summary.max());
        }
        assertInstanceOf(RegisteredTimer.class, ours.timer("timed"));
    }

    @Test
    void nothingIsLostAndCountAndSumBelongTogether() throws Exception {
        Counter counter = ours.counter("counted");
        Timer timer = ours.timer("timed");
        AtomicBoolean over = new AtomicBoolean();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            threads.add(TestThreads.startEither(i, () -> {
                for (int n = 0; n < 20_000; n++) {
                    counter.increment();
                    timer.record(1, TimeUnit.SECONDS);
                }
            }));
        }
        Thread scraper = new Thread(() -> {
            while (!over.get()) {
                assertBelongTogether(ours.scrape());
            }
        });
        Throwable[] failure = new Throwable[1];
        scraper.setUncaughtExceptionHandler((thread, e) -> failure[0] = e);
        scraper.start();
        for (Thread thread : threads) {
            thread.join();
        }
        over.set(true);
        scraper.join();
        assertEquals(null, failure[0]);
        String text = ours.scrape();
        assertTrue(text.contains("counted_total 160000.0"), text);
        assertTrue(text.contains("timed_seconds_count 160000\n"), text);
        assertTrue(text.contains("timed_seconds_sum 160000.0"), text);
        assertFalse(text.contains("NaN"), text);
    }

    private static void assertBelongTogether(String text) {
        assertEquals(value(text, "timed_seconds_count"), value(text, "timed_seconds_sum"), text);
    }

    private static double value(String text, String name) {
        return text.lines().filter(line -> line.startsWith(name + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1))).findFirst().orElseThrow();
    }
}
