// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.ref.Reference;
import java.util.function.LongConsumer;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.MemoryAccess;
import org.rseq4j.internal.sequence.AtomicSequences;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.internal.thread.Headroom;

/**
 * Stacks of addresses for each CPU: {@link RestartableSequences} on memory and stacks of its own, so that nothing is
 * checked on the way. Never used after {@link #close()} but for operations that had begun before, which then do no
 * harm.
 */
final class AddressStacks {
    /**
     * What each stack has room for. The same for all, so that who pushes to one with the capacity of another stays
     * within it, and what is there is found.
     */
    static final int SLOTS = 128;
    /** What a pop without a sequence gives, where 0 is no address. */
    private static final long NO_AREA = ~0L;

    private final PerCpuMemory memory;
    private final Mapping mapping;
    private final long stride;

    AddressStacks(int count) {
        memory = PerCpuMemory.allocate((long) count * (SLOTS + 1) * Long.BYTES);
        mapping = MemoryAccess.get().mapping(memory);
        stride = MemoryAccess.get().stride(memory);
        // Links what an acquire or release may come to near the end of a stack; no effect on a stack that is empty and
        // full.
        Headroom.ensure();
        pop(0);
        push(0, 0, 0);
    }

    /** An empty stack: its offset. */
    long allocate() {
        return memory.allocateSlot(SLOTS + 1);
    }

    /** The current CPU's top address; 0 when there is none. */
    long pop(long stack) {
        long address = Sequences.tryPopWord(mapping.base + stack, stride, SLOTS, 0);
        if (address == NO_AREA) {
            address = popSlowly(stack);
        }
        try {
            Reference.reachabilityFence(this);
        } catch (StackOverflowError e) {
            return address; // it was done, and only the stack was short
        }
        return address;
    }

    /**
     * Where the first try found no area, which the thread may have by now. A method of its own: in the other one it
     * made the code of the usual case slower.
     */
    private long popSlowly(long stack) {
        long address = Sequences.popWord(mapping.base + stack, stride, false, SLOTS, 0);
        if (address == NO_AREA) {
            int cpu = AtomicSequences.stride(mapping, false);
            address = AtomicSequences.popWord(mapping, cpu, mapping.base + cpu * stride + stack, SLOTS, 0);
        }
        return address;
    }

    /** False when the current CPU's stack has so many, at most {@link #SLOTS}. */
    boolean push(long stack, int capacity, long address) {
        int cpu = Sequences.tryPush(mapping.base + stack, stride, capacity, address);
        boolean pushed = cpu != Sequences.NO_AREA ? cpu >= 0 : pushSlowly(stack, capacity, address);
        try {
            Reference.reachabilityFence(this);
        } catch (StackOverflowError e) {
            return pushed; // it was done, and only the stack was short
        }
        return pushed;
    }

    private boolean pushSlowly(long stack, int capacity, long address) {
        int cpu = Sequences.push(mapping.base + stack, stride, false, capacity, address);
        if (cpu != Sequences.NO_AREA) {
            return cpu >= 0;
        }
        cpu = AtomicSequences.stride(mapping, false);
        return AtomicSequences.push(mapping, cpu, mapping.base + cpu * stride + stack, capacity, address);
    }

    /** How many CPUs have a stack. */
    int count() {
        return memory.strideCount();
    }

    /** How many addresses are on the stacks of all CPUs. */
    long size(long stack) {
        long sum = 0;
        for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
            // Negative, the lock of a drain: what is there is on its way.
            sum += Math.max(0, size(cpu, stack));
        }
        return sum;
    }

    private long size(int cpu, long stack) {
        try {
            return memory.get(cpu, stack);
        } catch (IllegalStateException e) {
            return 0; // closed
        }
    }

    /**
     * Empties the stacks of all CPUs, those that look empty left alone; how many were not empty.
     *
     * @throws UnsupportedOperationException when the kernel refuses the fence
     */
    int drain(long stack, LongConsumer to) {
        int drained = 0;
        for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
            if (size(cpu, stack) != 0 && drain(cpu, stack, to) > 0) {
                drained++;
            }
        }
        return drained;
    }

    private int drain(int cpu, long stack, LongConsumer to) {
        try {
            return RestartableSequences.byCpu().drain(memory, cpu, stack, SLOTS, to);
        } catch (IllegalStateException e) {
            return 0; // closed
        }
    }

    void close() {
        memory.close();
    }
}
