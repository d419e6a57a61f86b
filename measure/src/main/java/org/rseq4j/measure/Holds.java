// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.util.concurrent.locks.Lock;

/**
 * All threads take one lock, with work of about 100 ns inside and 400 ns outside. A hold that took half a millisecond
 * is one in which the holder lost its CPU; to know it costs each hold two readings of the clock, whoever's lock it is.
 */
final class Holds implements Workload {
    private static final int INSIDE = 40;
    private static final int OUTSIDE = 160;
    private static final long LONG_NANOS = 500_000;

    private final Lock lock;
    // Guarded by the lock.
    private long holds;
    private long preempted;
    private long value;

    Holds(Lock lock) {
        this.lock = lock;
    }

    @Override
    public long work(int thread, Stop stop) {
        long operations = 0;
        long own = thread;
        while (!stop.requested()) {
            for (int i = 0; i < BATCH; i++) {
                lock.lock();
                try {
                    hold();
                } finally {
                    lock.unlock();
                }
                own = multiply(own, OUTSIDE);
            }
            operations += BATCH;
        }
        // Never true, and the JIT does not know: so the work outside is done.
        return own == 0x5EED_0000_DEAD_BEEFL ? 0 : operations;
    }

    private void hold() {
        long begun = System.nanoTime();
        holds++;
        value = multiply(value, INSIDE);
        if (System.nanoTime() - begun >= LONG_NANOS) {
            preempted++;
        }
    }

    /** Each multiplication needs the one before, and the JIT cannot make one of several. */
    private static long multiply(long seed, int times) {
        long product = seed;
        for (int i = 0; i < times; i++) {
            product = (product ^ product >>> 29) * 6364136223846793005L + 1442695040888963407L;
        }
        return product;
    }

    @Override
    public void check(long operations) {
        Workload.equal("holds under the lock", holds, operations);
    }

    @Override
    public long preempted() {
        return preempted;
    }
}
