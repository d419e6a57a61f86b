// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rseq4j.stress.Stress;
import org.rseq4j.stress.TestThreads;

@Tag("sequences")
class CounterFileTest {
    @TempDir
    Path directory;

    private Path file() {
        return directory.resolve("counters");
    }

    private List<CounterFileReader.Value> read() throws IOException {
        try (var reader = CounterFileReader.open(file())) {
            return reader.read();
        }
    }

    private static CounterFileReader.Counter counter(String name, String description, long sum) {
        return new CounterFileReader.Counter(name, description, sum, 0, ByteBuffer.allocate(0));
    }

    @Test
    void anInterruptIsSaidAsSuch() throws IOException {
        CounterFile.create(file(), 1, 8);
        Thread.currentThread().interrupt();
        assertThrows(ClosedByInterruptException.class, () -> CounterFileReader.open(file()));
        assertTrue(Thread.interrupted());
    }

    /** A process that is killed while it makes a file, and is slow at that. */
    static final class Maker {
        private Maker() {
        }

        public static void main(String[] arguments) throws IOException {
            Path fresh = FreshFile.make(Path.of(arguments[0]));
            try (FileChannel channel = FileChannel.open(fresh, StandardOpenOption.WRITE)) {
                System.out.println(FreshFile.lock(channel) ? fresh : "not locked");
                System.in.read();
            }
        }
    }

    @Test
    @Tag("jvm")
    void whatAProcessIsMakingStaysUntilItIsKilled() throws Exception {
        Process maker = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), Maker.class.getName(), file().toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try {
            Path fresh = Path.of(maker.inputReader().readLine());
            CounterFile.create(file(), 1, 8);
            CounterFile.create(file(), 1, 8);
            assertTrue(Files.exists(fresh), "another process has it");
            maker.destroyForcibly().waitFor();
            assertTrue(Files.exists(fresh), "nobody has removed it yet");
            CounterFile.create(file(), 1, 8);
            assertFalse(Files.exists(fresh), "nobody will need it");
        } finally {
            maker.destroyForcibly();
        }
        try (var names = Files.list(directory)) {
            assertEquals(List.of(file()), names.toList());
        }
    }

    @Test
    void aFileThatIsGoneBeforeItHasItsNameIsMadeAgain() throws Exception {
        var removed = new AtomicBoolean();
        Thread remover = TestThreads.start(() -> {
            while (!removed.get()) {
                try (var files = Files.newDirectoryStream(directory, ".counters*.new")) {
                    for (Path file : files) {
                        removed.set(removed.get() || Files.deleteIfExists(file));
                    }
                } catch (IOException | DirectoryIteratorException e) {
                    continue; // it was quicker
                }
            }
        });
        do {
            CounterFile.create(file(), 1, 1 << 20).counter("c", "").increment();
            assertEquals(List.of(counter("c", "", 1)), read());
        } while (!removed.get());
        remover.join();
    }

    @Test
    void aReaderSeesWhatWasWritten() throws IOException {
        CounterFile file = CounterFile.create(file(), 10, 100_000);
        assertEquals(List.of(), read());
        file.counter("requests", "all of them").add(42);
        file.summary("size", "in bytes").record(-7);
        PerCpuHistogram histogram = file.histogram("latency", "in ns, \u00fc", 1_000_000, 2);
        histogram.record(999);
        assertEquals(List.of(counter("requests", "all of them", 42),
                new CounterFileReader.Summary("size", "in bytes", new PerCpuSummary.Snapshot(1, -7, -7, -7)),
                new CounterFileReader.Distribution("latency", "in ns, \u00fc", histogram.snapshot())), read());
    }

    /** What a process that has the file mapped finds: a state that is not 0 was written last. */
    @Test
    void anEntryIsWholeOnceItsStateIsSeen() throws Exception {
        int meters = 1000;
        CounterFile file = CounterFile.create(file(), meters, 1 << 16);
        var longs = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());
        var wanted = new AtomicInteger(-1);
        Thread writer = TestThreads.start(() -> {
            for (int i = 0; i < meters; i++) {
                while (wanted.get() < i) {
                    Thread.yield();
                }
                file.counter("meter " + i, "number " + i);
            }
        });
        var entry = ByteBuffer.allocate(CounterFileFormat.ENTRY).order(ByteOrder.nativeOrder());
        try (FileChannel channel = FileChannel.open(file(), StandardOpenOption.READ)) {
            var header = ByteBuffer.allocate(CounterFileFormat.PAGE);
            channel.read(header, 0);
            var format = CounterFileFormat.of(header.flip(), channel.size());
            ByteBuffer mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, format.data());
            for (int i = 0; i < meters; i++) {
                wanted.set(i);
                while ((long) longs.getAcquire(mapped, (int) format.stateAt(i)) == 0 && writer.isAlive()) {
                    Thread.onSpinWait();
                }
                mapped.get((int) format.entryAt(i), entry.array());
                assertSame(CounterFileFormat.Type.COUNTER, CounterFileFormat.type(entry), "entry " + i);
            }
        } finally {
            wanted.set(meters);
            writer.join();
        }
    }

    /** A reset subtracts in the words behind the CPUs' what it found in theirs. */
    @Test
    void noSumIsNegativeWhileACounterIsReset() throws Exception {
        PerCpuCounter counter = CounterFile.create(file(), 1, 8).counter("c", "");
        var done = new AtomicBoolean();
        List<Thread> threads = List.of(TestThreads.start(() -> {
            while (!done.get()) {
                counter.add(1000);
            }
        }), TestThreads.start(() -> {
            while (!done.get()) {
                counter.reset();
            }
        }));
        try (var reader = CounterFileReader.open(file())) {
            for (int i = 0; i < 30_000; i++) {
                long sum = ((CounterFileReader.Counter) reader.read().get(0)).sum();
                assertTrue(sum >= 0, "a sum of " + sum);
            }
        } finally {
            done.set(true);
            for (Thread thread : threads) {
                thread.join();
            }
        }
    }

    @Test
    void aNameGivesTheSameMeterAndNoOtherType() throws IOException {
        CounterFile file = CounterFile.create(file(), 10, 100_000);
        assertSame(file.counter("a", ""), file.counter("a", "again"));
        assertThrows(IllegalArgumentException.class, () -> file.summary("a", ""));
        file.histogram("h", "", 1000, 2);
        assertThrows(IllegalArgumentException.class, () -> file.histogram("h", "", 1001, 2));
        assertThrows(IllegalArgumentException.class, () -> file.counter("", ""));
        assertThrows(IllegalArgumentException.class, () -> file.counter("a\nb", ""));
        assertThrows(IllegalArgumentException.class, () -> file.counter("a".repeat(161), ""));
        assertThrows(IllegalArgumentException.class, () -> file.counter("b", "d".repeat(281)));
        assertEquals(2, read().size());
    }

    @Test
    void aFullFileRefusesMoreAndKeepsWhatItHas() throws IOException {
        CounterFile file = CounterFile.create(file(), 2, 4096);
        assertThrows(IllegalStateException.class, () -> file.histogram("h", "", 1_000_000_000, 3));
        file.counter("a", "").increment();
        file.counter("b", "").increment();
        assertThrows(IllegalStateException.class, () -> file.counter("c", ""));
        assertEquals(2, read().size());
        assertThrows(IllegalArgumentException.class, () -> CounterFile.create(file(), 0, 4096));
        assertThrows(IllegalArgumentException.class, () -> CounterFile.create(file(), 1, 0));
    }

    @Test
    void aFileIsPrivateAndLinksAreNotFollowed() throws IOException {
        Path victim = Files.writeString(directory.resolve("victim"), "untouched");
        Files.createSymbolicLink(file(), victim);
        assertThrows(IOException.class, () -> CounterFileReader.open(file()));
        CounterFile.create(file(), 1, 8);
        assertEquals("untouched", Files.readString(victim));
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file())));
        assertEquals(List.of(), read());
        assertThrows(IOException.class, () -> CounterFileReader.open(directory));
    }

    @Test
    void anyDamageIsAnErrorOrOtherNumbersAndEnds() throws IOException {
        CounterFile file = CounterFile.create(file(), 3, 5_000);
        file.counter("c", "a counter").add(1);
        file.summary("s", "a summary").record(1);
        file.histogram("h", "a histogram", 1000, 2).record(5);
        byte[] good = Files.readAllBytes(file());
        int head = 2 * 4096 + 3 * CounterFileFormat.ENTRY;
        var random = new Random(6);
        int refused = 0;
        assertTrue(!refused(good));
        for (int i = 0; i < 3000; i++) {
            byte[] bad = Arrays.copyOf(good, head);
            int flips = 1 + random.nextInt(4);
            for (int j = 0; j < flips; j++) {
                int at = switch (i % 4) {
                    case 0 -> random.nextInt(40);
                    case 1 -> 4096 + random.nextInt(3 * Long.BYTES);
                    default -> 2 * 4096 + random.nextInt(3 * CounterFileFormat.ENTRY);
                };
                bad[at] = (byte) random.nextInt(256);
            }
            refused += refused(bad, StandardOpenOption.WRITE) ? 1 : 0; // the rest of the file stays
        }
        assertTrue(refused > 1000, refused + " refused");
        for (int length : new int[]{0, 1, 63, 64, 4096, 5000, good.length - 1}) {
            assertTrue(refused(Arrays.copyOf(good, length)), length + " bytes");
        }
    }

    /** A file whose author knows the checksum. */
    @Test
    void aMaliciousEntryIsRefused() throws IOException {
        CounterFile.create(file(), 3, 5_000);
        byte[] empty = Files.readAllBytes(file());
        byte[] name = {'n'};
        for (ByteBuffer entry : List.of(entry(CounterFileFormat.Type.COUNTER, 8, 1, 0, 0, name),
                entry(CounterFileFormat.Type.COUNTER, 0, -1, 0, 0, name),
                entry(CounterFileFormat.Type.COUNTER, 0, 2, 0, 0, name),
                entry(CounterFileFormat.Type.COUNTER, 0, Integer.MAX_VALUE, 0, 0, name),
                entry(CounterFileFormat.Type.COUNTER, 0, 1, 0, 0, new byte[0]),
                entry(CounterFileFormat.Type.COUNTER, 0, 1, 0, 0, new byte[]{27}),
                entry(CounterFileFormat.Type.COUNTER, 0, 1, 0, 0, new byte[]{(byte) 0xFF}),
                entry(CounterFileFormat.Type.SUMMARY, 0, 1, 0, 0, name),
                entry(CounterFileFormat.Type.HISTOGRAM, 0, 1, 2, 1000, name),
                entry(CounterFileFormat.Type.HISTOGRAM, 0, 100, 99, Long.MIN_VALUE, name))) {
            byte[] bad = empty.clone();
            register(bad, entry, 1);
            assertTrue(refused(bad));
        }
        byte[] good = empty.clone();
        ByteBuffer counter = entry(CounterFileFormat.Type.COUNTER, 0, 1, 0, 0, name);
        register(good, counter, 1);
        assertTrue(!refused(good));
        byte[] badKey = empty.clone();
        counter.putInt(CounterFileFormat.KEY_LENGTH, CounterFileFormat.KEY_BYTES + 1);
        register(badKey, counter, 1);
        assertTrue(refused(badKey));
        byte[] freedSummary = empty.clone();
        register(freedSummary, entry(CounterFileFormat.Type.SUMMARY, 0, SummaryMirror.WORDS, 0, 0, name), 3);
        assertTrue(refused(freedSummary));
    }

    private static void register(byte[] file, ByteBuffer entry, long state) {
        ByteBuffer.wrap(file).order(ByteOrder.nativeOrder()).putLong(4096, state);
        entry.get(0, file, 2 * 4096, CounterFileFormat.ENTRY);
    }

    @Test
    void aFileOfAnotherVersionIsRefusedWithALineThatSaysWhy() throws IOException {
        CounterFile.create(file(), 1, 8);
        for (int version : new int[]{1, 2, 4}) {
            try (FileChannel channel = FileChannel.open(file(), StandardOpenOption.WRITE)) {
                channel.write(ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(0, version), 8);
            }
            var refused = assertThrows(IOException.class, this::read);
            assertEquals(file() + ": a counter file of version " + version
                    + ", this library reads version 3: use the library that wrote it", refused.getMessage());
        }
    }

    /** A sparse file of a gigabyte a CPU, whose histograms would take twice that on the heap of who reads it. */
    @Test
    void aFileThatSaysMoreThanAHeapHoldsIsRefused() throws IOException {
        HistogramBuckets largest = HistogramBuckets.of(Long.MAX_VALUE, 5);
        var format = new CounterFileFormat(100, 1, CounterFileFormat.MAX_SHIFT, 1, 1);
        try (FileChannel channel = FileChannel.open(file(), StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW,
                StandardOpenOption.SPARSE)) {
            channel.write(format.header(), 0);
            for (int i = 0; i < 20; i++) {
                long offset = (long) i * largest.length() * Long.BYTES;
                channel.write(entry(CounterFileFormat.Type.HISTOGRAM, offset, largest.length(), 5, Long.MAX_VALUE,
                        ("h" + i).getBytes(StandardCharsets.UTF_8)).clear(), format.entryAt(i));
            }
            channel.write(registered(20), format.stateAt(0));
            channel.write(ByteBuffer.allocate(1), format.size() - 1);
        }
        var refused = assertThrows(IOException.class, this::read);
        assertTrue(refused.getMessage().contains("at most " + CounterFileFormat.MAX_HISTOGRAM_BYTES),
                refused.getMessage());
        assertTrue(refused.getMessage().length() < 200);
    }

    /** A sparse file of a terabyte, which to read would take minutes. */
    @Test
    void aFileThatSaysMoreThanCanBeReadIsRefused() throws IOException {
        var format = new CounterFileFormat(CounterFileFormat.MAX_CAPACITY, CounterFileFormat.MAX_STRIDES, 20, 1, 1);
        try (FileChannel channel = FileChannel.open(file(), StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW,
                StandardOpenOption.SPARSE)) {
            channel.write(format.header(), 0);
            for (int i = 0; i < 33_000; i++) {
                channel.write(entry(CounterFileFormat.Type.COUNTER, i * 8L, 1, 0, 0,
                        ("c" + i).getBytes(StandardCharsets.UTF_8)).clear(), format.entryAt(i));
            }
            channel.write(registered(33_000), format.stateAt(0));
            channel.write(ByteBuffer.allocate(1), format.size() - 1);
        }
        var refused = assertThrows(IOException.class, this::read);
        assertTrue(refused.getMessage().contains("at most " + CounterFileFormat.MAX_VALUE_BYTES),
                refused.getMessage());
    }

    /** Counters, summaries and histograms in any order, more than are read at once, some of which come later. */
    @Test
    void eachOfManyMetersHasItsOwnValues() throws IOException {
        CounterFile file = CounterFile.create(file(), 1000, 200_000);
        try (var reader = CounterFileReader.open(file())) {
            var random = new Random(3);
            List<CounterFileReader.Value> expected = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                String name = "m" + i;
                if (i % 100 == 99) {
                    PerCpuHistogram histogram = file.histogram(name, "", 1000, 1);
                    histogram.record(random.nextInt(1000));
                    expected.add(new CounterFileReader.Distribution(name, "", histogram.snapshot()));
                } else if (random.nextBoolean()) {
                    PerCpuSummary summary = file.summary(name, "");
                    summary.record(random.nextInt());
                    expected.add(new CounterFileReader.Summary(name, "", summary.snapshot()));
                } else {
                    PerCpuCounter counter = file.counter(name, "");
                    counter.add(random.nextInt());
                    expected.add(counter(name, "", counter.sum()));
                }
                if (i % 300 == 150) {
                    assertEquals(expected, reader.read());
                }
            }
            assertEquals(expected, reader.read());
        }
    }

    @Test
    void aDirectoryThatMayNotBeWrittenIsSaid() throws IOException {
        Path folder = Files.createDirectory(directory.resolve("folder"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("r-xr-xr-x")));
        if (Files.isWritable(folder)) {
            folder = Path.of("/sys/kernel"); // root may write every directory, but not this one
            assumeTrue(Files.isDirectory(folder), "root, without sysfs");
        }
        Path file = folder.resolve("counters");
        var refused = assertThrows(IOException.class, () -> CounterFile.create(file, 1, 8));
        assertTrue(refused.getMessage().startsWith(file + ": no file can be made in " + folder), refused.getMessage());
        for (Path nowhere : List.of(Path.of("/"), directory.resolve("none/file"), Path.of("/proc/version/file"))) {
            var missing = assertThrows(IOException.class, () -> CounterFile.create(nowhere, 1, 8));
            assertTrue(missing.getMessage().startsWith(nowhere + ": there is no directory"), missing.getMessage());
        }
    }

    private static ByteBuffer registered(int entries) {
        ByteBuffer states = ByteBuffer.allocate(entries * Long.BYTES).order(ByteOrder.nativeOrder());
        for (int i = 0; i < entries; i++) {
            states.putLong(1);
        }
        return states.flip();
    }

    private static ByteBuffer entry(CounterFileFormat.Type type, long offset, int words, int digits, long highest,
            byte[] name) {
        return CounterFileFormat.entry(
                new MeterDefinition(type, words, highest, digits, 0, ByteBuffer.allocate(0)), offset, name,
                new byte[0]);
    }

    private boolean refused(byte[] bytes, OpenOption... options) throws IOException {
        Path damaged = directory.resolve("damaged");
        Files.write(damaged, bytes, options);
        try (var reader = CounterFileReader.open(damaged)) {
            reader.read();
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void aFileThatIsTruncatedWhileOpenIsAnError() throws IOException {
        CounterFile.create(file(), 3, 5_000);
        Path copy = Files.copy(file(), directory.resolve("copy"));
        try (var reader = CounterFileReader.open(copy)) {
            try (FileChannel channel = FileChannel.open(copy, StandardOpenOption.WRITE)) {
                channel.truncate(100);
            }
            assertThrows(IOException.class, reader::read);
        }
    }

    /** The reader is another process than the writer, which is killed in the middle of its work. */
    @Test
    @Tag("jvm")
    void anotherProcessReadsWholeRecordsWhileTheyAreWrittenAndAfterAKill() throws Exception {
        Process writer = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Drseq4j.registration=" + System.getProperty("rseq4j.registration", "auto"), "-cp",
                System.getProperty("java.class.path"), Writer.class.getName(), file().toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try {
            assertEquals('r', writer.getInputStream().read());
            long before = 0;
            try (var reader = CounterFileReader.open(file())) {
                assertEquals(writer.pid(), reader.pid());
                long end = System.nanoTime() + Stress.NANOS;
                for (int i = 0; i < 20 || System.nanoTime() < end; i++) {
                    long count = check(reader.read());
                    assertTrue(count >= before);
                    before = count;
                }
                writer.destroyForcibly().waitFor();
                long last = check(reader.read());
                assertTrue(last >= before);
                assertEquals(last, check(reader.read()));
                assertEquals(last, check(read()));
            }
        } finally {
            writer.destroyForcibly();
        }
    }

    private static long check(List<CounterFileReader.Value> values) {
        long count = -1;
        for (CounterFileReader.Value value : values) {
            assertTrue(value.name().equals("s") || value.name().matches("counter [0-9]+"), value.name());
            if (value instanceof CounterFileReader.Summary summary) {
                PerCpuSummary.Snapshot snapshot = summary.snapshot();
                assertEquals(snapshot.count() * 1_000_003, snapshot.sum());
                assertTrue(snapshot.count() == 0 || snapshot.min() == 1_000_003 && snapshot.max() == 1_000_003);
                count = snapshot.count();
            }
        }
        assertTrue(count >= 0);
        return count;
    }

    static final class Writer {
        private Writer() {
        }

        public static void main(String[] arguments) throws Exception {
            CounterFile file = CounterFile.create(Path.of(arguments[0]), 5000, 100_000);
            PerCpuSummary summary = file.summary("s", "");
            for (int i = 0; i < 4; i++) {
                TestThreads.start(() -> {
                    while (true) {
                        summary.record(1_000_003);
                    }
                });
            }
            System.out.print('r');
            System.out.flush();
            for (int i = 0; i < 4000; i++) {
                file.counter("counter " + i, "a description").increment();
                Thread.sleep(1);
            }
        }
    }
}
