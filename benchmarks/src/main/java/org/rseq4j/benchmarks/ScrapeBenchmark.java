// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.counters.PerCpuCounter;

/**
 * What it takes to read 10,000 counters, once each, when every CPU has written to all, and every LongAdder has its
 * cells.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", ContendedAdders.OPENED})
public class ScrapeBenchmark {
    private static final int COUNTERS = 10_000;

    private final PerCpuMemory memory = PerCpuMemory.allocate(COUNTERS * 8);
    private final long[] offsets = new long[COUNTERS];
    private final long[] sums = new long[COUNTERS];
    private final PerCpuCounter[] counters = new PerCpuCounter[COUNTERS];
    private LongAdder[] adders;

    @Setup
    public void write() throws Exception {
        adders = ContendedAdders.make(COUNTERS);
        for (int i = 0; i < COUNTERS; i++) {
            offsets[i] = memory.allocateSlot(1);
            counters[i] = new PerCpuCounter();
        }
        Thread[] threads = new Thread[Runtime.getRuntime().availableProcessors() * 2];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = Thread.ofPlatform().start(() -> {
                for (int round = 0; round < 50; round++) {
                    for (int j = 0; j < COUNTERS; j++) {
                        memory.add(offsets[j], 1);
                        adders[j].increment();
                        counters[j].increment();
                    }
                }
            });
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    /** Slots that follow one another. */
    @Benchmark
    public long[] consecutiveSlots() {
        memory.sums(0, sums);
        return sums;
    }

    /** Slots wherever they are. */
    @Benchmark
    public long[] anySlots() {
        memory.sums(offsets, sums);
        return sums;
    }

    /** One counter after the other. */
    @Benchmark
    public long[] oneByOne() {
        PerCpuMemory words = memory;
        long[] all = offsets;
        long[] into = sums;
        for (int i = 0; i < COUNTERS; i++) {
            into[i] = words.sum(all[i]);
        }
        return into;
    }

    /** The counters for users, one after the other. */
    @Benchmark
    public long[] perCpuCounters() {
        PerCpuCounter[] all = counters; // not read anew for each, by none of them
        long[] into = sums;
        for (int i = 0; i < COUNTERS; i++) {
            into[i] = all[i].sum();
        }
        return into;
    }

    @Benchmark
    public long[] longAdders() {
        LongAdder[] all = adders;
        long[] into = sums;
        for (int i = 0; i < COUNTERS; i++) {
            into[i] = all[i].sum();
        }
        return into;
    }
}
