// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.MemoryAccess;
import org.rseq4j.internal.memory.Words;
import org.rseq4j.internal.section.Section;
import org.rseq4j.internal.thread.FirstUse;
import org.rseq4j.internal.thread.Ids;
import org.rseq4j.internal.thread.Registration;

/**
 * Counts of values in the buckets of HdrHistogram (Gil Tene), one histogram for each CPU: a record is one atomic add to
 * a word of the current CPU, and its percentiles come from {@link #snapshot()}.
 *
 * <p>
 * A snapshot is not atomic while others record, and exact when they are done. A record is in the result of exactly one
 * {@link #snapshotAndReset()}.
 *
 * <p>
 * Each CPU takes the memory of one {@code org.HdrHistogram.Histogram}, page by page as values fall into them. (Without
 * the native library it is an array of the Java heap.) It is given back by {@link #close()} or when the histogram is
 * unreachable.
 *
 * <p>
 * <b>Happens-before:</b> what was recorded before a snapshot, in the sense of happens-before, is in it.
 *
 * @since 0.1.0
 */
public final class PerCpuHistogram implements AutoCloseable {
    private static boolean initialized;

    {
        if (!initialized) {
            initialize();
        }
    }

    private final long stride;
    private final long highest;
    private final int halfMagnitude;
    private final long mask;
    private final HistogramBuckets buckets;
    /** Keeps the words mapped while a thread that saw the histogram open still writes. */
    private final Mapping mapping;
    /** Null for a histogram of a file. */
    private final PerCpuMemory memory;
    /** The unit of values that are times; null for others, or when nobody said it. */
    private final TimeUnit unit;
    /** How many indexes were ever used: those behind were not counted in. */
    private volatile int used;
    /** When the counts were last 0, in milliseconds since 1970. */
    private final AtomicLong since = new AtomicLong(System.currentTimeMillis());
    /** The place of CPU 0's first count; negative when closed. */
    private long first;

    /** Constants that take calls, in a class that is initialized when there is stack for that. */
    private static final class Access {
        static final int SHARDS = Registration.CPU_COUNT;
        static final VarHandle USED;

        static {
            try {
                USED = MethodHandles.lookup().findVarHandle(PerCpuHistogram.class, "used", int.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
            Section.initialize();
        }
    }

    private static void initialize() {
        FirstUse.prepare();
        Objects.requireNonNull(Access.USED);
        initialized = true;
    }

    /**
     * Makes a histogram without records.
     *
     * @param highestValue the highest value that can be recorded, at least 2
     * @param significantDigits the decimal digits to which values are told apart, from 0 to 5
     * @throws IllegalArgumentException when one of them is out of range
     */
    public PerCpuHistogram(long highestValue, int significantDigits) {
        this(HistogramBuckets.of(highestValue, significantDigits), null);
    }

    /**
     * Makes a histogram without records, of times, which {@link #record(long, TimeUnit)} records in any unit.
     *
     * @param highestValue the highest value that can be recorded, in the unit, at least 2
     * @param significantDigits the decimal digits to which values are told apart, from 0 to 5
     * @param unit the unit of the counted values
     * @throws IllegalArgumentException when a number is out of range
     */
    public PerCpuHistogram(long highestValue, int significantDigits, TimeUnit unit) {
        this(HistogramBuckets.of(highestValue, significantDigits), Objects.requireNonNull(unit, "unit"));
    }

    /**
     * Makes a histogram without records, for any value from 0, as one of HdrHistogram that resizes itself: it takes the
     * pages of the values that are recorded. (Without the native library it takes all at once, with three digits 430
     * KiB for each CPU.)
     *
     * @param significantDigits the decimal digits to which values are told apart, from 0 to 5
     * @throws IllegalArgumentException when it is out of range
     */
    public PerCpuHistogram(int significantDigits) {
        this(HistogramBuckets.of(Long.MAX_VALUE, significantDigits), null);
    }

    private PerCpuHistogram(HistogramBuckets buckets, TimeUnit unit) {
        this.buckets = buckets;
        this.unit = unit;
        highest = buckets.highest();
        halfMagnitude = buckets.halfMagnitude();
        mask = buckets.mask();
        memory = PerCpuMemory.allocate(buckets.length() * (long) Long.BYTES);
        mapping = MemoryAccess.get().mapping(memory);
        stride = MemoryAccess.get().stride(memory);
        first = mapping.base;
    }

    /** A histogram of a file, whose words are never freed. */
    PerCpuHistogram(HistogramBuckets buckets, Mapping mapping, long offset, int shift) {
        this.buckets = buckets;
        this.mapping = mapping;
        this.stride = 1L << shift;
        this.highest = buckets.highest();
        this.halfMagnitude = buckets.halfMagnitude();
        this.mask = buckets.mask();
        this.first = mapping.base + offset;
        this.memory = null;
        this.unit = null;
    }

    /**
     * Counts a value.
     *
     * @param value from 0 to the highest value
     * @throws ArrayIndexOutOfBoundsException when it is out of range, as in HdrHistogram; nothing is counted
     * @throws IllegalStateException when the histogram is closed
     */
    public void record(long value) {
        add(value, 1);
    }

    /**
     * Counts a value several times.
     *
     * @param value from 0 to the highest value
     * @param count how many times, not negative
     * @throws ArrayIndexOutOfBoundsException when the value is out of range; nothing is counted
     * @throws IllegalArgumentException when the count is negative
     * @throws IllegalStateException when the histogram is closed
     */
    public void recordWithCount(long value, long count) {
        if (count < 0) {
            throw new IllegalArgumentException("a negative count: " + count);
        }
        add(value, count);
    }

    /**
     * Counts a time, converted to the histogram's unit, rounded down.
     *
     * @param time not negative
     * @param timeUnit the unit of this time
     * @throws ArrayIndexOutOfBoundsException when the value is out of range; nothing is counted
     * @throws IllegalStateException when the histogram was made without a unit, or is closed
     */
    public void record(long time, TimeUnit timeUnit) {
        if (unit == null) {
            throw new IllegalStateException("this histogram was made without a unit");
        }
        add(unit.convert(time, timeUnit), 1);
    }

    private void add(long value, long count) {
        if (value < 0 || value > highest) {
            throw outOfRange(value);
        }
        long place = opened();
        // As HistogramBuckets.index, on fields of this object.
        int bucket = 63 - halfMagnitude - Long.numberOfLeadingZeros(value | mask);
        long index = ((long) bucket << halfMagnitude) + (value >>> bucket);
        if (index >= used) {
            use((int) index + 1);
        }
        Words.add(mapping, place + Ids.cpuId() * stride + (index << 3), count);
        Reference.reachabilityFence(this);
    }

    /** Before a count that is behind all others: a reader looks no further than to the last one. */
    private void use(int indexes) {
        for (int seen = used; seen < indexes; seen = used) {
            Access.USED.compareAndSet(this, seen, indexes);
        }
    }

    /**
     * Counts a value, and when it is above the interval at which values are expected, those that the wait for it kept
     * from being recorded: value - interval, value - 2 * interval and so on, down to the interval.
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

    /**
     * {@return the counts since the last reset, a histogram of the caller's own} Its time stamps say when the last
     * reset was, or when this was made, and when it was read.
     */
    public Histogram snapshot() {
        return histogram(counts(false), since.get(), System.currentTimeMillis());
    }

    /**
     * {@return the counts since the last reset, a histogram of the caller's own; nothing is lost or counted twice} Its
     * time stamps are those of the interval, as an interval histogram's of HdrHistogram: from the last reset, or when
     * this was made, to this one.
     */
    public Histogram snapshotAndReset() {
        opened();
        long now = System.currentTimeMillis();
        long start = since.getAndSet(now);
        return histogram(counts(true), start, now);
    }

    private Histogram histogram(long[] counts, long start, long end) {
        Histogram histogram = buckets.histogram(counts);
        histogram.setStartTimeStamp(start);
        histogram.setEndTimeStamp(end);
        return histogram;
    }

    /** The counts so far, each of which falls by resets alone. */
    long[] counts() {
        return counts(false);
    }

    HistogramBuckets buckets() {
        return buckets;
    }

    private long[] counts(boolean reset) {
        long place = opened();
        long[] counts = new long[used];
        for (int cpu = 0; cpu < Access.SHARDS; cpu++) {
            for (int i = 0; i < counts.length; i++) {
                long word = place + cpu * stride + i * (long) Long.BYTES;
                long count = Words.getAcquire(mapping, word);
                if (count != 0) { // a write would allocate an untouched page
                    counts[i] += reset ? Words.getAndSet(mapping, word, 0) : count;
                }
            }
        }
        Reference.reachabilityFence(this);
        return counts;
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
