// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.sequence;

import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.StrideLock;
import org.rseq4j.internal.memory.Words;
import org.rseq4j.internal.thread.Ids;
import org.rseq4j.internal.thread.Registration;

/**
 * The operations of {@link Sequences} by atomic instructions, on a word or stack that is named by its place: for a
 * process that works without sequences, for files, and for a thread without an area, on a stride that no sequence
 * touches.
 *
 * <p>
 * A stack is locked meanwhile. The lock is an object of this process, one for each stride, not a word of the memory: it
 * can be unlocked by storing a field, which calls nothing and so cannot fail, whatever was thrown. The last thing done
 * under the lock is the store of the stack's size, so what throws before has done nothing.
 */
public final class AtomicSequences {
    private AtomicSequences() {
    }

    /**
     * The stride for the running thread where all of a memory's words are changed by atomics, or by one without an
     * area.
     */
    public static int stride(Mapping mapping, boolean byConcurrencyId) {
        if (Sequences.NATIVE && !mapping.isFile) {
            return Registration.CPU_COUNT;
        }
        return byConcurrencyId ? Ids.concurrencyId() : Ids.cpuId();
    }

    public static void add(Mapping mapping, long place, long delta) {
        Words.add(mapping, place, delta);
    }

    public static boolean compareAndStore(Mapping mapping, long place, long expected, long value) {
        return Words.compareAndSet(mapping, place, expected, value);
    }

    public static long swap(Mapping mapping, long place, long value) {
        return Words.getAndSet(mapping, place, value);
    }

    /** Whether there was room. */
    public static boolean push(Mapping mapping, int stride, long place, long capacity, long word) {
        StrideLock lock = mapping.lock(stride);
        boolean done = false;
        if (lock.tryLock()) {
            try {
                done = push(mapping, place, capacity, word);
                lock.unlock();
            } catch (Throwable e) {
                lock.locked = 0;
                if (!done) {
                    throw e;
                } // else it was done, and only the stack was short
            }
        }
        return done;
    }

    private static boolean push(Mapping mapping, long place, long capacity, long word) {
        long size = Words.getOpaque(mapping, place);
        if (size < 0 || size >= capacity) {
            return false;
        }
        Words.set(mapping, place + (size + 1) * Long.BYTES, word);
        Words.setRelease(mapping, place, size + 1);
        return true;
    }

    /** The word; {@code empty} when there is none. */
    public static long popWord(Mapping mapping, int stride, long place, long capacity, long empty) {
        StrideLock lock = mapping.lock(stride);
        long word = empty;
        if (lock.tryLock()) {
            try {
                word = popWord(mapping, place, capacity, empty);
                lock.unlock();
            } catch (Throwable e) {
                lock.locked = 0;
                if (word == empty) {
                    throw e;
                } // else it was done, and only the stack was short
            }
        }
        return word;
    }

    private static long popWord(Mapping mapping, long place, long capacity, long empty) {
        long size = Words.getOpaque(mapping, place);
        if (size <= 0 || size > capacity) {
            return empty;
        }
        long word = Words.getOpaque(mapping, place + size * Long.BYTES);
        Words.setRelease(mapping, place, size - 1);
        return word;
    }

    /** How many of the words from {@code from} on there was room for, {@link Sequences#MAX_WORDS} at most. */
    public static int pushMany(Mapping mapping, int stride, long place, long capacity, long[] words, int from, int n) {
        StrideLock lock = mapping.lock(stride);
        int moved = 0;
        if (lock.tryLock()) {
            try {
                moved = pushMany(mapping, place, capacity, words, from, n);
                lock.unlock();
            } catch (Throwable e) {
                lock.locked = 0;
                if (moved == 0) {
                    throw e;
                } // else it was done, and only the stack was short
            }
        }
        return moved;
    }

    private static int pushMany(Mapping mapping, long place, long capacity, long[] words, int from, int n) {
        long size = Words.getOpaque(mapping, place);
        if (size < 0 || size >= capacity) {
            return 0;
        }
        int moved = (int) Math.min(Math.min(n, Sequences.MAX_WORDS), capacity - size);
        for (int i = 0; i < moved; i++) {
            Words.set(mapping, place + (size + 1 + i) * Long.BYTES, words[from + i]);
        }
        Words.setRelease(mapping, place, size + moved);
        return moved;
    }

    /**
     * How many words, the former top first, were put into the array from {@code from} on, {@link Sequences#MAX_WORDS}
     * at most.
     */
    public static int popMany(Mapping mapping, int stride, long place, long capacity, long[] words, int from, int n) {
        StrideLock lock = mapping.lock(stride);
        int moved = 0;
        if (lock.tryLock()) {
            try {
                moved = popMany(mapping, place, capacity, words, from, n);
                lock.unlock();
            } catch (Throwable e) {
                lock.locked = 0;
                if (moved == 0) {
                    throw e;
                } // else it was done, and only the stack was short
            }
        }
        return moved;
    }

    private static int popMany(Mapping mapping, long place, long capacity, long[] words, int from, int n) {
        long size = Words.getOpaque(mapping, place);
        if (size <= 0 || size > capacity) {
            return 0;
        }
        int moved = (int) Math.min(Math.min(n, Sequences.MAX_WORDS), size);
        for (int i = 0; i < moved; i++) {
            words[from + i] = Words.getOpaque(mapping, place + (size - i) * Long.BYTES);
        }
        Words.setRelease(mapping, place, size - moved);
        return moved;
    }
}
