// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.Exchanger;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedTransferQueue;
import java.util.concurrent.Phaser;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.StampedLock;
import java.util.function.Supplier;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;
import org.rseq4j.SliceExtension;
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

/**
 * The first use of a type in a process comes where there is no stack, or no heap: at each depth on the way up from the
 * end of a stack, or each time that a little more of the heap is free, until it works. Each use makes one, and has it
 * do something. Afterwards a thread that has both must be able to.
 */
final class FirstMakings {
    private static final long STACK = 256 << 10;
    /** Uses that ended well in a row: there is stack enough. */
    private static final int ENOUGH = 4;
    private static final int PIECE = 4 << 10;

    /** Loaded, but not initialized, with what they extend, some of which is in jars. */
    private static final Class<?>[] TYPES = {Rseq.class, SliceExtension.class, RestartableSequences.class,
            PerCpuMemory.class, PerCpuCounter.class, PerCpuSummary.class, PerCpuHistogram.class, CounterFile.class,
            SliceLock.class, ExtendedLock.class, PerCpuReadWriteLock.class, PerCpuPool.class, PerCpuBufferPool.class,
            SliceMpmcArrayQueue.class, SliceMpmcUnboundedQueue.class, SliceBlockingQueue.class, PerCpuQueue.class};

    private final Making making;
    private int well;
    private int errors;
    private Throwable broken;

    private interface Making {
        void run() throws Exception;
    }

    private FirstMakings(Making making) {
        this.making = making;
    }

    /** Of the library, but for {@code Broken}. */
    private static Map<String, Making> makings() throws Exception {
        Path file = Files.createTempFile("first", ".words");
        file.toFile().deleteOnExit();
        // Made here: before Java 22 a lambda whose making met an error is of no use for ever either.
        Supplier<Object> objects = Object::new;
        Executor caller = Runnable::run;
        Map<String, Making> makings = new LinkedHashMap<>();
        makings.put("Rseq", () -> Rseq.cpuId());
        makings.put("RseqStatus", () -> Rseq.status().toJson());
        makings.put("SliceExtension", () -> SliceExtension.end(SliceExtension.begin()));
        makings.put("RestartableSequences", RestartableSequences::byCpu);
        makings.put("RestartableSequences, whether native", RestartableSequences::isNative);
        makings.put("PerCpuMemory", () -> use(PerCpuMemory.allocate(4096)));
        makings.put("PerCpuMemory of a file", () -> use(PerCpuMemory.map(file, 4096)));
        makings.put("PerCpuCounter", () -> new PerCpuCounter().increment());
        makings.put("PerCpuSummary", () -> new PerCpuSummary().record(1));
        makings.put("PerCpuHistogram", () -> new PerCpuHistogram(1000, 2).record(1));
        makings.put("CounterFile", () -> CounterFile.create(file, 4, 4096).counter("requests", "").increment());
        makings.put("SliceLock", () -> use(new SliceLock()));
        makings.put("ExtendedLock", () -> use(ExtendedLock.wrap(new ReentrantLock())));
        makings.put("PerCpuReadWriteLock", () -> use(new PerCpuReadWriteLock().readLock()));
        makings.put("PerCpuPool", () -> use(PerCpuPool.builder(objects).build()));
        makings.put("strict PerCpuPool", () -> use(PerCpuPool.builder(objects).maxSize(2).build()));
        makings.put("PerCpuPool with an executor",
                () -> use(PerCpuPool.builder(objects).maxSize(2).makeOn(caller).build()));
        makings.put("PerCpuBufferPool", () -> {
            try (var pool = PerCpuBufferPool.builder().build()) {
                pool.release(pool.acquireByteBuffer(100));
            }
        });
        makings.put("SliceMpmcArrayQueue", () -> use(new SliceMpmcArrayQueue<>(64)));
        makings.put("SliceMpmcUnboundedQueue", () -> use(new SliceMpmcUnboundedQueue<>()));
        makings.put("SliceBlockingQueue", () -> use(new SliceBlockingQueue<>(64)));
        makings.put("SliceBlockingQueue by its builder",
                () -> use(SliceBlockingQueue.builder().capacity(64).build()));
        makings.put("PerCpuQueue", () -> use(new PerCpuQueue<>(64)));
        makings.put("Broken", () -> Broken.touch());
        return makings;
    }

    /** The JDK's, to compare with. */
    private static Map<String, Making> peers() {
        Map<String, Making> peers = new LinkedHashMap<>();
        peers.put("java.util.concurrent.ConcurrentLinkedDeque", () -> use(new ConcurrentLinkedDeque<>()));
        peers.put("java.util.concurrent.LinkedTransferQueue", () -> use(new LinkedTransferQueue<>()));
        peers.put("java.util.concurrent.SynchronousQueue", () -> use(new SynchronousQueue<>()));
        peers.put("java.util.concurrent.StampedLock", () -> use(new StampedLock().asReadLock()));
        peers.put("java.util.concurrent.Phaser", () -> new Phaser(1).arrive());
        peers.put("java.util.concurrent.Exchanger", () -> new Exchanger<>());
        peers.put("java.util.concurrent.CompletableFuture", () -> new CompletableFuture<Object>().complete(1));
        return peers;
    }

    /** What this is about: an initializer that takes stack and heap. */
    private static final class Broken {
        private static final byte[] DEPTH = deep(50);

        private static byte[] deep(int frames) {
            byte[] here = new byte[PIECE / 2];
            byte[] there = frames == 0 ? here : deep(frames - 1);
            return there.length > here.length ? there : here;
        }

        static void touch() {
            if (DEPTH.length == 0) {
                throw new AssertionError();
            }
        }
    }

    private static void use(PerCpuMemory memory) {
        try (memory) {
            long slot = memory.allocateSlot(4);
            RestartableSequences.byCpu().push(memory, slot, 3, 1);
            memory.free(slot);
        }
    }

    private static void use(Queue<Object> queue) {
        queue.offer(1);
        queue.poll();
    }

    private static void use(PerCpuPool<Object> pool) {
        try (pool) {
            pool.release(pool.acquire());
        }
    }

    @SuppressWarnings("LockNotBeforeTry") // an error in lock() has not locked
    private static void use(Lock lock) {
        lock.lock();
        lock.unlock();
    }

    /** What there is little of, and a name, or nothing: then all of them are listed. */
    public static void main(String[] arguments) throws Exception {
        Map<String, Making> all = makings();
        all.putAll(peers());
        if (arguments.length == 0) {
            System.out.println(String.join("\n", all.keySet()));
            return;
        }
        // Opens the class path, and loads what is public: the JDK's classes that do are not ours to initialize.
        Object none = FirstMakings.class.getClassLoader().getResource("none");
        for (Class<?> type : TYPES) {
            if (none != null || type.isInterface()) {
                throw new AssertionError(type);
            }
        }
        new FirstMakings(all.get(arguments[1])).test(arguments[0].equals("stack"), arguments[1]);
    }

    private void test(boolean stack, String name) throws Exception {
        String was;
        try {
            if (stack) {
                Thread victim = new Thread(null, this::dive, "victim", STACK);
                victim.start();
                victim.join();
            } else {
                fillHeap();
            }
            if (broken != null) {
                throw broken;
            }
            if (well < ENOUGH) {
                throw new IllegalStateException("it never worked");
            }
            making.run();
            was = errors == 0 ? " met no error" : " works";
        } catch (Throwable e) {
            was = " is broken: " + e;
        }
        System.out.println(name + was + " after " + errors + " errors");
    }

    /** To the end of the stack; then a use at each depth on the way up, most of which find no stack. */
    private void dive() {
        try {
            dive();
        } catch (StackOverflowError e) {
            well = 0;
        }
        if (well >= 0 && well < ENOUGH) {
            use();
        }
    }

    private void use() {
        try {
            making.run();
            well++;
        } catch (StackOverflowError e) {
            errors++;
            throw e;
        } catch (Throwable e) {
            well = -1; // for good
            broken = e;
        }
    }

    /** Until nothing is left; then a use each time that a piece is given back. */
    private void fillHeap() throws Exception {
        Deque<byte[]> pieces = new ArrayDeque<>(1 << 16);
        try {
            while (true) {
                pieces.push(new byte[PIECE]);
            }
        } catch (OutOfMemoryError e) {
            well = 0;
        }
        while (well < ENOUGH) {
            try {
                making.run();
                well++;
            } catch (OutOfMemoryError e) {
                errors++;
                well = 0;
                pieces.pop();
            }
        }
    }
}
