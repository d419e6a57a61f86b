// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.File;
import java.lang.ref.WeakReference;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rseq4j.stress.ChildJvm;

@org.junit.jupiter.api.Tag("java") // Micrometer has a Tag, too
class PerCpuMetricsTest {
    @TempDir
    Path directory;

    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    @AfterEach
    void close() {
        registry.close();
    }

    @Test
    void aCounterIsAFunctionCounterThatKeepsItsLastValueWhenClosed() {
        var counter = new PerCpuCounter();
        PerCpuMetrics.counter(counter, "requests", "all of them", Tag.of("server", "a")).bindTo(registry);
        counter.add(5);
        assertEquals(5, registry.get("requests").tag("server", "a").functionCounter().count());
        counter.add(2);
        assertEquals(7, registry.get("requests").functionCounter().count());
        counter.close();
        assertEquals(7, registry.get("requests").functionCounter().count());
        assertEquals("all of them", registry.get("requests").functionCounter().getId().getDescription());
    }

    @Test
    void aSummaryOfTimesIsAFunctionTimerWithExtremes() {
        try (var summary = new PerCpuSummary()) {
            PerCpuMetrics.timer(summary, "latency", "", TimeUnit.MILLISECONDS).bindTo(registry);
            assertEquals(0, registry.get("latency").functionTimer().count());
            assertEquals(0, registry.get("latency.max").timeGauge().value(TimeUnit.SECONDS));
            summary.record(2000);
            summary.record(4000);
            assertEquals(2, registry.get("latency").functionTimer().count());
            assertEquals(6, registry.get("latency").functionTimer().totalTime(TimeUnit.SECONDS), 1e-9);
            assertEquals(4, registry.get("latency.max").timeGauge().value(TimeUnit.SECONDS), 1e-9);
            assertEquals(2, registry.get("latency.min").timeGauge().value(TimeUnit.SECONDS), 1e-9);
        }
    }

    @Test
    void aSummaryOfOtherValuesHasACountASumAndExtremes() {
        try (var summary = new PerCpuSummary()) {
            PerCpuMetrics.signedSummary(summary, "size", "bytes").bindTo(registry);
            summary.record(10);
            summary.record(-4);
            assertEquals(2, registry.get("size.count").functionCounter().count());
            assertEquals(6, registry.get("size.sum").gauge().value());
            assertEquals(10, registry.get("size.max").gauge().value());
            assertEquals(-4, registry.get("size.min").gauge().value());
        }
    }

    @Test
    void aHistogramHasPercentiles() {
        try (var times = new PerCpuHistogram(1_000_000, 3); var sizes = new PerCpuHistogram(1_000_000, 3)) {
            PerCpuMetrics.timer(times, "latency", "", TimeUnit.MICROSECONDS).bindTo(registry);
            PerCpuMetrics.summary(sizes, "size", "").bindTo(registry);
            for (int i = 1; i <= 1000; i++) {
                times.record(i);
                sizes.record(i);
            }
            assertEquals(1000, registry.get("latency").functionTimer().count());
            assertEquals(500.5e-3, registry.get("latency").functionTimer().totalTime(TimeUnit.SECONDS), 1e-3);
            assertEquals(990, registry.get("latency.percentile").tag("phi", "0.99").timeGauge()
                    .value(TimeUnit.MICROSECONDS), 1);
            assertEquals(500, registry.get("size.percentile").tag("phi", "0.5").gauge().value(), 1);
            assertEquals(1000, registry.get("size.max").gauge().value(), 4);
        }
    }

    /** Count and total of one publication are of the same records, whatever is recorded between the two reads. */
    @Test
    void theMeasurementsOfOnePublicationBelongTogether() {
        try (var summary = new PerCpuSummary()) {
            PerCpuMetrics.summary(summary, "size", "").bindTo(registry);
            FunctionCounter counted = registry.get("size.count").functionCounter();
            FunctionCounter summed = registry.get("size.sum").functionCounter();
            int together = 0;
            for (int i = 1; i <= 100; i++) {
                summary.record(3);
                double count = counted.count();
                summary.record(3);
                double total = summed.count();
                together += total == 3 * count ? 1 : 0;
            }
            // Not all: a pause of a tenth of a second between the two reads is one publication too long.
            assertTrue(together > 50, together + " of 100");
        }
    }

    @Test
    void aFileShowsTheMetersThatItHasAndThoseThatItGets() throws Exception {
        CounterFile file = CounterFile.create(directory.resolve("counters"), 10, 100_000);
        file.counter("early", "").add(3);
        PerCpuMetrics.file(file, name -> name.endsWith("time") ? TimeUnit.SECONDS : null, Tag.of("a", "b"))
                .bindTo(registry);
        file.counter("late", "").add(4);
        file.summary("time", "").record(9);
        file.summary("size", "").record(8);
        file.histogram("histogram", "", 100, 1).record(7);
        assertEquals(3, registry.get("early").tag("a", "b").functionCounter().count());
        assertEquals(4, registry.get("late").functionCounter().count());
        assertEquals(9, registry.get("time").functionTimer().totalTime(TimeUnit.SECONDS), 1e-9);
        assertEquals(8, registry.get("size.sum").functionCounter().count());
        assertEquals(7, registry.get("histogram.percentile").tag("phi", "0.999").gauge().value());
        assertEquals(1, registry.find("early").meters().size());
    }

    @Test
    void nullIsRefused() {
        assertThrows(NullPointerException.class, () -> PerCpuMetrics.counter(null, "n", ""));
        try (var counter = new PerCpuCounter()) {
            assertThrows(NullPointerException.class, () -> PerCpuMetrics.counter(counter, null, ""));
        }
    }

    @Test
    void whoMakesAMeterOfAFileIsNotToldThatARegistryRefusesIt() throws Exception {
        CounterFile file = CounterFile.create(directory.resolve("counters"), 10, 100_000);
        registry.gauge("taken", 5);
        PerCpuMetrics.file(file, name -> null).bindTo(registry);
        file.counter("taken", "").add(3);
        file.counter("free", "").add(4);
        assertEquals(5, registry.get("taken").gauge().value());
        assertEquals(4, registry.get("free").functionCounter().count());
        PerCpuMetrics.file(file, name -> {
            throw new IllegalArgumentException(name);
        }).bindTo(new SimpleMeterRegistry());
        assertEquals(0, file.counter("more", "").sum());
    }

    @Test
    void aBindingRemovesWhatItRegisteredAndNothingElse() throws Exception {
        CounterFile file = CounterFile.create(directory.resolve("counters"), 10, 100_000);
        registry.more().counter("theirs", List.of(), 9);
        file.counter("theirs", "");
        file.summary("s", "");
        var binding = PerCpuMetrics.file(file, name -> null, name -> name.equals("down"));
        binding.bindTo(registry);
        file.histogram("h", "", 100, 1);
        file.counter("down", "").decrement();
        assertEquals(-1, registry.get("down").gauge().value());
        binding.close();
        binding.close();
        file.counter("later", "");
        assertEquals(List.of("theirs"), registry.getMeters().stream().map(meter -> meter.getId().getName()).toList());
        assertThrows(IllegalStateException.class, () -> binding.bindTo(registry));
        assertEquals(1, registry.getMeters().size());
    }

    @Test
    void aBindingThatARegistryRefusesLeavesNothingThere() {
        registry.counter("n.max");
        try (var summary = new PerCpuSummary(); var binding = PerCpuMetrics.summary(summary, "n", "")) {
            assertThrows(IllegalArgumentException.class, () -> binding.bindTo(registry));
            assertEquals(1, registry.getMeters().size());
        }
        registry.counter("m.min");
        try (var summary = new PerCpuSummary(); var binding = PerCpuMetrics.summary(summary, "m", "")) {
            assertThrows(IllegalArgumentException.class, () -> binding.bindTo(registry));
            assertEquals(2, registry.getMeters().size());
        }
    }

    @Test
    void aMeterOfAFileIsShownWholeOrNotAtAll() throws Exception {
        CounterFile file = CounterFile.create(directory.resolve("counters"), 10, 100_000);
        registry.gauge("n.sum", 5);
        try (var binding = PerCpuMetrics.file(file, name -> null)) {
            binding.bindTo(registry);
            file.summary("n", "");
            file.counter("c", "");
            assertEquals(List.of("c", "n.sum"), names(registry));
        }
    }

    private static List<String> names(MeterRegistry registry) {
        return registry.getMeters().stream().map(meter -> meter.getId().getName()).sorted().toList();
    }

    /** A registry that has no stack for some calls: as many removals from now on, and meters of one name. */
    private static final class FailingRegistry extends SimpleMeterRegistry {
        private int removals;
        private String name;

        @Override
        public Meter remove(Meter.Id id) {
            if (removals > 0) {
                removals--;
                throw new StackOverflowError("as meant");
            }
            return super.remove(id);
        }

        @Override
        protected <T> FunctionCounter newFunctionCounter(Meter.Id id, T object, ToDoubleFunction<T> value) {
            if (id.getName().equals(name)) {
                throw new StackOverflowError("as meant");
            }
            return super.newFunctionCounter(id, object, value);
        }
    }

    @Test
    void whatAnErrorLeftInARegistryIsRemovedByClosingAgain() {
        var failing = new FailingRegistry();
        try (var summary = new PerCpuSummary()) {
            var binding = PerCpuMetrics.summary(summary, "n", "");
            binding.bindTo(failing);
            assertEquals(List.of("n.count", "n.max", "n.min", "n.sum"), names(failing));
            failing.removals = 1;
            assertThrows(StackOverflowError.class, binding::close);
            failing.removals = 1;
            assertThrows(StackOverflowError.class, binding::close);
            binding.close();
            assertEquals(List.of(), names(failing));
        }
    }

    @Test
    void aBindingThatNeitherBoundNorCouldUndoItIsClosedAllTheSame() {
        var failing = new FailingRegistry();
        try (var summary = new PerCpuSummary(); var binding = PerCpuMetrics.summary(summary, "n", "")) {
            failing.name = "n.sum";
            failing.removals = 1;
            assertThrows(StackOverflowError.class, () -> binding.bindTo(failing));
            binding.bindTo(registry); // must not forget it
        }
        assertEquals(List.of(), names(failing));
        assertEquals(List.of(), names(registry));
    }

    @Test
    void aRegistryThatNobodyNeedsIsCollected() throws Exception {
        CounterFile file = CounterFile.create(directory.resolve("counters"), 10, 100_000);
        var counter = file.counter("c", "");
        var one = PerCpuMetrics.counter(counter, "one", "");
        var all = PerCpuMetrics.file(file, name -> null);
        WeakReference<MeterRegistry> closed = bound(one, all);
        for (int i = 0; i < 1000 && closed.get() != null; i++) {
            System.gc();
            Thread.sleep(1);
        }
        assertNull(closed.get());
        file.counter("d", "");
        one.close();
        all.close();
    }

    private static WeakReference<MeterRegistry> bound(PerCpuMetrics.Binding... bindings) {
        var registry = new SimpleMeterRegistry();
        for (PerCpuMetrics.Binding binding : bindings) {
            binding.bindTo(registry);
        }
        registry.close();
        return new WeakReference<>(registry);
    }

    /** A process whose class path has no Micrometer uses everything else. */
    @Test
    @org.junit.jupiter.api.Tag("jvm")
    void everythingElseWorksWithoutMicrometer() throws Exception {
        String path = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> !Path.of(entry).getFileName().toString().startsWith("micrometer"))
                .collect(Collectors.joining(File.pathSeparator));
        assertTrue(path.length() < System.getProperty("java.class.path").length());
        ChildJvm.run("7 records", Map.of(), path, List.of(), WithoutMicrometer.class,
                directory.resolve("counters").toString());
    }

    static final class WithoutMicrometer {
        private WithoutMicrometer() {
        }

        public static void main(String[] arguments) throws Exception {
            assertThrows(ClassNotFoundException.class, () -> Class.forName("io.micrometer.core.instrument.Meter"));
            CounterFile file = CounterFile.create(Path.of(arguments[0]), 4, 100_000);
            file.counter("c", "").increment();
            file.summary("s", "").record(1);
            file.histogram("h", "", 100, 1).record(1);
            long records = 0;
            try (var counter = new PerCpuCounter();
                    var summary = new PerCpuSummary();
                    var histogram = new PerCpuHistogram(100, 1);
                    var reader = CounterFileReader.open(Path.of(arguments[0]))) {
                counter.increment();
                summary.record(1);
                histogram.record(1);
                records = counter.sum() + summary.snapshot().count() + histogram.snapshot().getTotalCount()
                        + reader.read().size() + 1;
                assertFalse(reader.read().isEmpty());
            }
            System.out.println(records + " records");
        }
    }
}
