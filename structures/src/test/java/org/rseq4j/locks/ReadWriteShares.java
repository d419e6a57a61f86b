// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.concurrent.locks.StampedLock;
import java.util.function.Supplier;
import org.HdrHistogram.ConcurrentHistogram;

/**
 * A program: how one writer and some readers, none of which rests, share a read-write lock. For each round of 0.7 s it
 * prints the writes and reads, and the pauses of readers: from a thread's {@value #READS} reads to its next, those of 2
 * ms and more. Arguments: a lock, each in a JVM of its own, and how many readers. The first of six rounds compiles.
 */
final class ReadWriteShares {
    private static final int ROUNDS = 6;
    private static final int MILLIS = 700;
    private static final int READS = 1000;
    private static final int WRITES = 10;
    private static final long PAUSE_NANOS = 2_000_000;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final Map<String, Supplier<ReadWriteLock>> LOCKS = new LinkedHashMap<>();

    static {
        LOCKS.put("PerCpuReadWriteLock", PerCpuReadWriteLock::new);
        LOCKS.put("ReentrantReadWriteLock", ReentrantReadWriteLock::new);
        LOCKS.put("StampedLock", () -> new StampedLock().asReadWriteLock());
    }

    private final ReadWriteLock lock;
    private final long[] guarded = new long[48];
    private final LongAdder writes = new LongAdder();
    private final LongAdder reads = new LongAdder();
    private final ConcurrentHistogram pauses = new ConcurrentHistogram(3);
    private volatile boolean over;

    private ReadWriteShares(ReadWriteLock lock) {
        this.lock = lock;
    }

    public static void main(String[] arguments) throws InterruptedException {
        if (arguments.length != 2 || !LOCKS.containsKey(arguments[0])) {
            System.err.println("name one of " + LOCKS.keySet() + " and how many readers");
            return;
        }
        for (int i = 0; i < ROUNDS; i++) {
            new ReadWriteShares(LOCKS.get(arguments[0]).get()).round(Integer.parseInt(arguments[1]));
        }
    }

    private void round(int readers) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        threads.add(new Thread(this::write));
        for (int i = 0; i < readers; i++) {
            threads.add(new Thread(this::read));
        }
        long begun = System.nanoTime();
        threads.forEach(Thread::start);
        Thread.sleep(MILLIS);
        over = true;
        for (Thread thread : threads) {
            thread.join();
        }
        double micros = (System.nanoTime() - begun) / 1e3;
        System.out.printf(Locale.ROOT, "%.2f M writes/s, %.0f M reads/s, %d pauses: half %.0f, 99 of 100 %.0f ms%n",
                writes.sum() / micros, reads.sum() / micros, pauses.getTotalCount(),
                pauses.getValueAtPercentile(50) / NANOS_PER_MILLI, pauses.getValueAtPercentile(99) / NANOS_PER_MILLI);
    }

    private void write() {
        Lock write = lock.writeLock();
        while (!over) {
            for (int i = 0; i < WRITES; i++) {
                write.lock();
                try {
                    guarded[24]++;
                } finally {
                    write.unlock();
                }
            }
            writes.add(WRITES);
        }
    }

    private void read() {
        Lock read = lock.readLock();
        long sum = 0;
        long last = System.nanoTime();
        while (!over) {
            for (int i = 0; i < READS; i++) {
                read.lock();
                try {
                    sum += guarded[24];
                } finally {
                    read.unlock();
                }
            }
            reads.add(READS);
            long now = System.nanoTime();
            if (now - last >= PAUSE_NANOS) {
                pauses.recordValue(now - last);
            }
            last = now;
        }
        if (sum == 0x5EED_0000_DEAD_BEEFL) {
            System.out.println("never"); // so that the reads cannot be left out
        }
    }
}
