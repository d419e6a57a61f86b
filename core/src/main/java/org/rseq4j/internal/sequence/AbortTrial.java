// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.sequence;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.rseq4j.internal.linux.Downcall;
import org.rseq4j.internal.linux.NativeLibrary;

/**
 * Whether this kernel aborts a restartable sequence whose thread loses its CPU: Linux 6.19 on arm64 did not when the
 * thread went on on the same CPU. It is tried, and believed only when an abort was seen; until then sequences are
 * atomic instructions, for as long as the process lives, because a word knows one of both only.
 */
final class AbortTrial {
    /** Preemptions without a single abort that prove a kernel broken; {@code SWITCHES_ENOUGH} of rseq4j.c. */
    static final int PROOF = 20;

    private AbortTrial() {
    }

    /**
     * Why sequences are not to be used; empty when they are. Takes about a millisecond where they work, half a second
     * at most.
     */
    static String problem() {
        MethodHandle check = NativeLibrary.plain("check_aborts", NativeLibrary.POINTER_RETURNS_INT);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment found = arena.allocate(16, 8);
            int error = Downcall.again(() -> (int) check.invokeExact(found));
            return verdict(error, found.get(JAVA_LONG, 0), found.get(JAVA_LONG, 8));
        } catch (Throwable e) {
            throw Downcall.failed(e);
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
