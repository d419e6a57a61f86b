// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * A program: what an operation costs a thread while two threads that take the same lock both run. Each notes the time
 * of every {@value #BATCH} operations; where that took so long that it must have lost its CPU, or the other one did,
 * nothing counts, and neither do intervals of less than a millisecond. So other programs on the machine disturb little.
 * Arguments: a lock, each in a JVM of its own, and the seconds to run for. One thread alone comes first.
 */
final class LockCosts {
    private static final int BATCH = 20;
    private static final int INSIDE = 64;
    private static final int OUTSIDE = 256;
    private static final long LOST_NANOS = 50_000;
    private static final long MIN_NANOS = 1_000_000;
    private static final int MAX_TIMES = 4_000_000;

    private static final String NONE = "none";
    private static final String SYNCHRONIZED = "synchronized";
    private static final Map<String, Supplier<Lock>> LOCKS = new LinkedHashMap<>();

    static {
        LOCKS.put(NONE, () -> null);
        LOCKS.put(SYNCHRONIZED, () -> null);
        LOCKS.put("ReentrantLock", ReentrantLock::new);
        LOCKS.put("SliceLock", SliceLock::new);
    }

    /** What is under the lock, on cache lines of its own. */
    private final long[] guarded = new long[48];
    private final String name;
    private final Lock lock;
    private volatile boolean over;

    private LockCosts(String name) {
        this.name = name;
        this.lock = LOCKS.get(name).get();
    }

    public static void main(String[] arguments) throws InterruptedException {
        if (arguments.length != 2 || !LOCKS.containsKey(arguments[0])) {
            System.err.println("name one of " + LOCKS.keySet() + " and the seconds");
            return;
        }
        long millis = (long) (Double.parseDouble(arguments[1]) * 1000);
        new LockCosts(arguments[0]).times(2, 2000); // compiles it
        long[] alone = new LockCosts(arguments[0]).times(1, millis)[0];
        long[][] both = new LockCosts(arguments[0]).times(2, millis);
        System.out.printf(Locale.ROOT, "%-14s %6.1f ns alone, %s%n", arguments[0], fifthPercentile(alone),
                together(both[0], both[1]));
    }

    /** When each of some threads had done each batch. */
    private long[][] times(int threads, long millis) throws InterruptedException {
        long[][] times = new long[threads][];
        Thread[] all = new Thread[threads];
        for (int i = 0; i < threads; i++) {
            int thread = i;
            all[i] = new Thread(() -> times[thread] = work(thread));
            all[i].start();
        }
        Thread.sleep(millis);
        over = true;
        for (Thread thread : all) {
            thread.join();
        }
        return times;
    }

    private long[] work(int thread) {
        long[] own = name.equals(NONE) ? new long[48] : guarded;
        long[] times = new long[MAX_TIMES];
        int n = 0;
        long value = thread;
        while (!over && n < times.length) {
            value = name.equals(SYNCHRONIZED) ? monitored(own, value) : locked(own, value);
            times[n++] = System.nanoTime();
        }
        if (value == 0x5EED_0000_DEAD_BEEFL) {
            System.out.println("never"); // so that the work cannot be left out
        }
        return Arrays.copyOf(times, n);
    }

    private long monitored(long[] words, long begun) {
        long value = begun;
        for (int i = 0; i < BATCH; i++) {
            synchronized (words) {
                words[24] = multiply(words[24], INSIDE);
            }
            value = multiply(value, OUTSIDE);
        }
        return value;
    }

    private long locked(long[] words, long begun) {
        Lock taken = lock;
        long value = begun;
        for (int i = 0; i < BATCH; i++) {
            if (taken != null) {
                taken.lock();
            }
            try {
                words[24] = multiply(words[24], INSIDE);
            } finally {
                if (taken != null) {
                    taken.unlock();
                }
            }
            value = multiply(value, OUTSIDE);
        }
        return value;
    }

    /** Squares: a product with a constant the JIT would fold into one. */
    private static long multiply(long value, int times) {
        long product = value;
        for (int i = 0; i < times; i++) {
            product = product * product + i;
        }
        return product;
    }

    private static double fifthPercentile(long[] times) {
        long[] gaps = new long[times.length - 1];
        for (int i = 0; i < gaps.length; i++) {
            gaps[i] = times[i + 1] - times[i];
        }
        Arrays.sort(gaps);
        return gaps[gaps.length / 20] / (double) BATCH;
    }

    /** What an operation of one thread took in the intervals in which both ran. */
    private static String together(long[] one, long[] other) {
        long nanos = 0;
        long batches = 0;
        int i = 0;
        int k = 0;
        while (i + 1 < one.length && k + 1 < other.length) {
            int endOfOne = endOfRun(one, i);
            int endOfOther = endOfRun(other, k);
            long from = Math.max(one[i], other[k]);
            long to = Math.min(one[endOfOne], other[endOfOther]);
            if (to - from >= MIN_NANOS) {
                nanos += 2 * (to - from);
                batches += count(one, i, endOfOne, from, to) + count(other, k, endOfOther, from, to);
            }
            if (one[endOfOne] < other[endOfOther]) {
                i = endOfOne + 1;
            } else {
                k = endOfOther + 1;
            }
        }
        return batches == 0
                ? "never two at a time for a millisecond"
                : String.format(Locale.ROOT, "%6.1f ns of each of two, in %d ms in which both ran",
                        nanos / (double) (batches * BATCH), nanos / 2_000_000);
    }

    /** The last time of those from the given one on between which the thread did not lose its CPU. */
    private static int endOfRun(long[] times, int from) {
        int end = from;
        while (end + 1 < times.length && times[end + 1] - times[end] < LOST_NANOS) {
            end++;
        }
        return end;
    }

    private static long count(long[] times, int first, int last, long from, long to) {
        long n = 0;
        for (int i = first; i <= last; i++) {
            if (times[i] > from && times[i] <= to) {
                n++;
            }
        }
        return n;
    }
}
