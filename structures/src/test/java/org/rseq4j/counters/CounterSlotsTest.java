package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.rseq4j.internal.Words;

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
        Set<Long> left = new HashSet<>();
        for (int i = 0; i < 3 * PER_CHUNK; i++) {
            var meter = new Object();
            CounterSlots.Slot slot = slots.take(meter);
            Words.setRelease(Words.segment(slots.mapping(slot)), place(slot), 7);
            if (i == 3 || i == PER_CHUNK + 5) {
                left.add(place(slot));
            } else {
                meters.add(meter);
            }
        }
        assertEquals(2, left.size());
        for (int i = 0; i < 1000 && !left.isEmpty(); i++) {
            System.gc();
            Thread.sleep(1);
            meters.add(new Object());
            CounterSlots.Slot slot = slots.take(meters.get(meters.size() - 1));
            assertEquals(0, Words.getAcquire(Words.segment(slots.mapping(slot)), place(slot)));
            left.remove(place(slot));
        }
        assertTrue(left.isEmpty(), left + " were never used again");
        assertEquals(3 * PER_CHUNK - 2, meters.stream().limit(3 * PER_CHUNK - 2).distinct().count());
    }
}
