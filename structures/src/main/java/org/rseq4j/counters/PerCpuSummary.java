// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.Words;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.internal.thread.FirstUse;

/**
 * Count, sum, least and greatest of recorded values, which belong together: for every snapshot there was, for each CPU,
 * a moment at which exactly these records had been made there. So sum/count lies between min and max as long as the sum
 * does not overflow.
 *
 * <p>
 * What it does not guarantee: the moments of different CPUs differ, so a snapshot is not one of the whole. The sum
 * wraps around on overflow.
 *
 * <p>
 * A record is one restartable sequence on words of the current CPU, a native call of a few nanoseconds, on platform and
 * virtual threads alike: no lock, no atomic instruction, nothing that an error could leave behind. {@link #snapshot()}
 * only reads. {@link #snapshotAndReset()} stops no writer and waits for nobody; it makes each CPU that runs a thread of
 * the process restart its sequence (membarrier(2), some 30 microseconds). What one thread recorded before another
 * thread's snapshot, in the sense of happens-before, is in it.
 *
 * <p>
 * Without rseq, or where the kernel or a seccomp filter refuses membarrier, on a thread without an rseq area, and for a
 * summary of a file, a record is a compare-and-set of a new immutable object, about 70 bytes; the guarantees are the
 * same.
 *
 * <p>
 * A summary takes 128 bytes for each CPU, which are freed when it is unreachable. Recording after {@link #close()}
 * throws IllegalStateException.
 *
 * @since 0.1.0
 */
public final class PerCpuSummary implements AutoCloseable {
    /*
     * How a reset finds each record exactly once. First it asks for it: it adds 1 to a number that each CPU has in its
     * words, and to that of the cells. From then on, whoever records begins a new epoch there, and keeps the old one
     * beside it. A sequence that had read the old number may still commit; so all are restarted, and cells are closed.
     * Then the old epoch is final everywhere, on a CPU that has begun the next as on one that has not. What it had is
     * summed, and delivered by one compare-and-set of the cut: the number of resets that were delivered.
     *
     * Nobody waits: a thread that finds a reset that was requested and not delivered, because its thread is slow or was
     * stopped by an error, does the same steps and delivers it to the cut, where the next delivery takes it along; then
     * it requests its own. No other reset can be asked for before, so each CPU needs room for two epochs only.
     */
    private static boolean initialized;

    {
        if (!initialized) {
            initialize();
        }
    }

    private final int shift;
    /** Keeps the words mapped while a thread that saw the summary open still writes. */
    private final Mapping mapping;
    /** The place of CPU 0's words; negative when closed. */
    private long first;
    private final SummaryCells cells = new SummaryCells();
    /**
     * Null but for a summary of a file, which no native code writes: a file that somebody truncates would end the JVM.
     */
    private final SummaryMirror mirror;
    private final boolean bySequences;
    private volatile Cut cut = new Cut(0, Snapshot.EMPTY, Snapshot.EMPTY, RecentEpochs.NONE);

    /** Constants that take calls, in a class that is initialized when there is stack for that. */
    private static final class Access {
        static final boolean BY_SEQUENCES = Sequences.canFence();
        static final VarHandle CUT;

        static {
            try {
                CUT = MethodHandles.lookup().findVarHandle(PerCpuSummary.class, "cut", Cut.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }
    }

    private static void initialize() {
        FirstUse.prepare();
        CounterSlots.initialize();
        SummaryCells.initialize();
        Objects.requireNonNull(Access.CUT);
        Objects.requireNonNull(RecentEpochs.NONE);
        initialized = true;
    }

    /**
     * How many epochs were ended, what of them calls took away and what they did not yet, and what of all is recent.
     */
    private record Cut(long resets, Snapshot delivered, Snapshot undelivered, RecentEpochs recent) {
    }

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

        Snapshot plus(Snapshot more) {
            return plus(more.count, more.sum, more.min, more.max);
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
        mirror = null;
        bySequences = Access.BY_SEQUENCES;
    }

    /** A summary of a file, whose words are never freed. */
    PerCpuSummary(Mapping mapping, long offset, int shift) {
        this.mapping = mapping;
        this.shift = shift;
        this.first = mapping.base + offset;
        this.mirror = new SummaryMirror(this, mapping, first, shift);
        this.bySequences = false;
    }

    /**
     * Records a value.
     *
     * @param value any value
     * @throws IllegalStateException when the summary is closed
     */
    public void record(long value) {
        long place = opened();
        int cpu = Access.BY_SEQUENCES && bySequences
                ? Sequences.summarize(place, 1L << shift, value)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            int cell = cells.record(value);
            if (mirror != null) {
                mirror.write(cell);
            }
        }
        Reference.reachabilityFence(this);
    }

    /**
     * Reads what was recorded. Waits for nobody.
     *
     * @return the records so far
     * @throws IllegalStateException when the summary is closed
     */
    public Snapshot snapshot() {
        Live read = read(opened());
        return read.cut.undelivered.plus(read.records);
    }

    /** What was ever recorded, also what resets took away, and what was recorded within a window. */
    record Reading(Snapshot ever, Snapshot recent) {
    }

    /** Reads with the window that {@link PerCpuMetrics} shows. */
    Reading reading(long nanos) {
        return reading(nanos, RecentEpochs.WINDOW, RecentEpochs.STEP);
    }

    /**
     * Reads for somebody who does it again and again, at times of one clock. Once in a step at most that ends an epoch,
     * as a reset does, whose records stay: the least and the greatest of what is still recorded cannot be told from
     * those before. When the kernel refuses that now, the epoch goes on, and its extremes are those of a longer while.
     */
    Reading reading(long nanos, long window, long step) {
        long place = opened();
        Live read = read(place);
        if (read.isEpochDue(nanos, step)) {
            try {
                endEpoch(place, false, nanos);
                read = read(place);
            } catch (UnsupportedOperationException refused) {
                // what was read is right, and the epoch goes on
            }
        }
        return new Reading(read.ever(), read.recent(nanos, window));
    }

    /** Whether a reading at this time ends an epoch. */
    boolean isEpochDue(long nanos, long step) {
        long place = first;
        return place >= 0 && cut.recent.isDue(nanos, step) && read(place).isEpochDue(nanos, step);
    }

    /** Ends epochs as a reading of each summary does, but restarts the sequences of the process once for all. */
    static void endEpochs(Collection<PerCpuSummary> summaries, long nanos) {
        List<Request> requests = new ArrayList<>(summaries.size());
        for (PerCpuSummary summary : summaries) {
            long place = summary.first;
            if (place >= 0) {
                requests.add(summary.request(place));
            }
        }
        try {
            if (Access.BY_SEQUENCES && !requests.isEmpty()) {
                Sequences.fence(-1);
            }
        } catch (UnsupportedOperationException refused) {
            return; // they go on
        }
        for (Request request : requests) {
            request.summary().finish(request, false, nanos);
        }
    }

    /** A cut, and what was recorded after it. */
    private record Live(Cut cut, Snapshot records) {
        Snapshot ever() {
            return cut.delivered.plus(cut.undelivered).plus(records);
        }

        Snapshot recent(long nanos, long window) {
            return cut.recent.at(nanos, window).plus(records);
        }

        boolean isEpochDue(long nanos, long step) {
            return cut.recent.isDue(nanos, step) && (records.count() != 0 || cut.recent.open().count() != 0);
        }
    }

    private Live read(long place) {
        long[] words = new long[SummaryWords.WORDS];
        while (true) {
            Cut now = cut;
            Snapshot live = cells.plusLive(Snapshot.EMPTY, now.resets);
            for (int cpu = 0; bySequences && cpu < CounterSlots.CPUS; cpu++) {
                SummaryWords.read(mapping, place + ((long) cpu << shift), words);
                live = SummaryWords.plusLive(live, words, now.resets);
            }
            VarHandle.acquireFence(); // an epoch is overwritten only when it was delivered
            if (cut.resets == now.resets) {
                Reference.reachabilityFence(this);
                return new Live(now, live);
            }
        }
    }

    /**
     * Reads what was recorded and forgets it: each record is in the result of exactly one call, whatever others record.
     * A call that throws takes nothing away.
     *
     * @return the records since the last reset
     * @throws IllegalStateException when the summary is closed, or membarrier(2) worked and is refused now
     */
    public Snapshot snapshotAndReset() {
        try {
            return endEpoch(opened(), true, 0);
        } catch (UnsupportedOperationException e) {
            throw new IllegalStateException("membarrier worked and does not any more: is there a new seccomp filter?",
                    e);
        }
    }

    /**
     * Returns what no call has taken away, and takes it away; or keeps it, and notes when the epoch ended.
     *
     * @throws UnsupportedOperationException when the kernel refuses the fence; nothing is lost, and the epoch goes on
     */
    private Snapshot endEpoch(long place, boolean deliver, long nanos) {
        while (true) {
            Request request = request(place);
            if (bySequences) {
                Sequences.fence(-1);
            }
            Snapshot taken = finish(request, deliver, nanos);
            if (taken != null) {
                return taken;
            }
        }
    }

    /**
     * An epoch that ends, after the resets of the cut.
     *
     * @param isOurs false when a reset had been asked for that nobody has delivered
     */
    private record Request(PerCpuSummary summary, long place, Cut cut, boolean isOurs) {
    }

    /** From now on everybody records in the next epoch, but for sequences that run. */
    private Request request(long place) {
        Cut now = cut;
        boolean isOurs = cells.request(now.resets);
        for (long cpu = 0; bySequences && cpu < CounterSlots.CPUS; cpu++) {
            Words.compareAndSet(mapping, place + (cpu << shift) + SummaryWords.REQUESTED, now.resets,
                    now.resets + 1);
        }
        return new Request(this, place, now, isOurs);
    }

    /** When sequences were restarted since the request; returns null when that reset was another's. */
    private Snapshot finish(Request request, boolean deliver, long nanos) {
        Cut now = request.cut;
        boolean isOurs = request.isOurs;
        cells.close(now.resets);
        Snapshot epoch = ended(request.place, now.resets);
        Snapshot taken = now.undelivered.plus(epoch);
        RecentEpochs recent = isOurs && !deliver ? now.recent.ended(epoch, nanos) : now.recent.plus(epoch);
        Cut next = isOurs && deliver
                ? new Cut(now.resets + 1, now.delivered.plus(taken), Snapshot.EMPTY, recent)
                : new Cut(now.resets + 1, now.delivered, taken, recent);
        if (Access.CUT.compareAndSet(this, now, next) && isOurs) {
            // Nothing may throw from here on: nobody else has what was taken.
            if (mirror != null) {
                mirror.resetQuietly();
            }
            return taken;
        }
        return null;
    }

    private Snapshot ended(long place, long resets) {
        Snapshot all = cells.plusEnded(Snapshot.EMPTY, resets);
        long[] words = new long[SummaryWords.WORDS];
        for (int cpu = 0; bySequences && cpu < CounterSlots.CPUS; cpu++) {
            SummaryWords.read(mapping, place + ((long) cpu << shift), words);
            all = SummaryWords.plusEnded(all, words, resets);
        }
        return all;
    }

    /** What a cell of a summary of a file has, with what waits to be delivered. */
    Snapshot live(int cell) {
        Cut now = cut;
        Snapshot live = cells.live(cell, now.resets);
        return cell == SummaryCells.FIRST_CELL ? live.plus(now.undelivered) : live;
    }

    /**
     * Refuses every use from now on. The words are given to another summary when nothing refers to this one any more,
     * so a record that another thread is in the middle of goes nowhere else. No effect when closed already.
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
