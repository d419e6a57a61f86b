// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.rseq4j.Rseq;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.Words;

/**
 * Words for meters of one size, side by side in chunks. A chunk has a stride for each CPU, and one more.
 *
 * <p>
 * What a meter costs on the heap beside itself is a reference of 32 bytes: words whose meter is unreachable are found
 * when somebody wants new ones.
 */
final class CounterSlots {
    /** The bytes of a stride in a chunk: a shift, no multiplication. */
    static final int SHIFT = 16;
    static final int CPUS = Rseq.cpuCount();
    /** More than are taken at once, so that those that are unreachable become fewer; bounded, for who takes one. */
    private static final int FREED_AT_ONCE = 4;
    /** One for each CPU, and one more. */
    static final int STRIDES = CPUS + 1;

    static final CounterSlots COUNTERS = new CounterSlots(1);
    static final CounterSlots SUMMARIES = new CounterSlots(SummaryWords.WORDS);

    private final int words;
    private final int slotsPerChunk;
    private final List<Chunk> chunks = new ArrayList<>();
    /** The chunks before it are full. */
    private int firstWithRoom;
    private final ReferenceQueue<Object> unreachable = new ReferenceQueue<>();

    CounterSlots(int words) {
        this.words = words;
        this.slotsPerChunk = (1 << SHIFT) / Long.BYTES / words;
    }

    /** The words of one meter. */
    static final class Slot extends PhantomReference<Object> {
        private final int number;

        private Slot(Object meter, ReferenceQueue<Object> queue, int number) {
            super(meter, queue);
            this.number = number;
        }
    }

    private static final class Chunk {
        private final Mapping mapping;
        private final BitSet used;
        private final Slot[] slots;
        /** The slots before it are used. */
        private int firstFree;

        private Chunk(int slots) {
            this.mapping = Mapping.anonymous((long) STRIDES << SHIFT);
            this.slots = new Slot[slots];
            this.used = new BitSet(slots);
        }
    }

    /** Zeroed words for a meter, until it is unreachable. */
    synchronized Slot take(Object meter) {
        Object gone = unreachable.poll();
        for (int i = 1; gone != null; i++) {
            free((Slot) gone);
            gone = i < FREED_AT_ONCE ? unreachable.poll() : null;
        }
        if (firstWithRoom == chunks.size()) {
            chunks.add(new Chunk(slotsPerChunk));
        }
        Chunk chunk = chunks.get(firstWithRoom);
        int i = chunk.firstFree;
        var slot = new Slot(meter, unreachable, firstWithRoom * slotsPerChunk + i);
        // Nothing is changed before here, where an OutOfMemoryError is possible, and nothing can fail after.
        chunk.slots[i] = slot;
        chunk.used.set(i);
        chunk.firstFree = chunk.used.nextClearBit(i);
        while (firstWithRoom < chunks.size() && chunks.get(firstWithRoom).firstFree == slotsPerChunk) {
            firstWithRoom++;
        }
        return slot;
    }

    synchronized Mapping mapping(Slot slot) {
        return chunks.get(slot.number / slotsPerChunk).mapping;
    }

    /** Where the words are in a stride, in bytes. */
    long offset(Slot slot) {
        return (long) (slot.number % slotsPerChunk) * words * Long.BYTES;
    }

    /** How many are in use, by meters that are reachable or were not found yet. */
    synchronized int taken() {
        return chunks.stream().mapToInt(chunk -> chunk.used.cardinality()).sum();
    }

    private void free(Slot slot) {
        Chunk chunk = chunks.get(slot.number / slotsPerChunk);
        int i = slot.number % slotsPerChunk;
        var segment = Words.segment(chunk.mapping);
        for (long stride = 0; stride < STRIDES; stride++) {
            for (int word = 0; word < words; word++) {
                long place = chunk.mapping.base + (stride << SHIFT) + offset(slot) + word * (long) Long.BYTES;
                if (Words.getOpaque(segment, place) != 0) { // an untouched page stays so
                    Words.setOpaque(segment, place, 0);
                }
            }
        }
        chunk.slots[i] = null;
        chunk.used.clear(i);
        chunk.firstFree = Math.min(chunk.firstFree, i);
        firstWithRoom = Math.min(firstWithRoom, slot.number / slotsPerChunk);
    }
}
