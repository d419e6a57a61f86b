// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When a thread waits for those of other CPUs, or for elements to gather. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("java")
class TurnsTest {
    private static final int ELSEWHERE = 1_000_000;
    private static final int RAREST = 31;

    private final Ring ring = new Ring(1024, 0);
    private final Turns turns = new Turns(ring, true);

    /** Each look that finds the other CPU idle takes the turn, so the looks can be counted. */
    private int looks(int operations) {
        int looks = 0;
        for (int i = 0; i < operations; i++) {
            turns.holder = ELSEWHERE;
            if (i % 2 == 0) {
                assertTrue(turns.offer(i));
            } else {
                assertNotNull(turns.poll());
            }
            if (turns.holder != ELSEWHERE) {
                looks++;
            }
        }
        return looks;
    }

    @Test
    void whereNoCpuIsBusyFewCallsLookWhoseTurnItIs() {
        int looks = looks(2048);
        assertTrue(looks >= 1 && looks <= 2048 / 16, looks + " looks");
        assertEquals(RAREST, turns.sampleMask);
    }

    @Test
    void aBusyCpuHasItsTurnAgain() throws InterruptedException {
        looks(2048);
        busy(() -> {
            while (!turns.active) {
                turns.holder = ELSEWHERE;
                if (turns.relaxedPoll() == null) {
                    turns.relaxedOffer(0);
                }
            }
        });
        assertEquals(0, turns.sampleMask);
    }

    /** An element and its room each time from another CPU. */
    private void oneByOne() {
        for (int i = 0; i < 4 * 1024; i++) {
            assertEquals(Ring.DONE, ring.tryOffer(i, ELSEWHERE));
            assertEquals(i, ring.tryPoll(0));
        }
    }

    @Test
    void elementsThatComeOneByOneAreSeldomWaitedFor() {
        oneByOne();
        assertEquals(RAREST, ring.headGathers);
    }

    @Test
    void roomThatComesOneByOneIsSeldomWaitedFor() {
        for (int i = 0; i < 1024; i++) {
            assertEquals(Ring.DONE, ring.tryOffer(i, 0));
        }
        for (int i = 0; i < 4 * 1024; i++) {
            assertNotNull(ring.tryPoll(ELSEWHERE));
            assertEquals(Ring.DONE, ring.tryOffer(i, 0));
        }
        assertEquals(RAREST, ring.tailGathers);
    }

    @Test
    void elementsThatComeFastAreWaitedForAgain() throws InterruptedException {
        oneByOne();
        busy(() -> {
            while (ring.headGathers != 0) {
                ring.tryPoll(0);
            }
        });
    }

    /** Runs something while another thread uses the ring as fast as it can. */
    private void busy(Runnable beside) throws InterruptedException {
        var over = new AtomicBoolean();
        var other = new Thread(() -> {
            while (!over.get()) {
                if (ring.tryOffer(0, ELSEWHERE) != Ring.DONE) {
                    ring.tryPoll(ELSEWHERE);
                }
            }
        });
        other.start();
        try {
            beside.run();
        } finally {
            over.set(true);
            other.join();
        }
    }
}
