// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;
import org.rseq4j.SliceExtension;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.CounterFileReader;
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

/**
 * A class whose initialization throws is of no use for ever. So what a structure needs is initialized when it is made,
 * and its first operation may come where there is no stack for that.
 */
final class FirstOperations {
    private static final long STACK = 256 << 10;
    /** Operations that ended well in a row: there is stack enough. */
    private static final int ENOUGH = 100;

    /** Made here: the first use of its class would be where there is no stack. */
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private static final Queue<Object> STRICT = new SliceMpmcArrayQueue<>(64);
    private static final Queue<Object> UNBOUNDED = new SliceMpmcUnboundedQueue<>();
    private static final SliceBlockingQueue<Object> BLOCKING = new SliceBlockingQueue<>(64);
    private static final Queue<Object> RELAXED = new PerCpuQueue<>(64);
    private static final SliceLock LOCK = new SliceLock();
    private static final PerCpuReadWriteLock READ_WRITE = new PerCpuReadWriteLock();
    /** Without a bound: an acquire that threw may have been one. */
    private static final PerCpuPool<Object> POOL = PerCpuPool.builder(Object::new).build();
    private static final PerCpuBufferPool BUFFERS = PerCpuBufferPool.builder().maxBytes(1 << 24).build();
    private static final PerCpuMemory MEMORY = PerCpuMemory.allocate(1 << 12);
    private static final long MEMORY_WORD = MEMORY.allocateSlot(1);

    private final Map<String, Operation> operations = new LinkedHashMap<>();
    private final Object[] entries;
    private int next;
    private int well;

    private interface Operation {
        void run() throws Exception;
    }

    private FirstOperations() {
        var counter = new PerCpuCounter();
        var summary = new PerCpuSummary();
        var histogram = new PerCpuHistogram(1000, 2);
        operations.put("add", counter::increment);
        operations.put("sum", counter::sum);
        operations.put("sumThenReset", counter::sumThenReset);
        operations.put("record", () -> summary.record(1));
        operations.put("snapshot", summary::snapshotAndReset);
        operations.put("record of a histogram", () -> histogram.record(1));
        operations.put("strict queue", () -> use(STRICT));
        operations.put("unbounded queue", () -> use(UNBOUNDED));
        operations.put("blocking queue", () -> use(BLOCKING));
        operations.put("timed poll", () -> BLOCKING.poll(1, TimeUnit.NANOSECONDS));
        operations.put("relaxed queue", () -> use(RELAXED));
        operations.put("lock", () -> use(LOCK));
        operations.put("read lock", () -> use(READ_WRITE.readLock()));
        operations.put("write lock", () -> use(READ_WRITE.writeLock()));
        operations.put("pool", () -> {
            Object object = POOL.tryAcquire();
            if (object != null) {
                POOL.release(object);
            }
        });
        operations.put("timed acquire", () -> POOL.release(POOL.acquire(MINUTE)));
        operations.put("buffers", () -> BUFFERS.release(BUFFERS.acquireByteBuffer(100)));
        long slot = MEMORY.allocateSlot(4);
        operations.put("push", () -> RestartableSequences.byCpu().push(MEMORY, slot, 3, 1));
        operations.put("pop", () -> RestartableSequences.byCpu().pop(MEMORY, slot, new long[1]));
        operations.put("add to a word", () -> RestartableSequences.byCpu().add(MEMORY, MEMORY_WORD, 1));
        entries = operations.entrySet().toArray();
    }

    private static void use(Queue<Object> queue) {
        queue.offer(1);
        queue.poll();
    }

    @SuppressWarnings("LockNotBeforeTry") // an error in lock() has not locked
    private static void use(Lock lock) {
        lock.lock();
        lock.unlock();
    }

    public static void main(String[] arguments) throws Exception {
        var all = new FirstOperations();
        if (arguments[0].equals("stack")) {
            all.withoutStack(Integer.parseInt(arguments[1]));
        } else {
            all.initializedBy(Path.of(arguments[0]));
        }
    }

    private void initializedBy(Path log) throws Exception {
        List<Operation> others = others();
        List<String> before = initialized(log);
        if (before.stream().noneMatch(line -> line.contains("'org/rseq4j/locks/SliceLock"))) {
            throw new IllegalStateException("the JVM does not say what it initializes: " + before);
        }
        for (Map.Entry<String, Operation> operation : operations.entrySet()) {
            operation.getValue().run();
        }
        for (Operation operation : others) {
            operation.run();
        }
        List<String> after = new ArrayList<>(initialized(log));
        after.removeAll(before);
        // What has nothing to execute cannot fail.
        after.removeIf(line -> line.contains("(no method)") || line.contains("org/rseq4j/stress/"));
        System.out.println("initialized " + (after.isEmpty() ? "nothing" : after));
    }

    /** What is not done at the end of a stack here: it needs more than one call, or is rare. */
    private static List<Operation> others() throws Exception {
        Path folder = Files.createTempDirectory("first");
        CounterFile file = CounterFile.create(folder.resolve("counters"), 8, 1 << 16);
        CounterFileReader reader = CounterFileReader.open(folder.resolve("counters"));
        PerCpuMemory mapped = PerCpuMemory.map(folder.resolve("words"), 4096);
        var executed = PerCpuPool.builder(Object::new).maxSize(2).makeOn(Runnable::run).discardOn(Runnable::run)
                .build();
        var strict = PerCpuPool.builder(Object::new).maxSize(2).build();
        Lock extended = ExtendedLock.wrap(new ReentrantLock());
        var histogram = new PerCpuHistogram(1000, 2);
        var summary = new PerCpuSummary();
        List<Operation> others = new ArrayList<>();
        for (Queue<Object> queue : List.of(STRICT, UNBOUNDED, BLOCKING, RELAXED)) {
            others.add(() -> allOf(queue));
        }
        others.add(() -> BLOCKING.drainTo(new ArrayList<>()));
        others.add(() -> BLOCKING.offer(1, 1, TimeUnit.MILLISECONDS));
        others.add(() -> allOf(LOCK));
        others.add(() -> allOf(READ_WRITE.writeLock()));
        others.add(() -> allOf(extended));
        others.add(() -> READ_WRITE.validate(READ_WRITE.tryOptimisticRead()));
        others.add(() -> READ_WRITE.readLock().tryLock(1, TimeUnit.MILLISECONDS));
        others.add(READ_WRITE.readLock()::unlock);
        for (PerCpuPool<Object> pool : List.of(POOL, executed, strict)) {
            others.add(() -> allOf(pool));
        }
        others.add(BUFFERS::trim);
        others.add(BUFFERS::statistics);
        others.add(() -> BUFFERS.release(BUFFERS.acquireByteBuffer(4 << 20)));
        others.add(() -> allOf(MEMORY));
        others.add(() -> allOf(mapped));
        others.add(() -> file.counter("requests", "").increment());
        others.add(() -> file.summary("latency", "").record(1));
        others.add(() -> file.histogram("size", "", 1000, 2).record(1));
        others.add(reader::read);
        others.add(() -> file.free(file.counter("requests", "")));
        others.add(summary::snapshot);
        others.add(summary::close);
        others.add(histogram::snapshot);
        others.add(histogram::close);
        others.add(() -> SliceExtension.run(() -> {}));
        others.add(SliceExtension::statistics);
        others.add(() -> System.err.println(Rseq.status()));
        others.add(RestartableSequences::fenceAll);
        return others;
    }

    @SuppressWarnings("ReturnValueIgnored")
    private static void allOf(Queue<Object> queue) {
        queue.offer(2);
        queue.offer(3);
        queue.peek();
        queue.contains(3);
        queue.iterator().next();
        queue.toArray();
        queue.remove(3);
        queue.removeIf(element -> element.equals(2));
        queue.forEach(element -> {});
        queue.clear();
        queue.size();
    }

    @SuppressWarnings("WaitNotInLoop") // it is over at once
    private static void allOf(Lock lock) throws InterruptedException {
        if (lock.tryLock(1, TimeUnit.MILLISECONDS)) {
            try {
                Condition condition = lock.newCondition();
                condition.awaitNanos(1);
                condition.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }

    private static void allOf(PerCpuPool<Object> pool) throws Exception {
        try (var lease = pool.lease()) {
            lease.get();
        }
        Object first = pool.acquire(MINUTE);
        Object second = pool.acquire(MINUTE);
        try {
            pool.release(pool.acquire(Duration.ofMillis(1)));
        } catch (TimeoutException e) {
            // a bounded one has no third
        }
        pool.release(first);
        pool.discard(second);
        pool.trim();
        pool.statistics();
    }

    private static void allOf(PerCpuMemory memory) {
        long[] words = new long[4];
        long stack = memory.allocateSlot(4);
        RestartableSequences some = RestartableSequences.byConcurrencyId();
        some.pushMany(memory, stack, 3, words, 3);
        some.popMany(memory, stack, words, 3);
        some.push(memory, stack, 3, 1);
        some.pop(memory, stack, words);
        some.drain(memory, 0, stack, 3, word -> {});
        some.swap(memory, stack, 0, words);
        some.compareAndStore(memory, stack, 0, 1);
        memory.add(stack, 1);
        memory.sums(stack, words);
        memory.sums(new long[]{stack}, new long[1]);
        memory.get(0, stack);
        memory.free(stack);
    }

    private static List<String> initialized(Path log) throws Exception {
        try (var lines = Files.lines(log)) {
            return lines.filter(line -> line.contains("Initializing 'org/rseq4j/")).toList();
        }
    }

    private void withoutStack(int seed) throws Exception {
        Thread victim = new Thread(null, () -> pad(seed), "victim", STACK);
        victim.start();
        victim.join();
        for (Map.Entry<String, Operation> operation : operations.entrySet()) {
            try {
                operation.getValue().run();
            } catch (Throwable e) {
                throw new IllegalStateException(operation.getKey() + " is broken", e);
            }
        }
        System.out.println("all work");
    }

    /** Frames of another size below, so that the stack ends elsewhere. */
    private long pad(long frames) {
        long a = frames + 1;
        long b = a * 3;
        if (frames == 0) {
            dive();
            return a;
        }
        return pad(frames - 1) + a + b;
    }

    /** To the end of the stack; then an operation at each depth on the way up, most of which find no stack. */
    private void dive() {
        try {
            dive();
        } catch (StackOverflowError e) {
            well = 0;
        }
        if (well < ENOUGH) {
            operate();
        }
    }

    @SuppressWarnings("unchecked")
    private void operate() {
        var operation = (Map.Entry<String, Operation>) entries[next++ % entries.length];
        try {
            operation.getValue().run();
            well++;
        } catch (StackOverflowError e) {
            throw e;
        } catch (Throwable e) {
            System.out.println(operation.getKey() + " threw " + e);
            System.exit(1);
        }
    }
}
