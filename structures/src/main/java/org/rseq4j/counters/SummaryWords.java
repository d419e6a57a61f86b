// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.lang.invoke.VarHandle;
import org.rseq4j.counters.PerCpuSummary.Snapshot;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.Words;

/**
 * The words that a summary has for each CPU, two cache lines, which a restartable sequence alone writes, but for
 * {@link #REQUESTED}.
 *
 * <pre>
 *  0 state   1 sum, min, max of set 0   4 resets asked for   5 sum, min, max of set 1
 *  8 tag and start of epoch 0   10 tag and start of epoch 1   12 sum, min, max of the records before this epoch
 * </pre>
 *
 * The state counts records, times four; bit 0 says which set counts, bit 1 which epoch. A record reads the set that
 * counts, writes the other, and commits by the state. A set is overwritten only when the state went on, so a reader
 * that finds the same state before and after the set has read a whole one.
 *
 * <p>
 * An epoch is what is recorded between two resets; its tag is the number of resets asked for before it, plus 1, so that
 * zeroed memory belongs to none; its start is the number of records before it. The first record that finds another
 * reset asked for keeps the set that counts at 12, and begins the next epoch; a CPU that records nothing stays in its
 * old one.
 */
final class SummaryWords {
    static final int WORDS = 16;
    /** Where the number of resets asked for is, in bytes. */
    static final long REQUESTED = 4 * Long.BYTES;

    private static final int EPOCHS = 8;
    private static final int BEFORE = 12;

    private SummaryWords() {
    }

    /** Reads the words of a CPU as they were at one moment. */
    static void read(Mapping mapping, long place, long[] words) {
        do {
            words[0] = Words.getAcquire(mapping, place);
            for (int i = 1; i < WORDS; i++) {
                words[i] = Words.getOpaque(mapping, place + i * (long) Long.BYTES);
            }
            VarHandle.acquireFence(); // the set before the state; pairs with the order of a record's stores
        } while (Words.getOpaque(mapping, place) != words[0]);
    }

    /** Adds what is recorded since a number of resets, up to which all was delivered. */
    static Snapshot plusLive(Snapshot others, long[] words, long resets) {
        Snapshot all = plusEnded(others, words, resets);
        return tag(words) == resets + 2 ? plusCurrent(all, words) : all;
    }

    /**
     * Adds what is recorded between that number of resets and the next, which was asked for before the words were read.
     */
    static Snapshot plusEnded(Snapshot others, long[] words, long resets) {
        if (tag(words) == resets + 1) {
            return plusCurrent(others, words);
        }
        int epoch = epoch(words);
        int previous = epoch ^ 2;
        if (words[epoch] == resets + 2 && words[previous] == resets + 1) {
            return others.plus(words[epoch + 1] - words[previous + 1], words[BEFORE], words[BEFORE + 1],
                    words[BEFORE + 2]);
        }
        return others;
    }

    private static Snapshot plusCurrent(Snapshot others, long[] words) {
        long state = words[0];
        int set = 1 + 4 * (int) (state & 1);
        return others.plus((state >>> 2) - words[epoch(words) + 1], words[set], words[set + 1], words[set + 2]);
    }

    private static long tag(long[] words) {
        return words[epoch(words)];
    }

    private static int epoch(long[] words) {
        return EPOCHS + (int) (words[0] & 2);
    }
}
