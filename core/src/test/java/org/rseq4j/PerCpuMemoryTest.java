// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.internal.memory.Words;
import org.rseq4j.stress.TestThreads;

class PerCpuMemoryTest {
    @ParameterizedTest
    @ValueSource(longs = {0, -8, 7, 4097, Long.MAX_VALUE - 7, 1L << 62})
    void badSizesAreRefusedByName(long bytes) {
        var refused = assertThrows(IllegalArgumentException.class, () -> PerCpuMemory.allocate(bytes));
        assertTrue(refused.getMessage().contains("bytesPerCpu") && refused.getMessage().contains("" + bytes),
                refused.getMessage());
    }

    /** This machine has one number of CPUs only. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8, 9, 65})
    void sumsAreOfEveryStrideHoweverManyThereAre(int strides) {
        long stride = 64;
        try (var memory = PerCpuMemory.allocate(70 * stride)) {
            var mapping = memory.mapping();
            long first = mapping.base;
            long[] expected = new long[5];
            for (int i = 0; i < 70; i++) {
                for (int j = 0; j < expected.length; j++) {
                    long value = i < strides ? (j + 1) * (1L << Math.min(i, 50)) + i : 1_000_000;
                    Words.setOpaque(mapping, first + i * stride + j * 8L, value);
                    expected[j] += i < strides ? value : 0;
                }
            }
            long[] sums = {-1, -1, -1, -1, -1};
            PerCpuMemory.sums(mapping, first, stride, strides, sums);
            assertArrayEquals(expected, sums);
        }
    }

    @Test
    void slotsAreZeroDisjointAndInside() {
        try (var memory = PerCpuMemory.allocate(1024)) {
            Set<Long> words = new HashSet<>();
            for (int i = 0; i < 32; i++) {
                long slot = memory.allocateSlot(4);
                for (int j = 0; j < 4; j++) {
                    assertTrue(words.add(slot + j * 8L));
                    assertEquals(0, memory.sum(slot + j * 8L));
                }
            }
            assertEquals(128, words.size());
            var full = assertThrows(IllegalStateException.class, () -> memory.allocateSlot(1));
            assertTrue(full.getMessage().contains("0 are left of 128"), full.getMessage());
        }
    }

    @Test
    void aFreedSlotIsUsedAgainAndZero() {
        try (var memory = PerCpuMemory.allocate(16)) {
            long slot = memory.allocateSlot(2);
            memory.add(slot, 7);
            memory.free(slot);
            assertEquals(slot, memory.allocateSlot(2));
            assertEquals(0, memory.sum(slot));
        }
    }

    @Test
    void freeingTwiceOrSomethingElseIsRefused() {
        try (var memory = PerCpuMemory.allocate(64)) {
            long slot = memory.allocateSlot(2);
            assertThrows(IllegalArgumentException.class, () -> memory.free(slot + 8));
            assertThrows(IllegalArgumentException.class, () -> memory.free(-8));
            memory.free(slot);
            assertThrows(IllegalArgumentException.class, () -> memory.free(slot));
        }
    }

    @Test
    void offsetsOutsideAreRefused() {
        try (var memory = PerCpuMemory.allocate(64)) {
            for (long offset : new long[]{-8, 64, 4, 1L << 40, Long.MIN_VALUE}) {
                assertThrows(IndexOutOfBoundsException.class, () -> memory.add(offset, 1));
                assertThrows(IndexOutOfBoundsException.class, () -> memory.sum(offset));
                assertThrows(IndexOutOfBoundsException.class, () -> memory.get(0, offset));
                assertThrows(IndexOutOfBoundsException.class,
                        () -> RestartableSequences.byCpu().add(memory, offset, 1));
            }
            assertThrows(IndexOutOfBoundsException.class, () -> memory.get(memory.strideCount(), 0));
            assertThrows(IndexOutOfBoundsException.class, () -> memory.get(-1, 0));
            assertThrows(IndexOutOfBoundsException.class, () -> memory.sums(0, new long[9]));
            assertThrows(IndexOutOfBoundsException.class, () -> memory.sums(new long[]{0, 64}, new long[2]));
            assertThrows(IndexOutOfBoundsException.class, () -> memory.sums(new long[]{0, 4}, new long[2]));
            assertThrows(IllegalArgumentException.class, () -> memory.sums(new long[2], new long[3]));
            assertThrows(IllegalArgumentException.class, () -> memory.allocateSlot(0));
            assertThrows(IllegalArgumentException.class, () -> memory.allocateSlot(-1));
        }
    }

    @Test
    void addsFromManyThreadsAreExact() throws InterruptedException {
        try (var memory = PerCpuMemory.allocate(64)) {
            run(16, thread -> {
                for (int i = 0; i < 20_000; i++) {
                    memory.add(8, 1);
                    memory.add(16, thread);
                }
            });
            assertEquals(16 * 20_000, memory.sum(8));
            assertEquals(20_000L * 120, memory.sum(16));
            long[] sums = new long[3];
            memory.sums(0, sums);
            assertArrayEquals(new long[]{0, 320_000, 2_400_000}, sums);
            memory.sums(new long[]{16, 0, 8}, sums);
            assertArrayEquals(new long[]{2_400_000, 0, 320_000}, sums);
        }
    }

    @Test
    void allocationIsThreadSafe() throws InterruptedException {
        try (var memory = PerCpuMemory.allocate(8 * 16 * 100)) {
            Set<Long> slots = java.util.concurrent.ConcurrentHashMap.newKeySet();
            run(16, thread -> {
                for (int i = 0; i < 1000; i++) {
                    memory.free(memory.allocateSlot(1));
                }
                for (int i = 0; i < 100; i++) {
                    assertTrue(slots.add(memory.allocateSlot(1)));
                }
            });
            assertEquals(1600, slots.size());
        }
    }

    @Test
    void aReservationTouchesNoMemory() {
        // Before Java 22 it comes from malloc, whose reservations the kernel bounds by the machine's memory.
        boolean isUnbounded = nativeAccess() && Runtime.version().feature() >= 22;
        try (var memory = PerCpuMemory.allocate(isUnbounded ? 1L << 34 : 1 << 16)) {
            long last = memory.bytesPerCpu() - 8;
            memory.add(last, 3);
            assertEquals(3, memory.sum(last));
        }
    }

    @Test
    void closedMemoryThrows() {
        var memory = PerCpuMemory.allocate(64);
        memory.close();
        memory.close();
        assertThrows(IllegalStateException.class, () -> memory.add(0, 1));
        assertThrows(IllegalStateException.class, () -> memory.sum(0));
        assertThrows(IllegalStateException.class, () -> memory.get(0, 0));
        assertThrows(IllegalStateException.class, () -> memory.sums(0, new long[1]));
        assertThrows(IllegalStateException.class, () -> memory.sums(new long[1], new long[1]));
        assertThrows(IndexOutOfBoundsException.class, () -> memory.get(0, 64));
        assertThrows(IllegalStateException.class, () -> memory.allocateSlot(1));
        assertThrows(IllegalStateException.class, () -> memory.free(0));
        assertThrows(IllegalStateException.class, () -> RestartableSequences.byCpu().add(memory, 0, 1));
        assertThrows(IllegalStateException.class, () -> RestartableSequences.byCpu().push(memory, 0, 2, 1));
        assertThrows(IllegalStateException.class, () -> RestartableSequences.byCpu().pop(memory, 0, new long[1]));
    }

    @Test
    void closingWhileOthersWriteEndsThemWithAnException() throws InterruptedException {
        for (int round = 0; round < 20; round++) {
            var memory = PerCpuMemory.allocate(64);
            List<Thread> threads = new ArrayList<>();
            var unexpected = new AtomicReference<Throwable>();
            for (int i = 0; i < 4; i++) {
                threads.add(TestThreads.start(() -> {
                    try {
                        while (true) {
                            memory.add(0, 1);
                            RestartableSequences.byCpu().add(memory, 8, 1);
                        }
                    } catch (IllegalStateException expected) {
                        return;
                    } catch (Throwable e) {
                        unexpected.set(e);
                    }
                }));
            }
            Thread.sleep(2);
            memory.close();
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(null, unexpected.get());
        }
    }

    @Test
    void aMappedFileKeepsItsWordsAndIsOnlyItsOwners(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("words");
        try (var memory = PerCpuMemory.map(file, 4096)) {
            memory.add(memory.allocateSlot(1), 42);
        }
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        try (var memory = PerCpuMemory.map(file, 4096)) {
            assertEquals(42, memory.sum(memory.allocateSlot(1)));
        }
    }

    @Test
    void anotherLayoutIsRefused(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("words");
        PerCpuMemory.map(file, 4096).close();
        var refused = assertThrows(IOException.class, () -> PerCpuMemory.map(file, 8192));
        assertTrue(refused.getMessage().contains("another layout"), refused.getMessage());
    }

    @Test
    void aTruncatedFileIsRefused(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("words");
        PerCpuMemory.map(file, 4096).close();
        for (long size : new long[]{Files.size(file) - 1, 4096, 33, 31, 1}) {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(size);
            }
            var refused = assertThrows(IOException.class, () -> PerCpuMemory.map(file, 4096));
            assertTrue(refused.getMessage().matches(".*(truncated|is not a file).*"), refused.getMessage());
        }
    }

    @Test
    void anotherVersionAndAnotherFileAreRefused(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("words");
        PerCpuMemory.map(file, 4096).close();
        byte[] bytes = Files.readAllBytes(file);
        bytes[8] = 99;
        Files.write(file, bytes);
        var version = assertThrows(IOException.class, () -> PerCpuMemory.map(file, 4096));
        assertTrue(version.getMessage().contains("version 99"), version.getMessage());
        Files.write(file, new byte[20_000]);
        assertThrows(IOException.class, () -> PerCpuMemory.map(file, 4096));
    }

    @Test
    void linksFoldersAndReadOnlyFilesAreRefused(@TempDir Path folder) throws IOException {
        Path target = folder.resolve("target");
        PerCpuMemory.map(target, 4096).close();
        Path link = Files.createSymbolicLink(folder.resolve("link"), target);
        assertThrows(IOException.class, () -> PerCpuMemory.map(link, 4096));
        assertThrows(IOException.class, () -> PerCpuMemory.map(folder, 4096));
        assertThrows(IOException.class, () -> PerCpuMemory.map(folder.resolve("no/such"), 4096));
        assertThrows(NullPointerException.class, () -> PerCpuMemory.map(null, 4096));
        assertDoesNotThrow(() -> PerCpuMemory.map(target, 4096).close());
    }

    /** What has no size is taken for an empty file, but for that it is no file. */
    @Test
    void aDeviceIsRefusedBeforeAnythingIsWritten() throws IOException {
        Path device = Path.of("/dev/null");
        assumeTrue(Files.exists(device), "needs " + device);
        var refused = assertThrows(IOException.class, () -> PerCpuMemory.map(device, 4096));
        assertEquals(device + " is not a regular file", refused.getMessage());
    }

    @Test
    void aFileThatMayNotBeWrittenIsRefusedByName(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("words");
        PerCpuMemory.map(file, 4096).close();
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
        if (Files.isWritable(file)) {
            file = Path.of("/sys/kernel/uevent_seqnum"); // root may write every file, but not this one
            assumeTrue(Files.exists(file), "root, without sysfs");
        }
        Path notWritable = file;
        var refused = assertThrows(IOException.class, () -> PerCpuMemory.map(notWritable, 4096));
        assertTrue(refused.getMessage().contains(file.toString()), refused.getMessage());
    }

    /** One of all the threads of two processes makes each file; nobody finds it half made. */
    @Test
    @Tag("jvm")
    void manyThatComeAtOnceShareAFileThatOneOfThemMakes(@TempDir Path folder) throws Exception {
        Process other = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", System.getProperty("java.class.path"), "-XX:TieredStopAtLevel=1", FileMaker.class.getName(),
                folder.toString()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try {
            assertEquals('r', other.getInputStream().read());
            other.getOutputStream().write('g');
            other.getOutputStream().flush();
            FileMaker.makeAll(folder);
            assertEquals(0, other.waitFor());
        } finally {
            other.destroyForcibly();
        }
        for (int i = 0; i < FileMaker.FILES; i++) {
            try (var memory = PerCpuMemory.map(folder.resolve("words" + i), 4096)) {
                assertEquals(2L * FileMaker.THREADS, memory.sum(0));
            }
        }
    }

    static final class FileMaker {
        static final int FILES = 40;
        static final int THREADS = 4;

        private FileMaker() {
        }

        static void makeAll(Path folder) throws InterruptedException {
            run(THREADS, thread -> {
                for (int i = 0; i < FILES; i++) {
                    try (var memory = PerCpuMemory.map(folder.resolve("words" + i), 4096)) {
                        memory.add(0, 1);
                    }
                }
            });
        }

        public static void main(String[] arguments) throws Exception {
            Rseq.cpuId(); // everything is loaded before the race
            System.out.print('r');
            System.out.flush();
            System.in.read();
            makeAll(Path.of(arguments[0]));
            System.exit(0);
        }
    }

    @Test
    void anInterruptEndsTheWaitForAFileThatAnotherMakes(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("words");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
            channel.lock();
            var thrown = new AtomicReference<Throwable>();
            Thread waiter = TestThreads.start(() -> {
                try {
                    PerCpuMemory.map(file, 4096).close();
                } catch (Throwable e) {
                    thrown.set(e);
                }
            });
            waiter.interrupt();
            waiter.join();
            assertEquals(ClosedByInterruptException.class, thrown.get().getClass());
        }
    }

    @Test
    void tenThousandCountersTakeEightBytesForEachCpuAndNoMore() {
        try (var memory = PerCpuMemory.allocate(80_000)) {
            for (int i = 0; i < 10_000; i++) {
                assertEquals(i * 8L, memory.allocateSlot(1));
            }
            // The next CPU's stride begins on the next page, which no line and no pair of lines of this one reaches.
            assertEquals(81_920, memory.stride);
        }
    }

    @Test
    void memoryThatIsNotClosedIsUnmappedWithItsOwner() throws Exception {
        if (!nativeAccess()) {
            return; // an array of the heap
        }
        long before = mappings();
        for (int i = 0; i < 200; i++) {
            PerCpuMemory.allocate(4096).add(0, 1);
        }
        assertFalse(before == 0);
        while (mappings() > before + 50) { // until the test's time is over
            System.gc();
            Thread.sleep(20);
        }
    }

    /** Whether there is a native library, told by what the status says of the C library. */
    private static boolean nativeAccess() {
        return !Rseq.status().libc().equals("unknown");
    }

    private static long mappings() throws IOException {
        try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.count();
        }
    }

    interface Body {
        void run(int thread) throws Exception;
    }

    static void run(int count, Body body) throws InterruptedException {
        var failure = new AtomicReference<Throwable>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int thread = i;
            threads.add(TestThreads.start(() -> {
                try {
                    body.run(thread);
                } catch (Throwable e) {
                    failure.set(e);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }
}
