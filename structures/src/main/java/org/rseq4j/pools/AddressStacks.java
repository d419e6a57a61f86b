package org.rseq4j.pools;

import java.lang.ref.Reference;
import java.util.function.LongConsumer;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.internal.AtomicSequences;
import org.rseq4j.internal.Mapping;
import org.rseq4j.internal.MemoryAccess;
import org.rseq4j.internal.Sequences;

/**
 * Stacks of addresses for each CPU: {@link RestartableSequences} on memory and stacks of its own, so that nothing is checked
 * on the way. Never used after {@link #close()} but for operations that had begun before, which then do no harm.
 */
final class AddressStacks {
    /** What a pop without a sequence gives, where 0 is no address. */
    private static final long NO_AREA = ~0L;

    private final PerCpuMemory memory;
    private final Mapping mapping;
    private final long stride;

    AddressStacks(long bytesPerCpu) {
        memory = PerCpuMemory.allocate(bytesPerCpu);
        mapping = MemoryAccess.get().mapping(memory);
        stride = MemoryAccess.get().stride(memory);
    }

    /** A stack of this many addresses: its offset. */
    long allocate(int capacity) {
        return memory.allocateSlot(capacity + 1);
    }

    /** The current CPU's top address; 0 when there is none. */
    long pop(long stack, int capacity) {
        long address = Sequences.popWord(mapping.base + stack, stride, false, capacity, 0);
        if (address == NO_AREA) {
            int cpu = AtomicSequences.stride(mapping, false);
            address = AtomicSequences.popWord(mapping, cpu, mapping.base + cpu * stride + stack, capacity, 0);
        }
        Reference.reachabilityFence(this);
        return address;
    }

    /** False when the current CPU's stack is full. */
    boolean push(long stack, int capacity, long address) {
        int cpu = Sequences.push(mapping.base + stack, stride, false, capacity, address);
        boolean pushed = cpu >= 0;
        if (cpu == Sequences.NO_AREA) {
            cpu = AtomicSequences.stride(mapping, false);
            pushed = AtomicSequences.push(mapping, cpu, mapping.base + cpu * stride + stack, capacity, address);
        }
        Reference.reachabilityFence(this);
        return pushed;
    }

    /** Pushes the first of these addresses, as many as there is room for; how many those were. */
    int pushMany(long stack, int capacity, long[] addresses, int n) {
        return (int) (RestartableSequences.BY_CPU.pushMany(memory, stack, capacity, addresses, n) >>> 32);
    }

    /** Pops up to n addresses; how many those were. */
    int popMany(long stack, long[] addresses, int n) {
        return (int) (RestartableSequences.BY_CPU.popMany(memory, stack, addresses, n) >>> 32);
    }

    /** How many addresses are on the stacks of all CPUs. */
    long size(long stack) {
        long sum = 0;
        for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
            // Negative, the lock of a drain: what is there is on its way.
            sum += Math.max(0, memory.get(cpu, stack));
        }
        return sum;
    }

    /**
     * Empties the stacks of all CPUs, those that look empty left alone.
     *
     * @throws UnsupportedOperationException when the kernel refuses the fence
     */
    void drain(long stack, int capacity, LongConsumer to) {
        for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
            if (memory.get(cpu, stack) != 0) {
                RestartableSequences.BY_CPU.drain(memory, cpu, stack, capacity, to);
            }
        }
    }

    void close() {
        memory.close();
    }
}
