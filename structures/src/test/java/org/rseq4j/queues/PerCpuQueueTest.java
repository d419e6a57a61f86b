// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rseq4j.Rseq;

/** The rings of a PerCpuQueue: how many there are, and how long one can be passed over. */
class PerCpuQueueTest {
    private static final int TURN = 1024;
    private static final Integer OTHER = -1;

    /** Rings of a few elements would be full or empty all the time. */
    @ParameterizedTest
    @CsvSource({"1, 1", "16, 1", "63, 1", "64, 2", "1024, 32", "1073741824, 2147483647"})
    void eachRingHasRoomForSomeElements(int capacity, int most) {
        int cpus = Math.min(Runtime.getRuntime().availableProcessors(), Rseq.cpuCount());
        assertEquals(Math.min(cpus, most), PerCpuQueue.ringsFor(capacity));
        if (capacity <= 1024) {
            var queue = new PerCpuQueue<Integer>(capacity);
            assertEquals(Math.min(cpus, most), queue.rings.length);
            for (int i = 0; i < capacity; i++) {
                assertTrue(queue.offer(i), "after " + i);
            }
        }
    }

    /** One thread keeps its own ring from ever being empty, so nothing but the turn takes it to the others. */
    @ParameterizedTest
    @CsvSource({"2, false", "3, false", "7, false", "2, true", "5, true"})
    void noRingIsPassedOverForLongerThanPromised(int rings, boolean relaxed) {
        var queue = new PerCpuQueue<Integer>(256 * rings, rings, -1000);
        Set<Integer> waiting = new HashSet<>();
        for (int i = 0; i < rings; i++) {
            for (int j = 0; j < 5; j++) {
                assertEquals(Ring.DONE, queue.rings[i].tryOffer(i * 5 + j, i));
                waiting.add(i * 5 + j);
            }
        }
        // A turn for each other ring; as much again for each CPU that this thread is moved to meanwhile.
        int most = TURN * rings * rings;
        for (int polls = 0; !waiting.isEmpty(); polls++) {
            assertTrue(polls <= most, () -> "after " + most + " polls these are there: " + waiting);
            assertTrue(queue.offer(OTHER));
            waiting.remove(relaxed ? queue.relaxedPoll() : queue.poll());
        }
    }
}
