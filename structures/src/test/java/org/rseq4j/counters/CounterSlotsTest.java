// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.internal.memory.Words;

@Tag("sequences")
class CounterSlotsTest {
    private static final int PER_CHUNK = (1 << CounterSlots.SHIFT) / Long.BYTES / SummaryWords.WORDS;

    private final CounterSlots slots = new CounterSlots(SummaryWords.WORDS);

    private long place(CounterSlots.Slot slot) {
        return slots.mapping(slot).base + slots.offset(slot);
    }

    @Test
    void slotsOfLivingMetersAreAllDifferent() {
        List<Object> meters = new ArrayList<>();
        Set<String> places = new HashSet<>();
        for (int i = 0; i < 3 * PER_CHUNK + 1; i++) {
            meters.add(new Object());
            CounterSlots.Slot slot = slots.take(meters.get(i));
            places.add(System.identityHashCode(slots.mapping(slot)) + " " + place(slot));
        }
        assertEquals(meters.size(), places.size());
    }

    /** Also from the middle of chunks that were full. */
    @Test
    void theSlotOfAnUnreachableMeterIsUsedAgainAndZero() throws InterruptedException {
        List<Object> meters = new ArrayList<>();
        List<Object> dropped = new ArrayList<>(); // until all are made, whenever the collector runs
        Set<Long> left = new HashSet<>();
        for (int i = 0; i < 3 * PER_CHUNK; i++) {
            var meter = new Object();
            CounterSlots.Slot slot = slots.take(meter);
            Words.setRelease(slots.mapping(slot), place(slot), 7);
            if (i == 3 || i == PER_CHUNK + 5) {
                left.add(place(slot));
                dropped.add(meter);
            } else {
                meters.add(meter);
            }
        }
        assertEquals(2, left.size());
        dropped.clear();
        while (!left.isEmpty()) { // until the test's time is over
            System.gc();
            Thread.sleep(1);
            meters.add(new Object());
            CounterSlots.Slot slot = slots.take(meters.get(meters.size() - 1));
            assertEquals(0, Words.getAcquire(slots.mapping(slot), place(slot)));
            left.remove(place(slot));
        }
        assertEquals(3 * PER_CHUNK - 2, meters.stream().limit(3 * PER_CHUNK - 2).distinct().count());
    }

    /** Whoever makes a meter pays for a few of those that became unreachable, not for all. */
    @Test
    void onlyAFewUnreachableMetersAreFreedAtOnce() throws InterruptedException {
        int made = 20_000;
        List<Object> dropped = new ArrayList<>(); // until all are made, whenever the collector runs
        for (int i = 0; i < made; i++) {
            dropped.add(new Object());
            slots.take(dropped.get(dropped.size() - 1));
        }
        int before = slots.taken();
        assertTrue(before >= made, before + " taken");
        dropped.clear();
        List<Object> meters = new ArrayList<>();
        for (int i = 0; before > 8000; i++) {
            if (i % 1000 == 0) {
                System.gc();
                Thread.sleep(5);
            }
            meters.add(new Object());
            slots.take(meters.get(meters.size() - 1));
            int after = slots.taken();
            assertTrue(after >= before - 3, before + " to " + after + " taken");
            before = after;
        }
        assertTrue(meters.size() >= (made - 8000) / 3, meters.size() + " made meanwhile");
    }
}
