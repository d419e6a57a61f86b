// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.internal.memory.OwnerOnly;
import org.rseq4j.stress.TestThreads;

/** Files that are not as the library made them, or do not stay so. */
class MemoryFileTest {
    private static final int PAGE = 4096;
    private static final int STRIDES_AT = 12;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"auto, -Xmixed", "own, -Xmixed", "none, -Xmixed", "auto, -Xint", "none, -Xint"})
    @Tag("jvm")
    @EnabledForJreRange(min = JRE.JAVA_22, disabledReason = "before Java 22 it may cost the process")
    void aFileThatSomebodyTruncatesCostsAnErrorAndNotTheProcess(String registration, String mode) throws Exception {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-Drseq4j.registration=" + registration, mode,
                "-cp", System.getProperty("java.class.path"), Truncated.class.getName(),
                folder.resolve("words").toString(), mode.equals("-Xint") ? "20" : "3000") // so that some is compiled
                .redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        assertTrue(said.contains(" faults, alive") && !said.contains("\n0 faults") && !said.startsWith("0 faults"),
                said);
    }

    @Test
    void aSparseFileGetsItsBlocksWhenItIsMapped() throws Exception {
        Path file = folder.resolve("words");
        try (var memory = PerCpuMemory.map(file, 1 << 16)) {
            memory.add(8, 5);
        }
        // As a backup restores it: what is zero is a hole.
        Path restored = folder.resolve("restored");
        assertEquals(0, run("cp", "--sparse=always", file.toString(), restored.toString()));
        long size = Files.size(file);
        assumeTrue(blocks(restored) * 512 < size, "needs a file system with sparse files");
        try (var memory = PerCpuMemory.map(restored, 1 << 16)) {
            assertEquals(5, memory.sum(8));
            assertTrue(blocks(restored) * 512 >= size, "blocks are missing still");
        }
    }

    /** bin/fault-matrix mounts a small file system for it. */
    @Test
    void aSparseFileOnAFullDiskIsRefused() throws Exception {
        String small = System.getProperty("rseq4j.test.smallDisk");
        assumeTrue(small != null, "needs a small file system of its own, named by rseq4j.test.smallDisk");
        Path file = folder.resolve("words");
        PerCpuMemory.map(file, 1 << 16).close();
        Path sparse = Path.of(small, "sparse");
        Path fill = Path.of(small, "fill");
        try {
            assertEquals(0, run("cp", "--sparse=always", file.toString(), sparse.toString()));
            assertThrows(IOException.class, () -> {
                try (FileChannel channel = FileChannel.open(fill, StandardOpenOption.WRITE,
                        StandardOpenOption.CREATE)) {
                    while (true) {
                        channel.write(ByteBuffer.allocate(PAGE));
                    }
                }
            });
            for (int i = 0; i < 3; i++) {
                var refused = assertThrows(IOException.class, () -> PerCpuMemory.map(sparse, 1 << 16));
                assertTrue(refused.getMessage().contains(" fewer blocks than bytes, and the disk "),
                        refused.getMessage());
            }
            Files.delete(fill);
            PerCpuMemory.map(sparse, 1 << 16).close();
        } finally {
            Files.deleteIfExists(sparse);
            Files.deleteIfExists(fill);
        }
    }

    private static int run(String... command) throws Exception {
        return new ProcessBuilder(command).inheritIO().start().waitFor();
    }

    private static long blocks(Path file) throws IOException {
        Process process = new ProcessBuilder("stat", "-c", "%b", file.toString()).start();
        return Long.parseLong(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).trim());
    }

    /** Made on another machine, or in a container that sees another number of CPUs. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 70})
    void aFileSaysItselfHowManyStridesItHas(int strides) throws IOException {
        Path file = folder.resolve("words");
        PerCpuMemory.map(file, PAGE).close();
        resize(file, strides, (strides + 1L) * PAGE);
        try (var memory = PerCpuMemory.map(file, PAGE)) {
            assertEquals(strides, memory.strideCount());
            for (var sequences : new RestartableSequences[]{RestartableSequences.byCpu(),
                    RestartableSequences.byConcurrencyId()}) {
                int cpu = sequences.add(memory, 0, 1);
                assertTrue(cpu >= 0 && cpu < strides);
                sequences.push(memory, 64, 8, 9);
            }
            memory.add(0, 1);
            assertEquals(3, memory.sum(0));
            long[] left = {0};
            for (int cpu = 0; cpu < strides; cpu++) {
                RestartableSequences.byCpu().drain(memory, cpu, 64, 8, word -> left[0] += word);
            }
            assertEquals(18, left[0]);
            assertThrows(IndexOutOfBoundsException.class, () -> memory.get(strides, 0));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, -1, Integer.MIN_VALUE, 1 << 20, Integer.MAX_VALUE})
    void aNumberOfStridesThatCannotBeIsRefused(int strides) throws IOException {
        Path file = folder.resolve("words");
        PerCpuMemory.map(file, PAGE).close();
        resize(file, strides, Files.size(file));
        assertThrows(IOException.class, () -> PerCpuMemory.map(file, PAGE));
    }

    private static void resize(Path file, int strides, long size) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(strides).flip(), STRIDES_AT);
            channel.truncate(size);
            if (channel.size() < size) {
                channel.write(ByteBuffer.allocate(1), size - 1);
            }
        }
    }

    @Test
    void oneFileThatIsWaitedForHoldsUpNoOther() throws Exception {
        Path busy = folder.resolve("busy");
        try (FileChannel channel = FileChannel.open(busy, StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
            channel.lock();
            var begun = new CountDownLatch(1);
            Thread waiter = TestThreads.start(() -> {
                begun.countDown();
                assertThrows(IOException.class, () -> PerCpuMemory.map(busy, PAGE));
            });
            begun.await();
            while (waiter.getState() != Thread.State.TIMED_WAITING && waiter.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
            PerCpuMemory.map(folder.resolve("other"), PAGE).close(); // or never
            waiter.interrupt();
            waiter.join();
        }
    }

    /** An interrupt closes the channel that the file is written by. */
    @Test
    void aFileWhoseMakingWasInterruptedIsMadeAnew() throws Exception {
        Path file = folder.resolve("words");
        long bytes = 1 << 25;
        boolean interrupted = false;
        for (int i = 0; i < 50 && !interrupted; i++) {
            Files.deleteIfExists(file);
            var making = new FutureTask<Object>(() -> {
                PerCpuMemory.map(file, bytes).close();
                return null;
            });
            Thread maker = TestThreads.start(making);
            while (!making.isDone() && (!Files.exists(file) || Files.size(file) <= PAGE)) {
                Thread.onSpinWait();
            }
            maker.interrupt();
            maker.join();
            try {
                making.get();
            } catch (ExecutionException e) {
                assertEquals(ClosedByInterruptException.class, e.getCause().getClass());
                interrupted = Files.size(file) > 0;
            }
        }
        assertTrue(interrupted, "each was made before the interrupt came");
        try (var memory = PerCpuMemory.map(file, PAGE)) { // also another size
            memory.add(8, 5);
        }
        try (var memory = PerCpuMemory.map(file, PAGE)) {
            assertEquals(5, memory.sum(8));
        }
    }

    @Test
    void permissionsAreAskedForOnlyWhereThereAre() throws IOException {
        try (FileSystem zip = FileSystems.newFileSystem(folder.resolve("some.zip"), Map.of("create", "true"))) {
            Path inside = zip.getPath("/words");
            assertEquals(0, OwnerOnly.attributes(inside).length);
            Files.createFile(inside, OwnerOnly.attributes(inside));
        }
        Path file = folder.resolve("words");
        assumeTrue(Files.getFileStore(folder).supportsFileAttributeView("posix"));
        PerCpuMemory.map(file, PAGE).close();
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    }

    /** Each takes a large part of all addresses; nobody refers to the ones that are closed. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void addressesOfClosedMemoryAreUsedAgain(boolean isInterrupted) {
        assumeAddressesAreReserved();
        try {
            for (int i = 0; i < 12; i++) {
                if (isInterrupted) {
                    Thread.currentThread().interrupt();
                }
                useAndClose();
                assertEquals(isInterrupted, Thread.currentThread().isInterrupted());
            }
        } finally {
            Thread.interrupted();
        }
    }

    /** As on a machine that has more to do than it can: what frees memory is a thread of the JDK's. */
    @Test
    void addressesOfClosedMemoryAreAwaitedWhileTheCleanerIsBusy() throws InterruptedException {
        assumeAddressesAreReserved();
        useAndClose();
        useAndClose();
        useAndClose();
        var isBusy = new CountDownLatch(1);
        BusyCleaner.start(isBusy);
        System.gc();
        assertTrue(isBusy.await(60, TimeUnit.SECONDS));
        for (int i = 0; i < 6; i++) {
            useAndClose();
        }
    }

    private static void assumeAddressesAreReserved() {
        assumeTrue(!Rseq.status().libc().equals("unknown"), "needs memory outside of the heap");
        assumeTrue(Runtime.version().feature() >= 22,
                "before Java 22 reservations are bounded by the machine's memory");
    }

    private static void useAndClose() {
        long large = (1L << 45) / (Rseq.cpuCount() + 1) & -PAGE;
        try (var memory = PerCpuMemory.allocate(large)) {
            memory.add(0, 1);
        }
    }

    /** A class of its own, as Java 17 has no such method to look at. */
    private static final class BusyCleaner {
        @SuppressWarnings("restricted") // its cleanup is what this is about
        static void start(CountDownLatch isBusy) {
            MemorySegment.ofAddress(1 << 20).reinterpret(8, Arena.ofAuto(), segment -> {
                isBusy.countDown();
                try {
                    Thread.sleep(1_500);
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
        }
    }
}
