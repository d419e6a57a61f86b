// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;

/** A native call that finds no stack is a StackOverflowError, as any Java call would be. */
class DowncallTest {
    @Test
    void anOverflowOfTheStackStaysOne() throws InterruptedException {
        try (var memory = PerCpuMemory.allocate(4096)) {
            long[] words = new long[4];
            overflow(() -> RestartableSequences.byCpu().add(memory, 0, 1));
            overflow(() -> RestartableSequences.byCpu().pushMany(memory, 64, 8, words, 4));
            overflow(() -> RestartableSequences.byCpu().popMany(memory, 64, words, 4));
            overflow(RestartableSequences::fenceAll);
            overflow(Rseq::cpuId);
            overflow(() -> PerCpuMemory.allocate(4096).close());
        }
    }

    /** Calls at every depth of a small stack, from a thread that uses the library for the first time. */
    private static void overflow(Runnable action) throws InterruptedException {
        var thrown = new AtomicReference<Throwable>();
        Thread thread = new Thread(null, () -> {
            try {
                dive(action);
            } catch (Throwable e) {
                thrown.set(e);
            }
        }, "deep", 256 * 1024);
        thread.start();
        thread.join();
        assertTrue(thrown.get() != null);
        assertEquals(StackOverflowError.class, thrown.get().getClass());
    }

    @SuppressWarnings("InfiniteRecursion") // until there is no stack
    private static void dive(Runnable action) {
        action.run();
        dive(action);
    }
}
