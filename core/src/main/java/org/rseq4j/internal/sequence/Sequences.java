// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.sequence;

import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.linux.NativeCalls;
import org.rseq4j.internal.linux.NativeLibrary;
import org.rseq4j.internal.thread.Membarrier;
import org.rseq4j.internal.thread.Registration;
import org.rseq4j.internal.thread.ThreadArea;

/**
 * The restartable sequences of the native library; what each does is specified in rseq4j_sequences.c.
 *
 * <p>
 * An operation takes the address of CPU 0's word, the distance to the next CPU's, and whether the concurrency ID says
 * whose word it is, not the CPU. Each is tried twice: a thread that has no area the first time may not have registered
 * yet. A capacity bounds what the word in memory may say, so it must be inside of the memory.
 */
public final class Sequences {
    /** What each operation returns for a thread that can have no area, and in a process without: nothing was done. */
    public static final int NO_AREA = -0x40000000;

    /** Whether this process works by sequences; constant. */
    public static final boolean NATIVE;
    /** Why not. */
    public static final String REASON;
    /** Whether one is quicker than an atomic instruction that does the same; constant. */
    public static final boolean QUICK;

    /** How many words one call of an operation on many moves at most: more would be restarted for ever. */
    public static final int MAX_WORDS = 256;

    /** 0, or the errno of membarrier: of the registration, or of the first use. */
    private static final int FENCE_ERROR;

    static {
        REASON = Registration.ACTIVE ? AbortTrial.problem() : "no rseq area is registered";
        NATIVE = REASON.isEmpty();
        QUICK = NATIVE && NativeCalls.areQuick();
        if (NATIVE) {
            int ignored = NativeCalls.empty(); // links all of them
            int error = -Membarrier.call(Abi.MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0);
            FENCE_ERROR = error != 0 ? error : -Membarrier.call(Abi.MEMBARRIER_PRIVATE_EXPEDITED_RSEQ, 0, 0);
            if (NativeLibrary.WINDOW > 0) {
                Memory.setLong(NativeLibrary.address("window"), NativeLibrary.WINDOW);
            }
        } else {
            FENCE_ERROR = 0;
        }
    }

    private Sequences() {
    }

    /**
     * Does nothing, but initializes this class, for a structure that is about to be used: one whose initialization runs
     * out of memory or stack at the first operation is of no use for ever.
     */
    public static void initialize() {
        // see above
    }

    /** A call that does nothing, made as the others are, to compare with; needs {@link #NATIVE}. */
    public static int empty() {
        return NativeCalls.empty();
    }

    /** Whether a thread that was found without an area had no chance to register until now, and has one. */
    private static boolean mayRetry(int tries) {
        return tries == 0 && ThreadArea.find() != 0;
    }

    private static long id(boolean byConcurrencyId) {
        return byConcurrencyId && Registration.HAS_CONCURRENCY_ID ? Abi.MM_CID : Abi.CPU_ID;
    }

    public static int add(long base, long stride, boolean byConcurrencyId, long delta) {
        if (!NATIVE) {
            return NO_AREA;
        }
        int result;
        int tries = 0;
        do {
            result = NativeCalls.add(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), delta);
        } while (result == NO_AREA && mayRetry(tries++));
        return result;
    }

    public static int compareAndStore(long base, long stride, boolean byConcurrencyId, long expected, long value) {
        if (!NATIVE) {
            return NO_AREA;
        }
        int result;
        int tries = 0;
        do {
            result = NativeCalls.compareAndStore(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), expected,
                    value);
        } while (result == NO_AREA && mayRetry(tries++));
        return result;
    }

    public static int swap(long base, long stride, boolean byConcurrencyId, long value, long[] old) {
        if (!NATIVE) {
            return NO_AREA;
        }
        int result;
        int tries = 0;
        do {
            result = NativeCalls.swap(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), value, old);
        } while (result == NO_AREA && mayRetry(tries++));
        return result;
    }

    public static int push(long base, long stride, boolean byConcurrencyId, long capacity, long word) {
        if (!NATIVE) {
            return NO_AREA;
        }
        int result;
        int tries = 0;
        do {
            result = NativeCalls.push(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), capacity, word);
        } while (result == NO_AREA && mayRetry(tries++));
        return result;
    }

    public static int pop(long base, long stride, boolean byConcurrencyId, long capacity, long[] word) {
        if (!NATIVE) {
            return NO_AREA;
        }
        int result;
        int tries = 0;
        do {
            result = NativeCalls.pop(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), capacity, word);
        } while (result == NO_AREA && mayRetry(tries++));
        return result;
    }

    /** The word; {@code empty} when there is none, {@code ~empty} for {@link #NO_AREA}. */
    public static long popWord(long base, long stride, boolean byConcurrencyId, long capacity, long empty) {
        if (!NATIVE) {
            return ~empty;
        }
        long result;
        int tries = 0;
        do {
            result = NativeCalls.popWord(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), capacity, empty);
        } while (result == ~empty && mayRetry(tries++));
        return result;
    }

    /** The same at the first try: {@code ~empty} also where the thread may have an area by now. */
    public static long tryPopWord(long base, long stride, long capacity, long empty) {
        return NATIVE
                ? NativeCalls.popWord(base, stride, Registration.CPU_COUNT, Abi.CPU_ID, capacity, empty)
                : ~empty;
    }

    /** {@link #push} at the first try: {@link #NO_AREA} also where the thread may have an area by now. */
    public static int tryPush(long base, long stride, long capacity, long word) {
        return NATIVE
                ? NativeCalls.push(base, stride, Registration.CPU_COUNT, Abi.CPU_ID, capacity, word)
                : NO_AREA;
    }

    /** How many were moved in the upper half, the CPU in the lower one; {@link #MAX_WORDS} at most, whatever n is. */
    public static long pushMany(long base, long stride, boolean byConcurrencyId, long capacity, long[] words, int from,
            long n) {
        if (!NATIVE) {
            return NO_AREA;
        }
        long result;
        int tries = 0;
        do {
            result = NativeCalls.pushMany(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), capacity, words,
                    from, n);
        } while (result == NO_AREA && mayRetry(tries++));
        return result;
    }

    /** As {@link #pushMany}. */
    public static long popMany(long base, long stride, boolean byConcurrencyId, long capacity, long[] words, int from,
            long n) {
        if (!NATIVE) {
            return NO_AREA;
        }
        long result;
        int tries = 0;
        do {
            result = NativeCalls.popMany(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), capacity, words,
                    from, n);
        } while (result == NO_AREA && mayRetry(tries++));
        return result;
    }

    /**
     * Takes the uppermost words off a stack that sequences use on one CPU, or on any when that is negative. The caller
     * has ensured headroom: a StackOverflowError after they were taken would lose them.
     *
     * @return how many, {@code most} at most; none when another drain has the stack, or its size is none
     * @throws UnsupportedOperationException when the kernel refuses the fence; the stack is as it was
     */
    public static int drain(long place, long capacity, int cpu, long[] words, int most) {
        if (FENCE_ERROR != 0) {
            throw refused(FENCE_ERROR);
        }
        long n = NativeCalls.drain(place, capacity, cpu, words, most);
        if (n < 0) {
            throw refused((int) -n);
        }
        return (int) n;
    }

    /** A value into a summary, whose words are aligned to 64 bytes; rseq4j_x86_64.h says which are which. */
    public static int summarize(long base, long stride, long value) {
        int result = NO_AREA;
        for (int tries = 0; result == NO_AREA && mayRetry(tries); tries++) {
            result = NativeCalls.summarize(base, stride, Registration.CPU_COUNT, Abi.CPU_ID, value);
        }
        return result;
    }

    /** Whether {@link #fence} works, as it did at start. */
    public static boolean canFence() {
        return NATIVE && FENCE_ERROR == 0;
    }

    /** Restarts the sequences on a CPU, on all when it is negative. */
    public static void fence(int cpu) {
        if (!NATIVE) {
            return;
        }
        int error = FENCE_ERROR != 0
                ? FENCE_ERROR
                : -Membarrier.call(Abi.MEMBARRIER_PRIVATE_EXPEDITED_RSEQ, cpu < 0 ? 0 : Abi.MEMBARRIER_FLAG_CPU,
                        Math.max(cpu, 0));
        if (error != 0) {
            throw refused(error);
        }
    }

    private static UnsupportedOperationException refused(int error) {
        return new UnsupportedOperationException("membarrier failed with errno " + error);
    }

    /** The aborts on the running OS thread. */
    public static long aborts() {
        long record = Registration.ACTIVE ? ThreadArea.threadRecord() : 0;
        return record == 0 ? 0 : Memory.getLong(record + Abi.RECORD_ABORTS);
    }
}
