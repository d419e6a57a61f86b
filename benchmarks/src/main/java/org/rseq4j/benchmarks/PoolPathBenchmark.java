// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.rseq4j.pools.PerCpuPool;

/**
 * What acquire and release cost a thread that has a slab of its own, and how little the same could cost: loops of its
 * protocol with parts left out, and a ThreadLocal's. All but the first two write into the object in between.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class PoolPathBenchmark {
    private static final int PAIRS = 10_000;
    private static final VarHandle WORD;
    private static final PerCpuPool<byte[]> POOL = PerCpuPool.of(() -> new byte[8192]);
    private static final ThreadLocal<byte[]> LOCAL = ThreadLocal.withInitial(() -> new byte[8192]);
    /** Found by a thread's id; each thread's state is its own. */
    private static final Slab[] SLABS = new Slab[16];

    static {
        try {
            WORD = MethodHandles.lookup().findVarHandle(Slab.class, "word", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** As the pool's: takes times 512, twice the size, and the busy mark. */
    private static final class Slab {
        long word = 2;
        volatile boolean revoked;
        final long owner = Thread.currentThread().threadId();
        final Object[] objects = new Object[16];

        Slab() {
            objects[0] = new byte[8192];
        }

        private long word() {
            return (long) WORD.getOpaque(this);
        }

        /** Sets the mark; then commits, unless it was taken away. */
        private void change(long found, long by) {
            word = found | 1;
            VarHandle.releaseFence();
            if (!revoked) {
                WORD.setRelease(this, found + by);
            }
        }

        Object take() {
            long found = word();
            Object object = objects[((int) found & 510) / 2 - 1];
            change(found, 510);
            return object;
        }

        @SuppressWarnings("ReferenceEquality")
        void put(Object object) {
            long found = word();
            int n = ((int) found & 510) / 2;
            boolean left = objects[n] == object;
            if (!left) {
                objects[n] = object;
            }
            change(found, 2);
        }
    }

    private Slab slab;

    @Setup
    public void open() {
        slab = new Slab();
        SLABS[(int) slab.owner & SLABS.length - 1] = slab;
    }

    private static Slab mine() {
        long id = Thread.currentThread().threadId();
        Slab found = SLABS[(int) id & SLABS.length - 1];
        if (found == null || found.owner != id) {
            throw new IllegalStateException("one thread at a time");
        }
        return found;
    }

    /** Both marks and commits, and nothing else. */
    @Benchmark
    @OperationsPerInvocation(PAIRS)
    public void marks() {
        Slab own = slab;
        for (int i = 0; i < PAIRS; i++) {
            own.change(own.word(), 510);
            own.change(own.word(), 2);
        }
    }

    /** With the object, by a slab that is at hand. */
    @Benchmark
    @OperationsPerInvocation(PAIRS)
    public void marksAndObject() {
        Slab own = slab;
        for (int i = 0; i < PAIRS; i++) {
            byte[] object = (byte[]) own.take();
            object[0]++;
            own.put(object);
        }
    }

    /** With the object, by a slab that is found twice, as two calls of a pool have to. */
    @Benchmark
    @OperationsPerInvocation(PAIRS)
    public void marksAndObjectOfFoundSlab() {
        for (int i = 0; i < PAIRS; i++) {
            byte[] object = (byte[]) mine().take();
            object[0]++;
            mine().put(object);
        }
    }

    @Benchmark
    @OperationsPerInvocation(PAIRS)
    public void pool() {
        for (int i = 0; i < PAIRS; i++) {
            byte[] object = POOL.acquire();
            object[0]++;
            POOL.release(object);
        }
    }

    @Benchmark
    @OperationsPerInvocation(PAIRS)
    public void poolLease() {
        for (int i = 0; i < PAIRS; i++) {
            try (var lease = POOL.lease()) {
                lease.get()[0]++;
            }
        }
    }

    @Benchmark
    @OperationsPerInvocation(PAIRS)
    public void threadLocal() {
        for (int i = 0; i < PAIRS; i++) {
            LOCAL.get()[0]++;
        }
    }
}
