// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.lang.reflect.Field;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.rseq4j.counters.PerCpuPrometheusMeterRegistry;
import org.rseq4j.internal.memory.Mapping;

/**
 * Micrometer's registries for Prometheus: 500 counters and 500 timers, which all threads record to while they are
 * scraped.
 */
final class RegistrySuite implements Suite {
    private static final int COUNTERS = 500;
    private static final long SCRAPE_MILLIS = 100;

    @Override
    public String name() {
        return "registry";
    }

    @Override
    public String description() {
        return "1,000 meters that are scraped: " + Suite.super.description();
    }

    @Override
    public List<Integer> threads() {
        return List.of(64);
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        contenders.put("rseq4j PerCpuPrometheusMeterRegistry",
                threads -> Registry.make(() -> new PerCpuPrometheusMeterRegistry(PrometheusConfig.DEFAULT)));
        contenders.put("Micrometer PrometheusMeterRegistry",
                threads -> Registry.make(() -> new PrometheusMeterRegistry(PrometheusConfig.DEFAULT)));
        return contenders;
    }

    private record Registry(long before, PrometheusMeterRegistry registry, Counter[] counters, Timer[] timers,
            Thread scraper) implements Contender {
        static Registry make(Supplier<PrometheusMeterRegistry> maker) {
            fill(maker.get(), new Counter[1], new Timer[1]).scrape(); // what there is once only
            long before = MemorySuite.heap();
            var counters = new Counter[COUNTERS];
            var timers = new Timer[COUNTERS];
            PrometheusMeterRegistry registry = fill(maker.get(), counters, timers);
            Thread scraper = new Thread(() -> {
                try {
                    while (true) {
                        registry.scrape();
                        Thread.sleep(SCRAPE_MILLIS);
                    }
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt(); // it is closed
                }
            });
            scraper.setDaemon(true);
            scraper.start();
            return new Registry(before, registry, counters, timers, scraper);
        }

        private static PrometheusMeterRegistry fill(PrometheusMeterRegistry registry, Counter[] counters,
                Timer[] timers) {
            for (int i = 0; i < counters.length; i++) {
                counters[i] = registry.counter("counter", "number", "" + i);
                timers[i] = registry.timer("timer", "number", "" + i);
                counters[i].increment();
                timers[i].record(1, TimeUnit.NANOSECONDS);
            }
            return registry;
        }

        @Override
        public long work(int thread, Round round) {
            long operations = 0;
            do {
                for (int i = 0; i < COUNTERS; i++) {
                    counters[i].increment();
                    timers[i].record(i, TimeUnit.NANOSECONDS);
                }
                operations += 2 * COUNTERS;
            } while (round.running());
            return operations;
        }

        @Override
        public Map<String, Double> counts() {
            try {
                double heap = (MemorySuite.heap() - before) / (2.0 * COUNTERS);
                double other = MemorySuite.present(mappings()) / (2.0 * COUNTERS);
                return Map.of("bytes a meter", heap + other, "bytes a meter on the heap", heap, "bytes a meter outside",
                        other);
            } catch (ReflectiveOperationException | IOException e) {
                throw new IllegalStateException(e);
            }
        }

        private Set<Mapping> mappings() throws ReflectiveOperationException {
            Set<Mapping> mappings = Collections.newSetFromMap(new IdentityHashMap<>());
            for (Meter meter : registry.getMeters()) {
                for (Field field : meter.getClass().getDeclaredFields()) {
                    if (field.getType().getName().startsWith("org.rseq4j.counters.PerCpu")) {
                        field.setAccessible(true);
                        Field mapping = field.getType().getDeclaredField("mapping");
                        mapping.setAccessible(true);
                        mappings.add((Mapping) mapping.get(field.get(meter)));
                    }
                }
            }
            return mappings;
        }

        @Override
        public void close() {
            scraper.interrupt();
        }
    }
}
