// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.lang.ref.Reference;
import java.util.Objects;
import java.util.function.LongConsumer;
import org.rseq4j.internal.sequence.AtomicSequences;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.internal.thread.Headroom;

/**
 * Operations on the current CPU's words of a {@link PerCpuMemory}, with no atomic instruction: each is a restartable
 * sequence that ends in one store. A thread that is preempted, migrated or interrupted by a signal before that store
 * begins again, on the CPU where it then is.
 *
 * <p>
 * <b>Results:</b> "the CPU" is the stride in which the operation took effect, from 0. Where nothing was to be done
 * there (no match, full, empty), the result is the bitwise complement of that stride, a negative number.
 *
 * <p>
 * <b>A stack</b> is a slot of one word more than it holds: the number of words on it, then the words. It is empty when
 * it is zero. A number that is negative or more than fits makes the stack both full and empty: nothing is moved,
 * {@link PerCpuMemory#get} shows the number, and {@link #swap} with 0 empties the stack. {@code pop} and
 * {@code popMany} know no capacity: to them a number is good while the words are inside the stride. No operation reads
 * or writes outside of its stride.
 *
 * <p>
 * <b>Where there are no sequences</b> ({@link #isNative()}), because there is no rseq or the kernel does not abort them
 * as it should, the same operations work by atomic instructions on a stripe chosen from the thread. That is decided
 * once for the process, so that no word sees two protocols. A single thread without an rseq area works by atomics on
 * the stride {@link Rseq#cpuCount()}; sum or drain all {@link PerCpuMemory#strideCount()} strides, and that one is
 * included. The memory of a file is always changed by atomics.
 *
 * <p>
 * Where they are atomics, threads take turns at the stacks of a stride. A thread whose turn does not come soon, because
 * the one that has it waits for a CPU, treats the stack as full, or empty.
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before it changed a word happens before what a thread does that finds that
 * change, by an operation here or by {@link PerCpuMemory#get}.
 *
 * <p>
 * <b>Cost:</b> one native call of a few nanoseconds, ten before Java 22.
 *
 * @since 0.1.0
 */
public final class RestartableSequences {
    /*
     * Why a file's memory is never changed by sequences: an access behind the end of a file that somebody truncated is
     * an InternalError in Java, and the end of the process in a sequence.
     *
     * Each operation is attempted by a sequence, and by atomics where that finds no area. One method that takes both as
     * lambdas would allocate them.
     */

    /** Not in the class itself: its initializer could find no stack, and the class would be of no use for ever. */
    private static final class Keys {
        static final RestartableSequences CPU = new RestartableSequences(false);
        static final RestartableSequences CONCURRENCY_ID = new RestartableSequences(true);
    }

    /** By {@link PerCpuMemory#initialize}, which has made sure of stack. */
    static void initialize() {
        Objects.requireNonNull(Keys.CPU);
    }

    private final boolean byConcurrencyId;

    private RestartableSequences(boolean byConcurrencyId) {
        this.byConcurrencyId = byConcurrencyId;
    }

    /** {@return the operations on words that are chosen by the CPU that the thread runs on; always the same object} */
    public static RestartableSequences byCpu() {
        PerCpuMemory.initialize();
        return Keys.CPU;
    }

    /**
     * {@return the operations on words that are chosen by the concurrency ID ({@link Rseq#concurrencyId()}), as many as
     * threads that run at once; always the same object}
     */
    public static RestartableSequences byConcurrencyId() {
        PerCpuMemory.initialize();
        return Keys.CONCURRENCY_ID;
    }

    /** {@return whether these are restartable sequences; false when they are atomic instructions} */
    public static boolean isNative() {
        PerCpuMemory.initialize();
        return Sequences.NATIVE;
    }

    /** {@return why they are atomic instructions, an empty string when they are not} */
    public static String reason() {
        PerCpuMemory.initialize();
        return Sequences.REASON;
    }

    /**
     * {@return how many sequences were aborted and begun again on the calling thread, since it first used the library}
     */
    public static long abortsOfThisThread() {
        PerCpuMemory.initialize();
        return Sequences.aborts();
    }

    /**
     * Adds to a word.
     *
     * @param memory where the word is
     * @param offset the word's offset in the stride, in bytes
     * @param delta what to add
     * @return the CPU
     * @throws IndexOutOfBoundsException when the offset is not that of a word
     * @throws IllegalStateException when the memory is closed
     */
    public int add(PerCpuMemory memory, long offset, long delta) {
        memory.check(offset);
        int cpu = bySequence(memory)
                ? Sequences.add(memory.base + offset, memory.stride, byConcurrencyId, delta)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            cpu = memory.atomicStride(byConcurrencyId);
            AtomicSequences.add(memory.mapping(), memory.place(cpu, offset), delta);
        }
        Reference.reachabilityFence(memory);
        return cpu;
    }

    private static boolean bySequence(PerCpuMemory memory) {
        return Sequences.NATIVE && !memory.isFile;
    }

    /**
     * Stores a word when it has an expected value.
     *
     * @param memory where the word is
     * @param offset the word's offset in the stride, in bytes
     * @param expected the value that the word must have
     * @param value what to store
     * @return the CPU, or its complement when the word there has another value
     * @throws IndexOutOfBoundsException when the offset is not that of a word
     * @throws IllegalStateException when the memory is closed
     */
    public int compareAndStore(PerCpuMemory memory, long offset, long expected, long value) {
        memory.check(offset);
        int cpu = bySequence(memory)
                ? Sequences.compareAndStore(memory.base + offset, memory.stride, byConcurrencyId, expected, value)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            cpu = memory.atomicStride(byConcurrencyId);
            boolean done = AtomicSequences.compareAndStore(memory.mapping(), memory.place(cpu, offset), expected,
                    value);
            cpu = done ? cpu : ~cpu;
        }
        Reference.reachabilityFence(memory);
        return cpu;
    }

    /**
     * Stores a word and returns the previous value, in an array.
     *
     * @param memory where the word is
     * @param offset the word's offset in the stride, in bytes
     * @param value what to store
     * @param old its first element is set to the previous value
     * @return the CPU
     * @throws IndexOutOfBoundsException when the offset is not that of a word, or the array is empty
     * @throws IllegalStateException when the memory is closed
     */
    public int swap(PerCpuMemory memory, long offset, long value, long[] old) {
        memory.check(offset);
        Objects.checkIndex(0, old.length);
        int cpu = bySequence(memory)
                ? Sequences.swap(memory.base + offset, memory.stride, byConcurrencyId, value, old)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            cpu = memory.atomicStride(byConcurrencyId);
            old[0] = AtomicSequences.swap(memory.mapping(), memory.place(cpu, offset), value);
        }
        Reference.reachabilityFence(memory);
        return cpu;
    }

    /**
     * Pushes a word on a stack.
     *
     * @param memory where the stack is
     * @param stack the stack's offset in the stride, in bytes
     * @param capacity how many words the stack holds; the slot has one more
     * @param word what to push
     * @return the CPU, or its complement when the stack there is full
     * @throws IndexOutOfBoundsException when the stack is not inside the stride
     * @throws IllegalStateException when the memory is closed
     */
    public int push(PerCpuMemory memory, long stack, int capacity, long word) {
        memory.checkStack(stack, capacity);
        int cpu = bySequence(memory)
                ? Sequences.push(memory.base + stack, memory.stride, byConcurrencyId, capacity, word)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            cpu = memory.atomicStride(byConcurrencyId);
            boolean done = AtomicSequences.push(memory.mapping(), cpu, memory.place(cpu, stack), capacity, word);
            cpu = done ? cpu : ~cpu;
        }
        Reference.reachabilityFence(memory);
        return cpu;
    }

    /**
     * Pops a word off a stack.
     *
     * @param memory where the stack is
     * @param stack the stack's offset in the stride, in bytes
     * @param word its first element is set to the word
     * @return the CPU, or its complement when the stack there is empty
     * @throws IndexOutOfBoundsException when the offset is not that of a word, or the array is empty
     * @throws IllegalStateException when the memory is closed
     */
    public int pop(PerCpuMemory memory, long stack, long[] word) {
        long room = memory.roomOfStack(stack);
        Objects.checkIndex(0, word.length);
        int cpu = bySequence(memory)
                ? Sequences.pop(memory.base + stack, memory.stride, byConcurrencyId, room, word)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            cpu = memory.atomicStride(byConcurrencyId);
            int n = AtomicSequences.popMany(memory.mapping(), cpu, memory.place(cpu, stack), room, word, 0, 1);
            cpu = n > 0 ? cpu : ~cpu;
        }
        Reference.reachabilityFence(memory);
        return cpu;
    }

    /**
     * Pushes as many words as there is room for, 256 at a time: each 256 are one sequence, and may be on another CPU.
     * An error that comes between two of them, such as a StackOverflowError, is not thrown: the result says what was
     * done until then.
     *
     * @param memory where the stack is
     * @param stack the stack's offset in the stride, in bytes
     * @param capacity how many words the stack holds; the slot has one more
     * @param words what to push; the last one that is pushed ends on top
     * @param n how many of them, from the first
     * @return how many were pushed, from 0 to n, in the upper 32 bits, and the last CPU in the lower ones
     * @throws IndexOutOfBoundsException when the stack is not inside the stride, or n is negative or more than the
     *              array has
     * @throws IllegalStateException when the memory is closed
     */
    public long pushMany(PerCpuMemory memory, long stack, int capacity, long[] words, int n) {
        memory.checkStack(stack, capacity);
        Objects.checkFromIndexSize(0, n, words.length);
        long moved = n <= Sequences.MAX_WORDS
                ? pushSome(memory, stack, capacity, words, 0, n)
                : moveInParts(true, memory, stack, capacity, words, n);
        Reference.reachabilityFence(memory);
        return moved;
    }

    /**
     * Pops as many words as there are, up to n, 256 at a time, as {@link #pushMany}.
     *
     * @param memory where the stack is
     * @param stack the stack's offset in the stride, in bytes
     * @param words is filled from the first element with what was popped, the former top first
     * @param n how many at most
     * @return how many were popped, from 0 to n, in the upper 32 bits, and the last CPU in the lower ones
     * @throws IndexOutOfBoundsException when the offset is not that of a word, or n is negative or more than the array
     *              has
     * @throws IllegalStateException when the memory is closed
     */
    public long popMany(PerCpuMemory memory, long stack, long[] words, int n) {
        long room = memory.roomOfStack(stack);
        Objects.checkFromIndexSize(0, n, words.length);
        long moved = n <= Sequences.MAX_WORDS
                ? popSome(memory, stack, room, words, 0, n)
                : moveInParts(false, memory, stack, room, words, n);
        Reference.reachabilityFence(memory);
        return moved;
    }

    private long pushSome(PerCpuMemory memory, long stack, long capacity, long[] words, int from, int n) {
        long moved = bySequence(memory)
                ? Sequences.pushMany(memory.base + stack, memory.stride, byConcurrencyId, capacity, words, from, n)
                : Sequences.NO_AREA;
        if (moved == Sequences.NO_AREA) {
            int cpu = memory.atomicStride(byConcurrencyId);
            moved = (long) AtomicSequences.pushMany(memory.mapping(), cpu, memory.place(cpu, stack), capacity, words,
                    from, n) << 32 | cpu;
        }
        return moved;
    }

    private long popSome(PerCpuMemory memory, long stack, long capacity, long[] words, int from, int n) {
        long moved = bySequence(memory)
                ? Sequences.popMany(memory.base + stack, memory.stride, byConcurrencyId, capacity, words, from, n)
                : Sequences.NO_AREA;
        if (moved == Sequences.NO_AREA) {
            int cpu = memory.atomicStride(byConcurrencyId);
            moved = (long) AtomicSequences.popMany(memory.mapping(), cpu, memory.place(cpu, stack), capacity, words,
                    from, n) << 32 | cpu;
        }
        return moved;
    }

    /** More than one sequence moves: one after the other, until one moves fewer than it might. */
    private long moveInParts(boolean push, PerCpuMemory memory, long stack, long capacity, long[] words, int n) {
        long last = 0;
        int moved = 0;
        try {
            for (boolean whole = true; whole && moved < n;) {
                int some = Math.min(n - moved, Sequences.MAX_WORDS);
                last = push
                        ? pushSome(memory, stack, capacity, words, moved, some)
                        : popSome(memory, stack, capacity, words, moved, some);
                whole = (int) (last >>> 32) == some;
                moved += (int) (last >>> 32);
            }
        } catch (Throwable e) {
            if (moved == 0) {
                throw e;
            } // else what was moved is moved, and the caller must know
        }
        return (long) moved << 32 | (int) last;
    }

    /**
     * Restarts every sequence that is running on a CPU: when this returns, each that had begun there before has either
     * been committed or will begin again and see what the caller wrote before. (membarrier(2),
     * MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ.) No effect where sequences are atomic instructions.
     *
     * @param cpu the CPU, below {@link Rseq#cpuCount()}
     * @throws IndexOutOfBoundsException when there is no such CPU
     * @throws UnsupportedOperationException when the kernel refuses the system call; the message has the error
     */
    public static void fence(int cpu) {
        PerCpuMemory.initialize();
        Sequences.fence(Objects.checkIndex(cpu, Rseq.cpuCount()));
    }

    /**
     * {@link #fence} for all CPUs.
     *
     * @throws UnsupportedOperationException when the kernel refuses the system call; the message has the error
     */
    public static void fenceAll() {
        PerCpuMemory.initialize();
        Sequences.fence(-1);
    }

    /**
     * Takes every word off one CPU's stack, from any thread, 256 at a time. Meanwhile, and for other drains, that stack
     * is both full and empty; a stack that is so already is left alone. Costs two system calls or more for each 256;
     * needs {@link #fence}, which for a concurrency ID means all CPUs. No drain waits for another.
     *
     * <p>
     * Every word that was taken is given to the consumer, also when that threw for another one: what it threw first is
     * thrown when the words that were taken with that one were given; what is not taken yet stays on the stack.
     *
     * @param memory where the stack is
     * @param cpu the stride, below {@link PerCpuMemory#strideCount()}
     * @param stack the stack's offset in the stride, in bytes
     * @param capacity how many words the stack holds
     * @param to is given each word, the former top first, while nothing is locked
     * @return how many there were; at most the capacity, even when others push meanwhile
     * @throws IndexOutOfBoundsException when there is no such CPU, or the stack is not inside the stride
     * @throws IllegalStateException when the memory is closed
     * @throws UnsupportedOperationException when the kernel refuses the fence
     */
    public int drain(PerCpuMemory memory, int cpu, long stack, int capacity, LongConsumer to) {
        Objects.requireNonNull(to, "to");
        Objects.checkIndex(cpu, memory.strideCount());
        memory.checkStack(stack, capacity);
        long[] words = new long[Math.min(capacity, Sequences.MAX_WORDS)];
        int drained = 0;
        int n;
        do {
            int most = Math.min(capacity - drained, words.length);
            n = drainSome(memory, cpu, stack, capacity, words, most);
            give(words, n, to);
            drained += n;
        } while (n == words.length && drained < capacity);
        return drained;
    }

    private int drainSome(PerCpuMemory memory, int cpu, long stack, int capacity, long[] words, int most) {
        long place = memory.place(cpu, stack);
        Headroom.ensure(); // for the consumer, too: what is taken must be given
        int n = bySequence(memory) && cpu < Rseq.cpuCount()
                ? Sequences.drain(place, capacity, byConcurrencyId ? -1 : cpu, words, most)
                : AtomicSequences.popMany(memory.mapping(), cpu, place, capacity, words, 0, most);
        Reference.reachabilityFence(memory);
        return n;
    }

    private static void give(long[] words, int n, LongConsumer to) {
        Throwable first = null;
        for (int i = 0; i < n; i++) {
            try {
                to.accept(words[i]);
            } catch (Throwable e) {
                first = first == null ? e : first;
            }
        }
        if (first != null) {
            RestartableSequences.<RuntimeException>rethrow(first);
        }
    }

    /** Whatever it was that the consumer threw. */
    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void rethrow(Throwable thrown) throws E {
        throw (E) thrown;
    }
}
