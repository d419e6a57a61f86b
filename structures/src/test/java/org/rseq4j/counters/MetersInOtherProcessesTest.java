// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rseq4j.stress.ChildJvm;
import org.rseq4j.stress.TestThreads;

/**
 * Counters and summaries in a process of their own, whose sequences are often restarted, or which has none; run once,
 * not in every set-up, as it has the set-ups itself.
 */
@Tag("platform")
class MetersInOtherProcessesTest {
    @ParameterizedTest
    @CsvSource({"-Drseq4j.debug.window=200, 1", "-Drseq4j.debug.window=200, 0", "-Drseq4j.registration=none, 1",
            "--add-exports=java.base/jdk.internal.access=ALL-UNNAMED, 1"})
    void nothingIsLostAndRecordsStayWhole(String argument, int libcRegisters) throws Exception {
        Path file = Files.createTempFile("counters", ".file");
        ChildJvm.run("exact", Map.of("GLIBC_TUNABLES", "glibc.pthread.rseq=" + libcRegisters), List.of(argument),
                Writers.class, file.toString());
        Files.delete(file);
    }

    static final class Writers {
        private Writers() {
        }

        public static void main(String[] arguments) throws Exception {
            CounterFile file = CounterFile.create(new File(arguments[0]).toPath(), 10, 4096);
            run(Thread::new, 16, 20_000, new PerCpuCounter(), new PerCpuSummary());
            run(TestThreads.virtualIfAny(), 100, 2_500, file.counter("c", ""), file.summary("s", ""));
            System.out.println("exact");
        }

        private static void run(ThreadFactory factory, int threads, int times, PerCpuCounter counter,
                PerCpuSummary summary) throws Exception {
            var done = new AtomicBoolean();
            var failure = new AtomicReference<Throwable>();
            long[] counted = new long[1];
            long[] recorded = new long[1];
            Thread reader = TestThreads.start(() -> {
                try {
                    long before = 0;
                    for (int i = 0; !done.get(); i++) {
                        long sum = counter.sum();
                        assertTrue(sum >= before, sum + " after " + before);
                        before = sum;
                        check(summary.snapshot());
                        if (i % 20 == 9) {
                            PerCpuSummary.endEpochs(List.of(summary), i);
                        }
                        if (i % 20 == 19) {
                            counted[0] += counter.sumThenReset();
                            before = 0;
                            PerCpuSummary.Snapshot taken = summary.snapshotAndReset();
                            check(taken);
                            recorded[0] += taken.count();
                        }
                        Thread.sleep(1);
                    }
                } catch (Throwable e) {
                    failure.set(e);
                }
            });
            List<Thread> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                Thread thread = factory.newThread(() -> {
                    for (int j = 0; j < times; j++) {
                        counter.increment();
                        summary.record(1_000_003);
                        if (j % 700 == 0) {
                            Thread.yield();
                        }
                    }
                });
                thread.start();
                running.add(thread);
            }
            for (Thread thread : running) {
                thread.join();
            }
            done.set(true);
            reader.join();
            assertNull(failure.get());
            assertEquals((long) threads * times, counted[0] + counter.sum());
            assertEquals((long) threads * times, recorded[0] + summary.snapshot().count());
        }

        private static void check(PerCpuSummary.Snapshot snapshot) {
            assertEquals(snapshot.count() * 1_000_003, snapshot.sum());
            if (snapshot.count() > 0) {
                assertEquals(1_000_003, snapshot.min());
                assertEquals(1_000_003, snapshot.max());
            }
        }
    }
}
