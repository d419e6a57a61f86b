// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.lang.foreign.Arena;

/** What stands in for membarrier when the kernel refuses what it allowed before. */
final class AllThreads {
    private AllThreads() {
    }

    /**
     * When this returns, each other Java thread has passed a full memory barrier since the call began: the JVM stops
     * each one for a moment before it lets a shared arena be closed. Some tens of microseconds to milliseconds.
     */
    static void fence() {
        Arena.ofShared().close();
    }
}
