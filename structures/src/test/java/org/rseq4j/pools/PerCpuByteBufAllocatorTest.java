// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.IllegalReferenceCountException;
import io.netty.util.ResourceLeakDetector;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.stress.TestThreads;

/** The contract of Netty's allocators, and that every block comes back. */
@Tag("sequences")
class PerCpuByteBufAllocatorTest {
    private final PerCpuBufferPool pool = PerCpuBufferPool.builder().build();
    private final PerCpuByteBufAllocator allocator = new PerCpuByteBufAllocator(pool);

    @AfterEach
    void everyBlockIsBack() {
        assertEquals(pool.statistics().spanBytes(), pool.statistics().freeBytes());
        assertEquals(0, allocator.metric().usedDirectMemory() - pool.statistics().unpooledBytes());
        pool.close();
    }

    @Test
    void directBuffersHaveTheCapacityThatWasAskedFor() {
        for (int capacity : new int[]{0, 1, 255, 256, 257, 5000, 1 << 20, 3 << 20}) {
            ByteBuf buffer = allocator.directBuffer(capacity, 1 << 24);
            assertTrue(buffer.isDirect());
            assertFalse(buffer.hasArray());
            assertEquals(capacity, buffer.capacity());
            assertEquals(1 << 24, buffer.maxCapacity());
            assertEquals(0, buffer.readerIndex());
            assertEquals(0, buffer.writerIndex());
            assertEquals(capacity, buffer.writableBytes());
            assertSame(allocator, buffer.alloc());
            assertThrows(IndexOutOfBoundsException.class, () -> buffer.getByte(capacity));
            assertEquals(1, buffer.refCnt());
            assertTrue(buffer.release());
            assertThrows(IllegalReferenceCountException.class, () -> buffer.writeByte(1));
            assertThrows(IllegalReferenceCountException.class, buffer::release);
        }
    }

    @Test
    void eachKindIsWhatItsNameSays() {
        assertTrue(allocator.isDirectBufferPooled());
        try (var all = new Released()) {
            assertTrue(all.of(allocator.buffer()).isDirect());
            assertEquals(256, all.of(allocator.buffer()).capacity());
            assertEquals(Integer.MAX_VALUE, all.of(allocator.buffer(1)).maxCapacity());
            assertTrue(all.of(allocator.ioBuffer(100)).isDirect());
            assertTrue(all.of(allocator.directBuffer()).isDirect());
            assertTrue(all.of(allocator.heapBuffer(100, 200)).hasArray());
            assertSame(allocator, all.of(allocator.heapBuffer()).alloc());
            assertTrue(all.of(allocator.compositeBuffer().addComponent(true, allocator.buffer(8).writeLong(7)))
                    .isDirect());
            assertFalse(all.of(allocator.compositeHeapBuffer(4)).isDirect());
            assertEquals(4, ((CompositeByteBuf) all.of(allocator.compositeDirectBuffer(4))).maxNumComponents());
        }
        assertThrows(IllegalArgumentException.class, () -> allocator.directBuffer(-1));
        assertThrows(IllegalArgumentException.class, () -> allocator.directBuffer(2, 1));
        assertEquals(64, allocator.calculateNewCapacity(1, 1000));
    }

    /** Buffers that are released in the end. */
    private static final class Released implements AutoCloseable {
        private final List<ByteBuf> buffers = new ArrayList<>();

        ByteBuf of(ByteBuf buffer) {
            buffers.add(buffer);
            return buffer;
        }

        @Override
        public void close() {
            buffers.forEach(ByteBuf::release);
        }
    }

    @Test
    void capacityGrowsUpToItsMaximumAndShrinks() {
        ByteBuf buffer = allocator.directBuffer(10, 10_000);
        for (int i = 0; i < 10_000; i++) {
            buffer.writeByte(i);
        }
        assertEquals(10_000, buffer.capacity());
        assertThrows(IndexOutOfBoundsException.class, () -> buffer.writeByte(0));
        assertThrows(IllegalArgumentException.class, () -> buffer.capacity(10_001));
        for (int i = 0; i < 10_000; i++) {
            assertEquals((byte) i, buffer.getByte(i));
        }
        buffer.capacity(100);
        assertEquals(100, buffer.writerIndex());
        assertEquals(99, buffer.getByte(99));
        assertSame(buffer, buffer.capacity(100));
        buffer.release();
    }

    @Test
    void theSameCallsGiveTheSameAsNettysOwn() {
        var random = new SplittableRandom(1);
        ByteBufAllocator other = new UnpooledByteBufAllocator(true);
        for (int round = 0; round < 200; round++) {
            int capacity = random.nextInt(600);
            ByteBuf ours = allocator.directBuffer(capacity);
            ByteBuf theirs = other.directBuffer(capacity);
            for (int i = 0; i < 50; i++) {
                long value = random.nextLong();
                int kind = random.nextInt(8);
                for (ByteBuf buffer : List.of(ours, theirs)) {
                    step(buffer, kind, value);
                }
                assertEquals(theirs, ours);
                assertEquals(theirs.capacity(), ours.capacity());
                assertEquals(ByteBufUtil.hexDump(theirs), ByteBufUtil.hexDump(ours));
            }
            ByteBuf copy = ours.copy();
            assertSame(allocator, copy.alloc());
            assertEquals(theirs, copy);
            copy.release();
            ours.release();
            theirs.release();
        }
    }

    private static void step(ByteBuf buffer, int kind, long value) {
        switch (kind) {
            case 0 -> buffer.writeLong(value);
            case 1 -> buffer.writeIntLE((int) value);
            case 2 -> buffer.writeCharSequence(Long.toString(value), StandardCharsets.US_ASCII);
            case 3 -> buffer.writeBytes(ByteBuffer.allocate(9).putLong(0, value));
            case 4 -> buffer.skipBytes(Math.min(3, buffer.readableBytes()));
            case 5 -> buffer.discardReadBytes();
            case 6 -> buffer.writeMedium((int) value);
            default -> buffer.capacity(Math.max(buffer.capacity(), (int) (value & 1023)));
        }
    }

    @Test
    void slicesKeepTheBlockUntilTheLastOfThemIsReleased() {
        ByteBuf buffer = allocator.directBuffer(8192).writeLong(42);
        ByteBuf slice = buffer.retainedSlice(0, 8);
        ByteBuf duplicate = buffer.retainedDuplicate();
        assertFalse(buffer.release());
        assertFalse(duplicate.release());
        assertEquals(42, slice.nioBuffer().getLong());
        assertTrue(slice.release());
        assertEquals(0, buffer.refCnt());
    }

    @Test
    void anotherThreadMayRelease() throws InterruptedException {
        for (int i = 0; i < 300; i++) {
            ByteBuf buffer = allocator.ioBuffer(8192).writeInt(i);
            Thread thread = TestThreads.start(buffer::release);
            thread.join();
            assertEquals(0, buffer.refCnt());
        }
        assertEquals(Span.BYTES, pool.statistics().spanBytes());
    }

    @Test
    void aClosedPoolAllocatesNoMoreAndItsBuffersStayValid() {
        var own = new PerCpuBufferPool();
        var closing = new PerCpuByteBufAllocator(own);
        ByteBuf buffer = closing.directBuffer(8192).writeLong(7);
        own.close();
        assertThrows(IllegalStateException.class, () -> closing.directBuffer(1));
        assertEquals(7, buffer.readLong());
        assertTrue(buffer.release());
    }

    @Test
    void theLeakDetectorWatchesDirectBuffers() {
        ResourceLeakDetector.Level before = ResourceLeakDetector.getLevel();
        ResourceLeakDetector.setLevel(ResourceLeakDetector.Level.PARANOID);
        try {
            ByteBuf buffer = allocator.directBuffer(100);
            assertTrue(buffer.getClass().getSimpleName().contains("LeakAware"), () -> buffer.getClass().toString());
            assertSame(allocator, buffer.alloc());
            assertTrue(buffer.release());
        } finally {
            ResourceLeakDetector.setLevel(before);
        }
    }
}
