// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jctools.queues.MpmcArrayQueue;
import org.rseq4j.pools.PerCpuBufferPool;

/**
 * Acquire and release of 8 KiB outside of the heap, with a word written in between; every 16th time with a yield while
 * it is held. The number of operations is that of pairs. Netty's allocators run with FastThreadLocals, which they pool
 * best with.
 */
final class BuffersSuite implements Suite {
    private static final int BYTES = 8192;

    private final boolean yields;

    BuffersSuite(boolean yields) {
        this.yields = yields;
    }

    @Override
    public String name() {
        return yields ? "buffers-yield" : "buffers";
    }

    private <T> Contender pool(Supplier<T> acquire, Consumer<T> use, Consumer<T> release) {
        return (thread, round) -> {
            long operations = 0;
            while (round.running()) {
                for (int i = 0; i < 1024; i++) {
                    T buffer = acquire.get();
                    use.accept(buffer);
                    if (yields && (i & 15) == 0) {
                        Thread.yield();
                    }
                    release.accept(buffer);
                }
                operations += 1024;
            }
            return operations;
        };
    }

    private Contender netty(ByteBufAllocator allocator) {
        return withFastThreadLocals(
                pool(() -> allocator.directBuffer(BYTES), buffer -> buffer.setLong(0, 42), ByteBuf::release));
    }

    /** {@return the same, on threads that pool as Netty's own do} */
    static Contender withFastThreadLocals(Contender contender) {
        return (thread, round) -> {
            long[] operations = new long[1];
            FastThreadLocalThread.runWithFastThreadLocal(() -> {
                try {
                    operations[0] = contender.work(thread, round);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            return operations[0];
        };
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        contenders.put("rseq4j PerCpuBufferPool MemorySegment", threads -> {
            var pool = new PerCpuBufferPool();
            return pool(() -> pool.acquire(BYTES), segment -> segment.set(ValueLayout.JAVA_LONG, 0, 42),
                    (MemorySegment segment) -> pool.release(segment));
        });
        contenders.put("rseq4j PerCpuBufferPool ByteBuffer", threads -> {
            var pool = new PerCpuBufferPool();
            return pool(() -> pool.acquireByteBuffer(BYTES), buffer -> buffer.putLong(0, 42),
                    (ByteBuffer buffer) -> pool.release(buffer));
        });
        contenders.put("Netty adaptive", threads -> netty(new AdaptiveByteBufAllocator(true)));
        contenders.put("Netty pooled", threads -> netty(new PooledByteBufAllocator(true)));
        contenders.put("MpmcArrayQueue of ByteBuffer", threads -> {
            var queue = new MpmcArrayQueue<ByteBuffer>(4096);
            return pool(() -> {
                ByteBuffer buffer = queue.poll();
                return buffer == null ? ByteBuffer.allocateDirect(BYTES) : buffer;
            }, buffer -> buffer.putLong(0, 42), queue::offer);
        });
        contenders.put("ThreadLocal of ByteBuffer", threads -> {
            ThreadLocal<ByteBuffer> local = ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(BYTES));
            return pool(local::get, buffer -> buffer.putLong(0, 42), buffer -> {});
        });
        return contenders;
    }
}
