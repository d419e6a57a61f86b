package org.rseq4j.counters;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import org.rseq4j.internal.Ids;
import org.rseq4j.internal.Mapping;
import org.rseq4j.internal.Section;
import org.rseq4j.internal.ThreadArea;
import org.rseq4j.internal.Words;
import org.rseq4j.internal.WriterLease;

/**
 * Count, sum, least and greatest of recorded values, which belong together: for every snapshot there was, for each shard, a
 * moment at which exactly these records had been made there. So sum/count lies between min and max as long as the sum does
 * not overflow.
 *
 * <p>
 * What it does not guarantee: the moments of different shards differ, so a snapshot is not one of the whole. The sum wraps
 * around on overflow.
 *
 * <p>
 * A thread that records thousands of values while it runs gets a lease of a shard, which it alone writes without a lock or
 * an atomic instruction, as with {@link PerCpuCounter}. Else a record is made under a try-lock of the current CPU's shard, with a request for a time slice extension where the kernel
 * grants them. When the shard is taken, the next is used, and none in particular is waited for. Readers take no lock.
 * {@link #snapshotAndReset()} takes each shard's lock in turn, and the leases away.
 *
 * <p>
 * A summary takes 72 bytes for each CPU, one shard more and each lease that is used; they are freed when it is unreachable. Recording after
 * {@link #close()} throws IllegalStateException.
 *
 * @since 0.1.0
 */
public final class PerCpuSummary implements AutoCloseable {
    /*
     * A shard is a state word and two sets of four words. The state is the number of updates, times two, plus one while an
     * update is made. The current set is that of the number's parity. An update takes the lock by a compare-and-set from
     * even to odd, writes the whole other set, and sets the state two further than it was, which publishes the set and
     * unlocks in one release store.
     *
     * A reader takes the state by an acquire load (which pairs with that store), reads the current set, and keeps it when
     * the number of updates is still the same: a set is overwritten only after the number went on. The set is complete even
     * while an update is made, and when the writer was killed in the middle of one: this is why there are two, where a
     * sequence lock would leave a reader of the file behind a dead writer with nothing. It costs two more loads and stores,
     * all in one or two lines of the CPU's own, beside a compare-and-set that costs as much as ten of them.
     *
     * All zeros is a shard without records: with count 0 the least and greatest mean nothing.
     */
    static final int WORDS = 9;
    static final int SET = 4;
    private static final long WORD = Long.BYTES;
    private static final long COUNT = 0;
    private static final long SUM = WORD;
    private static final long MIN = 2 * WORD;
    private static final long MAX = 3 * WORD;
    private static final int SHARDS = CounterSlots.SHARED;
    private static final int SPINS = 16;

    private final int shift;
    /** Keeps the words mapped while a thread that saw the summary open still writes. */
    private final Mapping mapping;
    /** The place of CPU 0's state word; negative when closed. */
    private long first;

    /**
     * What had been recorded.
     *
     * @param count the number of records
     * @param sum of the values; it wraps around
     * @param min the least value; Long.MAX_VALUE without records
     * @param max the greatest value; Long.MIN_VALUE without records
     * @since 0.1.0
     */
    public record Snapshot(long count, long sum, long min, long max) {
        static final Snapshot EMPTY = new Snapshot(0, 0, Long.MAX_VALUE, Long.MIN_VALUE);

        /** {@return sum/count, NaN without records} */
        public double mean() {
            return count == 0 ? Double.NaN : (double) sum / count;
        }

        Snapshot plus(long moreCount, long moreSum, long otherMin, long otherMax) {
            return moreCount == 0
                    ? this
                    : new Snapshot(count + moreCount, sum + moreSum, Math.min(min, otherMin), Math.max(max, otherMax));
        }
    }

    /** Makes a summary without records. */
    public PerCpuSummary() {
        CounterSlots.Slot slot = CounterSlots.SUMMARIES.take(this);
        mapping = CounterSlots.SUMMARIES.mapping(slot);
        shift = CounterSlots.SHIFT;
        first = mapping.base + CounterSlots.SUMMARIES.offset(slot);
    }

    /** A summary of a file, whose words are never freed. */
    PerCpuSummary(Mapping mapping, long offset, int shift) {
        this.mapping = mapping;
        this.shift = shift;
        this.first = mapping.base + offset;
    }

    /**
     * Records a value.
     *
     * @param value any value
     * @throws IllegalStateException when the summary is closed
     */
    public void record(long value) {
        long place = opened();
        long record = WriterLease.record();
        if (record == 0 || !recordByLease(record, place, value)) {
            recordWithoutLease(record, place, value);
        }
        Reference.reachabilityFence(this);
    }

    private boolean recordByLease(long record, long place, long value) {
        long lease = WriterLease.peek(record);
        if (lease == 0) {
            return false;
        }
        MemorySegment segment = Words.segment(mapping);
        long shard = place + ((long) (SHARDS + (int) lease) << shift);
        // What is read before the busy time is as current as if it was read in it: a lease that is lost meanwhile comes back by a
        // call of this thread only.
        long state = Words.getOpaque(segment, shard);
        long from = set(shard, state);
        long count = Words.getOpaque(segment, from + COUNT);
        long sum = Words.getOpaque(segment, from + SUM);
        long min = Words.getOpaque(segment, from + MIN);
        long max = Words.getOpaque(segment, from + MAX);
        if (!WriterLease.begin(record, lease, count | sum | max)) {
            return false;
        }
        update(shard, state, value, count, sum, min, max);
        WriterLease.end(record);
        return true;
    }

    private void recordWithoutLease(long record, long place, long value) {
        long area = record == 0 ? ThreadArea.find() : WriterLease.area(record);
        if (!tryRecord(place + ((long) Ids.cpuId(area) << shift), area, value)) {
            recordElsewhere(place, value);
        } else if (record != 0) {
            WriterLease.missed(record);
        }
    }

    /** Any shard does; a round over all of them fails only when every one was just then held. */
    private void recordElsewhere(long place, long value) {
        for (int round = 0;; round++) {
            long area = ThreadArea.find(); // again: a virtual thread that yielded may have another carrier
            int shard = Ids.cpuId(area);
            for (int i = 0; i < SHARDS; i++) {
                if (tryRecord(place + ((long) shard << shift), area, value)) {
                    return;
                }
                shard = shard + 1 == SHARDS ? 0 : shard + 1;
            }
            if (round < SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
    }

    private boolean tryRecord(long shard, long area, long value) {
        MemorySegment segment = Words.segment(mapping);
        long section = Section.isSupported() ? Section.begin(area) : 0;
        long state = Words.getOpaque(segment, shard);
        boolean taken = (state & 1) == 0 && Words.compareAndSet(segment, shard, state, state + 1);
        if (taken) {
            update(shard, state, value);
        }
        Section.end(section);
        return taken;
    }

    private void update(long shard, long state, long value) {
        MemorySegment segment = Words.segment(mapping);
        long from = set(shard, state);
        update(shard, state, value, Words.getOpaque(segment, from + COUNT), Words.getOpaque(segment, from + SUM),
                Words.getOpaque(segment, from + MIN), Words.getOpaque(segment, from + MAX));
    }

    private void update(long shard, long state, long value, long count, long sum, long min, long max) {
        MemorySegment segment = Words.segment(mapping);
        long to = set(shard, state + 2);
        Words.setOpaque(segment, to + COUNT, count + 1);
        Words.setOpaque(segment, to + SUM, sum + value);
        Words.setOpaque(segment, to + MIN, count == 0 ? value : Math.min(min, value));
        Words.setOpaque(segment, to + MAX, count == 0 ? value : Math.max(max, value));
        Words.setRelease(segment, shard, state + 2);
    }

    private static long set(long shard, long state) {
        return shard + WORD + (state >>> 1 & 1) * SET * WORD;
    }

    /**
     * Reads what was recorded. Waits for nobody.
     *
     * @return the records so far
     * @throws IllegalStateException when the summary is closed
     */
    public Snapshot snapshot() {
        long place = opened();
        int shards = SHARDS + WriterLease.used();
        Snapshot all = Snapshot.EMPTY;
        for (int i = 0; i < shards; i++) {
            all = snapshot(all, place + ((long) i << shift));
        }
        Reference.reachabilityFence(this);
        return all;
    }

    private Snapshot snapshot(Snapshot others, long shard) {
        MemorySegment segment = Words.segment(mapping);
        while (true) {
            long state = Words.getAcquire(segment, shard);
            long set = set(shard, state);
            long count = Words.getOpaque(segment, set + COUNT);
            long sum = Words.getOpaque(segment, set + SUM);
            long min = Words.getOpaque(segment, set + MIN);
            long max = Words.getOpaque(segment, set + MAX);
            VarHandle.acquireFence(); // the set before the state, pairs with the order of lock and set in an update
            if (Words.getOpaque(segment, shard) >>> 1 == state >>> 1) {
                return others.plus(count, sum, min, max);
            }
        }
    }

    /**
     * Reads what was recorded and forgets it: each record is in the result of exactly one call, whatever others record.
     *
     * @return the records since the last reset
     * @throws IllegalStateException when the summary is closed
     */
    public Snapshot snapshotAndReset() {
        long place = opened();
        Snapshot[] all = {Snapshot.EMPTY};
        for (int i = 0; i < SHARDS; i++) {
            long shard = place + ((long) i << shift);
            for (int round = 0;; round++) {
                long state = Words.getOpaque(Words.segment(mapping), shard);
                if ((state & 1) == 0 && Words.compareAndSet(Words.segment(mapping), shard, state, state + 1)) {
                    all[0] = take(all[0], shard, state);
                    break;
                }
                if (round < SPINS) {
                    Thread.onSpinWait();
                } else {
                    Thread.yield();
                }
            }
        }
        if (WriterLease.used() > 0) {
            WriterLease.exclusively(() -> {
                for (int i = SHARDS; i < SHARDS + WriterLease.used(); i++) {
                    long shard = place + ((long) i << shift);
                    all[0] = take(all[0], shard, Words.getOpaque(Words.segment(mapping), shard));
                }
            });
        }
        Reference.reachabilityFence(this);
        return all[0];
    }

    /** Of a shard that nobody else writes meanwhile. */
    private Snapshot take(Snapshot others, long shard, long state) {
        MemorySegment segment = Words.segment(mapping);
        long from = set(shard, state);
        long to = set(shard, state + 2);
        Snapshot all = others.plus(Words.getOpaque(segment, from + COUNT), Words.getOpaque(segment, from + SUM),
                Words.getOpaque(segment, from + MIN), Words.getOpaque(segment, from + MAX));
        for (long word = 0; word < SET * WORD; word += WORD) {
            Words.setOpaque(segment, to + word, 0);
        }
        Words.setRelease(segment, shard, state + 2);
        return all;
    }

    /**
     * Refuses every use from now on. The words are given to another summary when nothing refers to this one any more, so
     * a record that another thread is in the middle of goes nowhere else. No effect when closed already.
     */
    @Override
    public void close() {
        first = -1;
    }

    private long opened() {
        long place = first;
        if (place < 0) {
            throw new IllegalStateException("this summary is closed");
        }
        return place;
    }

    /** {@return the snapshot as text} */
    @Override
    public String toString() {
        return snapshot().toString();
    }
}
