package org.rseq4j.internal;

import java.lang.foreign.MemorySegment;

/**
 * The operations of {@link Sequences} by atomic instructions: for a process that works without sequences, on a stripe
 * chosen from the thread, and for a thread without an area, on the stride behind the CPUs', which no sequence touches.
 *
 * <p>
 * A stack is locked by the sign of its first word, which to a sequence looks both full and empty; {@link #drain} does the
 * same to another CPU's stack.
 */
public final class AtomicSequences {
    private static final long LOCK = Long.MIN_VALUE;
    private static final int SPINS = 100;

    private AtomicSequences() {
    }

    private static int stride(boolean byConcurrencyId) {
        if (Sequences.NATIVE) {
            return Registration.CPU_COUNT;
        }
        return byConcurrencyId ? Ids.concurrencyId() : Ids.cpuId();
    }

    public static int add(Mapping mapping, long stride, long offset, boolean byConcurrencyId, long delta) {
        int cpu = stride(byConcurrencyId);
        Words.add(mapping.segment, mapping.base + cpu * stride + offset, delta);
        return cpu;
    }

    /** The same where no sequence could add: by one after all, when the running thread has just now got its area. */
    public static int addSlowly(Mapping mapping, long stride, long offset, boolean byConcurrencyId, long delta) {
        int cpu = Sequences.attached()
                ? Sequences.add(mapping.base + offset, stride, byConcurrencyId, delta)
                : Sequences.NO_AREA;
        return cpu != Sequences.NO_AREA ? cpu : add(mapping, stride, offset, byConcurrencyId, delta);
    }

    public static int compareAndStore(Mapping mapping, long stride, long offset, boolean byConcurrencyId, long expected,
            long value) {
        int cpu = stride(byConcurrencyId);
        return Words.compareAndSet(mapping.segment, mapping.base + cpu * stride + offset, expected, value) ? cpu : ~cpu;
    }

    public static int swap(Mapping mapping, long stride, long offset, boolean byConcurrencyId, long value, long[] old) {
        int cpu = stride(byConcurrencyId);
        old[0] = Words.getAndSet(mapping.segment, mapping.base + cpu * stride + offset, value);
        return cpu;
    }

    public static int push(Mapping mapping, long stride, long stack, boolean byConcurrencyId, long capacity,
            long word) {
        int cpu = stride(byConcurrencyId);
        long place = mapping.base + cpu * stride + stack;
        long size = lock(mapping.segment, place);
        boolean room = size < capacity;
        if (room) {
            Words.set(mapping.segment, place + (size + 1) * Long.BYTES, word);
        }
        unlock(mapping.segment, place, room ? size + 1 : size);
        return room ? cpu : ~cpu;
    }

    public static int pop(Mapping mapping, long stride, long stack, boolean byConcurrencyId, long[] word) {
        int cpu = stride(byConcurrencyId);
        long place = mapping.base + cpu * stride + stack;
        long size = lock(mapping.segment, place);
        if (size > 0) {
            word[0] = Words.getOpaque(mapping.segment, place + size * Long.BYTES);
        }
        unlock(mapping.segment, place, Math.max(size - 1, 0));
        return size > 0 ? cpu : ~cpu;
    }

    /** {@link #pop} of a word that is told by itself; {@code otherwise} when the stack is empty. */
    public static long popWord(Mapping mapping, long stride, long stack, boolean byConcurrencyId, long otherwise) {
        long place = mapping.base + stride(byConcurrencyId) * stride + stack;
        long size = lock(mapping.segment, place);
        long word = size > 0 ? Words.getOpaque(mapping.segment, place + size * Long.BYTES) : otherwise;
        unlock(mapping.segment, place, Math.max(size - 1, 0));
        return word;
    }

    public static long pushMany(Mapping mapping, long stride, long stack, boolean byConcurrencyId, long capacity,
            long[] words, int n) {
        int cpu = stride(byConcurrencyId);
        long place = mapping.base + cpu * stride + stack;
        long size = lock(mapping.segment, place);
        int moved = (int) Math.max(0, Math.min(n, capacity - size));
        for (int i = 0; i < moved; i++) {
            Words.set(mapping.segment, place + (size + 1 + i) * Long.BYTES, words[i]);
        }
        unlock(mapping.segment, place, size + moved);
        return (long) moved << 32 | cpu;
    }

    public static long popMany(Mapping mapping, long stride, long stack, boolean byConcurrencyId, long[] words, int n) {
        int cpu = stride(byConcurrencyId);
        long place = mapping.base + cpu * stride + stack;
        long size = lock(mapping.segment, place);
        int moved = (int) Math.min(n, size);
        for (int i = 0; i < moved; i++) {
            words[i] = Words.getOpaque(mapping.segment, place + (size - i) * Long.BYTES);
        }
        unlock(mapping.segment, place, size - moved);
        return (long) moved << 32 | cpu;
    }

    /**
     * Empties the stack whose first word is at an offset from the mapping's base; the former top comes first. The fence is
     * null where only atomics reach that stack.
     */
    public static synchronized long[] drain(Mapping mapping, long offset, Runnable fence) {
        // One at a time: else a lock of the same value, taken by another after ours was overwritten, would look like ours.
        long place = mapping.base + offset;
        while (true) {
            long size = lock(mapping.segment, place);
            try {
                if (fence != null) {
                    fence.run();
                }
            } catch (RuntimeException e) {
                Words.compareAndSet(mapping.segment, place, LOCK | size, size);
                throw e;
            }
            // A sequence that had read the size before we locked may have committed over our lock; after the fence none
            // can any more. Then the lock stands, and with it the words below it.
            if (fence != null && Words.getAcquire(mapping.segment, place) != (LOCK | size)) {
                continue;
            }
            long[] words = new long[Math.toIntExact(size)];
            for (int i = 0; i < words.length; i++) {
                words[i] = Words.getOpaque(mapping.segment, place + (size - i) * Long.BYTES);
            }
            unlock(mapping.segment, place, 0);
            return words;
        }
    }

    private static long lock(MemorySegment segment, long place) {
        for (int tries = 0;; tries++) {
            long size = Words.getOpaque(segment, place);
            if (size >= 0 && Words.compareAndSet(segment, place, size, LOCK | size)) {
                return size;
            }
            if (tries < SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
    }

    private static void unlock(MemorySegment segment, long place, long size) {
        Words.setRelease(segment, place, size);
    }
}
