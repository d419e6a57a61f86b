package org.rseq4j.counters;

import java.util.ArrayList;
import java.util.List;
import org.rseq4j.PerCpuMemory;

/** The memory that counters share: chunks of words, each chunk used up before the next is reserved. */
final class CounterSlots {
    /** A chunk's bytes for each CPU, and so the distance between two CPUs' words: a shift, no multiplication. */
    static final int STRIDE_SHIFT = 16;
    private static final long CHUNK = 1L << STRIDE_SHIFT;

    private static final List<PerCpuMemory> CHUNKS = new ArrayList<>();

    private CounterSlots() {
    }

    /** Words in each stride of a chunk. */
    record Slot(PerCpuMemory memory, long offset) {
        void free() {
            memory.free(offset);
        }
    }

    static synchronized Slot take(int words) {
        for (int i = CHUNKS.size() - 1; i >= 0; i--) {
            try {
                return new Slot(CHUNKS.get(i), CHUNKS.get(i).allocateSlot(words));
            } catch (IllegalStateException full) {
                continue;
            }
        }
        PerCpuMemory chunk = PerCpuMemory.allocate(CHUNK);
        CHUNKS.add(chunk);
        return new Slot(chunk, chunk.allocateSlot(words));
    }
}
