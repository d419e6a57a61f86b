// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.RestartableSequences;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.View;
import org.rseq4j.pools.PoolMisuse.Kind;

/** The pool by the buffers that each version of Java has; memory segments are in {@link PerCpuBufferPoolTest}. */
@Tag("sequences")
class PerCpuBufferPoolByteBuffersTest {
    private static final int MEGABYTE = 1 << 20;
    private static final int BYTES = 8192;

    private final ConcurrentLinkedQueue<PoolMisuse> found = new ConcurrentLinkedQueue<>();

    private PerCpuBufferPool watched() {
        return PerCpuBufferPool.builder().detectMisuse(found::add).build();
    }

    /** Whether the JDK itself refuses what comes after a release. */
    private static boolean refusesAccess() {
        return Runtime.version().feature() >= 22;
    }

    private static void fill(ByteBuffer buffer, int value) {
        for (int i = 0; i < buffer.capacity(); i++) {
            buffer.put(i, (byte) value);
        }
    }

    @Test
    void handsOutTheNextPowerOfTwoAlignedToItself() {
        try (var pool = new PerCpuBufferPool()) {
            for (int bytes : new int[]{1, 255, 256, 257, 8191, 8192, 8193, MEGABYTE}) {
                ByteBuffer buffer = pool.acquireByteBuffer(bytes);
                int expected = Math.max(256, Integer.highestOneBit(bytes - 1) * 2);
                assertEquals(expected, buffer.capacity(), "for " + bytes);
                assertEquals(0, View.address(buffer) % expected);
                fill(buffer, 1);
                pool.release(buffer);
            }
        }
    }

    @Test
    void isAlignedWhereverItComesFrom() {
        var plain = PerCpuBufferPool.builder().maxBytes(2 * MEGABYTE).largest(65_536);
        var watched = PerCpuBufferPool.builder().maxBytes(2 * MEGABYTE).largest(65_536).detectMisuse(found::add);
        for (var builder : List.of(plain, watched)) {
            try (var pool = builder.build()) {
                List<ByteBuffer> held = new ArrayList<>();
                for (int i = 0; i < 4; i++) { // from the pool, beyond its bound, above its largest, above a span
                    for (int bytes : new int[]{1, 255, 4096, 5000, 65_536, 65_537, MEGABYTE, Span.BYTES,
                            Span.BYTES + 1, 5 * MEGABYTE - 1}) {
                        ByteBuffer buffer = pool.acquireByteBuffer(bytes);
                        int whole = bytes > Span.BYTES
                                ? Span.BYTES
                                : Math.max(256, bytes == 1 ? 1 : Integer.highestOneBit(bytes - 1) * 2);
                        assertEquals(0, View.address(buffer) % whole, "of " + bytes);
                        assertTrue(buffer.capacity() >= bytes);
                        held.add(buffer);
                    }
                }
                assertTrue(pool.statistics().unpooled() > 4 * 5);
                held.forEach(pool::release);
                assertEquals(List.of(), List.copyOf(found));
            }
        }
    }

    /** Else each acquire beyond the bound would look at the stacks and spans of all sizes, ten changes and more. */
    @Test
    void missesPayForLooksInVain() {
        try (var pool = PerCpuBufferPool.builder().maxBytes(2 * MEGABYTE).build()) {
            List<ByteBuffer> held = new ArrayList<>();
            for (int i = 0; i < 2 * MEGABYTE / BYTES; i++) {
                held.add(pool.acquireByteBuffer(BYTES));
            }
            for (int i = 0; i < 30_000; i++) { // there is an account to begin with
                pool.release(pool.acquireByteBuffer(BYTES));
            }
            int before = pool.spans.changes();
            for (int i = 0; i < 10_000; i++) {
                pool.release(pool.acquireByteBuffer(BYTES));
            }
            int changes = pool.spans.changes() - before;
            assertTrue(changes < 50_000, () -> changes + " changes");
            held.forEach(pool::release);
        }
    }

    @Test
    void noTwoBuffersOverlap() {
        try (var pool = PerCpuBufferPool.builder().maxBytes(64 * MEGABYTE).build()) {
            List<ByteBuffer> held = new ArrayList<>();
            for (int i = 0; i < 3000; i++) {
                ByteBuffer buffer = pool.acquireByteBuffer(1 << 8 + i % 8);
                fill(buffer, i);
                held.add(buffer);
            }
            for (int i = 0; i < held.size(); i++) {
                for (int at = 0; at < held.get(i).capacity(); at++) {
                    assertEquals((byte) i, held.get(i).get(at));
                }
            }
            held.forEach(pool::release);
            assertEquals(pool.statistics().spanBytes(), pool.statistics().freeBytes());
            assertEquals(0, pool.statistics().unpooled());
        }
    }

    @Test
    void takesNoMoreThanTheBoundAndFreesWhatIsBeyond() {
        try (var pool = PerCpuBufferPool.builder().maxBytes(4 * MEGABYTE).build()) {
            for (int round = 1; round <= 3; round++) {
                List<ByteBuffer> held = new ArrayList<>();
                for (int i = 0; i < 100; i++) {
                    ByteBuffer buffer = pool.acquireByteBuffer(65_536);
                    assertEquals(0, View.address(buffer) % 65_536);
                    buffer.put(65_535, (byte) i);
                    held.add(buffer);
                }
                assertEquals(4 * MEGABYTE, pool.statistics().spanBytes());
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
    void whatIsLargerThanASpanIsZeroedAndGoesBackWithItsRelease() {
        try (var pool = new PerCpuBufferPool()) {
            for (int i = 0; i < 4; i++) {
                ByteBuffer buffer = pool.acquireByteBuffer(3 * MEGABYTE);
                assertEquals(3 * MEGABYTE, buffer.capacity());
                if (Mapping.isNative()) {
                    assertEquals(0, buffer.get(3 * MEGABYTE - 1), "pages of its own");
                }
                fill(buffer, 1);
                pool.release(buffer);
                assertEquals(0, pool.statistics().unpooledBytes());
                assertThrows(IllegalArgumentException.class, () -> pool.release(buffer));
            }
        }
    }

    @Test
    void refusesWhatIsNotItsBuffer() {
        try (var pool = new PerCpuBufferPool()) {
            ByteBuffer own = pool.acquireByteBuffer(4096);
            for (ByteBuffer foreign : List.of(own.slice(64, 64), ByteBuffer.allocateDirect(4096),
                    ByteBuffer.allocate(100))) {
                foreign.position(5);
                assertThrows(IllegalArgumentException.class, () -> pool.release(foreign));
                assertEquals(5, foreign.position());
            }
            pool.release(own.slice(0, 10));
            assertEquals(Span.BYTES, pool.statistics().freeBytes());
        }
    }

    @Test
    void givesIdleMemoryBackByItself() throws InterruptedException {
        try {
            RestartableSequences.fenceAll();
        } catch (UnsupportedOperationException e) {
            assumeTrue(false, "the stacks of other CPUs cannot be seen");
        }
        try (var pool = PerCpuBufferPool.builder().maxIdleAge(Duration.ofMillis(5)).build()) {
            pool.release(pool.acquireByteBuffer(BYTES));
            while (pool.statistics().spanBytes() > 0) {
                Thread.sleep(1);
            }
            ByteBuffer fresh = pool.acquireByteBuffer(BYTES);
            fill(fresh, 1);
            pool.release(fresh);
        }
    }

    @Test
    void buffersInUseStayValidWhenThePoolIsClosed() {
        var pool = new PerCpuBufferPool();
        ByteBuffer held = pool.acquireByteBuffer(BYTES);
        ByteBuffer large = pool.acquireByteBuffer(3 * MEGABYTE);
        fill(held, 42);
        pool.close();
        assertThrows(IllegalStateException.class, () -> pool.acquireByteBuffer(BYTES));
        for (int i = 0; i < 3; i++) {
            System.gc();
            assertEquals(42, held.get(BYTES - 1));
        }
        pool.release(held);
        pool.release(large);
        assertEquals(0, pool.statistics().unpooledBytes());
        pool.trim();
        assertEquals(0, pool.statistics().freeBytes());
    }

    @Test
    void aSliceKeepsTheMemoryWhenPoolAndBufferAreUnreachable() {
        List<ByteBuffer> slices = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            ByteBuffer buffer = PerCpuBufferPool.builder().hugePages(false).build().acquireByteBuffer(BYTES);
            fill(buffer, i);
            slices.add(buffer.slice(100, 8));
        }
        for (int i = 0; i < 3; i++) {
            System.gc();
            new PerCpuBufferPool().acquireByteBuffer(MEGABYTE).put(0, (byte) 1); // may be where something was unmapped
        }
        for (int i = 0; i < slices.size(); i++) {
            assertEquals((byte) i, slices.get(i).get(7));
        }
    }

    @Test
    void aSecondReleaseIsRefusedWhenMisuseIsLookedFor() {
        try (var pool = watched()) {
            for (int bytes : new int[]{BYTES, 3 * MEGABYTE}) {
                ByteBuffer buffer = pool.acquireByteBuffer(bytes);
                pool.release(buffer);
                assertThrows(IllegalStateException.class, () -> pool.release(buffer));
                PoolMisuse misuse = found.remove();
                assertEquals(Kind.RELEASED_TWICE, misuse.kind());
                assertNotNull(misuse.acquired());
            }
            ByteBuffer next = pool.acquireByteBuffer(BYTES);
            fill(next, 1);
            pool.release(next);
            assertTrue(found.isEmpty(), found::toString);
        }
    }

    /** From Java 22 on; before, the buffers of two owners cannot be told apart. */
    @Test
    void aSecondReleaseDoesNotEndTheLoanOfTheNextOwner() {
        assumeTrue(refusesAccess(), "before Java 22 it is the next owner's");
        try (var pool = watched()) {
            ByteBuffer first = pool.acquireByteBuffer(BYTES);
            long address = View.address(first);
            pool.release(first);
            ByteBuffer second = pool.acquireByteBuffer(BYTES);
            assumeTrue(address == View.address(second), "another block, as where each loan has memory of its own");
            assertThrows(IllegalStateException.class, () -> pool.release(first));
            assertEquals(Kind.RELEASED_TWICE, found.remove().kind());
            second.put(0, (byte) 1);
            pool.release(second);
            assertNull(found.poll());
        }
    }

    @Test
    void whatIsNotThePoolsIsToldWhenMisuseIsLookedFor() {
        try (var pool = watched()) {
            ByteBuffer own = pool.acquireByteBuffer(BYTES);
            for (ByteBuffer foreign : List.of(ByteBuffer.allocateDirect(BYTES), ByteBuffer.allocate(8),
                    own.slice(64, 64))) {
                assertThrows(IllegalArgumentException.class, () -> pool.release(foreign));
                assertEquals(Kind.FOREIGN, found.remove().kind());
            }
            pool.release(own);
            assertTrue(found.isEmpty(), found::toString);
        }
    }

    /** By a buffer that was kept: from Java 22 on the access throws, before Java 22 the next acquire finds it. */
    @Test
    void aWriteAfterTheReleaseIsNoticed() {
        try (var pool = watched()) {
            ByteBuffer buffer = pool.acquireByteBuffer(BYTES);
            ByteBuffer slice = buffer.slice(4700, 100);
            long address = View.address(buffer);
            fill(buffer, 7);
            pool.release(buffer);
            if (refusesAccess()) {
                assertThrows(IllegalStateException.class, () -> slice.put(11, (byte) 0));
                assertThrows(IllegalStateException.class, () -> buffer.get(0));
                return;
            }
            assumeTrue(Mapping.isNative(), "without the native library each buffer has memory of its own here");
            slice.put(11, (byte) 0);
            Set<Long> seen = new HashSet<>();
            List<ByteBuffer> held = new ArrayList<>();
            do {
                held.add(pool.acquireByteBuffer(BYTES));
                seen.add(View.address(held.get(held.size() - 1)));
            } while (!seen.contains(address) && held.size() < 1000);
            assertEquals(1, found.size());
            PoolMisuse misuse = found.remove();
            assertEquals(Kind.USED_AFTER_RELEASE, misuse.kind());
            assertTrue(misuse.object().contains("4711"), misuse.object());
            assertNotNull(misuse.acquired());
            held.forEach(pool::release);
            assertTrue(found.isEmpty(), found::toString);
        }
    }

    @Test
    void whatIsInOrderIsNoMisuse() {
        try (var pool = watched()) {
            for (int i = 0; i < 200; i++) {
                ByteBuffer buffer = pool.acquireByteBuffer(1 << 8 + i % 14);
                fill(buffer, i);
                buffer.position(3);
                pool.release(i % 2 == 0 ? buffer : buffer.duplicate());
            }
            assertTrue(found.isEmpty(), found::toString);
            assertEquals(pool.statistics().spanBytes(), pool.statistics().freeBytes());
        }
    }

    @Test
    void aLeakIsFoundWithTheStackOfTheAcquire() throws InterruptedException {
        try (var pool = watched()) {
            leak(pool);
            ByteBuffer kept = pool.acquireByteBuffer(256);
            ByteBuffer keptToo = pool.acquireByteBuffer(BYTES);
            while (found.isEmpty()) {
                System.gc();
                Thread.sleep(1);
                pool.release(pool.acquireByteBuffer(256));
            }
            assertEquals(1, found.size());
            assertEquals(Kind.LEAKED, found.peek().kind());
            assertTrue(List.of(found.peek().acquired().getStackTrace()).stream()
                    .anyMatch(frame -> frame.getMethodName().equals("leak")));
            Reference.reachabilityFence(kept);
            Reference.reachabilityFence(keptToo);
            pool.release(kept);
            pool.release(keptToo);
        }
    }

    private static void leak(PerCpuBufferPool pool) {
        pool.acquireByteBuffer(BYTES).put(0, (byte) 1);
    }

    /** It has the pattern as far as its last loan was, or none any more. */
    @Test
    void memoryThatChangedItsSizeOrWasGivenBackIsNotTakenForMisused() {
        var found = new ConcurrentLinkedQueue<PoolMisuse>();
        try (var pool = PerCpuBufferPool.builder().maxBytes(2 << 20).detectMisuse(found::add).build()) {
            for (int round = 0; round < 3; round++) {
                for (int bytes : new int[]{256, 8192, 1 << 20, 4096, 512}) {
                    pool.release(pool.acquireByteBuffer(bytes));
                }
                pool.trim();
                pool.trim();
            }
            ByteBuffer first = pool.acquireByteBuffer(1 << 20);
            ByteBuffer second = pool.acquireByteBuffer(1 << 20);
            for (int i = 0; i < 6; i++) { // outside of the pool
                pool.release(pool.acquireByteBuffer(i % 2 == 0 ? 1024 : 2048));
                pool.trim();
            }
            pool.release(first);
            pool.release(second);
        }
        assertEquals(List.of(), List.copyOf(found));
    }
}
