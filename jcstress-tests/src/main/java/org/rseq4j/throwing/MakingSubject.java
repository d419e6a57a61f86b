// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuHistogram;
import org.rseq4j.counters.PerCpuSummary;
import org.rseq4j.locks.ExtendedLock;
import org.rseq4j.locks.PerCpuReadWriteLock;
import org.rseq4j.locks.SliceLock;
import org.rseq4j.pools.PerCpuBufferPool;
import org.rseq4j.pools.PerCpuPool;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;
import org.rseq4j.queues.SliceMpmcUnboundedQueue;

/** Structures that are made, used once and dropped: what was half made leaves no place taken and no file. */
final class MakingSubject extends Subject {
    /** Of what the process has for all meters, locks and so on: those that nobody dropped yet, and some more. */
    private static final int FEW = 64;
    private static final int ATTEMPTS = 200;
    private static final long WORDS = 1 << 13;
    private static final Duration OFTEN = Duration.ofMillis(5);

    private final Path folder;
    private final Path words;
    private final Path counters;
    /** A number that nobody asks for. */
    volatile long seen;

    MakingSubject() {
        super("counter", "summary", "histogram", "memory", "mapped memory", "counter file", "pool", "pool with upkeep",
                "buffers", "lock", "read-write lock", "reentrant read-write lock", "extended lock", "strict queue",
                "unbounded queue", "blocking queue", "relaxed queue");
        try {
            folder = Files.createTempDirectory("throws");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        words = folder.resolve("words");
        counters = folder.resolve("counters");
    }

    @Override
    void run(int operation) throws Exception {
        switch (operation(operation)) {
            case "counter" -> {
                var counter = new PerCpuCounter();
                counter.increment();
                seen = counter.sum();
            }
            case "summary" -> {
                var summary = new PerCpuSummary();
                summary.record(1);
                seen = summary.snapshot().count();
            }
            case "histogram" -> new PerCpuHistogram(100, 2).record(1);
            case "memory" -> use(PerCpuMemory.allocate(WORDS));
            case "mapped memory" -> use(PerCpuMemory.map(words, WORDS));
            case "counter file" -> CounterFile.create(counters, 4, WORDS).counter("events", "").increment();
            case "pool" -> use(PerCpuPool.builder(Object::new).maxSize(2).validate(object -> true).build());
            case "pool with upkeep" -> use(PerCpuPool.builder(Object::new).maxIdleAge(OFTEN).minIdle(1).build());
            case "buffers" -> {
                var buffers = PerCpuBufferPool.builder().maxBytes(1 << 21).maxIdleAge(OFTEN).build();
                buffers.release(buffers.acquireByteBuffer(100));
                buffers.close();
            }
            case "lock" -> use(new SliceLock());
            case "read-write lock" -> use(new PerCpuReadWriteLock());
            case "reentrant read-write lock" -> use(PerCpuReadWriteLock.builder().reentrant().build());
            case "extended lock" -> use(ExtendedLock.wrap(new ReentrantLock()));
            case "strict queue" -> use(new SliceMpmcArrayQueue<>(4));
            case "unbounded queue" -> use(new SliceMpmcUnboundedQueue<>());
            case "blocking queue" -> use(new SliceBlockingQueue<>(4));
            case "relaxed queue" -> use(new PerCpuQueue<>(4));
            default -> throw new IllegalStateException(operation(operation));
        }
    }

    private void use(PerCpuMemory memory) {
        long slot = memory.allocateSlot(1);
        memory.add(slot, 1);
        seen = memory.sum(slot);
        memory.close();
    }

    private static void use(PerCpuPool<Object> pool) {
        pool.release(pool.acquire());
        pool.close();
    }

    private static void use(PerCpuReadWriteLock lock) {
        use(lock.readLock());
        use(lock.writeLock());
    }

    @SuppressWarnings("LockNotBeforeTry") // an error in lock() has not locked
    private static void use(Lock lock) {
        lock.lock();
        lock.unlock();
    }

    private static void use(Queue<Object> queue) {
        queue.offer(queue);
        queue.poll();
    }

    /** One that is made in a file waits for who makes it in the same file. */
    @Override
    void waiters() throws Exception {
        for (int i = 0; i < operations(); i++) {
            run(i);
        }
    }

    @Override
    String check() throws Exception {
        waiters();
        Neighbours.lap();
        Collection<Path> left;
        try (Stream<Path> files = Files.list(folder)) {
            left = files.filter(file -> !file.equals(words) && !file.equals(counters)).toList();
        }
        for (Path file : left) {
            Files.delete(file);
        }
        Files.delete(words);
        Files.delete(counters);
        Files.delete(folder);
        if (!left.isEmpty()) {
            return "files are left: " + left;
        }
        return leftOver();
    }

    /** What is found unreachable is given back when others are made. */
    private static String leftOver() throws Exception {
        String what = "";
        for (int i = 0; i < ATTEMPTS; i++) {
            if (i % 10 == 0) {
                System.gc();
            } else if (i % 10 == 5) {
                Thread.sleep(1);
            }
            for (int n = 0; n < FEW; n++) {
                new PerCpuCounter().close();
                new PerCpuSummary().close();
            }
            var lock = new PerCpuReadWriteLock();
            int counters = taken("COUNTERS");
            int summaries = taken("SUMMARIES");
            int locks = ((Map<?, ?>) constant("org.rseq4j.locks.ReaderSlots", "LOCKS")).size();
            if (counters < 4 * FEW && summaries < 4 * FEW && locks < FEW) {
                return lock.isWriteLocked() ? "a new lock is locked" : null;
            }
            what = counters + " counters, " + summaries + " summaries and " + locks + " locks are left";
        }
        return what;
    }

    private static int taken(String which) throws ReflectiveOperationException {
        Object slots = constant("org.rseq4j.counters.CounterSlots", which);
        Method taken = slots.getClass().getDeclaredMethod("taken");
        taken.setAccessible(true);
        return (int) taken.invoke(slots);
    }

    private static Object constant(String type, String name) throws ReflectiveOperationException {
        Field field = Class.forName(type).getDeclaredField(name);
        field.setAccessible(true);
        return field.get(null);
    }
}
