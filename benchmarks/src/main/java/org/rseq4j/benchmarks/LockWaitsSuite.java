// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.HdrHistogram.Histogram;
import org.rseq4j.locks.SliceLock;

/**
 * The loop of {@link LocksSuite} with the time of each acquisition; as lock-hand-offs, SliceLock by the time after
 * which it is kept for the first of its queue, beside ReentrantLock.
 */
final class LockWaitsSuite implements Suite {
    private final boolean handOffs;

    LockWaitsSuite(boolean handOffs) {
        this.handOffs = handOffs;
    }

    @Override
    public String name() {
        return handOffs ? "lock-hand-offs" : "lock-waits";
    }

    @Override
    public List<Integer> threads() {
        return List.of(1, 2, 4, 16, 64);
    }

    @Override
    public List<String> jvmArguments(String contender) {
        return Calibrated.lockArguments();
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        (handOffs ? byHandOff() : LocksSuite.locks())
                .forEach((name, lock) -> contenders.put(name, threads -> new Timed(threads, lock.make())));
        return contenders;
    }

    private static Map<String, LocksSuite.Maker> byHandOff() {
        Map<String, LocksSuite.Maker> locks = new LinkedHashMap<>();
        locks.put("ReentrantLock", ReentrantLock::new);
        for (int micros : new int[]{0, 200, 500, 1000, 2000, 5000}) {
            locks.put("rseq4j SliceLock, " + micros + " us",
                    () -> SliceLock.builder().handOffAfter(Duration.ofNanos(1000L * micros)).build());
        }
        return locks;
    }

    private static final class Timed implements Contender {
        private final Lock lock;
        private final Times waits;
        private final boolean[] warm;
        private final long[] words = new long[48];

        Timed(int threads, Lock lock) {
            this.lock = lock;
            waits = new Times(threads);
            warm = new boolean[threads];
        }

        @Override
        public long work(int thread, Round round) {
            Histogram histogram = waits.of(thread);
            long operations = 0;
            long value = thread;
            while (round.running()) {
                for (int i = 0; i < 100; i++) {
                    long begun = System.nanoTime();
                    lock.lock();
                    try {
                        long took = System.nanoTime() - begun;
                        words[24] = LocksSuite.inside(words[24]);
                        begun = took;
                    } finally {
                        lock.unlock();
                    }
                    histogram.recordValue(begun);
                    value = LocksSuite.outside(value);
                }
                operations += 100;
            }
            if (!warm[thread]) {
                warm[thread] = true;
                histogram.reset();
            }
            return LocksSuite.kept(operations, value);
        }

        @Override
        public Map<String, Histogram> latencies() {
            return waits.taken("wait");
        }
    }
}
