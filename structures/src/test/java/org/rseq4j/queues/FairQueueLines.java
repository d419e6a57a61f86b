// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * A program: how fast elements pass a fair {@link SliceBlockingQueue} of 1024, and for which share of the time threads
 * wait in line. For each round of 1.5 s it prints the rate, and of all samples, one each millisecond, how many found
 * nobody, some or most of the takers and putters in line. Arguments: how many takers, and as many putters, and how many
 * rounds.
 */
final class FairQueueLines {
    private static final int CAPACITY = 1024;
    private static final long ROUND_NANOS = TimeUnit.MILLISECONDS.toNanos(1500);

    private final SliceBlockingQueue<Object> queue = new SliceBlockingQueue<>(CAPACITY, true);
    private final LongAdder taken = new LongAdder();
    private final int sides;

    private FairQueueLines(int sides) {
        this.sides = sides;
    }

    public static void main(String[] arguments) throws InterruptedException {
        if (arguments.length != 2) {
            System.err.println("say how many takers, and how many rounds");
            return;
        }
        for (int i = Integer.parseInt(arguments[1]); i > 0; i--) {
            new FairQueueLines(Integer.parseInt(arguments[0])).round();
        }
    }

    private void round() throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < sides; i++) {
            threads.add(new Thread(this::put));
            threads.add(new Thread(this::take));
        }
        threads.forEach(Thread::start);
        Map<String, Integer> lines = new TreeMap<>();
        int samples = 0;
        long begun = System.nanoTime();
        while (System.nanoTime() - begun < ROUND_NANOS) {
            Thread.sleep(1);
            lines.merge(share(queue.waitingTakers()) + " of the takers, " + share(queue.waitingPutters())
                    + " of the putters", 1, Integer::sum);
            samples++;
        }
        System.out.printf(Locale.ROOT, "%.2f M/s%n", taken.sum() * 1e3 / (System.nanoTime() - begun));
        for (Map.Entry<String, Integer> line : lines.entrySet()) {
            System.out.printf(Locale.ROOT, "  %3.0f of 100: %s%n", 100.0 * line.getValue() / samples, line.getKey());
        }
        threads.forEach(Thread::interrupt);
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private String share(int waiting) {
        return waiting == 0 ? "none" : waiting < sides / 2 ? "some" : "most";
    }

    private void put() {
        try {
            while (true) {
                queue.put("element");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // the round is over
        }
    }

    private void take() {
        try {
            while (true) {
                queue.take();
                taken.increment();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
