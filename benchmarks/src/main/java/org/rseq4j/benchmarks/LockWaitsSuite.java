package org.rseq4j.benchmarks;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import org.HdrHistogram.Histogram;

/**
 * The loop of {@link LocksSuite} with the time of each acquisition.
 */
final class LockWaitsSuite implements Suite {
    @Override
    public String name() {
        return "lock-waits";
    }

    @Override
    public List<Integer> threads() {
        return List.of(1, 2, 4, 16, 64);
    }

    @Override
    public List<String> jvmArguments(String contender) {
        return Calibrated.jvmArguments();
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        LocksSuite.locks()
                .forEach((name, lock) -> contenders.put(name, threads -> new Timed(threads, lock.make())));
        return contenders;
    }

    private static final class Timed implements Contender {
        private final Lock lock;
        private final Histogram[] waits;
        private final boolean[] warm;
        private final long[] words = new long[48];

        Timed(int threads, Lock lock) {
            this.lock = lock;
            waits = new Histogram[threads];
            warm = new boolean[threads];
        }

        @Override
        public long work(int thread, Round round) {
            Histogram histogram = warm[thread] ? waits[thread] : new Histogram(60_000_000_000L, 3);
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
                waits[thread] = histogram;
            }
            return LocksSuite.kept(operations, value);
        }

        @Override
        public Map<String, Histogram> latencies() {
            var all = new Histogram(60_000_000_000L, 3);
            for (Histogram histogram : waits) {
                if (histogram != null) {
                    all.add(histogram);
                    histogram.reset();
                }
            }
            return Map.of("wait", all);
        }
    }
}
