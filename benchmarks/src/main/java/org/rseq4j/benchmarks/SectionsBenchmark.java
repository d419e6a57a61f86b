// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

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
import org.rseq4j.SliceExtension;

/**
 * What a section costs: begin and end around work, against the work alone; and what the ids cost. With requests written
 * although the kernel ignores them, and where the extension is not supported. For virtual threads run JMH with
 * {@code -jvmArgsAppend "-Djmh.executor=VIRTUAL"}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class SectionsBenchmark {
    private static final String ACCESS = "--enable-native-access=ALL-UNNAMED";

    private long x = 1;

    /** The work alone. */
    @Benchmark
    @Fork(value = 3, jvmArgsAppend = ACCESS)
    public long work() {
        return step();
    }

    /** The work in a section, its request really written. */
    @Benchmark
    @Fork(value = 3, jvmArgsAppend = {ACCESS, "-Drseq4j.benchmark.simulateRequests=true"})
    public long workInSection() {
        long section = SliceExtension.begin();
        long result = step();
        SliceExtension.end(section);
        return result;
    }

    /** The same with the carrier lookup for virtual threads. */
    @Benchmark
    @Fork(value = 3, jvmArgsAppend = {ACCESS, "-Drseq4j.benchmark.simulateRequests=true",
            "--add-exports=java.base/jdk.internal.access=ALL-UNNAMED"})
    public long workInSectionByCarrierLookup() {
        long section = SliceExtension.begin();
        long result = step();
        SliceExtension.end(section);
        return result;
    }

    /** The work in a section where the extension is not supported. */
    @Benchmark
    @Fork(value = 3, jvmArgsAppend = {ACCESS, "-Drseq4j.sliceExtension=off"})
    public long workInSectionUnsupported() {
        long section = SliceExtension.begin();
        long result = step();
        SliceExtension.end(section);
        return result;
    }

    /** The CPU number. */
    @Benchmark
    @Fork(value = 3, jvmArgsAppend = ACCESS)
    public int cpuId() {
        return Rseq.cpuId();
    }

    private long step() {
        x = x * 6364136223846793005L + 1442695040888963407L;
        return x;
    }
}
