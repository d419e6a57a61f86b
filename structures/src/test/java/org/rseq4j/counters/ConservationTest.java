// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.stress.Stress;
import org.rseq4j.stress.TestThreads;

/**
 * What threads counted and recorded is what was taken away meanwhile and is left at the end: a counter, a summary and a
 * histogram at once, while threads are moved between CPUs, die, or are virtual ones.
 */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("sequences")
class ConservationTest {
    private static final int HIGHEST = 1000;

    private final Stress stress = new Stress();
    private final PerCpuCounter counter = new PerCpuCounter();
    private final PerCpuSummary summary = new PerCpuSummary();
    private final PerCpuHistogram histogram = new PerCpuHistogram(HIGHEST, 3);

    private final AtomicLong times = new AtomicLong();
    private final AtomicLong total = new AtomicLong();

    private long takenCount;
    private PerCpuSummary.Snapshot takenSummary = PerCpuSummary.Snapshot.EMPTY;
    private final Histogram takenHistogram = new Histogram(HIGHEST, 3);

    /** Counts and records the values from 0 up, once each. */
    private void record(int upTo) {
        for (int value = 0; value <= upTo; value++) {
            counter.add(value);
            summary.record(value);
            histogram.record(value);
            if (value % 256 == 255) {
                Thread.yield();
            }
        }
        times.addAndGet(upTo + 1);
        total.addAndGet(upTo * (upTo + 1L) / 2);
    }

    private void take() {
        takenCount += counter.sumThenReset();
        PerCpuSummary.Snapshot taken = summary.snapshotAndReset();
        takenSummary = takenSummary.plus(taken.count(), taken.sum(), taken.min(), taken.max());
        takenHistogram.add(histogram.snapshotAndReset());
    }

    private interface Recording {
        void run() throws Exception;
    }

    /** What is recorded while another thread takes away, again and again, what was counted. */
    private void whileTaken(Recording recording) throws Exception {
        var done = new AtomicBoolean();
        Thread taker = TestThreads.start(() -> {
            try {
                while (!done.get()) {
                    take();
                    Thread.sleep(1);
                }
            } catch (Throwable e) {
                stress.fail(e);
            }
        });
        try {
            recording.run();
        } finally {
            done.set(true);
            taker.join();
        }
        assertTrue(!stress.hasFailed());
        take();
        assertEquals(total.get(), takenCount);
        assertEquals(times.get(), takenSummary.count());
        assertEquals(total.get(), takenSummary.sum());
        assertEquals(0, takenSummary.min());
        assertEquals(HIGHEST, takenSummary.max());
        assertEquals(times.get(), takenHistogram.getTotalCount());
        assertEquals(times.get() / (HIGHEST + 1), takenHistogram.getCountAtValue(HIGHEST));
        assertEquals(0, counter.sum() + summary.snapshot().count() + histogram.snapshot().getTotalCount());
    }

    @Test
    void nothingIsLostOrDoubledInAMigrationStorm() throws Exception {
        whileTaken(() -> stress.inAMigrationStorm(8, deadline -> {
            do {
                record(HIGHEST);
            } while (stress.goesOn(deadline));
        }));
    }

    @Test
    void nothingIsLostOrDoubledWhileThreadsStartAndDie() throws Exception {
        whileTaken(() -> stress.onThreads(Thread::new, 4, deadline -> {
            do {
                Thread mortal = TestThreads.start(() -> record(HIGHEST));
                mortal.join();
            } while (stress.goesOn(deadline));
        }));
    }

    @Test
    void nothingIsLostOrDoubledOnVirtualThreads() throws Exception {
        whileTaken(() -> stress.onThreads(TestThreads.virtual(), 1000, deadline -> record(HIGHEST)));
    }
}
