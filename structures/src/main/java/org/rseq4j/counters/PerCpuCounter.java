// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.io.InvalidObjectException;
import java.io.ObjectInputStream;
import java.io.Serial;
import java.io.Serializable;
import java.lang.ref.Reference;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.Words;
import org.rseq4j.internal.sequence.AtomicSequences;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.internal.thread.FirstUse;
import org.rseq4j.internal.thread.Ids;

/**
 * A sum that many threads add to, with the methods and the semantics of {@link java.util.concurrent.atomic.LongAdder}:
 * each CPU has a word of its own, which an add changes by a restartable sequence.
 *
 * <p>
 * {@link #sum()} is not an atomic snapshot while others add; it is exact when they are done. Overflow wraps around.
 *
 * <p>
 * An add costs one native call of a few nanoseconds, on platform and virtual threads alike, whatever other threads do;
 * see {@link org.rseq4j.RestartableSequences}. Before Java 22, and where there are no sequences
 * ({@link org.rseq4j.RestartableSequences#isNative()}), it is one atomic instruction instead, and without rseq the word
 * is chosen by the thread, and threads whose choice is the same contend. The first counter of a process waits for the
 * check of sequences, some 10 ms.
 *
 * <p>
 * A counter takes 8 bytes for each CPU, side by side with those of other counters, and about 70 on the heap. They are
 * freed when the counter is no longer reachable. Adding to a counter after {@link #close()} throws
 * IllegalStateException.
 *
 * <p>
 * A counter is serialized as its sum, at that moment; it is read as a new counter with this sum.
 *
 * <p>
 * <b>Happens-before:</b> what was added before a {@code sum}, in the sense of happens-before, is in it. That a thread
 * sees an addition does not mean that it sees what was done before it.
 *
 * @since 0.1.0
 */
public final class PerCpuCounter extends Number implements AutoCloseable {
    @Serial
    private static final long serialVersionUID = 1;
    /** As the place of CPU 0's word. */
    static final long CLOSED = -1;

    private static boolean initialized;

    private final transient int shift;
    /** Keeps the words mapped while a thread that saw the counter open still writes. */
    final transient Mapping mapping;
    /** Then no sequence may change the words. */
    private final transient boolean inFile;
    /** The place of CPU 0's word, or {@link #CLOSED}. */
    transient long first;

    /** Makes a counter with sum 0. */
    public PerCpuCounter() {
        if (!initialized) {
            initialize();
        }
        CounterSlots.Slot slot = CounterSlots.COUNTERS.take(this);
        mapping = CounterSlots.COUNTERS.mapping(slot);
        shift = CounterSlots.SHIFT;
        inFile = false;
        first = mapping.base + CounterSlots.COUNTERS.offset(slot);
    }

    private static void initialize() {
        FirstUse.prepare();
        CounterSlots.initialize();
        initialized = true;
    }

    /** A counter of a file, which frees the words. */
    PerCpuCounter(Mapping mapping, long offset, int shift) {
        this.mapping = mapping;
        this.shift = shift;
        this.inFile = mapping.isFile;
        this.first = mapping.base + offset;
    }

    /**
     * Adds to the sum.
     *
     * @param delta what to add
     * @throws IllegalStateException when the counter is closed
     */
    public void add(long delta) {
        long place = opened();
        int cpu = Sequences.QUICK && !inFile
                ? Sequences.add(place, 1L << shift, false, delta)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            long stride = Sequences.QUICK ? AtomicSequences.stride(mapping, false) : Ids.cpuId();
            AtomicSequences.add(mapping, place + (stride << shift), delta);
        }
        Reference.reachabilityFence(this);
    }

    /** Adds 1. */
    public void increment() {
        add(1);
    }

    /** Subtracts 1. */
    public void decrement() {
        add(-1);
    }

    /** {@return the sum; not an atomic snapshot while others add} */
    public long sum() {
        long place = opened();
        // Read once: after a word the compiler would read them anew.
        Mapping words = mapping;
        int stride = shift;
        // The word behind the CPUs' first: what a reset subtracts there was in the other words before.
        long sum = Words.getAcquire(words, place + common(stride));
        sum += sumOfCpus(words, place, stride);
        Reference.reachabilityFence(this);
        return sum;
    }

    private static long sumOfCpus(Mapping words, long place, int stride) {
        long sum = 0;
        for (long cpu = 0; cpu < CounterSlots.CPUS; cpu++) {
            sum += Words.getAcquire(words, place + (cpu << stride));
        }
        return sum;
    }

    /** Sets the sum to 0. What others add at the same time is not lost. */
    public void reset() {
        sumThenReset();
    }

    /** {@return the sum before, while setting it to 0; nothing is lost or counted twice, whatever others add} */
    public long sumThenReset() {
        return replace(0);
    }

    /**
     * Sets the sum to a value. What others add at the same time is not lost: each addition is replaced by the value, or
     * added to it.
     *
     * @param value the sum from now on
     * @throws IllegalStateException when the counter is closed
     */
    public void set(long value) {
        replace(value);
    }

    /** Returns the sum before. */
    private long replace(long value) {
        // The words of a CPU are for threads that run there to write. So the sum is subtracted elsewhere, and only when
        // no other reset has subtracted meanwhile what this one is about to.
        long place = opened();
        long sum;
        long reset;
        do {
            reset = Words.getAcquire(mapping, place + common(shift));
            sum = reset + sumOfCpus(mapping, place, shift);
        } while (!Words.compareAndSet(mapping, place + common(shift), reset, reset - sum + value));
        Reference.reachabilityFence(this);
        return sum;
    }

    /** Where the word is, from CPU 0's, that any thread changes by atomic instructions alone. */
    private static long common(int stride) {
        return (long) CounterSlots.CPUS << stride;
    }

    /**
     * Refuses every use from now on. The words are given to another counter when nothing refers to this one any more,
     * so an addition that another thread is in the middle of goes nowhere else. No effect when closed already.
     */
    @Override
    public void close() {
        first = CLOSED;
    }

    private long opened() {
        long place = first;
        if (place < 0) {
            throw closed();
        }
        return place;
    }

    @Serial
    private Object writeReplace() {
        return new SerializationProxy(sum());
    }

    @Serial
    private void readObject(ObjectInputStream in) throws InvalidObjectException {
        throw new InvalidObjectException("a counter is read as its sum");
    }

    /** What is written of a counter, as of a {@link java.util.concurrent.atomic.LongAdder}: its sum. */
    private record SerializationProxy(long sum) implements Serializable {
        @Serial
        private Object readResolve() {
            var counter = new PerCpuCounter();
            counter.add(sum);
            return counter;
        }
    }

    private static IllegalStateException closed() {
        return new IllegalStateException("this counter is closed");
    }

    /** {@return the sum as a decimal number} */
    @Override
    public String toString() {
        return Long.toString(sum());
    }

    /** {@return the sum} */
    @Override
    public long longValue() {
        return sum();
    }

    /** {@return the sum, narrowed to an int} */
    @Override
    public int intValue() {
        return (int) sum();
    }

    /** {@return the sum, as a float} */
    @Override
    public float floatValue() {
        return sum();
    }

    /** {@return the sum, as a double} */
    @Override
    public double doubleValue() {
        return sum();
    }
}
