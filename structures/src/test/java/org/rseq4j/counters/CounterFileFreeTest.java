// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rseq4j.stress.TestThreads;

/** Counters of a file that are freed, and what becomes of their places; type ids, keys, and sums that are set. */
@Tag("sequences")
class CounterFileFreeTest {
    private static final byte[] NO_KEY = {};
    private static final int ROUNDS = 5;

    @TempDir
    Path directory;

    private CounterFile create(int capacity) throws IOException {
        return CounterFile.create(directory.resolve("counters"), capacity, 8192);
    }

    private CounterFileReader open() throws IOException {
        return CounterFileReader.open(directory.resolve("counters"));
    }

    private static CounterFileReader.Counter counter(String name, long sum, int typeId, byte... key) {
        return new CounterFileReader.Counter(name, "", sum, typeId, ByteBuffer.wrap(key));
    }

    @Test
    void aReaderSeesTypeIdAndKey() throws IOException {
        CounterFile file = create(3);
        byte[] key = {1, -2, 3};
        file.counter("a", "", 7, key).add(5);
        key[0] = 9; // the caller's own
        file.counter("b", "", Integer.MIN_VALUE, new byte[112]);
        file.counter("c", "");
        try (var reader = open()) {
            List<CounterFileReader.Value> values = reader.read();
            assertEquals(List.of(counter("a", 5, 7, (byte) 1, (byte) -2, (byte) 3),
                    counter("b", 0, Integer.MIN_VALUE, new byte[112]), counter("c", 0, 0)), values);
            var a = (CounterFileReader.Counter) values.get(0);
            assertEquals(1, a.key().get());
            assertEquals(1, a.key().get(), "each time from the first byte");
            assertTrue(a.key().isReadOnly());
        }
    }

    @Test
    void aNameHasOneTypeIdAndKey() throws IOException {
        CounterFile file = create(3);
        PerCpuCounter counter = file.counter("a", "", 7, new byte[]{1});
        assertEquals(counter, file.counter("a", "", 7, new byte[]{1}));
        assertThrows(IllegalArgumentException.class, () -> file.counter("a", "", 8, new byte[]{1}));
        assertThrows(IllegalArgumentException.class, () -> file.counter("a", "", 7, new byte[]{2}));
        assertThrows(IllegalArgumentException.class, () -> file.counter("a", ""));
        assertThrows(IllegalArgumentException.class, () -> file.counter("b", "", 0, new byte[113]));
        assertThrows(NullPointerException.class, () -> file.counter("b", "", 0, null));
    }

    @Test
    void aSumThatIsSetIsRead() throws IOException {
        CounterFile file = create(1);
        PerCpuCounter counter = file.counter("a", "");
        counter.add(100);
        counter.set(-5);
        counter.increment();
        try (var reader = open()) {
            assertEquals(List.of(counter("a", -4, 0)), reader.read());
        }
    }

    @Test
    void aFreedCounterIsGoneAndItsNameIsFree() throws IOException {
        CounterFile file = create(10);
        PerCpuCounter first = file.counter("a", "");
        first.add(5);
        file.counter("b", "").add(6);
        try (var reader = open()) {
            assertEquals(2, reader.read().size());
            assertTrue(file.free(first));
            assertFalse(file.free(first));
            assertEquals(List.of(counter("b", 6, 0)), reader.read());
            assertThrows(IllegalStateException.class, () -> first.add(1));
            assertThrows(IllegalStateException.class, first::sum);
            // not in the place of the first, which is referred to
            PerCpuCounter second = file.counter("a", "", 3, NO_KEY);
            assertNotSame(first, second);
            second.add(7);
            List<CounterFileReader.Value> expected = List.of(counter("b", 6, 0), counter("a", 7, 3));
            assertEquals(expected, reader.read());
            try (var late = open()) {
                assertEquals(expected, late.read());
            }
        }
    }

    @Test
    void onlyACounterOfTheFileIsFreed() throws IOException {
        CounterFile file = create(1);
        assertThrows(IllegalArgumentException.class, () -> file.free(new PerCpuCounter()));
        CounterFile other = CounterFile.create(directory.resolve("other"), 1, 8);
        assertThrows(IllegalArgumentException.class, () -> file.free(other.counter("a", "")));
        PerCpuCounter closed = file.counter("a", "");
        closed.close();
        assertTrue(file.free(closed));
    }

    /** More counters than the file holds, one after the other: their places are found by collections. */
    @Test
    void placesOfFreedCountersAreUsedAgainFromZero() throws IOException {
        CounterFile file = create(4);
        file.counter("stays", "").add(1);
        try (var reader = open()) {
            for (int i = 0; i < 12; i++) {
                String name = "c" + i;
                PerCpuCounter counter = file.counter(name, "", i, name.getBytes(StandardCharsets.UTF_8));
                counter.add(i);
                assertEquals(
                        List.of(counter("stays", 1, 0), counter(name, i, i, name.getBytes(StandardCharsets.UTF_8))),
                        reader.read());
                assertTrue(file.free(counter));
            }
        }
    }

    /** An addition that a thread is in the middle of goes nowhere else. */
    @Test
    void aPlaceIsNotUsedAgainWhileSomethingRefersToItsCounter() throws IOException {
        CounterFile file = create(1);
        PerCpuCounter held = file.counter("held", "");
        file.free(held);
        var refused = assertThrows(IllegalStateException.class, () -> file.counter("next", ""));
        assertTrue(refused.getMessage().contains("1 by freed counters that something still refers to"),
                refused.getMessage());
        assertThrows(IllegalStateException.class, held::sum);
    }

    @Test
    void aRegistryForgetsAFreedCounter() throws IOException {
        CounterFile file = create(10);
        PerCpuCounter old = file.counter("a", "");
        file.counter("b", "").add(1);
        var registry = new SimpleMeterRegistry();
        try (PerCpuMetrics.Binding binding = PerCpuMetrics.file(file, name -> null)) {
            binding.bindTo(registry);
            old.add(5);
            assertEquals(5, registry.get("a").functionCounter().count());
            file.free(old);
            assertEquals(null, registry.find("a").functionCounter());
            file.counter("a", "").add(7);
            assertEquals(7, registry.get("a").functionCounter().count());
            assertEquals(1, registry.get("b").functionCounter().count());
        }
        assertEquals(List.of(), registry.getMeters());
    }

    /**
     * A name is used again and again for another counter, whose sum, type id and key belong together, while a reader
     * reads. What it finds under the name is one of them, whole.
     */
    @Test
    void aReaderMixesNoTwoCounters() throws Exception {
        int counters = 3000;
        CounterFile file = create(1024);
        var done = new AtomicBoolean();
        var failed = new AtomicReference<Throwable>();
        Thread writer = TestThreads.start(() -> {
            try {
                for (int i = 0; i < counters; i++) {
                    // Even ones have a name each, odd ones one name together.
                    PerCpuCounter counter = file.counter(i % 2 == 0 ? "n" + i : "odd", "", i, new byte[i % 113]);
                    counter.set(i);
                    counter.add(1_000_000);
                    file.free(counter);
                }
            } catch (Throwable e) {
                failed.set(e);
            } finally {
                done.set(true);
            }
        });
        try (var reader = open()) {
            while (!done.get()) {
                for (CounterFileReader.Value value : reader.read()) {
                    var found = (CounterFileReader.Counter) value;
                    int number = found.typeId();
                    assertEquals(number % 2 == 0 ? "n" + number : "odd", found.name());
                    assertEquals(number % 113, found.key().remaining());
                    // A sum is no snapshot: an addition may be read without what was set before it.
                    assertTrue(List.of(0L, (long) number, 1_000_000L, number + 1_000_000L).contains(found.sum()),
                            found.toString());
                }
            }
            assertEquals(List.of(), reader.read());
        } finally {
            writer.join();
        }
        assertEquals(null, failed.get());
    }

    /** Places, whose states are words in more than one read, with some freed. */
    @Test
    void someOfManyAreFreed() throws IOException {
        CounterFile file = CounterFile.create(directory.resolve("counters"), 5000, 65_536);
        try (var reader = open()) {
            List<PerCpuCounter> made = new ArrayList<>();
            List<CounterFileReader.Value> expected = new ArrayList<>();
            for (int i = 0; i < 3000; i++) {
                made.add(file.counter("c" + i, "", i, NO_KEY));
                made.get(made.size() - 1).add(i);
                expected.add(counter("c" + i, i, i));
            }
            assertEquals(expected, reader.read());
            boolean[] freed = new boolean[3000];
            for (int i = 0; i < 3000; i += 7) {
                file.free(made.get(i));
                freed[i] = true;
            }
            expected.removeIf(value -> freed[((CounterFileReader.Counter) value).typeId()]);
            assertEquals(expected, reader.read());
            try (var late = open()) {
                assertEquals(expected, late.read());
            }
            assertEquals(3000, Arrays.asList(made.toArray()).size()); // referred to until here
        }
    }

    /** Of a writer that is killed while it makes, sets and frees counters, all that a reader finds is whole. */
    @Test
    @Tag("jvm")
    void aWriterThatIsKilledAtAnyPointLeavesWhatCanBeRead() throws Exception {
        for (int round = 0; round < ROUNDS; round++) {
            Process writer = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--enable-native-access=ALL-UNNAMED", "-Xmx64m",
                    "-Drseq4j.registration=" + System.getProperty("rseq4j.registration", "auto"), "-cp",
                    System.getProperty("java.class.path"), Freeing.class.getName(),
                    directory.resolve("counters").toString()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            try {
                assertEquals('r', writer.getInputStream().read());
                Thread.sleep(round); // at another point each time
                try (var reader = open()) {
                    assertWhole(reader.read());
                    writer.destroyForcibly().waitFor();
                    List<CounterFileReader.Value> last = reader.read();
                    assertWhole(last);
                    assertEquals(last, reader.read());
                    try (var late = open()) {
                        assertEquals(last, late.read());
                    }
                }
            } finally {
                writer.destroyForcibly();
            }
        }
    }

    private static void assertWhole(List<CounterFileReader.Value> values) {
        for (CounterFileReader.Value value : values) {
            var found = (CounterFileReader.Counter) value;
            assertEquals("n" + found.typeId(), found.name());
            assertEquals(found.typeId() % 113, found.key().remaining());
            assertTrue(found.sum() == 0 || found.sum() == found.typeId(), found.toString());
        }
    }

    static final class Freeing {
        private Freeing() {
        }

        public static void main(String[] arguments) throws Exception {
            CounterFile file = CounterFile.create(Path.of(arguments[0]), 32, 8192);
            for (int i = 0;; i++) {
                PerCpuCounter counter = file.counter("n" + i, "", i, new byte[i % 113]);
                counter.set(i);
                if (i % 8 != 0 || i > 64) {
                    file.free(counter);
                }
                if (i == 64) { // places are used again from now on
                    System.out.print('r');
                    System.out.flush();
                }
            }
        }
    }

    /** A watcher, whose next call may fail. */
    private static final class Shown implements CounterFile.Watcher {
        private final List<Object> meters = new ArrayList<>();
        private final List<String> told = new ArrayList<>();
        private boolean fails;

        @Override
        public void made(String name, String description, Object meter) {
            fail();
            told.add(name);
            meters.add(meter);
        }

        @Override
        public void freed(Object meter) {
            meters.remove(meter);
            fail();
        }

        private void fail() {
            if (fails) {
                fails = false;
                throw new StackOverflowError("of a test");
            }
        }

        @Override
        public boolean isOver() {
            return false;
        }
    }

    /** As a scrape would not show it for ever, if whoever made it met an error. */
    @Test
    void aWatcherIsToldOfACounterWhoseMakerMetAnError() throws IOException {
        CounterFile file = create(2);
        var shown = new Shown();
        shown.fails = true;
        file.watch(shown);
        assertThrows(StackOverflowError.class, () -> file.counter("a", ""));
        file.counter("a", "").add(3);
        file.counter("a", "").add(4);
        assertEquals(List.of("a"), shown.told);
        try (var reader = open()) {
            assertEquals(List.of(counter("a", 7, 0)), reader.read());
        }
    }

    @Test
    void aCounterWhoseFreeingMetAnErrorIsShownToWhoAsksForIt() throws IOException {
        CounterFile file = create(2);
        var shown = new Shown();
        file.watch(shown);
        PerCpuCounter counter = file.counter("a", "");
        shown.fails = true;
        assertThrows(StackOverflowError.class, () -> file.free(counter));
        assertEquals(List.of(), shown.meters);
        assertSame(counter, file.counter("a", ""));
        assertEquals(List.of(counter), shown.meters);
        assertTrue(file.free(counter));
        assertEquals(List.of(), shown.meters);
    }
}
