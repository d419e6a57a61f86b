// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import java.util.ArrayDeque;
import java.util.Deque;
import org.rseq4j.PerCpuMemory;

/** Zeroed slots for states, in one memory for all: a mapping each would be more than a process may have. */
final class Slots {
    static final int WORDS = 8;
    /** More than states are alive at once; a slot is taken back when that many newer ones were given out. */
    private static final int ALIVE = 1 << 17;

    static final PerCpuMemory MEMORY = PerCpuMemory.allocate((ALIVE + 8L) * WORDS * Long.BYTES);

    private static final Deque<Long> LIVE = new ArrayDeque<>(ALIVE);

    private Slots() {
    }

    static synchronized long next() {
        if (LIVE.size() == ALIVE) {
            MEMORY.free(LIVE.poll());
        }
        long slot = MEMORY.allocateSlot(WORDS);
        LIVE.add(slot);
        return slot;
    }
}
