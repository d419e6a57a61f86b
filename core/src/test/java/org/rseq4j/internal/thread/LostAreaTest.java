// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;
import org.rseq4j.stress.Storm;
import org.rseq4j.stress.TestThreads;

/**
 * Another library takes the registration of a thread away under way: the kernel then writes CPU -1, but concurrency ID
 * 0.
 */
class LostAreaTest {
    @Test
    void neitherSequencesNorIdsGoOnByAnAreaThatIsNobodys() throws InterruptedException {
        assumeTrue(RestartableSequences.isNative(), "needs restartable sequences");
        assumeTrue(Storm.isAvailable(), "needs the tests' native library");
        var failure = new AtomicReference<Throwable>();
        Thread thread = TestThreads.start(() -> {
            try (var memory = PerCpuMemory.allocate(4096)) {
                assertTrue(RestartableSequences.byConcurrencyId().add(memory, 0, 1) < Rseq.cpuCount());
                assertEquals(0, Storm.unregister(ThreadArea.find()), "the area could not be unregistered");
                // What no sequence touches.
                assertEquals(Rseq.cpuCount(), RestartableSequences.byConcurrencyId().add(memory, 0, 1));
                assertEquals(Rseq.cpuCount(), RestartableSequences.byCpu().add(memory, 0, 1));
                assertEquals(3, memory.sum(0));
                assertEquals(Ids.stripe(), Rseq.concurrencyId());
                assertEquals(Ids.stripe(), Rseq.cpuId());
            } catch (Throwable e) {
                failure.set(e);
            }
        });
        thread.join();
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }
}
