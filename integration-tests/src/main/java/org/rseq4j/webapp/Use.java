// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.webapp;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantLock;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;
import org.rseq4j.SliceExtension;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.CounterFileReader;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuHistogram;
import org.rseq4j.counters.PerCpuMetrics;
import org.rseq4j.counters.PerCpuPrometheusMeterRegistry;
import org.rseq4j.counters.PerCpuSummary;
import org.rseq4j.executors.Executors;
import org.rseq4j.locks.ExtendedLock;
import org.rseq4j.locks.PerCpuReadWriteLock;
import org.rseq4j.locks.SliceLock;
import org.rseq4j.pools.PerCpuBufferPool;
import org.rseq4j.pools.PerCpuPool;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;
import org.rseq4j.queues.SliceMpmcUnboundedQueue;

/**
 * What the library has, each used as an application does: objects that live as long as the application, in a static
 * field, which nobody closes; others that are closed.
 */
public enum Use {
    /** Nothing of the library: what the container itself keeps. */
    NOTHING {
        @Override
        void run() {
            // as the name says
        }
    },
    /** Ids and the status. */
    IDS {
        @Override
        void run() {
            check(Rseq.cpuId() >= 0 && Rseq.concurrencyId() >= 0 && Rseq.nodeId() >= 0);
            keep(Rseq.status());
        }
    },
    /** Sections and their statistics. */
    SECTIONS {
        @Override
        void run() {
            for (int i = 0; i < MANY; i++) {
                long section = SliceExtension.begin();
                SliceExtension.end(section);
            }
            keep(SliceExtension.statistics());
        }
    },
    /** Per-CPU memory and sequences on it. */
    MEMORY {
        @Override
        void run() {
            PerCpuMemory memory = PerCpuMemory.allocate(4096);
            long slot = memory.allocateSlot(1);
            for (int i = 0; i < MANY; i++) {
                RestartableSequences.byCpu().add(memory, slot, 1);
            }
            keep(memory);
            PerCpuMemory.allocate(4096).close();
        }
    },
    /** A counter. */
    COUNTER {
        @Override
        void run() {
            PerCpuCounter counter = new PerCpuCounter();
            for (int i = 0; i < MANY; i++) {
                counter.increment();
            }
            check(counter.sum() == MANY);
            keep(counter);
        }
    },
    /** A summary. */
    SUMMARY {
        @Override
        void run() {
            PerCpuSummary summary = new PerCpuSummary();
            for (int i = 0; i < MANY; i++) {
                summary.record(i);
            }
            check(summary.snapshotAndReset().count() == MANY);
            keep(summary);
            new PerCpuSummary().close();
        }
    },
    /** A histogram. */
    HISTOGRAM {
        @Override
        void run() {
            PerCpuHistogram histogram = new PerCpuHistogram(MANY, 2);
            for (int i = 0; i < MANY; i++) {
                histogram.record(i);
            }
            check(histogram.snapshot().getTotalCount() == MANY);
            keep(histogram);
            new PerCpuHistogram(MANY, 2).close();
        }
    },
    /** A file of counters, written and read. */
    COUNTER_FILE {
        @Override
        void run() throws Exception {
            Path file = Files.createTempFile("webapp", ".counters");
            try {
                CounterFile counters = CounterFile.create(file, 16, 1 << 16);
                counters.counter("requests", "").increment();
                counters.summary("nanoseconds", "").record(1);
                counters.histogram("bytes", "", 1000, 2).record(1);
                keep(counters);
                keep(CounterFileReader.open(file));
            } finally {
                Files.delete(file);
            }
        }
    },
    /** A registry of metrics, which shows meters of its own and others, as a scraper sees them. */
    METRICS {
        @Override
        void run() {
            var registry = new PerCpuPrometheusMeterRegistry(PrometheusConfig.DEFAULT);
            var summary = new PerCpuSummary();
            PerCpuMetrics.summary(summary, "sizes", "Sizes.").bindTo(registry);
            for (int i = 0; i < MANY; i++) {
                registry.counter("requests").increment();
                registry.timer("answers").record(i, TimeUnit.NANOSECONDS);
                summary.record(i);
            }
            String text = registry.scrape();
            check(text.contains("requests_total " + (double) MANY));
            check(text.contains("answers_seconds_count " + MANY));
            check(text.contains("sizes_count_total " + (double) MANY));
            keep(registry);
        }
    },
    /** A pool with an idle age, which a thread of the library trims. */
    POOL {
        @Override
        void run() throws Exception {
            PerCpuPool<StringBuilder> pool = PerCpuPool.builder(StringBuilder::new).reset(text -> text.setLength(0))
                    .maxIdleAge(Duration.ofMillis(1)).build();
            for (int i = 0; i < MANY; i++) {
                pool.release(pool.acquire());
            }
            keep(pool);
            PerCpuPool<StringBuilder> bounded = PerCpuPool.builder(StringBuilder::new).maxSize(2)
                    .maxIdleAge(Duration.ofMillis(1)).build();
            bounded.release(bounded.acquire(Duration.ofSeconds(10)));
            bounded.close();
            ExecutorService executor = Executors.newSingleThreadExecutor();
            PerCpuPool<StringBuilder> made = PerCpuPool.builder(StringBuilder::new).maxSize(2).makeOn(executor).build();
            made.release(made.acquire(Duration.ofSeconds(10)));
            keep(made);
            executor.shutdown();
        }
    },
    /** A pool that looks for misuse. */
    POOL_WITH_MISUSE {
        @Override
        void run() {
            List<Object> found = Collections.synchronizedList(new ArrayList<>());
            PerCpuPool<StringBuilder> pool = PerCpuPool.builder(StringBuilder::new).detectMisuse(found::add).build();
            StringBuilder text = pool.acquire();
            pool.release(text);
            try {
                pool.release(text);
            } catch (IllegalStateException expected) {
                found.add(expected);
            }
            check(!found.isEmpty());
            keep(pool);
        }
    },
    /** A pool of buffers outside of the heap. */
    BUFFER_POOL {
        @Override
        void run() {
            PerCpuBufferPool pool = PerCpuBufferPool.builder().maxIdleAge(Duration.ofMillis(1)).build();
            for (int i = 0; i < MANY; i++) {
                MemorySegment segment = pool.acquire(1000);
                segment.set(ValueLayout.JAVA_BYTE, 0, (byte) i);
                pool.release(segment);
                pool.release(pool.acquireByteBuffer(1000));
            }
            keep(pool);
            new PerCpuBufferPool().close();
        }
    },
    /** All queues. */
    QUEUES {
        @Override
        void run() throws Exception {
            SliceBlockingQueue<Object> blocking = new SliceBlockingQueue<>(1024);
            for (Queue<Object> queue : List.<Queue<Object>>of(new PerCpuQueue<>(1024), new SliceMpmcArrayQueue<>(1024),
                    new SliceMpmcUnboundedQueue<>(), new SliceBlockingQueue<>(), blocking)) {
                for (int i = 0; i < MANY; i++) {
                    check(queue.offer(this));
                    check(queue.poll() == this);
                }
                queue.add(this);
                keep(queue);
            }
            blocking.clear();
            Thread putter = Thread.ofPlatform().start(() -> check(blocking.offer(this)));
            check(blocking.take() == this);
            putter.join();
            check(blocking.poll(1, TimeUnit.MILLISECONDS) == null);
        }
    },
    /** All locks. */
    LOCKS {
        @Override
        void run() throws Exception {
            SliceLock slice = new SliceLock();
            ReadWriteLock readWrite = new PerCpuReadWriteLock();
            ReadWriteLock counted = PerCpuReadWriteLock.builder().reentrant().fair().build(); // by a ThreadLocal
            for (Lock lock : List.of(slice, SliceLock.builder().reentrant().fair().build(), readWrite.readLock(),
                    readWrite.writeLock(), counted.readLock(), counted.writeLock(),
                    ExtendedLock.wrap(new ReentrantLock()))) {
                for (int i = 0; i < MANY; i++) {
                    lock.lock();
                    try {
                        check(true);
                    } finally {
                        lock.unlock();
                    }
                }
                keep(lock);
            }
            Thread waiter = Thread.ofPlatform().unstarted(() -> {
                slice.lock();
                try {
                    check(true);
                } finally {
                    slice.unlock();
                }
            });
            slice.lock();
            try {
                waiter.start();
                Thread.sleep(20);
            } finally {
                slice.unlock();
            }
            waiter.join();
            slice.lock();
            try {
                Condition condition = slice.newCondition();
                for (long left = 1000; left > 0;) {
                    left = condition.awaitNanos(left);
                }
            } finally {
                slice.unlock();
            }
        }
    },
    /** Executors, which the application shuts down. */
    EXECUTORS {
        @Override
        void run() throws Exception {
            for (ExecutorService executor : List.of(Executors.newFixedThreadPool(2),
                    Executors.newVirtualThreadPerTaskExecutor())) {
                check(executor.submit(() -> Rseq.cpuId() >= 0).get());
                executor.shutdown();
                check(executor.awaitTermination(10, TimeUnit.SECONDS));
                keep(executor);
            }
        }
    },
    /** All of them. */
    EVERYTHING {
        @Override
        void run() throws Exception {
            for (Use use : values()) {
                if (use != this && use != A_THREAD_THAT_STAYS) {
                    use.run();
                }
            }
        }
    },
    /** What no container can undo: a thread of the application that runs until it is interrupted. */
    A_THREAD_THAT_STAYS {
        @Override
        void run() {
            Thread.ofPlatform().daemon().name(name()).start(() -> {
                while (!Thread.interrupted()) {
                    LockSupport.park(this);
                }
            });
        }
    };

    private static final int MANY = 5000;
    private static final List<Object> KEPT = Collections.synchronizedList(new ArrayList<>());

    abstract void run() throws Exception;

    static void keep(Object object) {
        KEPT.add(object);
    }

    static void check(boolean right) {
        if (!right) {
            throw new AssertionError("wrong");
        }
    }
}
