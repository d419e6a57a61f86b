// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

/**
 * Gives the CPU to the other threads of a queue, as long as that is cheap.
 *
 * <p>
 * Where other programs want the same CPUs, a yield goes to them, and lasts until the kernel takes the CPU away from
 * them again: milliseconds, in which a queue could have passed tens of thousands of elements. A yield among the threads
 * of the queue may last as long where they are many, but elements pass meanwhile. So what long yields took is added up,
 * and each element that passed takes something off: if the sum grows, yields are dear. For some time whoever may park
 * does that instead then. Afterwards a few yields tell whether they are dear still.
 *
 * <p>
 * Time in which several threads yield counts once. All fields are racy, only hints.
 */
final class Yields {
    /** Nanoseconds of a yield that is not counted. */
    private static final long SHORT = 100_000;
    /** Nanoseconds that one counts at most, since a pause of the whole process says nothing of the next one. */
    private static final long MOST = 5_000_000;
    /** Nanoseconds that an element takes off. */
    private static final long EACH = 250;
    /** The sum from which on yields are dear. */
    private static final long DEAR = 15_000_000;
    /** For how long they are. */
    private static final long REST = 200_000_000;

    private final Ring ring;
    /** Until when they are dear; 0 when they are not. */
    private long until;
    private long sum;
    /** Up to when long yields are counted, and how far the ring was then. */
    private long counted;
    private long progress;

    Yields(Ring ring) {
        this.ring = ring;
    }

    boolean areDear() {
        long end = until;
        if (end == 0) {
            return false;
        }
        if (System.nanoTime() - end < 0) {
            return true;
        }
        until = 0;
        return false;
    }

    void yield() {
        long begun = System.nanoTime();
        Thread.yield();
        long now = System.nanoTime();
        if (now - begun > SHORT) {
            count(begun, now);
        }
    }

    /** Counts a yield from one time to another. */
    void count(long begun, long now) {
        long took = now - (begun - counted > 0 ? begun : counted);
        long passed = ring.progress() - progress >> 2; // both indices count in twos
        counted = now;
        progress += passed << 2;
        sum = Math.max(0, sum + Math.min(took, MOST) - passed * EACH);
        if (sum > DEAR) {
            sum = DEAR / 2;
            until = now + REST | 1;
        }
    }
}
