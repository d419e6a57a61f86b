// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;
import org.rseq4j.SliceExtension;
import org.rseq4j.stress.TestThreads;

/**
 * A program: producers and consumers on one SliceMpmcArrayQueue, and a probe. A consumer that finds nothing looks
 * whether an offer stands between its claim and its publication; with one CPU its producer was then scheduled out
 * there.
 */
final class QueueStalls {
    private static final long LONG = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int SPINS = 100;
    private static final int CAPACITY = 1024;

    private final SliceMpmcArrayQueue<Stamp> queue = new SliceMpmcArrayQueue<>(CAPACITY);
    private final Ring ring = queue.rings[0];
    private final AtomicLong seen = new AtomicLong();
    private final AtomicLong unfinished = new AtomicLong();
    private final AtomicLong stalls = new AtomicLong();
    private volatile long since;
    private volatile boolean over;

    private static final class Stamp {
        long nanos;
    }

    private QueueStalls() {
    }

    /** Arguments: milliseconds of warm-up and of each measurement, then numbers of producers. */
    public static void main(String[] arguments) throws Exception {
        new QueueStalls().run(2, Integer.parseInt(arguments[0]));
        for (String n : Arrays.copyOfRange(arguments, 2, arguments.length)) {
            var stalls = new QueueStalls();
            Histogram times = stalls.run(Integer.parseInt(n), Integer.parseInt(arguments[1]));
            System.out.printf(Locale.ROOT, "stalls %s %b %d %d %d %d%n", n, SliceExtension.isSupported(),
                    times.getTotalCount(), stalls.unfinished.get(), stalls.stalls.get(),
                    times.getValueAtPercentile(99.9));
        }
    }

    private Histogram run(int n, int millis) throws InterruptedException {
        var all = new Histogram(60_000_000_000L, 2);
        var start = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            threads.add(TestThreads.startDaemon(() -> produce(start)));
            threads.add(TestThreads.startDaemon(() -> {
                Histogram times = consume(start);
                synchronized (all) {
                    all.add(times);
                }
            }));
        }
        start.countDown();
        Thread.sleep(millis);
        over = true;
        for (Thread thread : threads) {
            thread.join();
        }
        return all;
    }

    private static void await(CountDownLatch start) {
        try {
            start.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void pause(int fails) {
        if (fails < SPINS) {
            Thread.onSpinWait();
        } else {
            Thread.yield();
        }
    }

    private void produce(CountDownLatch start) {
        await(start);
        // In turn, more than the queue holds: no garbage, whose collection would stop threads. A consumer that is
        // scheduled out with one in its hand may find a later time in it.
        var stamps = new Stamp[2 * CAPACITY];
        Arrays.setAll(stamps, i -> new Stamp());
        int next = 0;
        int fails = 0;
        while (!over) {
            stamps[next].nanos = System.nanoTime();
            if (queue.offer(stamps[next])) {
                next = next + 1 & stamps.length - 1;
                fails = 0;
            } else {
                pause(fails++);
            }
        }
    }

    private Histogram consume(CountDownLatch start) {
        await(start);
        var times = new Histogram(60_000_000_000L, 2);
        int fails = 0;
        while (!over) {
            Stamp stamp = queue.poll();
            if (stamp != null) {
                times.recordValue(Math.max(0, System.nanoTime() - stamp.nanos));
                fails = 0;
            } else {
                probe();
                pause(fails++);
            }
        }
        return times;
    }

    private void probe() {
        long tail = ring.tail;
        if ((tail & 1) == 0) {
            return;
        }
        long last = seen.get();
        if (Math.abs(last) != tail && seen.compareAndSet(last, tail)) {
            since = System.nanoTime();
            unfinished.incrementAndGet();
        } else if (last == tail && System.nanoTime() - since > LONG && seen.compareAndSet(tail, -tail)) {
            stalls.incrementAndGet();
        }
    }
}
