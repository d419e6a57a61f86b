// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The chart of the README: each structure beside what it replaces, with one thread and with many; of peers in several
 * forms the one that is quicker with many threads.
 */
final class Gains {
    private record Pair(String label, String suite, String ours, String peer) {
    }

    private static final List<Pair> PAIRS = List.of(
            new Pair("counter / LongAdder", "counters", "rseq4j PerCpuCounter", "LongAdder"),
            new Pair("summary / 4 adders", "summaries", "rseq4j PerCpuSummary", "2 LongAdders and 2 LongAccumulators"),
            new Pair("histogram / Recorder", "histograms", "rseq4j PerCpuHistogram", "HdrHistogram Recorder"),
            new Pair("pool / MpmcArrayQueue", "pools", "rseq4j PerCpuPool", "MpmcArrayQueue relaxed"),
            new Pair("pool / ThreadLocal", "pools", "rseq4j PerCpuPool", "ThreadLocal"),
            new Pair("buffers / Netty adaptive", "buffers", "rseq4j PerCpuBufferPool MemorySegment", "Netty adaptive"),
            new Pair("PerCpuQueue / MpmcArrayQueue", "queues", "rseq4j PerCpuQueue",
                    "JCTools MpmcArrayQueue relaxed"),
            new Pair("SliceBlockingQueue / ArrayBlockingQueue", "queues-blocking", "rseq4j SliceBlockingQueue put take",
                    "ArrayBlockingQueue put take"),
            new Pair("SliceLock / ReentrantLock", "locks", "rseq4j SliceLock", "ReentrantLock"),
            new Pair("read lock / ReentrantReadWriteLock", "read-locks", "rseq4j PerCpuReadWriteLock",
                    "ReentrantReadWriteLock"),
            new Pair("read lock / StampedLock", "read-locks", "rseq4j PerCpuReadWriteLock", "StampedLock readLock"));
    private static final List<Integer> THREADS = List.of(1, 16);

    private Gains() {
    }

    /**
     * Draws the pairs that were measured with both numbers of platform threads, without noise.
     *
     * @return whether there was any
     */
    static boolean draw(List<List<Result>> newest, Path file) throws IOException {
        List<String> labels = new ArrayList<>();
        Map<String, List<Double>> factors = new LinkedHashMap<>();
        THREADS.forEach(count -> factors.put(series(count), new ArrayList<>()));
        for (Pair pair : PAIRS) {
            Optional<List<Double>> of = newest.stream()
                    .filter(run -> run.get(0).suite().equals(pair.suite) && run.get(0).mode().equals("thrpt")
                            && run.get(0).setting().getOrDefault(Result.KIND, "platform").equals("platform")
                            && run.get(0).setting().getOrDefault(Result.NOISE, "0").equals("0")
                            && !run.get(0).setting().containsKey(Result.PRODUCERS)
                            && !run.get(0).setting().containsKey(Result.CONSUMERS)
                            && !run.get(0).setting().containsKey(Result.WORK))
                    .map(run -> factors(run, pair)).filter(list -> list.size() == THREADS.size()).findFirst();
            if (of.isPresent()) {
                labels.add(pair.label);
                for (int i = 0; i < THREADS.size(); i++) {
                    factors.get(series(THREADS.get(i))).add(of.get().get(i));
                }
            }
        }
        if (labels.isEmpty()) {
            return false;
        }
        Charts.factors(file, "Throughput as a multiple of what it replaces", labels, factors);
        return true;
    }

    private static String series(int threads) {
        return threads == 1 ? "1 thread" : threads + " threads";
    }

    /** The factor with each number of threads that both were measured with. */
    private static List<Double> factors(List<Result> run, Pair pair) {
        List<Double> factors = new ArrayList<>();
        for (int count : THREADS) {
            Optional<Double> above = median(run, pair.ours, count);
            Optional<Double> below = median(run, pair.peer, count);
            if (above.isPresent() && below.isPresent() && above.get() > 0 && below.get() > 0) {
                factors.add(above.get() / below.get());
            }
        }
        return factors;
    }

    private static Optional<Double> median(List<Result> run, String contender, int threads) {
        return run.stream().filter(result -> result.contender().equals(contender) && result.threads() == threads)
                .map(result -> result.spread().median()).findFirst();
    }
}
