// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.foreign.MemorySegment;

/** The pool's methods for memory segments, for tests that also run where there are none; from Java 22 on. */
final class Segments {
    private Segments() {
    }

    /** True. Else it may be loaded where there is no stack for it. */
    static boolean isLoaded() {
        return true;
    }

    static Object acquire(PerCpuBufferPool pool, long bytes) {
        return pool.acquire(bytes);
    }

    static void release(PerCpuBufferPool pool, Object segment) {
        pool.release((MemorySegment) segment);
    }
}
