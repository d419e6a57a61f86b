// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.stress.TestThreads;

/** When yields are dear, by times that the test makes up, and what a queue does without them then. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("java")
class YieldsTest {
    private static final long MILLI = 1_000_000;
    /** An hour from now, so that it is not over before the test is. */
    private final long later = System.nanoTime() + TimeUnit.HOURS.toNanos(1);
    private final Ring ring = new Ring(Turns.MIN_CAPACITY, 0);

    /** One after the other, each of 4 ms and 4 ms after the last, with so many elements between two. */
    private boolean areDearAfter(Yields yields, int count, long begin, int elements) {
        for (int i = 0; i < count; i++) {
            long begun = begin + i * 8L * MILLI;
            yields.count(begun, begun + 4 * MILLI);
            for (int k = 0; k < elements; k++) {
                assertEquals(Ring.DONE, ring.tryOffer(k, 0));
                assertEquals(k, ring.tryPoll(0));
            }
        }
        return yields.areDear();
    }

    private void makeDear(Yields yields) {
        assertTrue(areDearAfter(yields, 10, later, 0));
    }

    @Test
    void longOnesInWhichNothingPassesAreDear() {
        assertFalse(areDearAfter(new Yields(ring), 3, later, 0));
        assertTrue(areDearAfter(new Yields(ring), 10, later, 0));
    }

    @Test
    void thoseInWhichElementsPassAreNot() {
        assertFalse(areDearAfter(new Yields(ring), 100, later, 20_000));
    }

    @Test
    void thoseOfManyThreadsAtOnceCountOnce() {
        var yields = new Yields(ring);
        for (int i = 0; i < 1000; i++) {
            yields.count(later + i, later + 4 * MILLI + i);
        }
        assertFalse(yields.areDear());
    }

    @Test
    void aPauseOfTheWholeProcessCountsAsOne() {
        var yields = new Yields(ring);
        yields.count(later, later + 10_000 * MILLI);
        assertFalse(yields.areDear());
    }

    @Test
    void afterSomeTimeTheyAreTriedAgainAndAFewTell() {
        var yields = new Yields(ring);
        assertFalse(areDearAfter(yields, 10, System.nanoTime() - TimeUnit.HOURS.toNanos(1), 0));
        assertTrue(areDearAfter(yields, 2, later, 0));
    }

    /** The caller parks instead; a thread is stopped at that end, so by yields it would wait for a day. */
    @Test
    void whenTheyAreDearACallThatMayParkDoesNotWaitForALock() {
        var turns = new Turns(ring, true);
        makeDear(turns.yields);
        assertTrue(turns.offer(1));
        long head = ring.lockHead();
        assertSame(Ring.BUSY, turns.poll(TimeUnit.DAYS.toNanos(1)));
        ring.head = head;
        long tail = ring.lockTail();
        assertEquals(Ring.LOCKED, turns.offer(2, TimeUnit.DAYS.toNanos(1)));
        ring.tail = tail;
        assertEquals(1, turns.poll());
        assertNull(turns.poll());
    }

    @Test
    void whenTheyAreDearThreadsWaitInLineAndAreWoken() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(1);
        makeDear(queue.turns().yields);
        Thread taker = TestThreads.start(() -> {
            try {
                for (int i = 0; i < 100; i++) {
                    assertEquals(i, queue.take());
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        for (int i = 0; i < 100; i++) {
            queue.put(i);
        }
        taker.join();
        assertTrue(queue.isEmpty());
    }
}
