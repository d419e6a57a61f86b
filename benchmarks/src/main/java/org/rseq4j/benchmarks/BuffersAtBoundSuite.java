// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.rseq4j.pools.PerCpuBufferPool;

/**
 * Acquire and release outside of the heap where all that may be pooled is in use, beside 2,000 idle threads, which make
 * whatever stops all threads dear. Either others hold all of it, and each pair comes from elsewhere; or the threads
 * themselves fill it with buffers of one size, release them, and go on with another size. What is timed is a pair: one
 * of sixteen, or, where sizes change, the mean of each fill. Netty has the same limit, at which it throws,
 * after it has made a chunk of 4 MiB by allocateDirect; memory then comes from a confined arena.
 */
final class BuffersAtBoundSuite implements Suite {
    /** The metric: which share of the buffers came from outside of the pool. */
    static final String OUTSIDE = "share from outside";
    static final String CHANGING = ", sizes change";
    private static final int LIMIT = 64 << 20;
    private static final int BYTES = 8192;
    private static final int[] SIZES = {4096, 8192, 65_536};
    private static final int TIMED = 16;
    private static final int IDLE_THREADS = 2000;

    @Override
    public String name() {
        return "buffers-at-bound";
    }

    @Override
    public List<Integer> threads() {
        return List.of(1, 2, 16);
    }

    @Override
    public int operationsTimed() {
        return TIMED;
    }

    @Override
    public List<String> jvmArguments(String contender) {
        return List.of("-Dio.netty.maxDirectMemory=" + LIMIT);
    }

    /** A source of buffers. */
    private interface Source<T> {
        T acquire(int bytes);

        void write(T buffer);

        void release(T buffer);

        /** How many buffers came from outside of the pool so far. */
        long outside();
    }

    private record Ours(PerCpuBufferPool pool) implements Source<MemorySegment> {
        Ours() {
            this(PerCpuBufferPool.builder().maxBytes(LIMIT).build());
        }

        @Override
        public MemorySegment acquire(int bytes) {
            return pool.acquire(bytes);
        }

        @Override
        public void write(MemorySegment segment) {
            segment.set(ValueLayout.JAVA_LONG, 0, 42);
        }

        @Override
        public void release(MemorySegment segment) {
            pool.release(segment);
        }

        @Override
        public long outside() {
            return pool.statistics().unpooled();
        }
    }

    /** Memory of an arena for each buffer. */
    private record Arenas(boolean shared, LongAdder count) implements Source<Arenas.Buffer> {
        private record Buffer(Arena arena, MemorySegment memory) {
            Buffer(Arena arena, int bytes) {
                this(arena, arena.allocate(bytes));
            }
        }

        Arenas(boolean shared) {
            this(shared, new LongAdder());
        }

        @Override
        public Buffer acquire(int bytes) {
            count.increment();
            return new Buffer(shared ? Arena.ofShared() : Arena.ofConfined(), bytes);
        }

        @Override
        public void write(Buffer buffer) {
            buffer.memory.set(ValueLayout.JAVA_LONG, 0, 42);
        }

        @Override
        public void release(Buffer buffer) {
            buffer.arena.close();
        }

        @Override
        public long outside() {
            return count.sum();
        }
    }

    /** What the garbage collector frees. */
    private record Collected(LongAdder count) implements Source<ByteBuffer> {
        @Override
        public ByteBuffer acquire(int bytes) {
            count.increment();
            return ByteBuffer.allocateDirect(bytes);
        }

        @Override
        public void write(ByteBuffer buffer) {
            buffer.putLong(0, 42);
        }

        @Override
        public void release(ByteBuffer buffer) {
        }

        @Override
        public long outside() {
            return count.sum();
        }
    }

    private record Netty(ByteBufAllocator allocator, Arenas beyond) implements Source<Object> {
        @Override
        public Object acquire(int bytes) {
            try {
                return allocator.directBuffer(bytes);
            } catch (OutOfMemoryError e) { // its limit
                return beyond.acquire(bytes);
            }
        }

        @Override
        public void write(Object buffer) {
            if (buffer instanceof ByteBuf pooled) {
                pooled.setLong(0, 42);
            } else {
                beyond.write((Arenas.Buffer) buffer);
            }
        }

        @Override
        public void release(Object buffer) {
            if (buffer instanceof ByteBuf pooled) {
                pooled.release();
            } else {
                beyond.release((Arenas.Buffer) buffer);
            }
        }

        @Override
        public long outside() {
            return beyond.outside();
        }
    }

    /** Makes a source. */
    private interface Maker {
        Source<?> make();
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Maker> sources = new LinkedHashMap<>();
        sources.put("rseq4j PerCpuBufferPool", Ours::new);
        sources.put("Netty adaptive", () -> new Netty(new AdaptiveByteBufAllocator(true), new Arenas(false)));
        sources.put("Netty pooled", () -> new Netty(new PooledByteBufAllocator(true), new Arenas(false)));
        sources.put("confined arenas", () -> new Arenas(false));
        sources.put("shared arenas", () -> new Arenas(true));
        sources.put("allocateDirect", () -> new Collected(new LongAdder()));
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        sources.forEach((name, maker) -> contenders.put(name, threads -> new Beyond<>(threads, maker.make())));
        for (String name : List.of("rseq4j PerCpuBufferPool", "Netty adaptive", "Netty pooled")) {
            contenders.put(name + CHANGING, threads -> new Changing<>(threads, sources.get(name).make()));
        }
        return contenders;
    }

    /** What both forms count and time. */
    private abstract static class AtBound<T> implements Contender {
        final Source<T> source;
        private final Times times;
        private final LongAdder operations = new LongAdder();
        private long operationsBefore;
        private long outsideBefore;

        AtBound(int threads, Source<T> source) {
            this.source = source;
            times = new Times(threads);
            Idle.start();
        }

        @Override
        public long work(int thread, Round round) {
            long[] done = new long[1];
            FastThreadLocalThread.runWithFastThreadLocal(() -> done[0] = work(thread, round, times.of(thread)));
            operations.add(done[0]);
            return done[0];
        }

        abstract long work(int thread, Round round, Histogram times);

        @Override
        public Map<String, Double> counts() {
            long more = operations.sum() - operationsBefore;
            long moreOutside = source.outside() - outsideBefore;
            operationsBefore += more;
            outsideBefore += moreOutside;
            return Map.of(OUTSIDE, more == 0 ? 0.0 : moreOutside / (double) more);
        }

        /** What is there now was not the rounds'. */
        void begins() {
            outsideBefore = source.outside();
        }

        @Override
        public Map<String, Histogram> latencies() {
            return times.taken("pair");
        }
    }

    /** Others hold all that there is. */
    private static final class Beyond<T> extends AtBound<T> {
        private final List<T> held = new ArrayList<>();

        Beyond(int threads, Source<T> source) {
            super(threads, source);
            long outside = source.outside();
            for (int i = 0; i < 2 * LIMIT / BYTES && source.outside() == outside; i++) {
                held.add(source.acquire(BYTES));
            }
            if (source.outside() == outside) {
                throw new IllegalStateException("the pool has no bound");
            }
            source.release(held.removeLast()); // the first from outside
            begins();
        }

        @Override
        long work(int thread, Round round, Histogram times) {
            long operations = 0;
            do {
                long begun = System.nanoTime();
                pair();
                times.recordValue(System.nanoTime() - begun);
                for (int i = 1; i < TIMED; i++) {
                    pair();
                }
                operations += TIMED; // few, as some contenders take milliseconds for one
            } while (round.running());
            return operations;
        }

        private void pair() {
            T buffer = source.acquire(BYTES);
            source.write(buffer);
            source.release(buffer);
        }

        @Override
        public void close() {
            held.forEach(source::release);
        }
    }

    /** Each thread fills its part with one size after the other, and every thread begins with another. */
    private static final class Changing<T> extends AtBound<T> {
        private final int bytes;

        Changing(int threads, Source<T> source) {
            super(threads, source);
            bytes = Math.max(SIZES[SIZES.length - 1], LIMIT / threads);
        }

        @Override
        long work(int thread, Round round, Histogram times) {
            List<T> held = new ArrayList<>(bytes / SIZES[0]);
            long operations = 0;
            int i = thread;
            do {
                int size = SIZES[i++ % SIZES.length];
                int count = bytes / size;
                long begun = System.nanoTime();
                for (int j = 0; j < count; j++) {
                    T buffer = source.acquire(size);
                    source.write(buffer);
                    held.add(buffer);
                }
                for (T buffer : held) {
                    source.release(buffer);
                }
                times.recordValue((System.nanoTime() - begun) / count);
                held.clear();
                operations += count;
            } while (round.running());
            return operations;
        }
    }

    /** Threads that do nothing, for as long as the JVM lives. */
    private static final class Idle {
        static {
            for (int i = 0; i < IDLE_THREADS; i++) {
                Thread.ofPlatform().daemon().stackSize(1 << 16).name("idle").start(() -> {
                    while (true) {
                        LockSupport.park();
                    }
                });
            }
        }

        /** The first time. */
        static void start() {
            // see above
        }
    }
}
