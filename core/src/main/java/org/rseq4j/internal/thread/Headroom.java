// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

/**
 * Stack that is there before something is taken that a StackOverflowError would lose. For what is rare: it costs a
 * microsecond.
 */
public final class Headroom {
    /** Frames; some ten kilobytes when they are compiled, more when they are not. */
    private static final int FRAMES = 256;

    private static volatile long deepest;

    private Headroom() {
    }

    /**
     * Returns where calls of a usual depth will find stack.
     *
     * @throws StackOverflowError when they may not
     */
    public static void ensure() {
        dive(FRAMES, 1, 2, 3);
    }

    private static long dive(int frames, long a, long b, long c) {
        // Neither a loop nor one frame: what comes back is used after the call.
        long deeper = frames == 0 ? deepest : dive(frames - 1, b, c, a + 1);
        return deeper + (a ^ b) + c;
    }
}
