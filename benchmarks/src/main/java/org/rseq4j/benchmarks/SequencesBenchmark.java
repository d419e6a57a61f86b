// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.internal.sequence.Sequences;

/**
 * What one operation by a restartable sequence costs on a thread alone, against a native call that does nothing, and
 * against the plain Java path. For virtual threads run JMH with {@code -jvmArgsAppend "-Djmh.executor=VIRTUAL"}.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 3, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class SequencesBenchmark {
    private static final int CAPACITY = 64;
    private static final RestartableSequences BY_CPU = RestartableSequences.byCpu();

    private final long[] word = new long[1];
    private PerCpuMemory memory;
    private long counter;
    private long stack;

    @Setup(Level.Iteration)
    public void allocate() {
        memory = PerCpuMemory.allocate(4096);
        counter = memory.allocateSlot(1);
        stack = memory.allocateSlot(CAPACITY + 1);
    }

    @TearDown(Level.Iteration)
    public void close() {
        memory.close();
    }

    /** A critical downcall that does nothing. */
    @Benchmark
    public int emptyDowncall() {
        return Sequences.empty();
    }

    @Benchmark
    public int add() {
        return BY_CPU.add(memory, counter, 1);
    }

    @Benchmark
    public int addByConcurrencyId() {
        return RestartableSequences.byConcurrencyId().add(memory, counter, 1);
    }

    /** The plain Java path: the CPU's word by a locked add. */
    @Benchmark
    public void addInJava() {
        memory.add(counter, 1);
    }

    @Benchmark
    public int compareAndStore() {
        return BY_CPU.compareAndStore(memory, counter, 0, 0);
    }

    @Benchmark
    public int swap() {
        return BY_CPU.swap(memory, counter, 0, word);
    }

    /** Two operations. */
    @Benchmark
    public int pushAndPop() {
        BY_CPU.push(memory, stack, CAPACITY, 1);
        return BY_CPU.pop(memory, stack, word);
    }
}
