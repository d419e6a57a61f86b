// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.rseq4j.internal.memory.View;

/**
 * Which blocks of a span are free and on no stack: a bit each. A block is taken by clearing its bit and given back by
 * setting it, so nothing is locked, and a thread that is stopped has what it took and no more. Whoever has taken all
 * blocks owns the span.
 *
 * <p>
 * On errors: what was taken is in local variables until somebody has it. Where an error ends that, a second set of bits
 * gets it under a monitor, by code that calls nothing, as there may be no stack for a call. The next thread that takes
 * a block moves it to the first set.
 */
final class FreeBlocks {
    /** Acquires what the last user of a block wrote; setting a bit releases it. */
    private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);

    /** Whose blocks these are. */
    final CentralList list;
    private final long base;
    private final int shift;
    /** The bits of the first word, and as all are alike, of each. */
    private final long full;
    private final long[] words;
    /** What errors gave back; under this object's monitor. */
    final long[] returned;
    /** Whether there is any; set after it. */
    volatile boolean someReturned;

    /** All blocks of a span. */
    FreeBlocks(CentralList list, long base, int shift) {
        this.list = list;
        this.base = base;
        this.shift = shift;
        int blocks = Span.BYTES >>> shift;
        full = blocks < Long.SIZE ? (1L << blocks) - 1 : -1;
        words = new long[(blocks + Long.SIZE - 1) / Long.SIZE];
        Arrays.fill(words, full);
        returned = new long[words.length];
    }

    /** Those of no span: all are taken. */
    FreeBlocks() {
        list = null;
        base = 0;
        shift = 0;
        full = 0;
        words = new long[0];
        returned = words;
    }

    /** The view of a block; null when there is none. */
    View take(Span span) {
        for (int i = 0; i < words.length; i++) {
            long bits = take(i, 1);
            if (bits != 0) {
                try {
                    return span.view(block(i, bits));
                } catch (Throwable e) {
                    synchronized (this) {
                        try {
                            returned[i] |= bits;
                        } catch (Throwable onEntry) {
                            returned[i] |= bits;
                        }
                    }
                    someReturned = true;
                    throw e;
                }
            }
        }
        return null;
    }

    /** A block, and up to n - 1 others that go to the stack of the current CPU; 0 when there is none. */
    long take(int n, SizeClass to) {
        for (int i = 0; i < words.length; i++) {
            long mine = take(i, n);
            if (mine == 0) {
                continue;
            }
            try {
                long block = block(i, mine & -mine);
                to.countRefill();
                // Low addresses end on top and are handed out first.
                for (long others = mine & mine - 1; others != 0;) {
                    long last = Long.highestOneBit(others);
                    if (!to.push(block(i, last))) {
                        give(i, others);
                        return block;
                    }
                    others ^= last;
                    mine ^= last;
                }
                return block;
            } catch (Throwable e) {
                synchronized (this) {
                    try {
                        returned[i] |= mine;
                    } catch (Throwable onEntry) {
                        returned[i] |= mine;
                    }
                }
                someReturned = true;
                throw e;
            }
        }
        return 0;
    }

    /** Moves to the words what errors gave back. */
    void takeBack() {
        if (someReturned) {
            someReturned = false; // before the rest: nobody waits for a thread that is stopped there
            try {
                synchronized (this) {
                    for (int i = 0; i < words.length; i++) {
                        if (returned[i] != 0) {
                            give(i, returned[i]);
                            returned[i] = 0;
                        }
                    }
                }
            } catch (Throwable e) {
                someReturned = true;
                throw e;
            }
        }
    }

    /** Up to n of a word's bits. */
    private long take(int word, int n) {
        while (true) {
            long bits = (long) WORDS.getOpaque(words, word);
            long rest = bits;
            for (int i = 0; i < n && rest != 0; i++) {
                rest &= rest - 1;
            }
            if (bits == rest) {
                return 0;
            }
            if (WORDS.weakCompareAndSetAcquire(words, word, bits, rest)) {
                return bits ^ rest;
            }
        }
    }

    private long block(int word, long bit) {
        return base + ((long) word * Long.SIZE + Long.numberOfTrailingZeros(bit) << shift);
    }

    /** Which word has the bit of a block. */
    int word(long block) {
        return (int) (block - base >>> shift) / Long.SIZE;
    }

    /** The bit of a block in its word. */
    long bit(long block) {
        return 1L << (block - base >>> shift);
    }

    /** Gives blocks of one word back; whether none of them was free. */
    boolean give(int word, long bits) {
        return ((long) WORDS.getAndBitwiseOrRelease(words, word, bits) & bits) == 0;
    }

    /** Gives a block back; whether it was not free. */
    boolean give(long block) {
        return give(word(block), bit(block));
    }

    /** Takes all blocks, or none. */
    boolean takeAll() {
        takeBack();
        int taken = 0;
        try {
            while (taken < words.length && WORDS.compareAndSet(words, taken, full, 0L)) {
                taken++;
            }
        } finally {
            if (taken < words.length) {
                // All blocks of these words are ours, so nobody else writes them; nothing is called, so nothing throws.
                for (int i = 0; i < taken; i++) {
                    words[i] = full;
                }
            }
        }
        return taken == words.length && taken > 0;
    }

    /** Whether no block is used or on a stack. */
    boolean isWhole() {
        for (int i = 0; i < words.length; i++) {
            if ((long) WORDS.getOpaque(words, i) != full) {
                return false;
            }
        }
        return words.length > 0;
    }

    /** How many blocks are free. */
    int count() {
        takeBack();
        int count = 0;
        for (int i = 0; i < words.length; i++) {
            count += Long.bitCount((long) WORDS.getOpaque(words, i));
        }
        return count;
    }
}
