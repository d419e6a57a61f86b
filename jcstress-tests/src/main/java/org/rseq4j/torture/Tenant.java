// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import org.rseq4j.SliceExtension;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuSummary;
import org.rseq4j.locks.SliceLock;
import org.rseq4j.pools.PerCpuPool;

/** What a class loader that comes and goes does with the library: a little of much, in threads of its own. */
public final class Tenant implements Runnable {
    /** Made by reflection. */
    public Tenant() {
    }

    @Override
    public void run() {
        PerCpuPool<long[]> pool = PerCpuPool.of(() -> new long[1]);
        SliceLock lock = new SliceLock();
        try (PerCpuCounter counter = new PerCpuCounter(); PerCpuSummary summary = new PerCpuSummary()) {
            Runnable work = () -> {
                for (int i = 0; i < 100; i++) {
                    counter.increment();
                    summary.record(i);
                    long[] pooled = pool.acquire();
                    lock.lock();
                    try {
                        SliceExtension.run(() -> pooled[0]++);
                    } finally {
                        lock.unlock();
                    }
                    pool.release(pooled);
                }
            };
            Thread other = new Thread(work);
            other.start();
            work.run();
            other.join();
            if (counter.sum() != 200 || summary.snapshot().count() != 200) {
                throw new IllegalStateException("a loader's own counter lost something: " + counter + ", "
                        + summary.snapshot());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            pool.close();
        }
    }
}
