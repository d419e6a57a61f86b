// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import io.netty.buffer.AbstractByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocatorMetric;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import io.netty.buffer.UnpooledDirectByteBuf;
import io.netty.buffer.UnpooledHeapByteBuf;
import io.netty.util.internal.CleanableDirectBuffer;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * A {@link io.netty.buffer.ByteBufAllocator} of Netty whose direct buffers have their memory from a
 * {@link PerCpuBufferPool}: what one event loop, virtual thread or worker releases, the next one on that CPU gets.
 *
 * <pre>{@code
 * var allocator = new PerCpuByteBufAllocator(new PerCpuBufferPool());
 * new ServerBootstrap().option(ChannelOption.ALLOCATOR, allocator).childOption(ChannelOption.ALLOCATOR, allocator);
 * }</pre>
 *
 * <p>
 * Needs netty-buffer 4.2.2 or later, an optional dependency. Thread safe; a buffer may be released by any thread, and
 * then belongs to the pool, as with Netty's pooled allocators. Reference counts, capacities, bounds checks, slices and
 * the leak detector are Netty's own. A buffer that is never released keeps its memory from the pool until both are
 * unreachable. Heap buffers are not pooled: they are the garbage collector's. Buffers have no memory address
 * ({@link ByteBuf#hasMemoryAddress()}); channels use them as ByteBuffers, without a copy.
 *
 * <p>
 * Cost: that of the pool, and a buffer object on the Java heap for each call (150 bytes by estimate), which Netty's own
 * pools recycle. A capacity that grows takes another block and copies. Happens-before, and what happens without rseq,
 * are the pool's.
 *
 * @since 0.1.0
 */
public final class PerCpuByteBufAllocator extends AbstractByteBufAllocator implements ByteBufAllocatorMetricProvider {
    private final PerCpuBufferPool pool;

    /**
     * An allocator that makes direct buffers where it may choose.
     *
     * @param pool where the memory comes from; closing it is the caller's
     * @throws NullPointerException when it is null
     */
    public PerCpuByteBufAllocator(PerCpuBufferPool pool) {
        super(true);
        this.pool = Objects.requireNonNull(pool, "pool");
    }

    /** A buffer whose block goes back with the last release. */
    private static final class Buffer extends UnpooledDirectByteBuf {
        private final PerCpuBufferPool pool;
        /**
         * The first block; null when the capacity was changed: the later ones are {@link Block}s, which Netty frees.
         */
        private ByteBuffer first;

        Buffer(PerCpuByteBufAllocator allocator, ByteBuffer block, int maxCapacity) {
            super(allocator, block, maxCapacity);
            pool = allocator.pool;
            writerIndex(0);
            first = block;
        }

        @Override
        protected CleanableDirectBuffer allocateDirectBuffer(int capacity) {
            return new Block(pool, acquire(pool, capacity));
        }

        @Override
        public ByteBuf capacity(int newCapacity) {
            boolean changes = newCapacity != capacity();
            super.capacity(newCapacity);
            if (changes) {
                releaseFirst();
            }
            return this;
        }

        @Override
        protected void deallocate() {
            super.deallocate();
            releaseFirst();
        }

        private void releaseFirst() {
            ByteBuffer block = first;
            if (block != null) {
                pool.release(block);
                first = null;
            }
        }
    }

    /** A block in the form of Netty's. */
    private record Block(PerCpuBufferPool pool, ByteBuffer whole, ByteBuffer buffer) implements CleanableDirectBuffer {
        Block(PerCpuBufferPool pool, ByteBuffer whole) {
            this(pool, whole, whole.slice());
        }

        @Override
        public void clean() {
            pool.release(whole);
        }
    }

    /** With its limit at this capacity. */
    private static ByteBuffer acquire(PerCpuBufferPool pool, int capacity) {
        return pool.acquireByteBuffer(Math.max(1, capacity)).limit(capacity);
    }

    @Override
    protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
        ByteBuffer block = acquire(pool, initialCapacity);
        try {
            return toLeakAwareBuffer(new Buffer(this, block, maxCapacity));
        } catch (Throwable e) {
            pool.release(block);
            throw e;
        }
    }

    @Override
    protected ByteBuf newHeapBuffer(int initialCapacity, int maxCapacity) {
        return new UnpooledHeapByteBuf(this, initialCapacity, maxCapacity);
    }

    @Override
    public boolean isDirectBufferPooled() {
        return true;
    }

    /** {@return the pool's memory in use, with what CPUs have on their way; that of heap buffers is unknown} */
    @Override
    public ByteBufAllocatorMetric metric() {
        return new ByteBufAllocatorMetric() {
            @Override
            public long usedHeapMemory() {
                return -1;
            }

            @Override
            public long usedDirectMemory() {
                BufferPoolStatistics statistics = pool.statistics();
                return statistics.spanBytes() - statistics.freeBytes() + statistics.unpooledBytes();
            }
        };
    }

    /** {@return what it is, for people} */
    @Override
    public String toString() {
        return "PerCpuByteBufAllocator[" + pool + "]";
    }
}
