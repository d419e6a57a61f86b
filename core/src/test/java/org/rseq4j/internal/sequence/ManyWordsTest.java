// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.ref.Reference;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.Words;

/**
 * One sequence, or one turn, moves a few hundred words whatever the caller asks for: more would be restarted for ever
 * on a busy machine, while the JVM waits for the thread. So {@code pushMany} and {@code popMany} can only move more in
 * pieces.
 */
class ManyWordsTest {
    private static final int CAPACITY = 3 * Sequences.MAX_WORDS;
    /** Between the CPUs' words. None: there is one thread, and any CPU serves it. */
    private static final long SAME = 0;

    private final Mapping mapping = Mapping.anonymous((CAPACITY + 1) * 8L);
    private final long[] words = LongStream.range(0, CAPACITY).toArray();

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void oneSequenceMovesNoMoreThanItsLimit(boolean cid) {
        assumeTrue(Sequences.NATIVE, "needs sequences");
        for (int n : new int[]{Sequences.MAX_WORDS + 1, CAPACITY}) {
            assertEquals(Sequences.MAX_WORDS,
                    Sequences.pushMany(mapping.base, SAME, cid, CAPACITY, words, 0, n) >>> 32);
        }
        assertEquals(2 * Sequences.MAX_WORDS, size());
        assertEquals(Sequences.MAX_WORDS,
                Sequences.popMany(mapping.base, SAME, cid, CAPACITY, words, 0, CAPACITY) >>> 32);
        assertEquals(Sequences.MAX_WORDS, size());
        assertEquals(Sequences.MAX_WORDS - 1, words[0], "the former top comes first");
    }

    @Test
    void oneTurnMovesNoMoreThanItsLimit() {
        for (int n : new int[]{Sequences.MAX_WORDS + 1, CAPACITY}) {
            assertEquals(Sequences.MAX_WORDS,
                    AtomicSequences.pushMany(mapping, 0, mapping.base, CAPACITY, words, 0, n));
        }
        assertEquals(2 * Sequences.MAX_WORDS, size());
        assertEquals(Sequences.MAX_WORDS,
                AtomicSequences.popMany(mapping, 0, mapping.base, CAPACITY, words, 0, CAPACITY));
        assertEquals(Sequences.MAX_WORDS, size());
        assertEquals(Sequences.MAX_WORDS - 1, words[0], "the former top comes first");
    }

    private long size() {
        long size = Words.getOpaque(mapping, mapping.base);
        Reference.reachabilityFence(mapping);
        return size;
    }
}
