// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAccumulator;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Recorder;
import org.rseq4j.counters.PerCpuHistogram;
import org.rseq4j.counters.PerCpuSummary;

/** Summaries and histograms that all threads record to. */
final class StatisticsSuites {
    private static final long HIGHEST = 3_600_000_000L;

    private StatisticsSuites() {
    }

    /** Count, sum, least and greatest. */
    static final class Summaries implements Suite {
        @Override
        public String name() {
            return "summaries";
        }

        @Override
        public Map<String, Contender.Factory> contenders() {
            Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
            contenders.put("rseq4j PerCpuSummary", threads -> {
                var summary = new PerCpuSummary();
                return (thread, round) -> {
                    long operations = 0;
                    while (round.running()) {
                        for (int i = 0; i < 1000; i++) {
                            summary.record(i);
                        }
                        operations += 1000;
                    }
                    return operations;
                };
            });
            contenders.put("2 LongAdders and 2 LongAccumulators", threads -> {
                var count = new LongAdder();
                var sum = new LongAdder();
                var min = new LongAccumulator(Math::min, Long.MAX_VALUE);
                var max = new LongAccumulator(Math::max, Long.MIN_VALUE);
                return (thread, round) -> {
                    long operations = 0;
                    while (round.running()) {
                        for (int i = 0; i < 1000; i++) {
                            count.increment();
                            sum.add(i);
                            min.accumulate(i);
                            max.accumulate(i);
                        }
                        operations += 1000;
                    }
                    return operations;
                };
            });
            contenders.put("ReentrantLock", threads -> {
                var fields = new Fields();
                var lock = new ReentrantLock();
                return (thread, round) -> {
                    long operations = 0;
                    while (round.running()) {
                        for (int i = 0; i < 1000; i++) {
                            lock.lock();
                            try {
                                fields.record(i);
                            } finally {
                                lock.unlock();
                            }
                        }
                        operations += 1000;
                    }
                    return operations;
                };
            });
            contenders.put("synchronized", threads -> {
                var fields = new Fields();
                return (thread, round) -> {
                    long operations = 0;
                    while (round.running()) {
                        for (int i = 0; i < 1000; i++) {
                            synchronized (fields) {
                                fields.record(i);
                            }
                        }
                        operations += 1000;
                    }
                    return operations;
                };
            });
            return contenders;
        }
    }

    private static final class Fields {
        private long count;
        private long sum;
        private long min = Long.MAX_VALUE;
        private long max = Long.MIN_VALUE;

        void record(long value) {
            count++;
            sum += value;
            min = Math.min(min, value);
            max = Math.max(max, value);
        }

        @Override
        public String toString() {
            return count + " " + sum + " " + min + " " + max;
        }
    }

    /** Values from 0 to 999,000 in the buckets of an hour in microseconds with 3 digits. */
    static final class Histograms implements Suite {
        @Override
        public String name() {
            return "histograms";
        }

        @Override
        public Map<String, Contender.Factory> contenders() {
            Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
            contenders.put("rseq4j PerCpuHistogram", threads -> {
                var histogram = new PerCpuHistogram(HIGHEST, 3);
                return (thread, round) -> {
                    long operations = 0;
                    while (round.running()) {
                        for (int i = 0; i < 1000; i++) {
                            histogram.record(i * 1000L);
                        }
                        operations += 1000;
                    }
                    return operations;
                };
            });
            contenders.put("HdrHistogram Recorder", threads -> {
                var histogram = new Recorder(HIGHEST, 3);
                return (thread, round) -> {
                    long operations = 0;
                    while (round.running()) {
                        for (int i = 0; i < 1000; i++) {
                            histogram.recordValue(i * 1000L);
                        }
                        operations += 1000;
                    }
                    return operations;
                };
            });
            contenders.put("HdrHistogram ConcurrentHistogram", threads -> {
                var histogram = new ConcurrentHistogram(HIGHEST, 3);
                return (thread, round) -> {
                    long operations = 0;
                    while (round.running()) {
                        for (int i = 0; i < 1000; i++) {
                            histogram.recordValue(i * 1000L);
                        }
                        operations += 1000;
                    }
                    return operations;
                };
            });
            return contenders;
        }
    }
}
