// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import java.nio.ByteBuffer;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.io.Retainable;
import org.eclipse.jetty.io.RetainableByteBuffer;
import org.rseq4j.pools.PerCpuPool;

/**
 * Jetty's buffer pool on per-CPU slabs: size classes of powers of two, each with a pool of heap and one of direct
 * buffers.
 */
final class PerCpuBuffers implements ByteBufferPool {
    private static final int SMALLEST = 1 << 10;
    private static final int LARGEST = 1 << 16;

    private final PerCpuPool<SlabBuffer>[] heap = classes(false);
    private final PerCpuPool<SlabBuffer>[] direct = classes(true);

    @SuppressWarnings({"unchecked", "rawtypes"})
    private PerCpuPool<SlabBuffer>[] classes(boolean direct) {
        PerCpuPool<SlabBuffer>[] pools = new PerCpuPool[index(LARGEST) + 1];
        for (int i = 0; i < pools.length; i++) {
            int size = SMALLEST << i;
            PerCpuPool<SlabBuffer>[] own = pools;
            int at = i;
            pools[i] = PerCpuPool.<SlabBuffer>builder(() -> new SlabBuffer(this, own[at], allocate(size, direct)))
                    .capacityPerCpu(256).build();
        }
        return pools;
    }

    /** The class whose buffers have at least this size. */
    private static int index(int size) {
        return size <= SMALLEST ? 0 : Integer.SIZE - Integer.numberOfLeadingZeros((size - 1) / SMALLEST);
    }

    private static ByteBuffer allocate(int size, boolean direct) {
        return direct ? ByteBuffer.allocateDirect(size) : ByteBuffer.allocate(size);
    }

    @Override
    public RetainableByteBuffer.Mutable acquire(int size, boolean isDirect) {
        int capacity = size < 0 ? SMALLEST : size;
        if (capacity > LARGEST) {
            return RetainableByteBuffer.wrap(allocate(capacity, isDirect).limit(0));
        }
        SlabBuffer buffer = (isDirect ? direct : heap)[index(capacity)].acquire();
        buffer.counter.acquire();
        buffer.getByteBuffer().clear().limit(0);
        return buffer;
    }

    @Override
    public void clear() {
        for (PerCpuPool<SlabBuffer> pool : heap) {
            pool.trim();
        }
        for (PerCpuPool<SlabBuffer> pool : direct) {
            pool.trim();
        }
    }

    /** How many buffers were made. */
    long made() {
        long made = 0;
        for (PerCpuPool<SlabBuffer>[] pools : java.util.List.of(heap, direct)) {
            for (PerCpuPool<SlabBuffer> pool : pools) {
                made += pool.statistics().misses();
            }
        }
        return made;
    }

    /** A buffer that goes back to its pool when the last of its users releases it. */
    private static final class SlabBuffer extends RetainableByteBuffer.Pooled {
        private final Counter counter;

        SlabBuffer(ByteBufferPool buffers, PerCpuPool<SlabBuffer> pool, ByteBuffer buffer) {
            this(buffers, buffer, new Counter(pool));
        }

        private SlabBuffer(ByteBufferPool buffers, ByteBuffer buffer, Counter counter) {
            super(buffers, buffer, counter);
            this.counter = counter;
            counter.buffer = this;
        }
    }

    private static final class Counter extends Retainable.ReferenceCounter {
        private final PerCpuPool<SlabBuffer> pool;
        private SlabBuffer buffer;

        Counter(PerCpuPool<SlabBuffer> pool) {
            super(0);
            this.pool = pool;
        }

        @Override
        public boolean release() {
            boolean last = super.release();
            if (last) {
                pool.release(buffer);
            }
            return last;
        }
    }
}
