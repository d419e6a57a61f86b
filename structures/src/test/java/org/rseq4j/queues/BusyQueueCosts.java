// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * A program: {@code put} and {@code take} beside busy loops of other processes. One JVM takes the queues by turns, each
 * round a new queue of 1024 places. It prints the median and the quartiles of the million transfers a second; the CPU
 * time of an element; and for how long its threads were ready without a CPU for each nanosecond of CPU time, by
 * /proc/thread-self/schedstat. Arguments: how many busy loops, rounds, milliseconds a round, and numbers of producers,
 * each with as many consumers.
 */
final class BusyQueueCosts {
    private static final int CAPACITY = 1024;
    private static final Object ELEMENT = new Object();

    private final AtomicLong transfers = new AtomicLong();
    private final AtomicLong cpuNanos = new AtomicLong();
    private final AtomicLong readyNanos = new AtomicLong();
    private volatile boolean over;

    private BusyQueueCosts() {
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 4) {
            System.err.println("LOOPS ROUNDS MILLIS PRODUCERS...");
            return;
        }
        Map<String, Supplier<BlockingQueue<Object>>> all = new LinkedHashMap<>();
        all.put("SliceBlockingQueue", () -> new SliceBlockingQueue<>(CAPACITY));
        all.put("ArrayBlockingQueue", () -> new ArrayBlockingQueue<>(CAPACITY));
        all.put("LinkedBlockingQueue", () -> new LinkedBlockingQueue<>(CAPACITY));
        int rounds = Integer.parseInt(arguments[1]);
        long millis = Long.parseLong(arguments[2]);
        List<Process> loops = new ArrayList<>();
        try {
            for (int i = 0; i < Integer.parseInt(arguments[0]); i++) {
                loops.add(new ProcessBuilder("sh", "-c", "while :; do :; done").start());
            }
            for (String producers : Arrays.asList(arguments).subList(3, arguments.length)) {
                Map<String, List<double[]>> results = new LinkedHashMap<>();
                for (int round = -2; round < rounds; round++) { // the first two compile it
                    for (Map.Entry<String, Supplier<BlockingQueue<Object>>> queue : all.entrySet()) {
                        double[] result = new BusyQueueCosts().round(queue.getValue().get(),
                                Integer.parseInt(producers), millis);
                        if (round >= 0) {
                            results.computeIfAbsent(queue.getKey(), name -> new ArrayList<>()).add(result);
                        }
                    }
                }
                results.forEach((name, those) -> System.out.printf("%-20s %3s+%-3s M/s %s  CPU ns %s  ready %s%n", name,
                        producers, producers, quartiles(those, 0), quartiles(those, 1), quartiles(those, 2)));
            }
        } finally {
            loops.forEach(Process::destroy);
        }
    }

    private double[] round(BlockingQueue<Object> queue, int producers, long millis) throws InterruptedException {
        Thread[] threads = new Thread[2 * producers];
        var begin = new CountDownLatch(1);
        for (int i = 0; i < threads.length; i++) {
            boolean puts = i % 2 == 0;
            threads[i] = new Thread(() -> work(queue, puts, begin));
            threads[i].start();
        }
        long begun = System.nanoTime();
        begin.countDown();
        Thread.sleep(millis);
        over = true;
        double seconds = (System.nanoTime() - begun) / 1e9;
        for (Thread thread : threads) {
            thread.interrupt();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        long n = Math.max(1, transfers.get());
        return new double[]{n / seconds / 1e6, cpuNanos.get() / (double) n,
                readyNanos.get() / (double) cpuNanos.get()};
    }

    private void work(BlockingQueue<Object> queue, boolean puts, CountDownLatch begin) {
        long[] before = times();
        long n = 0;
        try {
            begin.await();
            if (puts) {
                while (!over) {
                    queue.put(ELEMENT);
                }
            } else {
                while (!over) {
                    queue.take();
                    n++;
                }
            }
        } catch (InterruptedException e) {
            // the end
        }
        long[] after = times();
        transfers.addAndGet(n);
        cpuNanos.addAndGet(after[0] - before[0]);
        readyNanos.addAndGet(after[1] - before[1]);
    }

    /** On a CPU, and ready without one. */
    private static long[] times() {
        try {
            return Arrays.stream(Files.readString(Path.of("/proc/thread-self/schedstat")).trim().split(" ")).limit(2)
                    .mapToLong(Long::parseLong).toArray();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String quartiles(List<double[]> results, int what) {
        double[] sorted = results.stream().mapToDouble(result -> result[what]).sorted().toArray();
        return String.format(Locale.ROOT, "%.3g (%.3g to %.3g)", sorted[sorted.length / 2], sorted[sorted.length / 4],
                sorted[sorted.length * 3 / 4]);
    }
}
