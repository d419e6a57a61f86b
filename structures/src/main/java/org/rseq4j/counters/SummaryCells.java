// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.rseq4j.counters.PerCpuSummary.Snapshot;
import org.rseq4j.internal.section.Section;
import org.rseq4j.internal.thread.Ids;

/**
 * A summary on the heap, for records that no restartable sequence can make: immutable totals, each replaced by a
 * compare-and-set, so that there is nothing to lock. One cell serves until two threads meet there, as in
 * {@code java.util.concurrent.atomic.Striped64}; then there is one for each processor.
 *
 * <p>
 * Epochs are those of {@link SummaryWords}. A reset closes a cell by beginning the next epoch there: a record that had
 * read the totals of the old one fails and looks again.
 */
final class SummaryCells {
    private static final VarHandle REQUESTED;
    private static final VarHandle FIRST;
    private static final VarHandle OTHERS;
    /** No two cells in a cache line. */
    private static final int STEP = 32;
    private static final int COUNT = Math.min(Runtime.getRuntime().availableProcessors(), CounterSlots.CPUS);
    /** The number of the cell that serves as long as no two threads meet there; the others begin with 0. */
    static final int FIRST_CELL = CounterSlots.CPUS;

    /** How many resets were asked for. */
    private volatile long requested;
    private volatile Totals first = Totals.NONE;
    private volatile AtomicReferenceArray<Totals> others;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            REQUESTED = lookup.findVarHandle(SummaryCells.class, "requested", long.class);
            FIRST = lookup.findVarHandle(SummaryCells.class, "first", Totals.class);
            OTHERS = lookup.findVarHandle(SummaryCells.class, "others", AtomicReferenceArray.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
        Section.initialize();
    }

    /** The records of an epoch, as those of a {@link Snapshot}, and what was recorded in the one before it. */
    private record Totals(long tag, long count, long sum, long min, long max, Snapshot before) {
        static final Totals NONE = none(0, Snapshot.EMPTY);

        private static Totals none(long tag, Snapshot before) {
            return new Totals(tag, 0, 0, Long.MAX_VALUE, Long.MIN_VALUE, before);
        }

        Totals plus(long now, long value) {
            return tag < now
                    ? at(now).plus(now, value)
                    : new Totals(tag, count + 1, sum + value, Math.min(min, value), Math.max(max, value), before);
        }

        /** The same at an epoch that may have begun since. */
        Totals at(long now) {
            return tag >= now ? this : none(now, tag == now - 1 ? addedTo(Snapshot.EMPTY) : Snapshot.EMPTY);
        }

        Snapshot addedTo(Snapshot others) {
            return others.plus(count, sum, min, max);
        }
    }

    /** Initializes this class before the first operation, which may find no stack for that. */
    static void initialize() {
        new SummaryCells().request(0);
    }

    /** Asks for a reset after that many; false when somebody has done so before. */
    boolean request(long resets) {
        return REQUESTED.compareAndSet(this, resets, resets + 1);
    }

    /** Returns the number of the cell that has it. */
    int record(long value) {
        Totals seen = first;
        if (others == null && FIRST.compareAndSet(this, seen, seen.plus(requested + 1, value))) {
            return FIRST_CELL;
        }
        AtomicReferenceArray<Totals> cells = others();
        int cell = Ids.cpuId() % COUNT;
        int i = cell * STEP;
        do {
            seen = cells.get(i);
            // What is asked for is read after the totals: pairs with the order in close.
        } while (!cells.compareAndSet(i, seen, orNone(seen).plus(requested + 1, value)));
        return cell;
    }

    private AtomicReferenceArray<Totals> others() {
        AtomicReferenceArray<Totals> cells = others;
        if (cells == null) {
            OTHERS.compareAndSet(this, null, new AtomicReferenceArray<>(COUNT * STEP));
            cells = others;
        }
        return cells;
    }

    private static Totals orNone(Totals totals) {
        return totals == null ? Totals.NONE : totals;
    }

    /** Ends the epoch after that number of resets in each cell; the next one was asked for. */
    void close(long resets) {
        long next = resets + 2;
        for (Totals seen = first; seen.tag < next; seen = first) {
            FIRST.compareAndSet(this, seen, seen.at(next));
        }
        AtomicReferenceArray<Totals> cells = others;
        for (int i = 0; cells != null && i < cells.length(); i += STEP) {
            for (Totals seen = cells.get(i); orNone(seen).tag < next; seen = cells.get(i)) {
                cells.compareAndSet(i, seen, orNone(seen).at(next));
            }
        }
    }

    /** Adds what is recorded since a number of resets. */
    Snapshot plusLive(Snapshot others, long resets) {
        return plus(others, resets, true);
    }

    /** What a cell has of it. */
    Snapshot live(int cell, long resets) {
        if (cell == FIRST_CELL) {
            return plus(Snapshot.EMPTY, first, resets, true);
        }
        AtomicReferenceArray<Totals> cells = others;
        return cells == null || cell >= COUNT
                ? Snapshot.EMPTY
                : plus(Snapshot.EMPTY, orNone(cells.get(cell * STEP)), resets, true);
    }

    /** Adds what is recorded in the epoch that {@link #close} ended. */
    Snapshot plusEnded(Snapshot others, long resets) {
        return plus(others, resets, false);
    }

    private Snapshot plus(Snapshot before, long resets, boolean live) {
        Snapshot all = plus(before, first, resets, live);
        AtomicReferenceArray<Totals> cells = others;
        for (int i = 0; cells != null && i < cells.length(); i += STEP) {
            all = plus(all, orNone(cells.get(i)), resets, live);
        }
        return all;
    }

    private static Snapshot plus(Snapshot all, Totals totals, long resets, boolean live) {
        if (totals.tag == resets + 1) {
            return totals.addedTo(all);
        }
        if (totals.tag == resets + 2) {
            return live ? totals.addedTo(all.plus(totals.before)) : all.plus(totals.before);
        }
        return all;
    }
}
