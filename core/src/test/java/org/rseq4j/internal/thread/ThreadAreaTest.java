// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.rseq4j.stress.TestThreads;

class ThreadAreaTest {
    /** Threads of other tests' making that may use the library first just now. */
    private static final int OTHERS = 5;

    @BeforeEach
    void needsAreas() {
        assumeTrue(Registration.ACTIVE, "needs rseq");
    }

    @Test
    void everyLivingThreadHasAnAreaOfItsOwn() throws InterruptedException {
        int count = 300; // more than fit the table without meeting in a row now and then
        Set<Long> areas = ConcurrentHashMap.newKeySet();
        var ready = new CountDownLatch(count);
        var go = new CountDownLatch(1);
        var strangers = ConcurrentHashMap.newKeySet();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            threads.add(TestThreads.start(() -> {
                long mine = ThreadArea.find();
                areas.add(mine);
                ready.countDown();
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                for (int j = 0; j < 1000; j++) {
                    if (ThreadArea.find() != mine) {
                        strangers.add(mine);
                    }
                }
            }));
        }
        ready.await();
        assertEquals(count, areas.size());
        assertTrue(!areas.contains(0L));
        go.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(Set.of(), new HashSet<>(strangers));
    }

    /** The number of threads is a system property, for the long form: a million, which take minutes. */
    @Test
    @Timeout(value = 1, unit = TimeUnit.HOURS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void shortLivedThreadsLeaveNoMoreRecordsThanLivedAtOnce() throws InterruptedException, IOException {
        int rounds = Integer.getInteger("rseq4j.test.threads", 2000) / 10;
        var without = new AtomicInteger();
        long made = ThreadArea.records()[0];
        long inUse = inUse() + OTHERS;
        long most = 0;
        for (int i = 0; i < rounds; i++) {
            List<Thread> threads = new ArrayList<>();
            for (int j = 0; j < 10; j++) {
                threads.add(TestThreads.start(() -> without.addAndGet(ThreadArea.find() == 0 ? 1 : 0)));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            most = Math.max(most, osThreads());
        }
        // A thread's record comes back a moment after join.
        for (int i = 0; i < 1000 && inUse() > inUse; i++) {
            Thread.sleep(10);
        }
        long[] records = ThreadArea.records();
        System.out.println(rounds * 10 + " threads, " + (records[0] - made) + " new records, "
                + (records[0] - records[1]) + " in use at the end; " + most + " OS threads were seen at once");
        assertEquals(0, without.get(), "threads without an area");
        assertTrue(inUse() <= inUse, inUse() + " records in use, before " + inUse);
        // Those that ended between two looks are the slack.
        assertTrue(records[0] - made <= most + 50, records[0] - made + " new records");
    }

    private static long inUse() {
        long[] records = ThreadArea.records();
        return records[0] - records[1];
    }

    /** With those that were joined and are still on their way out. */
    private static long osThreads() throws IOException {
        try (var tasks = Files.list(Path.of("/proc/self/task"))) {
            return tasks.count();
        }
    }

    /** Where a native call for each look-up would cost more than most operations. */
    @Test
    @EnabledForJreRange(min = JRE.JAVA_21, max = JRE.JAVA_21)
    void java21FindsCarriersWithoutAnOption() {
        assertTrue(ThreadArea.findsCarriers());
    }

    @Test
    void aThreadAndItsCarrierHaveTheSameArea() throws InterruptedException {
        List<Throwable> failures = java.util.Collections.synchronizedList(new ArrayList<>());
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            threads.add(TestThreads.startVirtual(() -> {
                try {
                    for (int j = 0; j < 20; j++) {
                        long area = ThreadArea.find();
                        assertNotEquals(0, area);
                        assertTrue(Ids.cpuId(area) < Registration.CPU_COUNT);
                        Thread.yield();
                    }
                } catch (Throwable e) {
                    failures.add(e);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(), failures);
    }
}
