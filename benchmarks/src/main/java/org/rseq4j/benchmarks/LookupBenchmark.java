// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.rseq4j.Rseq;

/**
 * What it costs to find a shard: by the CPU number, the concurrency ID, the NUMA node, against what others go by. For
 * virtual threads {@code --virtual}, and with the carrier lookup the methods that say so.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class LookupBenchmark {
    private static final String CARRIER = "--add-exports=java.base/jdk.internal.access=ALL-UNNAMED";
    private static final String ACCESS = "--enable-native-access=ALL-UNNAMED";
    private static final ThreadLocal<int[]> LOCAL = ThreadLocal.withInitial(() -> new int[1]);

    /** The CPU number. */
    @Benchmark
    public int cpuId() {
        return Rseq.cpuId();
    }

    /** The CPU number, where a virtual thread may ask the JDK for its carrier. */
    @Benchmark
    @Fork(value = 3, jvmArgsAppend = {ACCESS, CARRIER})
    public int cpuIdByCarrierLookup() {
        return Rseq.cpuId();
    }

    /** The CPU number without rseq: a stripe of the thread. */
    @Benchmark
    @Fork(value = 3, jvmArgsAppend = {ACCESS, "-Drseq4j.registration=none"})
    public int cpuIdWithoutRseq() {
        return Rseq.cpuId();
    }

    /** The concurrency ID. */
    @Benchmark
    public int concurrencyId() {
        return Rseq.concurrencyId();
    }

    /** The NUMA node. */
    @Benchmark
    public int nodeId() {
        return Rseq.nodeId();
    }

    /** A value of the thread's own. */
    @Benchmark
    public int[] threadLocal() {
        return LOCAL.get();
    }

    /** The thread's id, which JCTools' counters go by. */
    @Benchmark
    public long threadId() {
        return Thread.currentThread().threadId();
    }

    /** A random number of the thread's own, which exchangers and striped maps go by. */
    @Benchmark
    public int threadLocalRandom() {
        return ThreadLocalRandom.current().nextInt();
    }
}
