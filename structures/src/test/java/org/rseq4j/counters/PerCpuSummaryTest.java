// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.stress.ChildJvm;
import org.rseq4j.stress.Storm;
import org.rseq4j.stress.Stress;
import org.rseq4j.stress.TestThreads;

@Tag("sequences")
class PerCpuSummaryTest {
    @Test
    void oneThreadSeesExactlyWhatItRecorded() {
        var random = new Random(6);
        try (var summary = new PerCpuSummary()) {
            var expected = new LongSummaryStatistics();
            for (int i = 0; i < 10_000; i++) {
                int value = random.nextInt();
                summary.record(value);
                expected.accept(value);
                PerCpuSummary.Snapshot snapshot = summary.snapshot();
                assertEquals(expected.getCount(), snapshot.count());
                assertEquals(expected.getSum(), snapshot.sum());
                assertEquals(expected.getMin(), snapshot.min());
                assertEquals(expected.getMax(), snapshot.max());
            }
        }
    }

    @Test
    void noRecordsHaveNoMean() {
        try (var summary = new PerCpuSummary()) {
            assertEquals(PerCpuSummary.Snapshot.EMPTY, summary.snapshot());
            assertTrue(Double.isNaN(summary.snapshot().mean()));
            summary.record(Long.MIN_VALUE);
            summary.record(5);
            assertEquals(Long.MIN_VALUE, summary.snapshot().min());
            assertEquals(2, summary.snapshotAndReset().count());
            assertEquals(PerCpuSummary.Snapshot.EMPTY, summary.snapshot());
        }
    }

    @Test
    void aSumThatOverflowsWrapsAround() {
        try (var summary = new PerCpuSummary()) {
            summary.record(Long.MAX_VALUE);
            summary.record(1);
            assertEquals(new PerCpuSummary.Snapshot(2, Long.MIN_VALUE, 1, Long.MAX_VALUE), summary.snapshot());
        }
    }

    @Test
    void aClosedSummaryIsRefused() {
        var summary = new PerCpuSummary();
        summary.close();
        summary.close();
        assertThrows(IllegalStateException.class, () -> summary.record(1));
        assertThrows(IllegalStateException.class, summary::snapshot);
        assertThrows(IllegalStateException.class, summary::snapshotAndReset);
    }

    @Test
    void everySnapshotIsOfWholeRecordsOfPlatformThreads() throws Exception {
        assertWhole(Thread::new, 16);
    }

    @Test
    void everySnapshotIsOfWholeRecordsOfVirtualThreads() throws Exception {
        assertWhole(TestThreads.virtual(), 200);
    }

    /**
     * One thread, which goes from CPU to CPU, records 1, 2, 3 and so on; so whole results lie side by side without a
     * gap.
     */
    @Test
    void eachRecordIsInExactlyOneResult() throws Exception {
        try (var summary = new PerCpuSummary()) {
            var done = new AtomicBoolean();
            long[] last = new long[1];
            List<Thread> threads = new ArrayList<>();
            threads.add(TestThreads.start(() -> {
                long value = 0;
                while (!done.get()) {
                    summary.record(++value);
                }
                last[0] = value;
            }));
            for (int i = 0; i < 2; i++) {
                threads.add(TestThreads.start(() -> { // pushes the others from their CPUs
                    for (long n = 0; !done.get(); n++) {
                        if (n % 1000 == 0) {
                            Thread.yield();
                        }
                    }
                }));
            }
            List<PerCpuSummary.Snapshot> results = Collections.synchronizedList(new ArrayList<>());
            for (int i = 0; i < 3; i++) {
                threads.add(TestThreads.start(() -> {
                    for (int n = 0; n < 20_000 && !done.get();) {
                        PerCpuSummary.Snapshot result = summary.snapshotAndReset();
                        if (result.count() > 0) {
                            results.add(result);
                            n++;
                        }
                    }
                }));
            }
            Thread.sleep(Stress.NANOS / 1_000_000);
            while (results.size() < 2) {
                Thread.sleep(1);
            }
            done.set(true);
            for (Thread thread : threads) {
                thread.join();
            }
            results.add(summary.snapshotAndReset());
            results.removeIf(result -> result.count() == 0);
            results.sort(Comparator.comparingLong(PerCpuSummary.Snapshot::min));
            long next = 1;
            for (PerCpuSummary.Snapshot result : results) {
                assertEquals(new PerCpuSummary.Snapshot(result.max() - next + 1, sum(next, result.max()), next,
                        result.max()), result);
                next = result.max() + 1;
            }
            assertEquals(last[0] + 1, next);
        }
    }

    /** Who reads extremes of a while ends epochs as a reset does, and takes nothing away. */
    @Test
    void whatIsReadForARegistryIsLeftForResets() throws Exception {
        try (var summary = new PerCpuSummary()) {
            long records = 300_000;
            Thread writer = TestThreads.start(() -> {
                for (int i = 0; i < records; i++) {
                    summary.record(1);
                }
            });
            long taken = 0;
            long before = 0;
            for (long nanos = 0; writer.isAlive(); nanos += RecentEpochs.WINDOW / 2) {
                long ever = summary.reading(nanos).ever().count();
                assertTrue(ever >= before, ever + " after " + before);
                before = ever;
                taken += nanos % RecentEpochs.WINDOW == 0 ? summary.snapshotAndReset().count() : 0;
            }
            writer.join();
            assertEquals(records, taken + summary.snapshot().count());
            assertEquals(records, summary.reading(Long.MAX_VALUE).ever().count());
        }
    }

    /** Sequences are restarted once for all of them, and for each as if for it alone. */
    @Test
    void summariesWhoseEpochsEndTogetherLoseNothing() throws Exception {
        List<PerCpuSummary> summaries = List.of(new PerCpuSummary(), new PerCpuSummary(), new PerCpuSummary());
        var done = new AtomicBoolean();
        AtomicLong made = new AtomicLong();
        List<Thread> writers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            writers.add(TestThreads.start(() -> {
                for (long n = 0; !done.get(); n++) {
                    summaries.forEach(summary -> summary.record(7));
                    made.incrementAndGet();
                    if (n % 1000 == 0) {
                        Thread.yield();
                    }
                }
            }));
        }
        long[] taken = new long[summaries.size()];
        long end = System.nanoTime() + Stress.NANOS;
        for (int round = 0; System.nanoTime() < end || made.get() == 0; round++) {
            PerCpuSummary.endEpochs(summaries, round);
            int one = round % taken.length;
            taken[one] += summaries.get(one).snapshotAndReset().count();
        }
        done.set(true);
        for (Thread writer : writers) {
            writer.join();
        }
        for (int i = 0; i < taken.length; i++) {
            PerCpuSummary.Snapshot left = summaries.get(i).snapshot();
            assertEquals(made.get(), taken[i] + left.count());
            assertEquals(7 * left.count(), left.sum());
            assertEquals(made.get(), summaries.get(i).reading(0).ever().count());
        }
    }

    /** Else a record could go to an epoch that has been read. */
    @Test
    @Tag("jvm")
    void noEpochEndsWithoutARestartOfSequences() throws Exception {
        assumeTrue(Sequences.canFence(), "needs sequences");
        assumeTrue(Storm.isAvailable(), "needs the tests' native library");
        List<String> options = System.getProperty("rseq4j.registration") == null
                ? List.of()
                : List.of("-Drseq4j.registration=" + System.getProperty("rseq4j.registration"));
        ChildJvm.run("refused", Map.of(), options, Refused.class);
    }

    /** A program that puts itself under a filter. */
    static final class Refused {
        private Refused() {
        }

        public static void main(String[] arguments) {
            List<PerCpuSummary> summaries = List.of(new PerCpuSummary(), new PerCpuSummary());
            summaries.forEach(summary -> summary.record(7));
            PerCpuSummary.endEpochs(summaries, 0);
            if (Storm.refuseMembarrier() != 0) {
                System.out.println("no filter could be installed: refused nothing");
                return;
            }
            summaries.forEach(summary -> summary.record(7));
            PerCpuSummary.endEpochs(summaries, RecentEpochs.STEP);
            for (PerCpuSummary summary : summaries) {
                assertTrue(summary.isEpochDue(RecentEpochs.STEP, RecentEpochs.STEP), "nothing has ended");
            }
            assertThrows(IllegalStateException.class, summaries.get(0)::snapshotAndReset);
            for (PerCpuSummary summary : summaries) {
                assertEquals(new PerCpuSummary.Snapshot(2, 14, 7, 7), summary.snapshot());
            }
            System.out.println("refused");
        }
    }

    @Test
    void theExtremesOfAWhileAreForgotten() {
        try (var summary = new PerCpuSummary()) {
            summary.record(900);
            assertEquals(900, summary.reading(0).recent().max());
            summary.record(5);
            assertEquals(900, summary.reading(RecentEpochs.WINDOW - 1).recent().max());
            assertEquals(5, summary.reading(RecentEpochs.WINDOW).recent().max());
            assertEquals(new PerCpuSummary.Snapshot(2, 905, 5, 900), summary.snapshot());
            assertEquals(0, summary.reading(3 * RecentEpochs.WINDOW).recent().count());
            assertEquals(2, summary.snapshotAndReset().count());
        }
    }

    private static long sum(long from, long to) {
        return (from + to) * (to - from + 1) / 2;
    }

    /** On the way back from the end of the stack, a call fails a little later each time, until it has room. */
    @Test
    void aResetThatFindsNoStackTakesNothing() throws Exception {
        try (var summary = new PerCpuSummary()) {
            long[] taken = new long[1];
            assertTrue(
                    atTheEndOfTheStack(() -> summary.record(1), () -> taken[0] += summary.snapshotAndReset().count()),
                    "no call failed");
            assertEquals(ROUNDS, taken[0] + summary.snapshotAndReset().count());
            assertEquals(PerCpuSummary.Snapshot.EMPTY, summary.snapshot());
        }
    }

    @Test
    void aRecordThatFindsNoStackIsMadeWholeOrNotAtAll() throws Exception {
        try (var summary = new PerCpuSummary()) {
            assertTrue(atTheEndOfTheStack(() -> summary.record(7), () -> summary.record(7)), "no call failed");
            PerCpuSummary.Snapshot all = summary.snapshotAndReset();
            assertEquals(new PerCpuSummary.Snapshot(all.count(), 7 * all.count(), 7, 7), all);
            assertTrue(all.count() >= 2 * ROUNDS, all.toString());
        }
    }

    private static final int ROUNDS = 40;

    private static boolean atTheEndOfTheStack(Runnable before, Runnable call) throws InterruptedException {
        boolean[] failed = new boolean[1];
        for (int round = 0; round < ROUNDS; round++) {
            before.run();
            Thread thread = new Thread(null, () -> deeper(call, failed), "short of stack", 200_000 + round * 64);
            thread.start();
            thread.join();
        }
        return failed[0];
    }

    /** Calls it once that it returns, from the deepest frame where it does. */
    @SuppressWarnings("InfiniteRecursion") // it ends with the stack
    private static boolean deeper(Runnable call, boolean[] failed) {
        try {
            if (deeper(call, failed)) {
                return true;
            }
            call.run();
            return true;
        } catch (StackOverflowError e) {
            failed[0] = true;
            return false;
        }
    }

    /** All record one value for a while, so that any mixture of two records shows. */
    private static void assertWhole(ThreadFactory factory, int threads) throws Exception {
        try (var summary = new PerCpuSummary()) {
            var done = new AtomicBoolean();
            long[] made = new long[threads];
            List<Thread> writers = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                int thread = i;
                Thread writer = factory.newThread(() -> {
                    while (!done.get()) {
                        for (int j = 0; j < 100; j++) {
                            summary.record(1_000_003);
                        }
                        made[thread] += 100;
                        Thread.yield();
                    }
                });
                writer.start();
                writers.add(writer);
            }
            var failure = new AtomicReference<Throwable>();
            long[] taken = new long[1];
            Thread reader = TestThreads.start(() -> {
                try {
                    long end = System.nanoTime() + Stress.NANOS;
                    for (int i = 0; System.nanoTime() < end || i < 10 || taken[0] == 0; i++) {
                        PerCpuSummary.Snapshot snapshot = i % 4 == 3 ? summary.snapshotAndReset() : summary.snapshot();
                        taken[0] += i % 4 == 3 ? snapshot.count() : 0;
                        assertEquals(snapshot.count() * 1_000_003, snapshot.sum());
                        if (snapshot.count() > 0) {
                            assertEquals(1_000_003, snapshot.min());
                            assertEquals(1_000_003, snapshot.max());
                        }
                    }
                } catch (Throwable e) {
                    failure.set(e);
                }
            });
            reader.join();
            done.set(true);
            for (Thread writer : writers) {
                writer.join();
            }
            assertEquals(null, failure.get());
            assertEquals(java.util.Arrays.stream(made).sum(), taken[0] + summary.snapshot().count());
        }
    }
}
