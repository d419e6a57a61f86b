// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.pools.PoolMisuse.Kind;
import org.rseq4j.stress.Allocated;

@EnabledForJreRange(min = JRE.JAVA_22)
@Tag("sequences")
class PerCpuBufferPoolTest {
    private static final int MEGABYTE = 1 << 20;

    @Test
    void handsOutTheNextPowerOfTwoAlignedToItself() {
        try (var pool = new PerCpuBufferPool()) {
            for (long bytes : new long[]{1, 255, 256, 257, 8191, 8192, 8193, MEGABYTE}) {
                MemorySegment segment = pool.acquire(bytes);
                long expected = Math.max(256, Long.highestOneBit(bytes - 1) * 2);
                assertEquals(expected, segment.byteSize(), "for " + bytes);
                assertEquals(0, segment.address() % expected);
                assertTrue(segment.isNative());
                segment.fill((byte) 1);
                pool.release(segment);
            }
        }
    }

    @Test
    void statisticsBelongTogetherWhileSpansGoBack() throws Exception {
        try (var pool = new PerCpuBufferPool()) {
            for (int round = 0; round < 200; round++) {
                for (int bytes : new int[]{512, 8192, 65_536}) {
                    pool.release(pool.acquire(bytes));
                }
                pool.trim(); // it was used before
                var trimmer = new Thread(pool::trim);
                trimmer.start();
                do {
                    BufferPoolStatistics statistics = pool.statistics();
                    assertEquals(statistics.spanBytes(), statistics.freeBytes());
                } while (trimmer.isAlive());
                trimmer.join();
            }
            assumeTrue(pool.statistics().spansGivenBack() > 0, "needs membarrier");
        }
    }

    @Test
    void aPairAllocatesNothing() throws Exception {
        try (var pool = new PerCpuBufferPool()) {
            long bytes = Allocated.by(20_000, () -> {
                MemorySegment one = pool.acquire(8_000);
                MemorySegment two = pool.acquire(300);
                pool.release(one);
                pool.release(two);
            });
            assertTrue(bytes < 20_000, () -> bytes + " bytes in 20,000 rounds");
        }
    }

    /** Nothing where C2 has compiled it; before, the segment by which the JDK tells a buffer's address. */
    @Test
    void aPairOfByteBuffersAllocatesASegmentAtMost() throws Exception {
        try (var pool = new PerCpuBufferPool()) {
            long bytes = Allocated.by(20_000, () -> pool.release(pool.acquireByteBuffer(300)));
            assertTrue(bytes < 20_000 * 48, () -> bytes + " bytes in 20,000 rounds");
        }
    }

    @Test
    void nothingIsAllocatedBeyondTheBound() throws Exception {
        try (var pool = PerCpuBufferPool.builder().maxBytes(Span.BYTES).build()) {
            List<MemorySegment> all = new ArrayList<>();
            for (int i = 0; i < Span.BYTES / 1024 + 10; i++) {
                all.add(pool.acquire(1024));
            }
            long bytes = Allocated.by(20_000, () -> pool.release(pool.acquire(1024)));
            assertTrue(bytes < 20_000, () -> bytes + " bytes in 20,000 rounds");
            all.forEach(pool::release);
        }
    }

    @Test
    void usesTheSameMemoryAgain() {
        try (var pool = new PerCpuBufferPool()) {
            for (int i = 0; i < 10_000; i++) {
                MemorySegment segment = pool.acquire(8192);
                assertEquals(8192, segment.byteSize());
                pool.release(segment);
            }
            assertEquals(Span.BYTES, pool.statistics().spanBytes());
            assertEquals(Span.BYTES, pool.statistics().freeBytes());
        }
    }

    @Test
    void noTwoBuffersOverlap() {
        try (var pool = PerCpuBufferPool.builder().maxBytes(64 * MEGABYTE).build()) {
            for (int round = 0; round < 3; round++) {
                List<MemorySegment> held = new ArrayList<>();
                for (int i = 0; i < 3000; i++) {
                    MemorySegment segment = pool.acquire(1L << 8 + i % 8);
                    segment.fill((byte) i);
                    held.add(segment);
                }
                for (int i = 0; i < held.size(); i++) {
                    assertEquals((byte) i, held.get(i).get(ValueLayout.JAVA_BYTE, 0));
                    assertEquals((byte) i, held.get(i).get(ValueLayout.JAVA_BYTE, held.get(i).byteSize() - 1));
                }
                List<MemorySegment> sorted = new ArrayList<>(held);
                sorted.sort(Comparator.comparingLong(MemorySegment::address));
                for (int i = 1; i < sorted.size(); i++) {
                    assertTrue(
                            sorted.get(i - 1).address() + sorted.get(i - 1).byteSize() <= sorted.get(i).address());
                }
                held.forEach(pool::release);
                assertEquals(pool.statistics().spanBytes(), pool.statistics().freeBytes());
            }
            assertEquals(0, pool.statistics().unpooled());
        }
    }

    @Test
    void takesNoMoreThanTheBoundAndFreesWhatIsBeyond() {
        try (var pool = PerCpuBufferPool.builder().maxBytes(4 * MEGABYTE).build()) {
            for (int round = 1; round <= 3; round++) {
                List<MemorySegment> held = new ArrayList<>();
                for (int i = 0; i < 100; i++) {
                    MemorySegment segment = pool.acquire(65_536);
                    segment.fill((byte) i);
                    held.add(segment);
                }
                assertEquals(4 * MEGABYTE, pool.statistics().spanBytes());
                assertEquals(0, pool.statistics().freeBytes());
                assertEquals(36L * round, pool.statistics().unpooled());
                assertEquals(4 * MEGABYTE, pool.statistics().unpooledBytes());
                held.forEach(pool::release);
                assertEquals(4 * MEGABYTE, pool.statistics().freeBytes());
                assertEquals(Span.BYTES, pool.statistics().unpooledBytes(), "one waits for the next");
            }
            pool.trim();
            assertEquals(0, pool.statistics().unpooledBytes());
        }
    }

    @Test
    void memoryMovesBetweenSizesWithoutTrim() {
        assumeTrue(canGather(), "the stacks of other CPUs cannot be seen");
        try (var pool = PerCpuBufferPool.builder().maxBytes(4 * MEGABYTE).build()) {
            for (int bytes : new int[]{4096, 8192, MEGABYTE, 256, 65_536, 4096}) {
                List<MemorySegment> held = new ArrayList<>();
                for (int i = 0; i < 4 * MEGABYTE / bytes; i++) {
                    held.add(pool.acquire(bytes));
                }
                assertEquals(0, pool.statistics().unpooled(), () -> "for " + bytes + ": " + pool);
                held.forEach(pool::release);
            }
        }
    }

    @Test
    void buffersBeyondTheBoundAreAlignedToTheirSize() {
        try (var pool = PerCpuBufferPool.builder().maxBytes(2 * MEGABYTE).largest(65_536).build()) {
            List<MemorySegment> held = new ArrayList<>();
            for (int i = 0; i < 600; i++) {
                int bytes = 1 << 8 + i % 15;
                MemorySegment segment = pool.acquire(bytes);
                assertEquals(0, segment.address() % Math.min(bytes, Span.BYTES), "of " + bytes);
                assertEquals(bytes, segment.byteSize());
                segment.set(ValueLayout.JAVA_BYTE, bytes - 1, (byte) 1);
                held.add(segment);
            }
            held.forEach(pool::release);
        }
    }

    @Test
    void pagesOfALargeBufferGoBackWithItsRelease() throws IOException {
        assumeTrue(Mapping.isNative() && Files.exists(STATUS), "needs the native library and Linux");
        try (var pool = new PerCpuBufferPool()) {
            for (int i = 0; i < 20; i++) {
                MemorySegment segment = pool.acquire(64L * MEGABYTE - i);
                segment.fill((byte) 1);
                pool.release(segment);
            }
            assertEquals(0, pool.statistics().unpooledBytes());
            MemorySegment segment = pool.acquire(64L * MEGABYTE);
            assertEquals(0, segment.get(ValueLayout.JAVA_BYTE, 0), "the same addresses, with pages of their own");
            pool.release(segment);
        }
    }

    @Test
    void nothingStaysMappedWhenPoolAndBuffersAreUnreachable() throws Exception {
        assumeTrue(Files.exists(STATUS), "needs Linux");
        assumeTrue(Mapping.isNative(), "without the native library malloc keeps addresses of what was freed");
        long before = virtualBytes();
        for (int i = 0; i < 40; i++) {
            dropBuffersInUse();
        }
        while (virtualBytes() > before + 512L * MEGABYTE) { // of 3 GiB
            System.gc();
            Thread.sleep(1);
        }
    }

    private static void dropBuffersInUse() {
        var pool = PerCpuBufferPool.builder().maxBytes(2 * MEGABYTE).build();
        for (int i = 0; i < 8; i++) {
            pool.acquire(MEGABYTE).set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
            pool.acquire(4 * MEGABYTE).set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
        }
    }

    private static final Path STATUS = Path.of("/proc/self/status");

    private static long virtualBytes() throws IOException {
        try (Stream<String> lines = Files.lines(STATUS)) {
            return lines.filter(line -> line.startsWith("VmSize:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).findAny().orElseThrow() << 10;
        }
    }

    @Test
    void aByteBufferThatCannotBeIsRefused() {
        try (var pool = new PerCpuBufferPool()) {
            for (int bytes : new int[]{Integer.MAX_VALUE, Integer.MAX_VALUE - 7}) {
                assertThrows(IllegalArgumentException.class, () -> pool.acquireByteBuffer(bytes));
            }
            assertEquals(0, pool.statistics().unpooledBytes());
            assertThrows(OutOfMemoryError.class, () -> pool.acquire(Long.MAX_VALUE));
            assertEquals(0, pool.statistics().unpooledBytes());
        }
    }

    @Test
    void anIdleAgeOfMoreThanAllTimeNeverComes() {
        try (var pool = PerCpuBufferPool.builder().maxIdleAge(Duration.ofSeconds(Long.MAX_VALUE)).build()) {
            pool.release(pool.acquire(8192));
            assertEquals(Span.BYTES, pool.statistics().spanBytes());
        }
        var builder = PerCpuBufferPool.builder();
        assertThrows(IllegalArgumentException.class, () -> builder.maxIdleAge(Duration.ofSeconds(Long.MIN_VALUE)));
    }

    @Test
    void atTheBoundASizeGetsWhatAnotherDoesNotUse() {
        try (var pool = PerCpuBufferPool.builder().maxBytes(4 * MEGABYTE).bytesPerCpu(1).build()) {
            List<MemorySegment> held = new ArrayList<>();
            for (int i = 0; i < 4096; i++) {
                held.add(pool.acquire(1024));
            }
            held.forEach(pool::release);
            held.clear();
            assertEquals(4 * MEGABYTE, pool.statistics().spanBytes());
            pool.trim();
            pool.trim(); // the stacks, too
            for (int i = 0; i < 4; i++) {
                held.add(pool.acquire(MEGABYTE));
            }
            assumeTrue(canGather(), "the stacks of other CPUs cannot be seen");
            assertEquals(0, pool.statistics().unpooled());
            held.forEach(pool::release);
        }
    }

    /** Without the system call, what this thread left on another CPU's stack stays there. */
    private static boolean canGather() {
        try {
            RestartableSequences.fenceAll();
            return true;
        } catch (UnsupportedOperationException e) {
            return false;
        }
    }

    @Test
    void whatIsTooLargeIsNotPooled() {
        try (var pool = new PerCpuBufferPool()) {
            MemorySegment segment = pool.acquire(3 * MEGABYTE);
            assertEquals(3 * MEGABYTE, segment.byteSize());
            assertEquals(1, pool.statistics().unpooled());
            assertEquals(0, pool.statistics().spanBytes());
            assertTrue(pool.statistics().unpooledBytes() >= 3 * MEGABYTE);
            pool.release(segment);
            assertEquals(0, pool.statistics().unpooledBytes());
            assertThrows(IllegalArgumentException.class, () -> pool.release(segment));
        }
    }

    @Test
    void handsOutByteBuffers() {
        try (var pool = new PerCpuBufferPool()) {
            for (int i = 0; i < 1000; i++) {
                ByteBuffer buffer = pool.acquireByteBuffer(5000);
                assertTrue(buffer.isDirect());
                assertEquals(0, buffer.position());
                assertEquals(8192, buffer.limit());
                assertEquals(8192, buffer.capacity());
                assertEquals(ByteOrder.BIG_ENDIAN, buffer.order());
                buffer.order(ByteOrder.LITTLE_ENDIAN).position(i % 8193).limit(8192).mark();
                pool.release(i % 3 == 0 ? buffer.duplicate() : i % 3 == 1 ? buffer.asReadOnlyBuffer() : buffer);
            }
            assertEquals(Span.BYTES, pool.statistics().spanBytes());
            assertEquals(Span.BYTES, pool.statistics().freeBytes());
            ByteBuffer large = pool.acquireByteBuffer(3 * MEGABYTE);
            large.put(7, (byte) 7);
            pool.release(large);
            assertThrows(IllegalArgumentException.class, () -> pool.release(large));
        }
    }

    @Test
    void refusesWhatIsNotItsBuffer() {
        try (var pool = new PerCpuBufferPool(); Arena arena = Arena.ofConfined()) {
            MemorySegment own = pool.acquire(4096);
            ByteBuffer heap = ByteBuffer.allocate(100).position(5);
            for (MemorySegment foreign : List.of(own.asSlice(64), MemorySegment.NULL,
                    MemorySegment.ofArray(new long[4]),
                    arena.allocate(4096, 4096))) {
                assertThrows(IllegalArgumentException.class, () -> pool.release(foreign));
            }
            assertThrows(IllegalArgumentException.class, () -> pool.release(heap));
            assertEquals(5, heap.position());
            assertThrows(IllegalArgumentException.class,
                    () -> pool.release(own.asByteBuffer().position(8).slice()));
            assertThrows(NullPointerException.class, () -> pool.release((MemorySegment) null));
            assertThrows(NullPointerException.class, () -> pool.release((ByteBuffer) null));
            pool.release(own.asSlice(0, 10));
            assertEquals(Span.BYTES, pool.statistics().freeBytes());
        }
    }

    @Test
    void refusesSizesOutOfRange() {
        var builder = PerCpuBufferPool.builder();
        for (int size : new int[]{0, -1, 32, 100, 4 * MEGABYTE, Integer.MIN_VALUE}) {
            assertThrows(IllegalArgumentException.class, () -> builder.smallest(size), "" + size);
            assertThrows(IllegalArgumentException.class, () -> builder.largest(size), "" + size);
        }
        assertThrows(IllegalArgumentException.class, () -> builder.maxBytes(2 * MEGABYTE - 1));
        assertThrows(IllegalArgumentException.class, () -> builder.bytesPerCpu(0));
        assertThrows(IllegalArgumentException.class, () -> builder.maxIdleAge(Duration.ZERO));
        assertThrows(IllegalArgumentException.class, () -> builder.smallest(512).largest(256).build());
        try (var pool = new PerCpuBufferPool()) {
            for (int bytes : new int[]{0, -1, Integer.MIN_VALUE}) {
                assertThrows(IllegalArgumentException.class, () -> pool.acquire(bytes));
                assertThrows(IllegalArgumentException.class, () -> pool.acquireByteBuffer(bytes));
            }
        }
    }

    @Test
    void givesFreeSpansBackWhenTheyAreIdle() {
        assumeTrue(canGather(), "the stacks of other CPUs cannot be seen");
        try (var pool = PerCpuBufferPool.builder().build()) {
            List<MemorySegment> held = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                held.add(pool.acquire(8192));
                held.getLast().fill((byte) 1);
            }
            MemorySegment last = held.removeLast();
            held.forEach(pool::release);
            // A thread that is moved leaves part of a batch in the stack of the CPU that it was on.
            long spans = pool.statistics().spanBytes();
            assertTrue(spans >= 8 * MEGABYTE && spans <= 8 * MEGABYTE + Rseq.cpuCount() * Span.BYTES,
                    () -> spans + " bytes of spans");
            pool.trim(); // it was used before
            assertEquals(spans, pool.statistics().spanBytes());
            pool.trim();
            assertEquals(Span.BYTES, pool.statistics().spanBytes()); // the last one's
            assertEquals(Span.BYTES - 8192, pool.statistics().freeBytes());
            pool.release(last);
            pool.trim();
            assertEquals(0, pool.statistics().spanBytes());
            assertEquals(spans / Span.BYTES, pool.statistics().spansGivenBack());
            MemorySegment fresh = pool.acquire(8192);
            if (Mapping.isNative()) {
                assertEquals(-1, fresh.mismatch(MemorySegment.ofArray(new byte[8192])));
            }
            pool.release(fresh);
        }
    }

    @Test
    void givesIdleMemoryBackByItself() throws InterruptedException {
        assumeTrue(canGather(), "the stacks of other CPUs cannot be seen");
        try (var pool = PerCpuBufferPool.builder().maxIdleAge(Duration.ofMillis(5)).build()) {
            pool.release(pool.acquire(8192));
            while (pool.statistics().spanBytes() > 0) {
                Thread.sleep(1);
            }
        }
    }

    @Test
    void buffersInUseStayValidWhenThePoolIsClosed() {
        var pool = PerCpuBufferPool.builder().build();
        MemorySegment held = pool.acquire(8192);
        MemorySegment large = pool.acquire(3 * MEGABYTE);
        pool.release(pool.acquire(8192));
        held.fill((byte) 42);
        pool.close();
        pool.close();
        assertThrows(IllegalStateException.class, () -> pool.acquire(8192));
        assertThrows(IllegalStateException.class, () -> pool.acquire(3 * MEGABYTE));
        assertThrows(IllegalStateException.class, () -> pool.acquireByteBuffer(8192));
        for (int i = 0; i < 3; i++) {
            System.gc();
            assertEquals(42, held.get(ValueLayout.JAVA_BYTE, 8191));
        }
        pool.release(held);
        pool.release(large);
        assertEquals(0, pool.statistics().unpooledBytes());
        pool.trim();
        assertEquals(0, pool.statistics().freeBytes());
    }

    @Test
    void aSecondReleaseDoesNotEndTheLoanOfTheNextOwner() {
        var found = new ConcurrentLinkedQueue<PoolMisuse>();
        try (var pool = PerCpuBufferPool.builder().detectMisuse(found::add).build()) {
            MemorySegment first = pool.acquire(8192);
            pool.release(first);
            MemorySegment second = pool.acquire(8192);
            assumeTrue(first.address() == second.address(), "another block, as where each loan has memory of its own");
            assertThrows(IllegalStateException.class, () -> pool.release(first));
            assertEquals(Kind.RELEASED_TWICE, found.remove().kind());
            second.fill((byte) 1);
            pool.release(second);
            assertNull(found.poll());
        }
    }

    @Test
    @SuppressWarnings("restricted")
    void everyAccessAfterTheReleaseThrowsWhenMisuseIsLookedFor() {
        var found = new ConcurrentLinkedQueue<PoolMisuse>();
        try (var pool = PerCpuBufferPool.builder().detectMisuse(found::add).build()) {
            MemorySegment segment = pool.acquire(8192);
            assertEquals(8192, segment.byteSize());
            MemorySegment slice = segment.asSlice(100, 100);
            segment.fill((byte) 1);
            pool.release(segment);
            assertThrows(IllegalStateException.class, () -> segment.get(ValueLayout.JAVA_BYTE, 0));
            assertThrows(IllegalStateException.class, () -> slice.fill((byte) 0));
            assertThrows(IllegalStateException.class, () -> pool.release(segment));
            assertEquals(Kind.RELEASED_TWICE, found.remove().kind());
            if (Mapping.isNative()) { // somebody else's segment at the same place
                assertThrows(IllegalArgumentException.class,
                        () -> pool.release(MemorySegment.ofAddress(segment.address()).reinterpret(8192)));
                assertEquals(Kind.FOREIGN, found.remove().kind());
            }
            ByteBuffer buffer = pool.acquireByteBuffer(8192);
            ByteBuffer view = buffer.slice(1, 5);
            buffer.put(0, (byte) 1);
            pool.release(buffer);
            assertThrows(IllegalStateException.class, () -> view.get(0));
            assertThrows(IllegalArgumentException.class, () -> pool.release(ByteBuffer.allocateDirect(8192)));
            assertEquals(Kind.FOREIGN, found.remove().kind());
            MemorySegment large = pool.acquire(3 * MEGABYTE);
            pool.release(large);
            assertThrows(IllegalStateException.class, () -> large.get(ValueLayout.JAVA_BYTE, 0));
            assertTrue(found.isEmpty());
            assertEquals(Mapping.isNative() ? Span.BYTES : 0, pool.statistics().freeBytes());
        }
    }

    @Test
    @SuppressWarnings("restricted")
    void aWriteByNativeCodeAfterTheReleaseIsFound() {
        assumeTrue(Mapping.isNative(), "without the native library each buffer has memory of its own here");
        var found = new ConcurrentLinkedQueue<PoolMisuse>();
        try (var pool = PerCpuBufferPool.builder().detectMisuse(found::add).build()) {
            MemorySegment segment = pool.acquire(8192);
            long address = segment.address();
            pool.release(segment);
            MemorySegment.ofAddress(address).reinterpret(8192).set(ValueLayout.JAVA_BYTE, 4711, (byte) 0);
            Set<Long> held = new HashSet<>();
            List<MemorySegment> all = new ArrayList<>();
            do {
                all.add(pool.acquire(8192));
                held.add(all.getLast().address());
            } while (!held.contains(address) && held.size() < 1000);
            assertEquals(1, found.size());
            assertEquals(Kind.USED_AFTER_RELEASE, found.peek().kind());
            assertTrue(found.peek().object().contains("4711"), found.peek().object());
            assertNotEquals(null, found.peek().acquired());
            all.forEach(pool::release);
        }
    }

    @Test
    void aLeakIsFoundWithTheStackOfTheAcquire() throws InterruptedException {
        var found = new ConcurrentLinkedQueue<PoolMisuse>();
        try (var pool = PerCpuBufferPool.builder().detectMisuse(found::add).build()) {
            leak(pool);
            ByteBuffer kept = pool.acquireByteBuffer(256);
            while (found.isEmpty()) {
                System.gc();
                Thread.sleep(1);
                pool.release(pool.acquire(256));
            }
            assertEquals(1, found.size());
            assertEquals(Kind.LEAKED, found.peek().kind());
            assertTrue(List.of(found.peek().acquired().getStackTrace()).stream()
                    .anyMatch(frame -> frame.getMethodName().equals("leak")));
            Reference.reachabilityFence(kept);
            pool.release(kept);
        }
    }

    private static void leak(PerCpuBufferPool pool) {
        pool.acquire(8192).fill((byte) 0);
    }
}
