// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.IntFunction;

/**
 * A program: what looking at a million elements costs, and removing the first or the last of them by {@code equals}; by
 * a thread alone, then beside one that polls and offers all the time. The median of some rounds. Argument: a queue,
 * each in a JVM of its own.
 */
final class QueueWalkCosts {
    private static final int ELEMENTS = 1_000_000;
    private static final int ROUNDS = 31;
    private static final int FIRSTS = 10_000;
    private static final Map<String, IntFunction<Queue<Integer>>> ALL = new LinkedHashMap<>();

    static {
        ALL.put("SliceMpmcArrayQueue", SliceMpmcArrayQueue::new);
        ALL.put("SliceMpmcUnboundedQueue", capacity -> new SliceMpmcUnboundedQueue<>());
        ALL.put("SliceBlockingQueue", SliceBlockingQueue::new);
        ALL.put("PerCpuQueue", PerCpuQueue::new);
        ALL.put("ArrayBlockingQueue", ArrayBlockingQueue::new);
        ALL.put("LinkedBlockingQueue", LinkedBlockingQueue::new);
        ALL.put("ConcurrentLinkedQueue", capacity -> new ConcurrentLinkedQueue<>());
    }

    private final Queue<Integer> queue;
    private volatile boolean over;
    private long transfers;

    private QueueWalkCosts(Queue<Integer> queue) {
        this.queue = queue;
        for (int i = 0; i < ELEMENTS; i++) {
            queue.add(i);
        }
    }

    private interface Walk {
        /** A sum that the JIT cannot leave out. */
        long run();
    }

    public static void main(String[] arguments) throws InterruptedException {
        if (arguments.length != 1 || !ALL.containsKey(arguments[0])) {
            System.err.println("name one of " + ALL.keySet());
            return;
        }
        // Room for more: PerCpuQueue shares it out among its rings.
        var costs = new QueueWalkCosts(ALL.get(arguments[0]).apply(2 * ELEMENTS));
        System.out.printf(Locale.ROOT, "%-24s%s%n", arguments[0], costs.alone());
        System.out.printf(Locale.ROOT, "%-24s%s%n", "", costs.beside());
    }

    private String alone() {
        double iteration = median(this::iterate) / ELEMENTS;
        double contains = median(() -> queue.contains(-1) ? 1 : 0) / ELEMENTS;
        double first = median(() -> {
            long sum = 0;
            for (int i = 0; i < FIRSTS; i++) {
                Integer element = queue.peek();
                sum += queue.remove(element) && queue.add(element) ? 1 : 0;
            }
            return sum;
        }) / FIRSTS;
        // Once removed it comes back behind all others, and is the last from then on.
        Integer end = ELEMENTS - 1;
        double last = median(() -> queue.remove(end) && queue.add(end) ? 1 : 0);
        return String.format(Locale.ROOT,
                " iterator %.1f ns, contains (absent) %.1f ns an element; remove first %.0f ns, last %.2f ms",
                iteration, contains, first, last / 1e6);
    }

    private long iterate() {
        long sum = 0;
        for (Integer element : queue) {
            sum += element;
        }
        return sum;
    }

    private String beside() throws InterruptedException {
        var other = new Thread(() -> {
            long done = 0;
            while (!over) {
                Integer element = queue.poll();
                if (element != null) {
                    queue.add(element);
                    done++;
                }
            }
            transfers = done;
        });
        other.start();
        long begun = System.nanoTime();
        double iteration = median(this::iterate) / ELEMENTS;
        over = true;
        other.join();
        return String.format(Locale.ROOT,
                " beside a thread that transfers: iterator %.1f ns an element, %.2f M transfers/s", iteration,
                transfers * 1e3 / (System.nanoTime() - begun));
    }

    private static double median(Walk walk) {
        long[] nanos = new long[ROUNDS];
        long sum = 0;
        for (int i = -10; i < ROUNDS; i++) {
            long begun = System.nanoTime();
            sum += walk.run();
            if (i >= 0) {
                nanos[i] = System.nanoTime() - begun;
            }
        }
        if (sum == Long.MIN_VALUE) {
            System.out.println();
        }
        Arrays.sort(nanos);
        return nanos[ROUNDS / 2];
    }
}
