// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.rseq4j.internal.thread.Headroom;

/**
 * Which words of a stride are taken: slots of words that follow one another, taken from the first unused word on; one
 * that was freed is taken again for the same number of words. Not thread safe.
 *
 * <p>
 * What throws has done nothing: there is stack before anything is changed, and what needs memory comes before what must
 * not fail.
 */
final class SlotAllocator {
    private final long words;
    private final Map<Long, Integer> allocated = new HashMap<>();
    private final Map<Integer, Freed> freed = new HashMap<>();
    /** The first word that was never part of a slot. */
    private long unused;

    /** Slots of one size. */
    static final class Freed {
        private long[] slots = new long[4];
        private int count;

        private void makeRoom() {
            if (count == slots.length) {
                slots = Arrays.copyOf(slots, count * 2);
            }
        }
    }

    SlotAllocator(long words) {
        this.words = words;
    }

    /**
     * Takes a slot.
     *
     * @return its offset in the stride, in bytes
     * @throws IllegalArgumentException when the number of words is not positive
     * @throws IllegalStateException when no room is left
     */
    long allocate(int size) {
        if (size <= 0) {
            throw new IllegalArgumentException("words must be positive: " + size);
        }
        Headroom.ensure();
        Freed reusable = freed.get(size);
        boolean again = reusable != null && reusable.count > 0;
        if (!again && size > words - unused) {
            throw new IllegalStateException(
                    "no room for " + size + " words: " + (words - unused) + " are left of " + words);
        }
        long slot = again ? reusable.slots[reusable.count - 1] : unused * Long.BYTES;
        allocated.put(slot, size);
        if (again) {
            reusable.count--;
        } else {
            unused += size;
        }
        return slot;
    }

    /**
     * The words of an allocated slot.
     *
     * @throws IllegalArgumentException when it is not one
     */
    int wordsOf(Long slot) {
        Integer size = allocated.get(slot);
        if (size == null) {
            throw new IllegalArgumentException("not an allocated slot of this memory: " + slot);
        }
        return size;
    }

    /** Where a slot of a size will be taken back, with room for it, and with stack for what the caller does before. */
    Freed roomFor(int size) {
        Headroom.ensure();
        Freed same = freed.computeIfAbsent(size, n -> new Freed());
        same.makeRoom();
        return same;
    }

    /** Takes back an allocated slot; allocates nothing. */
    void free(Long slot, Freed to) {
        allocated.remove(slot);
        to.slots[to.count] = slot;
        to.count++;
    }
}
