package org.rseq4j;

import java.lang.ref.Reference;
import java.util.Objects;
import java.util.function.LongConsumer;
import org.rseq4j.internal.AtomicSequences;
import org.rseq4j.internal.Sequences;

/**
 * Operations on the current CPU's words of a {@link PerCpuMemory}, with no atomic instruction: each is a restartable
 * sequence that ends in one store. A thread that is preempted, migrated or interrupted by a signal before that store begins
 * again, on the CPU where it then is.
 *
 * <p>
 * A stack is a slot of one word more than it holds: the number of words on it, then the words. It is empty when it is zero.
 *
 * <p>
 * Where a result is "the CPU", it is the stride in which the operation took effect, from 0; where nothing was to be done there
 * (no match, full, empty), it is the bitwise complement of that stride, a negative number.
 *
 * <p>
 * Without rseq, or where the kernel does not abort sequences as it should ({@link #isNative()}), the same operations work
 * by atomic instructions on a stripe chosen from the thread; that is decided once for the process, so that no word sees
 * two protocols. A single thread that has no rseq area works by atomics on the stride {@link Rseq#cpuCount()}, which no
 * sequence touches. A user who sums or drains all of {@link PerCpuMemory#strideCount()} strides needs not know.
 *
 * <p>
 * Cost: one native call of a few nanoseconds (docs/sequences.md). A word that is only added to is cheaper with
 * {@link PerCpuMemory#add} from a platform thread only where a locked add costs less than that call.
 *
 * @since 0.1.0
 */
public final class RestartableSequences {
    /** Words chosen by the CPU that the thread runs on. */
    public static final RestartableSequences BY_CPU = new RestartableSequences(false);
    /** Words chosen by the concurrency ID ({@link Rseq#concurrencyId()}): as many as threads that run at once. */
    public static final RestartableSequences BY_CONCURRENCY_ID = new RestartableSequences(true);

    private final boolean byConcurrencyId;

    private RestartableSequences(boolean byConcurrencyId) {
        this.byConcurrencyId = byConcurrencyId;
    }

    /** {@return whether these are restartable sequences; false when they are atomic instructions} */
    public static boolean isNative() {
        return Sequences.NATIVE;
    }

    /** {@return why they are atomic instructions, an empty string when they are not} */
    public static String reason() {
        return Sequences.REASON;
    }

    /** {@return how many sequences were aborted and begun again on the calling thread, since it first used the library} */
    public static long abortsOfThisThread() {
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
        int cpu = Sequences.NATIVE
                ? Sequences.add(memory.base + offset, memory.stride, byConcurrencyId, delta)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            cpu = AtomicSequences.addSlowly(memory.mapping(), memory.stride, offset, byConcurrencyId, delta);
        }
        Reference.reachabilityFence(memory);
        return cpu;
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
        int cpu = Sequences.NATIVE
                ? Sequences.compareAndStore(memory.base + offset, memory.stride, byConcurrencyId, expected, value)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            cpu = compareAndStoreSlowly(memory, offset, expected, value);
        }
        Reference.reachabilityFence(memory);
        return cpu;
    }

    private int compareAndStoreSlowly(PerCpuMemory memory, long offset, long expected, long value) {
        if (Sequences.attached()) {
            int cpu = Sequences.compareAndStore(memory.base + offset, memory.stride, byConcurrencyId, expected, value);
            if (cpu != Sequences.NO_AREA) {
                return cpu;
            }
        }
        return AtomicSequences.compareAndStore(memory.mapping(), memory.stride, offset, byConcurrencyId, expected,
                value);
    }

    /**
     * Stores a word and tells what it was.
     *
     * @param memory where the word is
     * @param offset the word's offset in the stride, in bytes
     * @param value what to store
     * @param old its first element is set to what the word was
     * @return the CPU
     * @throws IndexOutOfBoundsException when the offset is not that of a word, or the array is empty
     * @throws IllegalStateException when the memory is closed
     */
    public int swap(PerCpuMemory memory, long offset, long value, long[] old) {
        memory.check(offset);
        Objects.checkIndex(0, old.length);
        int cpu = Sequences.NATIVE
                ? Sequences.swap(memory.base + offset, memory.stride, byConcurrencyId, value, old)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            cpu = swapSlowly(memory, offset, value, old);
        }
        Reference.reachabilityFence(memory);
        return cpu;
    }

    private int swapSlowly(PerCpuMemory memory, long offset, long value, long[] old) {
        if (Sequences.attached()) {
            int cpu = Sequences.swap(memory.base + offset, memory.stride, byConcurrencyId, value, old);
            if (cpu != Sequences.NO_AREA) {
                return cpu;
            }
        }
        return AtomicSequences.swap(memory.mapping(), memory.stride, offset, byConcurrencyId, value, old);
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
        int cpu = Sequences.NATIVE
                ? Sequences.push(memory.base + stack, memory.stride, byConcurrencyId, capacity, word)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            cpu = pushSlowly(memory, stack, capacity, word);
        }
        Reference.reachabilityFence(memory);
        return cpu;
    }

    private int pushSlowly(PerCpuMemory memory, long stack, int capacity, long word) {
        if (Sequences.attached()) {
            int cpu = Sequences.push(memory.base + stack, memory.stride, byConcurrencyId, capacity, word);
            if (cpu != Sequences.NO_AREA) {
                return cpu;
            }
        }
        return AtomicSequences.push(memory.mapping(), memory.stride, stack, byConcurrencyId, capacity, word);
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
        memory.check(stack);
        Objects.checkIndex(0, word.length);
        int cpu = Sequences.NATIVE
                ? Sequences.pop(memory.base + stack, memory.stride, byConcurrencyId, word)
                : Sequences.NO_AREA;
        if (cpu == Sequences.NO_AREA) {
            cpu = popSlowly(memory, stack, word);
        }
        Reference.reachabilityFence(memory);
        return cpu;
    }

    private int popSlowly(PerCpuMemory memory, long stack, long[] word) {
        if (Sequences.attached()) {
            int cpu = Sequences.pop(memory.base + stack, memory.stride, byConcurrencyId, word);
            if (cpu != Sequences.NO_AREA) {
                return cpu;
            }
        }
        return AtomicSequences.pop(memory.mapping(), memory.stride, stack, byConcurrencyId, word);
    }

    /**
     * Pushes as many words as there is room for, all in one sequence.
     *
     * @param memory where the stack is
     * @param stack the stack's offset in the stride, in bytes
     * @param capacity how many words the stack holds; the slot has one more
     * @param words what to push; the last one that is pushed ends on top
     * @param n how many of them, from the first
     * @return how many were pushed, from 0 to n, in the upper 32 bits, and the CPU in the lower ones
     * @throws IndexOutOfBoundsException when the stack is not inside the stride, or n is negative or more than the array has
     * @throws IllegalStateException when the memory is closed
     */
    public long pushMany(PerCpuMemory memory, long stack, int capacity, long[] words, int n) {
        memory.checkStack(stack, capacity);
        Objects.checkFromIndexSize(0, n, words.length);
        long moved = Sequences.NATIVE
                ? Sequences.pushMany(memory.base + stack, memory.stride, byConcurrencyId, capacity, words, n)
                : Sequences.NO_AREA;
        if (moved == Sequences.NO_AREA) {
            moved = pushManySlowly(memory, stack, capacity, words, n);
        }
        Reference.reachabilityFence(memory);
        return moved;
    }

    private long pushManySlowly(PerCpuMemory memory, long stack, int capacity, long[] words, int n) {
        if (Sequences.attached()) {
            long moved = Sequences.pushMany(memory.base + stack, memory.stride, byConcurrencyId, capacity, words, n);
            if (moved != Sequences.NO_AREA) {
                return moved;
            }
        }
        return AtomicSequences.pushMany(memory.mapping(), memory.stride, stack, byConcurrencyId, capacity, words, n);
    }

    /**
     * Pops as many words as there are, up to n, all in one sequence.
     *
     * @param memory where the stack is
     * @param stack the stack's offset in the stride, in bytes
     * @param words is filled from the first element with what was popped, the former top first
     * @param n how many at most
     * @return how many were popped, from 0 to n, in the upper 32 bits, and the CPU in the lower ones
     * @throws IndexOutOfBoundsException when the offset is not that of a word, or n is negative or more than the array has
     * @throws IllegalStateException when the memory is closed
     */
    public long popMany(PerCpuMemory memory, long stack, long[] words, int n) {
        memory.check(stack);
        Objects.checkFromIndexSize(0, n, words.length);
        long moved = Sequences.NATIVE
                ? Sequences.popMany(memory.base + stack, memory.stride, byConcurrencyId, words, n)
                : Sequences.NO_AREA;
        if (moved == Sequences.NO_AREA) {
            moved = popManySlowly(memory, stack, words, n);
        }
        Reference.reachabilityFence(memory);
        return moved;
    }

    private long popManySlowly(PerCpuMemory memory, long stack, long[] words, int n) {
        if (Sequences.attached()) {
            long moved = Sequences.popMany(memory.base + stack, memory.stride, byConcurrencyId, words, n);
            if (moved != Sequences.NO_AREA) {
                return moved;
            }
        }
        return AtomicSequences.popMany(memory.mapping(), memory.stride, stack, byConcurrencyId, words, n);
    }

    /**
     * Restarts every sequence that is running on a CPU: when this returns, each that had begun there before has either been
     * committed or will begin again and see what the caller wrote before. (membarrier(2),
     * MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ.) No effect where sequences are atomic instructions.
     *
     * @param cpu the CPU, below {@link Rseq#cpuCount()}
     * @throws IndexOutOfBoundsException when there is no such CPU
     * @throws UnsupportedOperationException when the kernel refuses the system call; the message has the error
     */
    public static void fence(int cpu) {
        Sequences.fence(Objects.checkIndex(cpu, Rseq.cpuCount()));
    }

    /**
     * {@link #fence} for all CPUs.
     *
     * @throws UnsupportedOperationException when the kernel refuses the system call; the message has the error
     */
    public static void fenceAll() {
        Sequences.fence(-1);
    }

    /**
     * Takes every word off one CPU's stack, from any thread. Meanwhile that stack answers that it is full and empty. Costs
     * two system calls or more; needs {@link #fence}, which for a concurrency ID means all CPUs.
     *
     * @param memory where the stack is
     * @param cpu the stride, below {@link PerCpuMemory#strideCount()}
     * @param stack the stack's offset in the stride, in bytes
     * @param capacity how many words the stack holds
     * @param to is given each word, the former top first, after the stack was emptied
     * @return how many there were
     * @throws IndexOutOfBoundsException when there is no such CPU, or the stack is not inside the stride
     * @throws IllegalStateException when the memory is closed
     * @throws UnsupportedOperationException when the kernel refuses the fence
     */
    public int drain(PerCpuMemory memory, int cpu, long stack, int capacity, LongConsumer to) {
        Objects.requireNonNull(to, "to");
        Objects.checkIndex(cpu, memory.strideCount());
        memory.checkStack(stack, capacity);
        Runnable fence = !Sequences.NATIVE || cpu == Rseq.cpuCount()
                ? null
                : byConcurrencyId ? RestartableSequences::fenceAll : () -> fence(cpu);
        long[] words = AtomicSequences.drain(memory.mapping(), memory.stride * cpu + stack, fence);
        Reference.reachabilityFence(memory);
        for (long word : words) {
            to.accept(word);
        }
        return words.length;
    }
}
