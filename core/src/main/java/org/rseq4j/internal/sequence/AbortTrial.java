// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.sequence;

import org.rseq4j.internal.linux.Downcall;
import org.rseq4j.internal.linux.NativeCalls;
import org.rseq4j.internal.linux.Scratch;

/**
 * Whether this kernel aborts a restartable sequence whose thread loses its CPU: Linux 6.19 on arm64 did not when the
 * thread went on on the same CPU. It is tried, and believed only when an abort was seen; until then sequences are
 * atomic instructions, for as long as the process lives, because a word knows one of both only.
 */
final class AbortTrial {
    /**
     * Preemptions without a single abort that prove a kernel broken; {@code SWITCHES_ENOUGH} of rseq4j_abort_trial.c.
     */
    static final int PROOF = 20;

    private AbortTrial() {
    }

    /**
     * Why sequences are not to be used; empty when they are. Takes about a millisecond where they work, half a second
     * at most.
     */
    static String problem() {
        try (var found = new Scratch()) {
            int error = Downcall.retry(() -> NativeCalls.checkAborts(found.address));
            return verdict(error, found.getLong(0), found.getLong(8));
        }
    }

    static String verdict(int error, long preemptions, long aborts) {
        if (error != 0) {
            return "whether this kernel aborts sequences is unknown: the trial failed with errno " + error;
        }
        if (aborts > 0) {
            return "";
        }
        return preemptions >= PROOF
                ? "this kernel does not abort sequences: " + preemptions + " preemptions inside, no abort"
                : "whether this kernel aborts sequences is unknown: the trial saw " + preemptions
                        + " preemptions inside, no abort";
    }
}
