// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.rseq4j.SliceExtension;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.thread.ThreadArea;
import org.rseq4j.stress.TestThreads;

/** What is left of a section that a StackOverflowError ended, where requests are granted. */
@Tag("grants")
@EnabledIfEnvironmentVariable(named = "RSEQ4J_VM", matches = "1", disabledReason = "needs the test kernel: bin/vm run --cpus 1")
class LeftRequestTest {
    @BeforeAll
    static void needsOneCpuAndTheExtension() {
        assumeTrue(SliceExtension.isSupported(), "needs the time slice extension");
        assumeTrue(Runtime.getRuntime().availableProcessors() == 1, "needs one CPU, see docs/lab/test-kernel.md");
    }

    @Test
    void theKernelTakesARequestBackThatNobodyEnds() throws Exception {
        besideABusyThread(() -> {
            long area = ThreadArea.find();
            Memory.setByteRelease(area + Abi.SLICE_REQUEST, (byte) 1);
            awaitNoRequest(area);
            assertSectionsBegin();
        });
    }

    @Test
    void afterAnOverflowInsideOfASectionSectionsGoOn() throws Exception {
        besideABusyThread(() -> {
            int errors = 0;
            for (int i = 0; i < 50; i++) {
                try {
                    overflow();
                } catch (StackOverflowError e) {
                    errors++;
                }
            }
            assertEquals(50, errors);
            awaitNoRequest(ThreadArea.find());
            assertSectionsBegin();
        });
    }

    @SuppressWarnings("InfiniteRecursion") // it is to overflow the stack
    private static void overflow() {
        long section = SliceExtension.begin();
        try {
            overflow();
        } finally {
            SliceExtension.end(section);
        }
    }

    private static void assertSectionsBegin() {
        for (int i = 0; i < 1000; i++) { // a grant may end between two
            long section = SliceExtension.begin();
            SliceExtension.end(section);
            if (section != 0) {
                return;
            }
        }
        assertNotEquals(0, SliceExtension.begin());
    }

    /** Waits for ever, which the test's time limit ends. */
    private static void awaitNoRequest(long area) {
        while (Memory.getByteVolatile(area + Abi.SLICE_REQUEST) != 0) {
            Thread.onSpinWait();
        }
    }

    private static void besideABusyThread(Runnable action) throws InterruptedException {
        var over = new AtomicBoolean();
        Throwable[] failure = new Throwable[1];
        Thread busy = TestThreads.startDaemon(() -> {
            while (!over.get()) {
                Thread.onSpinWait();
            }
        });
        Thread thread = new Thread(null, () -> {
            try {
                action.run();
            } catch (Throwable e) {
                failure[0] = e;
            }
        }, "sections", 500_000);
        thread.start();
        thread.join();
        over.set(true);
        busy.join();
        assertNull(failure[0]);
    }
}
