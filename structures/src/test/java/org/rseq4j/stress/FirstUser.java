// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import java.lang.ref.WeakReference;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;
import org.rseq4j.SliceExtension;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuHistogram;
import org.rseq4j.counters.PerCpuSummary;
import org.rseq4j.executors.Executors;
import org.rseq4j.locks.PerCpuReadWriteLock;
import org.rseq4j.locks.SliceLock;
import org.rseq4j.pools.PerCpuBufferPool;
import org.rseq4j.pools.PerCpuPool;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;

/**
 * The library is in the process's class path, and an application with a class loader of its own is its first user. When
 * the application is over, no thread that was started meanwhile, the library's or the JDK's, keeps that class loader or
 * what the application's inheritable thread locals held.
 */
final class FirstUser {
    /** The JDK's threads inherit it where nobody cares. */
    private static final InheritableThreadLocal<Object> LOCAL = new InheritableThreadLocal<>();
    private static final int COLLECTIONS = 1000;

    private FirstUser() {
    }

    public static void main(String[] arguments) throws Exception {
        List<WeakReference<Object>> kept = use();
        for (int i = 0; kept.stream().anyMatch(it -> it.get() != null); i++) {
            if (i == COLLECTIONS) {
                report(kept);
                System.exit(1);
            }
            System.gc(); // what a collection found is let go by threads, so one is not enough
            Thread.sleep(20);
        }
        System.out.println("nothing is kept");
    }

    private static void report(List<WeakReference<Object>> kept) {
        System.out.println("kept: " + kept.stream().map(WeakReference::get).toList());
        Thread.getAllStackTraces().keySet().forEach(
                thread -> System.out.println(thread + " has the context " + thread.getContextClassLoader()));
    }

    /** The application's class loader and the value of its thread local. */
    private static List<WeakReference<Object>> use() throws InterruptedException {
        var loader = new URLClassLoader("application", new URL[0], ClassLoader.getPlatformClassLoader());
        Object value = new Object();
        Throwable[] failure = new Throwable[1];
        Thread user = new Thread(() -> {
            LOCAL.set(value);
            try {
                everything();
            } catch (Throwable e) {
                failure[0] = e;
            }
        });
        user.setContextClassLoader(loader);
        user.start();
        user.join();
        if (failure[0] != null) {
            throw new AssertionError(failure[0]);
        }
        return List.of(new WeakReference<>(loader), new WeakReference<>(value));
    }

    private static void everything() throws Exception {
        Rseq.status();
        SliceExtension.run(() -> {});
        try (var memory = PerCpuMemory.allocate(4096)) {
            RestartableSequences.byCpu().add(memory, 0, 1);
            RestartableSequences.fenceAll();
        }
        counters();
        pools();
        queues();
        for (Lock lock : List.of(new SliceLock(), new PerCpuReadWriteLock().readLock(),
                new PerCpuReadWriteLock().writeLock())) {
            lock.lock();
            try {
                Thread.yield();
            } finally {
                lock.unlock();
            }
        }
        for (ExecutorService executor : List.of(Executors.newFixedThreadPool(2), Executors.newSingleThreadExecutor())) {
            executor.submit(() -> {}).get();
            executor.shutdown(); // Java 17 has no close
            if (!executor.awaitTermination(1, TimeUnit.MINUTES)) {
                throw new AssertionError("an executor does not end");
            }
        }
    }

    private static void counters() throws Exception {
        new PerCpuCounter().increment();
        try (var summary = new PerCpuSummary(); var histogram = new PerCpuHistogram(1000, 2)) {
            summary.record(1);
            histogram.record(1);
        }
        Path file = Files.createTempFile("first", ".counters");
        CounterFile.create(file, 4, 4096).counter("requests", "").increment();
        Files.delete(file);
    }

    private static void pools() throws Exception {
        try (var pool = PerCpuPool.builder(StringBuilder::new).maxSize(2).maxIdleAge(Duration.ofMillis(1)).build();
                var buffers = PerCpuBufferPool.builder().maxIdleAge(Duration.ofMillis(1)).build()) {
            pool.release(pool.acquire(Duration.ofSeconds(10)));
            buffers.release(buffers.acquireByteBuffer(1000));
            Thread.sleep(50); // for some visits of the trimmers
        }
    }

    private static void queues() throws Exception {
        SliceBlockingQueue<Object> blocking = new SliceBlockingQueue<>(8);
        for (Queue<Object> queue : List.<Queue<Object>>of(new PerCpuQueue<>(8), new SliceMpmcArrayQueue<>(8),
                blocking)) {
            queue.offer("element");
            queue.poll();
        }
        blocking.poll(1, TimeUnit.MILLISECONDS);
        TestThreads.startEither(1, () -> {
            try {
                blocking.poll(1, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }).join();
    }
}
