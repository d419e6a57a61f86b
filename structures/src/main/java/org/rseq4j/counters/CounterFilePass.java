// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import org.rseq4j.counters.PerCpuSummary.Snapshot;

/**
 * Reads counters and summaries that stand side by side in a file, stride by stride, all with one system call for each.
 *
 * <p>
 * The last stride comes first, as in {@link PerCpuCounter#sum()}: what a reset subtracts there was in the others
 * before.
 */
final class CounterFilePass {
    /** What is read at once. */
    static final int WORDS = 8192;
    /** Reads of a summary that keeps changing, until the file is taken for a malicious one. */
    private static final int TRIES = 100_000;

    private final FileChannel channel;
    private final CounterFileFormat format;
    private final ByteBuffer bytes = ByteBuffer.allocateDirect(WORDS * Long.BYTES).order(ByteOrder.nativeOrder());
    /** Three reads in a row: a summary is whole whose state is the same in all. */
    private final long[] before = new long[WORDS];
    private final long[] words = new long[WORDS];
    private final long[] after = new long[WORDS];

    CounterFilePass(FileChannel channel, CounterFileFormat format) {
        this.channel = channel;
        this.format = format;
    }

    /** The sums of so many words from an offset. */
    void sum(long offset, long[] sums) throws IOException {
        for (int from = 0; from < sums.length; from += WORDS) {
            int length = Math.min(WORDS, sums.length - from);
            for (int stride = format.strides() - 1; stride >= 0; stride--) {
                read(at(stride, offset + from * (long) Long.BYTES), before, length);
                for (int i = 0; i < length; i++) {
                    sums[from + i] += before[i];
                }
            }
        }
    }

    /**
     * The sums of so many words from an offset, at most {@link #WORDS}, and the summaries among them.
     *
     * @param places where summaries begin, from the offset, in words
     */
    void read(long offset, long[] sums, int[] places, Snapshot[] summaries) throws IOException {
        for (int stride = format.strides() - 1; stride >= 0; stride--) {
            long at = at(stride, offset);
            read(at, before, sums.length);
            for (int i = 0; i < sums.length; i++) {
                sums[i] += before[i];
            }
            if (isAnyUsed(places)) {
                read(at, words, sums.length);
                read(at, after, sums.length);
                addSummaries(at, places, summaries);
            }
        }
    }

    private boolean isAnyUsed(int[] places) {
        for (int place : places) {
            if (before[place] != 0) {
                return true;
            }
        }
        return false;
    }

    private void addSummaries(long at, int[] places, Snapshot[] summaries) throws IOException {
        for (int i = 0; i < places.length; i++) {
            int place = places[i];
            if (before[place] != 0) {
                long state = words[place];
                long[] summary = new long[SummaryMirror.WORDS];
                System.arraycopy(words, place, summary, 0, summary.length);
                if (before[place] != state || after[place] != state) {
                    readAlone(at + place * (long) Long.BYTES, summary);
                }
                summaries[i] = SummaryMirror.plus(summaries[i], summary);
            }
        }
    }

    /** The words at one moment: the state is the same before and after. */
    private void readAlone(long at, long[] summary) throws IOException {
        long[] state = new long[1];
        for (int i = 0; i < TRIES; i++) {
            read(at, state, 1);
            long first = state[0];
            read(at, summary, summary.length);
            read(at, state, 1);
            if (summary[0] == first && state[0] == first) {
                return;
            }
        }
        throw new IOException("a summary that never stands still");
    }

    private long at(int stride, long offset) {
        return format.data() + ((long) stride << format.shift()) + offset;
    }

    private void read(long at, long[] into, int length) throws IOException {
        bytes.clear().limit(length * Long.BYTES);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, at + bytes.position()) < 0) {
                throw new EOFException("truncated at " + (at + bytes.position()));
            }
        }
        bytes.flip().asLongBuffer().get(into, 0, length);
    }

    /** Some bytes of a file, in the order of the machine. */
    static ByteBuffer read(FileChannel channel, long at, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.nativeOrder());
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, at + bytes.position()) < 0) {
                throw new EOFException("truncated at " + (at + bytes.position()));
            }
        }
        return bytes.flip();
    }
}
