package org.rseq4j.counters;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.HdrHistogram.Histogram;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.Rseq;
import org.rseq4j.internal.Ids;
import org.rseq4j.internal.Mapping;
import org.rseq4j.internal.MemoryAccess;
import org.rseq4j.internal.Words;

/**
 * Counts of values in the buckets of HdrHistogram (Gil Tene), one histogram for each CPU: a record is one atomic add to a
 * word of the current CPU, and its percentiles come from {@link #snapshot()}.
 *
 * <p>
 * A snapshot is not atomic while others record, and exact when they are done. A record is in the result of exactly one
 * {@link #snapshotAndReset()}.
 *
 * <p>
 * Each CPU takes the memory of one {@code org.HdrHistogram.Histogram}, page by page as values fall into them. (Without the
 * native library it is an array of the Java heap.) It is given back by {@link #close()} or when the histogram is unreachable.
 *
 * @since 0.1.0
 */
public final class PerCpuHistogram implements AutoCloseable {
    private static final int SHARDS = Rseq.cpuCount();

    private final MemorySegment segment;
    private final long stride;
    private final long highest;
    private final int halfMagnitude;
    private final long mask;
    private final HistogramBuckets buckets;
    /** Keeps the words mapped while a thread that saw the histogram open still writes. */
    @SuppressWarnings("UnusedVariable")
    private final Mapping mapping;
    /** Null for a histogram of a file. */
    private final PerCpuMemory memory;
    /** The place of CPU 0's first count; negative when closed. */
    private long first;

    /**
     * Makes a histogram without records.
     *
     * @param highestValue the highest value that can be recorded, at least 2
     * @param significantDigits the decimal digits to which values are told apart, from 0 to 5
     * @throws IllegalArgumentException when one of them is out of range
     */
    public PerCpuHistogram(long highestValue, int significantDigits) {
        buckets = HistogramBuckets.of(highestValue, significantDigits);
        highest = highestValue;
        halfMagnitude = buckets.halfMagnitude();
        mask = buckets.mask();
        memory = PerCpuMemory.allocate(buckets.length() * (long) Long.BYTES);
        mapping = MemoryAccess.get().mapping(memory);
        segment = mapping.segment;
        stride = MemoryAccess.get().stride(memory);
        first = mapping.base;
    }

    /** A histogram of a file, whose words are never freed. */
    PerCpuHistogram(HistogramBuckets buckets, Mapping mapping, long offset, int shift) {
        this.buckets = buckets;
        this.mapping = mapping;
        this.segment = mapping.segment;
        this.stride = 1L << shift;
        this.highest = buckets.highest();
        this.halfMagnitude = buckets.halfMagnitude();
        this.mask = buckets.mask();
        this.first = mapping.base + offset;
        this.memory = null;
    }

    /**
     * Counts a value.
     *
     * @param value from 0 to the highest value
     * @throws ArrayIndexOutOfBoundsException when it is out of range, as in HdrHistogram; nothing is counted
     * @throws IllegalStateException when the histogram is closed
     */
    public void record(long value) {
        if (value < 0 || value > highest) {
            throw outOfRange(value);
        }
        long place = opened();
        // As HistogramBuckets.index, on fields of this object.
        int bucket = 63 - halfMagnitude - Long.numberOfLeadingZeros(value | mask);
        long index = ((long) bucket << halfMagnitude) + (value >>> bucket);
        Words.add(segment, place + Ids.cpuId() * stride + (index << 3), 1);
        Reference.reachabilityFence(this);
    }

    /**
     * Counts a value, and when it is above the interval at which values are expected, those that the wait for it kept from
     * being recorded: value - interval, value - 2 * interval and so on, down to the interval.
     *
     * @param value from 0 to the highest value
     * @param expectedInterval in the unit of the value; 0 or less counts the value alone
     * @throws ArrayIndexOutOfBoundsException when the value is out of range; nothing is counted
     * @throws IllegalStateException when the histogram is closed
     */
    public void recordWithExpectedInterval(long value, long expectedInterval) {
        record(value);
        if (expectedInterval > 0) {
            for (long missing = value - expectedInterval; missing >= expectedInterval; missing -= expectedInterval) {
                record(missing);
            }
        }
    }

    /** {@return the counts so far, a histogram of the caller's own} */
    public Histogram snapshot() {
        return counts(false);
    }

    /** {@return the counts since the last reset, a histogram of the caller's own; nothing is lost or counted twice} */
    public Histogram snapshotAndReset() {
        return counts(true);
    }

    private Histogram counts(boolean reset) {
        long place = opened();
        long[] counts = new long[buckets.length()];
        for (int cpu = 0; cpu < SHARDS; cpu++) {
            for (int i = 0; i < counts.length; i++) {
                long word = place + cpu * stride + i * (long) Long.BYTES;
                long count = Words.getAcquire(segment, word);
                if (count != 0) { // a write would allocate an untouched page
                    counts[i] += reset ? Words.getAndSet(segment, word, 0) : count;
                }
            }
        }
        Reference.reachabilityFence(this);
        return buckets.histogram(counts);
    }

    /** Frees the histogram's memory. No effect when closed already. */
    @Override
    public void close() {
        first = -1;
        if (memory != null) {
            memory.close();
        }
    }

    private long opened() {
        long place = first;
        if (place < 0) {
            throw new IllegalStateException("this histogram is closed");
        }
        return place;
    }

    private ArrayIndexOutOfBoundsException outOfRange(long value) {
        return new ArrayIndexOutOfBoundsException("value " + value + " is not from 0 to " + highest);
    }
}
