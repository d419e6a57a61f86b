// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.rseq4j.stress.TestThreads;

class RseqTest {
    @Test
    void idsAreIndexesBelowTheCpuCount() {
        int cpus = Rseq.cpuCount();
        assertTrue(cpus >= 1);
        for (int i = 0; i < 100_000; i++) {
            assertTrue(Rseq.cpuId() >= 0 && Rseq.cpuId() < cpus);
            assertTrue(Rseq.concurrencyId() >= 0 && Rseq.concurrencyId() < cpus);
            assertTrue(Rseq.nodeId() >= 0);
        }
    }

    @Test
    void theCpuIdIsTheOneThatTheKernelTells() throws Exception {
        assumeTrue(Rseq.status().registration() != RseqStatus.Registration.NONE, "needs rseq");
        for (int i = 0; i < 200; i++) {
            int before = Rseq.cpuId();
            String stat = Files.readString(Path.of("/proc/thread-self/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            int kernel = Integer.parseInt(fields[36]); // field 39 of proc_pid_stat(5)
            if (before == kernel && Rseq.cpuId() == kernel) {
                return;
            }
        }
        throw new AssertionError("the CPU id never was what the kernel says");
    }

    @Test
    void idsAreIndexesOnThreadsThatComeAndGo() throws InterruptedException {
        var failure = new AtomicReference<Throwable>();
        var ran = new AtomicInteger();
        int all = Math.min(2000, Integer.getInteger("rseq4j.test.operations", 200_000) / 100);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < all; i++) {
            threads.add(TestThreads.startEither(i, () -> {
                try {
                    for (int j = 0; j < 100; j++) {
                        assertTrue(Rseq.cpuId() >= 0 && Rseq.cpuId() < Rseq.cpuCount());
                        assertTrue(Rseq.concurrencyId() >= 0 && Rseq.concurrencyId() < Rseq.cpuCount());
                        if (j % 25 == 0) {
                            Thread.yield();
                        }
                    }
                    ran.incrementAndGet();
                } catch (Throwable e) {
                    failure.set(e);
                }
            }));
            if (threads.size() == 50) {
                for (Thread thread : threads) {
                    thread.join();
                }
                threads.clear();
            }
        }
        assertEquals(null, failure.get());
        assertEquals(all, ran.get());
    }

    @Test
    void processesCanBeStartedByThreadsThatUseTheLibrary() throws Exception {
        Rseq.cpuId();
        for (int i = 0; i < 5; i++) {
            assertEquals(0, new ProcessBuilder("true").start().waitFor());
            assertTrue(Rseq.cpuId() >= 0);
        }
    }
}
