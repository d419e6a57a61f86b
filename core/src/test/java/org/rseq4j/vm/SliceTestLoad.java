// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.vm;

import java.util.concurrent.locks.LockSupport;
import org.rseq4j.SliceExtension;
import org.rseq4j.stress.TestThreads;

/**
 * The load of the kernel's own slice_test, from Java: one thread goes through sections of 2 us, then of 50 us; another
 * one takes the CPU from it, for 2 us after each sleep of 50 us. vm/selftests.sh runs both in one machine with one CPU
 * and compares what they count with what the kernel counts.
 */
final class SliceTestLoad {
    private static final long NOISE_NANOS = 2_000;
    private static final long SLEEP_NANOS = 50_000;

    private static volatile boolean over;

    private SliceTestLoad() {
    }

    /** @param arguments for how many seconds each length of section is measured */
    public static void main(String[] arguments) throws InterruptedException {
        if (!SliceExtension.isSupported()) {
            throw new IllegalStateException("the time slice extension is not supported here");
        }
        long nanos = Long.parseLong(arguments[0]) * 1_000_000_000L;
        Thread noise = TestThreads.startDaemon(SliceTestLoad::disturb);
        for (long length : new long[]{2_000, 50_000}) {
            sections(length, 1_000_000_000L); // compiled before it is measured
            SliceExtension.Statistics before = SliceExtension.statistics();
            long sections = sections(length, nanos);
            SliceExtension.Statistics after = SliceExtension.statistics();
            System.out.printf("%d us: sections %d yielded %d revoked %d interrupted %d%n", length / 1000, sections,
                    after.yielded() - before.yielded(), after.revoked() - before.revoked(),
                    after.interrupted() - before.interrupted());
        }
        over = true;
        noise.join();
        SliceExtension.Statistics all = SliceExtension.statistics();
        System.out.printf("all: yielded %d revoked %d interrupted %d%n", all.yielded(), all.revoked(),
                all.interrupted());
    }

    /** {@return how many sections there were} */
    private static long sections(long length, long nanos) {
        long begun = System.nanoTime();
        long sections = 0;
        do {
            long section = SliceExtension.begin();
            spin(length);
            SliceExtension.end(section);
            sections++;
        } while (System.nanoTime() - begun < nanos);
        return sections;
    }

    private static void disturb() {
        while (!over) {
            LockSupport.parkNanos(SLEEP_NANOS);
            spin(NOISE_NANOS);
        }
    }

    private static void spin(long nanos) {
        long begun = System.nanoTime();
        while (System.nanoTime() - begun < nanos) {
            Thread.onSpinWait();
        }
    }
}
