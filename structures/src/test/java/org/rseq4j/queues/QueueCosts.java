// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.function.Supplier;
import org.agrona.concurrent.ManyToManyConcurrentArrayQueue;
import org.jctools.queues.MpmcArrayQueue;

/**
 * A program: what a transfer costs when one thread puts 512 elements in and takes them out again, so that no cache line
 * moves and nobody is in the way. The best round counts: it is short, so others seldom disturb it. Argument: a queue,
 * each in a JVM of its own.
 */
final class QueueCosts {
    private static final int ROUNDS = 400;
    private static final int TRANSFERS = 4 * 512;

    private QueueCosts() {
    }

    public static void main(String[] arguments) {
        Map<String, Supplier<Queue<Object>>> all = new LinkedHashMap<>();
        all.put("SliceMpmcArrayQueue", () -> new SliceMpmcArrayQueue<>(1024));
        all.put("SliceBlockingQueue", () -> new SliceBlockingQueue<>(1024));
        all.put("PerCpuQueue", () -> new PerCpuQueue<>(2048));
        all.put("MpmcArrayQueue", () -> new MpmcArrayQueue<>(1024));
        all.put("ManyToManyConcurrentArrayQueue", () -> new ManyToManyConcurrentArrayQueue<>(1024));
        all.put("ArrayBlockingQueue", () -> new ArrayBlockingQueue<>(1024));
        if (arguments.length != 1 || !all.containsKey(arguments[0])) {
            System.err.println("name one of " + all.keySet());
            return;
        }
        Queue<Object> queue = all.get(arguments[0]).get();
        Object element = new Object();
        double best = Double.MAX_VALUE;
        for (int round = 0; round < ROUNDS; round++) {
            long begun = System.nanoTime();
            for (int i = 0; i < TRANSFERS; i += 512) {
                transfer(queue, element);
            }
            best = Math.min(best, (System.nanoTime() - begun) / (double) TRANSFERS);
        }
        System.out.printf(Locale.ROOT, "%-32s %5.1f ns a transfer%n", arguments[0], best);
    }

    private static void transfer(Queue<Object> queue, Object element) {
        for (int i = 0; i < 512; i++) {
            if (!queue.offer(element)) {
                throw new IllegalStateException("full");
            }
        }
        for (int i = 0; i < 512; i++) {
            if (queue.poll() == null) {
                throw new IllegalStateException("empty");
            }
        }
    }
}
