// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;
import org.rseq4j.stress.TestThreads;

/** A CPU goes offline and comes back while threads work on its words. */
@org.junit.jupiter.api.Tag("hotplug")
@EnabledIfEnvironmentVariable(named = "RSEQ4J_VM", matches = "1", disabledReason = "takes a CPU offline: needs the test kernel, bin/vm run")
class HotplugTest {
    private static final Path SWITCH = Path.of("/sys/devices/system/cpu/cpu1/online");
    private static final int HANDLES = 64;

    private volatile boolean over;

    @Test
    void nothingIsLostWhileACpuGoesAndComes() throws Exception {
        assumeTrue(Files.isWritable(SWITCH), "needs two CPUs");
        try (var memory = PerCpuMemory.allocate(4096)) {
            long stack = 64;
            for (int i = 1; i <= HANDLES; i++) {
                assertTrue(RestartableSequences.byCpu().push(memory, stack, 2 * HANDLES, i) >= 0);
            }
            var adds = new AtomicLong();
            var failure = new AtomicReference<Throwable>();
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                threads.add(TestThreads.start(() -> {
                    try {
                        adds.addAndGet(churn(memory, stack));
                    } catch (Throwable e) {
                        failure.set(e);
                    }
                }));
            }
            int times = 4;
            for (int i = 0; i < times; i++) {
                Files.writeString(SWITCH, "0");
                Thread.sleep(300);
                assertEquals("0", Files.readString(SWITCH).trim());
                Files.writeString(SWITCH, "1");
                Thread.sleep(300);
            }
            over = true;
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(null, failure.get());
            assertTrue(adds.get() > 0);
            assertEquals(adds.get(), memory.sum(0));
            boolean[] seen = new boolean[HANDLES + 1];
            int[] found = {0};
            for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
                RestartableSequences.byCpu().drain(memory, cpu, stack, 2 * HANDLES, handle -> {
                    assertTrue(!seen[(int) handle], "doubled");
                    seen[(int) handle] = true;
                    found[0]++;
                });
            }
            assertEquals(HANDLES, found[0]);
        }
    }

    private long churn(PerCpuMemory memory, long stack) {
        long adds = 0;
        long[] word = new long[1];
        while (!over) {
            int cpu = RestartableSequences.byCpu().add(memory, 0, 1);
            assertTrue(cpu >= 0 && cpu < memory.strideCount());
            assertTrue(Rseq.cpuId() < Rseq.cpuCount());
            adds++;
            if (RestartableSequences.byCpu().pop(memory, stack, word) >= 0) {
                while (RestartableSequences.byCpu().push(memory, stack, 2 * HANDLES, word[0]) < 0) {
                    Thread.yield();
                }
            }
        }
        return adds;
    }
}
