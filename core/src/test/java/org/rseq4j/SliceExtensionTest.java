// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.rseq4j.stress.TestThreads;

class SliceExtensionTest {
    @Test
    void nullActionsAreRefusedBeforeAnythingIsRequested() {
        assertThrows(NullPointerException.class, () -> SliceExtension.run(null));
        assertThrows(NullPointerException.class, () -> SliceExtension.call(null));
        assertBalanced();
    }

    @Test
    void exceptionsAndErrorsReachTheCallerAndTheRequestIsCleared() {
        var error = new StackOverflowError();
        assertSame(error, assertThrows(StackOverflowError.class, () -> SliceExtension.run(() -> {
            throw error;
        })));
        assertBalanced();
        var exception = new java.io.IOException();
        assertSame(exception, assertThrows(java.io.IOException.class, () -> SliceExtension.call(() -> {
            throw exception;
        })));
        assertBalanced();
    }

    @Test
    void aCallReturnsWhatTheActionReturns() throws Exception {
        assertEquals(42, SliceExtension.call(() -> 42));
        var ran = new AtomicLong();
        SliceExtension.run(ran::incrementAndGet);
        assertEquals(1, ran.get());
    }

    @Test
    void onlyTheOutermostSectionRequests() {
        assumeTrue(SliceExtension.isSupported(), "needs the extension, or -Drseq4j.benchmark.simulateRequests=true");
        long outer = SliceExtension.begin();
        assertNotEquals(0, outer);
        long inner = SliceExtension.begin();
        // Zero, but for the rare case that the thread was scheduled out in between.
        SliceExtension.end(inner);
        SliceExtension.end(outer);
        assertBalanced();
    }

    @Test
    void misuseHasNoEffect() throws InterruptedException {
        SliceExtension.end(0);
        SliceExtension.renew(0);
        SliceExtension.end(-1);
        SliceExtension.renew(Long.MAX_VALUE);
        long section = SliceExtension.begin();
        Thread other = TestThreads.start(() -> {
            long theirs = SliceExtension.begin();
            SliceExtension.end(section);
            SliceExtension.renew(section);
            SliceExtension.end(theirs);
        });
        other.join();
        SliceExtension.end(section);
        SliceExtension.end(section);
        assertBalanced();
    }

    @Test
    void aSectionOfADeadThreadHasNoEffect() throws InterruptedException {
        var left = new AtomicLong();
        Thread thread = TestThreads.start(() -> left.set(SliceExtension.begin()));
        thread.join();
        SliceExtension.end(left.get());
        SliceExtension.renew(left.get());
        assertBalanced();
    }

    @Test
    void aVirtualThreadMayEndItsSectionOnAnotherCarrier() throws InterruptedException {
        int threads = 200;
        var failure = new AtomicReference<Throwable>();
        var done = new CountDownLatch(threads);
        for (int i = 0; i < threads; i++) {
            TestThreads.startVirtual(() -> {
                try {
                    for (int j = 0; j < 50; j++) {
                        long section = SliceExtension.begin();
                        Thread.yield();
                        SliceExtension.renew(section);
                        if (j % 10 == 0) {
                            Thread.sleep(1);
                        }
                        SliceExtension.end(section);
                        SliceExtension.end(section);
                    }
                } catch (Throwable e) {
                    failure.set(e);
                } finally {
                    done.countDown();
                }
            });
        }
        done.await();
        assertEquals(null, failure.get());
    }

    /** A section can begin, so none was left open on this thread. */
    private static void assertBalanced() {
        if (SliceExtension.isSupported()) {
            long section = SliceExtension.begin();
            assertNotEquals(0, section);
            SliceExtension.end(section);
        } else {
            assertEquals(0, SliceExtension.begin());
        }
    }
}
