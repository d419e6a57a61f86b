// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.time.Duration;
import org.rseq4j.RestartableSequences;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuHistogram;
import org.rseq4j.counters.PerCpuSummary;
import org.rseq4j.locks.PerCpuReadWriteLock;
import org.rseq4j.locks.SliceLock;
import org.rseq4j.pools.PerCpuBufferPool;
import org.rseq4j.pools.PerCpuPool;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;
import org.rseq4j.queues.SliceMpmcUnboundedQueue;

/** One of each structure, in use by who has nothing to do with a thread that is stopped in another one. */
final class Neighbours {
    private Neighbours() {
    }

    /** Makes one of each, uses it and throws it away. */
    static void lap() throws Exception {
        try (var counter = new PerCpuCounter();
                var summary = new PerCpuSummary();
                var histogram = new PerCpuHistogram(100, 2);
                PerCpuPool<Object> pool = PerCpuPool.builder(Object::new).maxSize(2).build();
                var buffers = PerCpuBufferPool.builder().maxBytes(1 << 22).build();
                var memory = org.rseq4j.PerCpuMemory.allocate(1 << 12)) {
            counter.increment();
            counter.reset();
            summary.record(1);
            summary.snapshotAndReset();
            histogram.record(1);
            histogram.snapshotAndReset();
            pool.release(pool.acquire(Duration.ofSeconds(60)));
            pool.trim();
            buffers.release(buffers.acquireByteBuffer(100));
            buffers.trim();
            long stack = memory.allocateSlot(4);
            RestartableSequences.byCpu().push(memory, stack, 3, 1);
            for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
                RestartableSequences.byCpu().drain(memory, cpu, stack, 3, word -> {});
            }
        }
        useQueues();
        useLocks();
    }

    private static void useQueues() throws InterruptedException {
        var strict = new SliceMpmcArrayQueue<Integer>(4);
        var blocking = new SliceBlockingQueue<Integer>(4);
        var relaxed = new PerCpuQueue<Integer>(4);
        var unbounded = new SliceMpmcUnboundedQueue<Integer>();
        var blockingUnbounded = new SliceBlockingQueue<Integer>();
        unbounded.offer(4);
        blockingUnbounded.put(5);
        strict.offer(1);
        blocking.put(2);
        relaxed.offer(3);
        if (strict.poll() != 1 || blocking.take() != 2 || relaxed.poll() != 3 || unbounded.poll() != 4
                || blockingUnbounded.take() != 5) {
            throw new IllegalStateException("a queue that nobody else uses gave another element");
        }
    }

    @SuppressWarnings("LockNotBeforeTry")
    private static void useLocks() {
        var lock = new SliceLock();
        lock.lock();
        lock.unlock();
        var shared = new PerCpuReadWriteLock();
        shared.readLock().lock();
        shared.readLock().unlock();
        shared.writeLock().lock();
        shared.writeLock().unlock();
    }
}
