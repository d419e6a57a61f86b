// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.Words;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.internal.thread.Headroom;
import org.rseq4j.internal.thread.Registration;

/**
 * Words for meters of one size, side by side in chunks. A chunk has a stride for each CPU, and one more.
 *
 * <p>
 * What a meter costs on the heap beside itself is a reference of 32 bytes: words whose meter is unreachable are found
 * when somebody wants new ones.
 *
 * <p>
 * All meters of the process share these words, so nobody waits here for anybody: a slot is taken by setting its bit,
 * and given back by clearing it, each by one compare-and-set. A thread that stops or fails in between keeps one slot
 * from others.
 */
final class CounterSlots {
    /** The bytes of a stride in a chunk: a shift, no multiplication. */
    static final int SHIFT = 16;
    static final int CPUS = Registration.CPU_COUNT;
    /** More than are taken at a time, so that unreachable ones become fewer; few, as a thread that takes one pays. */
    private static final int FREED_AT_ONCE = 4;
    /** One for each CPU, and one more. */
    static final int STRIDES = CPUS + 1;

    static final CounterSlots COUNTERS = new CounterSlots(1);
    static final CounterSlots SUMMARIES = new CounterSlots(SummaryWords.WORDS);

    static {
        Sequences.initialize();
        Mapping.initialize();
    }

    private final int words;
    private final int slotsPerChunk;
    /** Only ever longer. */
    private final AtomicReference<Chunk[]> chunks = new AtomicReference<>(new Chunk[0]);
    /** Where to look first for a chunk with room. A hint: whoever finds none there looks at all others. */
    private int hint;
    private final ReferenceQueue<Object> unreachable = new ReferenceQueue<>();

    CounterSlots(int words) {
        this.words = words;
        this.slotsPerChunk = (1 << SHIFT) / Long.BYTES / words;
    }

    /** Does nothing, but initializes this class before the first operation, which may find no stack for that. */
    static void initialize() {
        // see above
    }

    /** The words of one meter. */
    static final class Slot extends PhantomReference<Object> {
        private int number;

        private Slot(Object meter, ReferenceQueue<Object> queue) {
            super(meter, queue);
        }
    }

    private static final class Chunk {
        private final Mapping mapping;
        /** A bit for each slot, set while it is used. */
        private final AtomicLongArray used;
        /** Keeps them reachable; each is written by who set, or is about to clear, its bit. */
        private final Slot[] slots;
        /** Which word of bits to look at first. */
        private int hint;

        private Chunk(int slots) {
            this.mapping = Mapping.anonymous((long) STRIDES << SHIFT);
            this.slots = new Slot[slots];
            this.used = new AtomicLongArray((slots + Long.SIZE - 1) / Long.SIZE);
            if (slots % Long.SIZE != 0) {
                used.set(used.length() - 1, -1L << slots); // there are no such slots
            }
        }

        /** Takes a free slot, the first of which has this number; false when there is none. */
        private boolean take(Slot slot, int first) {
            int start = hint;
            for (int i = 0; i < used.length(); i++) {
                int word = (start + i) % used.length();
                long bits = used.get(word);
                while (bits != -1) {
                    int bit = Long.numberOfTrailingZeros(~bits);
                    long witness = used.compareAndExchange(word, bits, bits | 1L << bit);
                    if (witness == bits) {
                        // From here on without a call: an error would keep the slot for good.
                        int number = word * Long.SIZE + bit;
                        slot.number = first + number;
                        slots[number] = slot;
                        hint = word;
                        return true;
                    }
                    bits = witness;
                }
            }
            return false;
        }

        private void free(int number) {
            slots[number] = null;
            int word = number / Long.SIZE;
            long bit = 1L << number;
            long bits = used.get(word);
            while (!used.compareAndSet(word, bits, bits & ~bit)) {
                bits = used.get(word);
            }
            hint = Math.min(hint, word);
        }

        private int taken() {
            int count = 0;
            for (int word = 0; word < used.length(); word++) {
                count += Long.bitCount(used.get(word));
            }
            return count - (used.length() * Long.SIZE - slots.length);
        }
    }

    /** Zeroed words for a meter, until it is unreachable. */
    Slot take(Object meter) {
        freeSome();
        var slot = new Slot(meter, unreachable);
        while (true) {
            Chunk[] all = chunks.get();
            int start = hint;
            for (int i = 0; i < all.length; i++) {
                int chunk = (start + i) % all.length;
                if (all[chunk].take(slot, chunk * slotsPerChunk)) {
                    hint = chunk;
                    return slot;
                }
            }
            append(all, new Chunk(slotsPerChunk));
        }
    }

    /** Without effect when another thread appended one meanwhile: there is room then. */
    private void append(Chunk[] all, Chunk chunk) {
        Chunk[] longer = Arrays.copyOf(all, all.length + 1);
        longer[all.length] = chunk;
        if (chunks.compareAndSet(all, longer)) {
            hint = all.length;
        }
    }

    Mapping mapping(Slot slot) {
        return chunks.get()[slot.number / slotsPerChunk].mapping;
    }

    /** Where the words are in a stride, in bytes. */
    long offset(Slot slot) {
        return (long) (slot.number % slotsPerChunk) * words * Long.BYTES;
    }

    /** How many are in use, by meters that are reachable or were not found yet. */
    int taken() {
        int count = 0;
        for (Chunk chunk : chunks.get()) {
            count += chunk.taken();
        }
        return count;
    }

    private void freeSome() {
        Headroom.ensure(); // what comes out of the queue comes out once
        Object gone = unreachable.poll();
        for (int i = 1; gone != null; i++) {
            free((Slot) gone);
            gone = i < FREED_AT_ONCE ? unreachable.poll() : null;
        }
    }

    private void free(Slot slot) {
        int index = slot.number / slotsPerChunk;
        Chunk chunk = chunks.get()[index];
        Mapping mapping = chunk.mapping;
        for (long stride = 0; stride < STRIDES; stride++) {
            for (int word = 0; word < words; word++) {
                long place = mapping.base + (stride << SHIFT) + offset(slot) + word * (long) Long.BYTES;
                if (Words.getOpaque(mapping, place) != 0) { // an untouched page stays so
                    Words.setOpaque(mapping, place, 0);
                }
            }
        }
        chunk.free(slot.number % slotsPerChunk);
        hint = Math.min(hint, index);
    }
}
