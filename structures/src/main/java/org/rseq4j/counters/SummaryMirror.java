// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.rseq4j.counters.PerCpuSummary.Snapshot;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.Words;

/**
 * The cells of a summary in the words of a file, each in a stride of its own:
 *
 * <pre>
 *  0 state   1 count, sum, min, max of set 0   5 count, sum, min, max of set 1
 * </pre>
 *
 * The state counts the times that they were written; its lowest bit says which set counts. So a reader finds a whole
 * set, also when the writer was killed while it wrote the other.
 *
 * <p>
 * One thread writes a stride at a time, and none waits: a thread that finds another one at it leaves a note, and that
 * one writes again.
 */
final class SummaryMirror {
    static final int WORDS = 9;
    private static final int SET = 4;
    private static final VarHandle WRITING;

    private final PerCpuSummary summary;
    private final Mapping mapping;
    private final long place;
    private final int shift;
    private final Stride[] strides = new Stride[CounterSlots.STRIDES];

    static {
        try {
            WRITING = MethodHandles.lookup().findVarHandle(Stride.class, "writing", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final class Stride {
        private volatile boolean stale;
        private volatile boolean writing;
    }

    /** Does nothing, but initializes this class. */
    static void initialize() {
        // see above
    }

    SummaryMirror(PerCpuSummary summary, Mapping mapping, long place, int shift) {
        this.summary = summary;
        this.mapping = mapping;
        this.place = place;
        this.shift = shift;
        for (int i = 0; i < strides.length; i++) {
            strides[i] = new Stride();
        }
    }

    /**
     * After a reset. When there is no stack or heap left, a reader of the file sees it late: at the next record of the
     * cell.
     */
    void resetQuietly() {
        try {
            for (int i = 0; i < strides.length; i++) {
                if (i == SummaryCells.FIRST_CELL || Words.getOpaque(mapping, at(i)) != 0) {
                    write(i);
                }
            }
        } catch (VirtualMachineError e) {
            return;
        }
    }

    /** Makes the file show what a cell has. */
    void write(int cell) {
        Stride stride = strides[cell];
        stride.stale = true;
        while (stride.stale) {
            boolean ours = WRITING.compareAndSet(stride, false, true);
            if (!ours) {
                return;
            }
            try {
                stride.stale = false;
                write(at(cell), summary.live(cell));
            } finally {
                stride.writing = false;
            }
        }
    }

    private long at(int stride) {
        return place + ((long) stride << shift);
    }

    private void write(long words, Snapshot all) {
        long state = Words.getOpaque(mapping, words) + 1;
        long set = words + (1 + SET * (state & 1)) * Long.BYTES;
        VarHandle.releaseFence(); // the state that no longer counts this set, before it is overwritten
        Words.setOpaque(mapping, set, all.count());
        Words.setOpaque(mapping, set + 1L * Long.BYTES, all.sum());
        Words.setOpaque(mapping, set + 2L * Long.BYTES, all.min());
        Words.setOpaque(mapping, set + 3L * Long.BYTES, all.max());
        Words.setRelease(mapping, words, state);
    }

    /** Adds what the words said at one moment. */
    static Snapshot plus(Snapshot others, long[] words) {
        int set = 1 + SET * (int) (words[0] & 1);
        return others.plus(words[set], words[set + 1], words[set + 2], words[set + 3]);
    }
}
