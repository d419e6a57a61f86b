// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jctools.queues.MessagePassingQueue;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rseq4j.internal.thread.Threads;
import org.rseq4j.stress.MigrationStorm;
import org.rseq4j.stress.TestThreads;

/**
 * Nothing is lost, nothing comes twice, and each producer's elements come in order where that is promised: many more
 * threads than CPUs, all calls mixed, interrupts, suppliers and consumers that throw, and threads that end after few
 * operations.
 */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class QueuesStressTest {
    private static final int PRODUCERS = 12;
    private static final int CONSUMERS = 12;
    /** Fewer under emulation. */
    private static final int EACH = (System.getenv("RSEQ4J_VM") == null ? 1_000 : 150)
            * Integer.getInteger("rseq4j.test.seconds", 1);
    /** How many operations a thread lives for before another takes its place. */
    private static final int LIFE = 100;

    record Kind(String name, boolean strict, boolean virtual, Supplier<Queue<Long>> factory) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Kind> kinds() {
        return Stream.of(new Kind("SliceMpmcArrayQueue of 1", true, false, () -> new SliceMpmcArrayQueue<>(1)),
                new Kind("SliceMpmcArrayQueue of 100", true, false, () -> new SliceMpmcArrayQueue<>(100)),
                new Kind("SliceMpmcArrayQueue, wrapping around", true, false,
                        () -> new SliceMpmcArrayQueue<>(64, -2_000)),
                new Kind("SliceMpmcArrayQueue, virtual threads", true, true, () -> new SliceMpmcArrayQueue<>(64)),
                new Kind("SliceMpmcUnboundedQueue", true, false, SliceMpmcUnboundedQueue::new),
                new Kind("SliceMpmcUnboundedQueue, short segments, virtual threads", true, true,
                        () -> new SliceMpmcUnboundedQueue<>(Ring.unbounded(4, -5))),
                new Kind("SliceBlockingQueue without a bound", true, false, SliceBlockingQueue::new),
                new Kind("SliceBlockingQueue without a bound, short segments, virtual threads", true, true,
                        () -> new SliceBlockingQueue<>(Ring.unbounded(4, -5), true, 0)),
                new Kind("SliceBlockingQueue of 3", true, false, () -> new SliceBlockingQueue<>(3)),
                new Kind("SliceBlockingQueue of 100", true, false, () -> new SliceBlockingQueue<>(100)),
                new Kind("SliceBlockingQueue, wrapping around", true, false,
                        () -> new SliceBlockingQueue<>(64, false, -2_000)),
                new Kind("SliceBlockingQueue, fair", true, false, () -> new SliceBlockingQueue<>(16, true)),
                new Kind("SliceBlockingQueue, virtual threads", true, true, () -> new SliceBlockingQueue<>(16)),
                new Kind("SliceBlockingQueue, fair, virtual threads", true, true,
                        () -> new SliceBlockingQueue<>(5, true)),
                new Kind("PerCpuQueue of 2", false, false, () -> new PerCpuQueue<>(2, 2, 0)),
                new Kind("PerCpuQueue of 1024", false, false, () -> new PerCpuQueue<>(1024)),
                new Kind("PerCpuQueue of 7 rings, wrapping around", false, false,
                        () -> new PerCpuQueue<>(300, 7, -300)),
                new Kind("PerCpuQueue, virtual threads", false, true, () -> new PerCpuQueue<>(64, 2, 0)));
    }

    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    /** How often each element came out. */
    private final AtomicIntegerArray seen = new AtomicIntegerArray(PRODUCERS * EACH);
    private final AtomicInteger consumed = new AtomicInteger();
    private final AtomicInteger interrupts = new AtomicInteger();

    /** What the work of one thread after the other has in common: the next element, or the last ones seen. */
    private static final class Line {
        final int number;
        final long[] last = new long[PRODUCERS];
        int next;
        volatile Thread thread;
        volatile boolean done;

        Line(int number) {
            this.number = number;
            java.util.Arrays.fill(last, -1);
        }
    }

    private interface Part {
        /** Whether there is more to do. */
        boolean run(Line line, Queue<Long> queue, Random random) throws InterruptedException;
    }

    /**
     * Null, or what moves the threads; they stay alive, since the kernel may give a dead thread's number to another.
     */
    private MigrationStorm storm;
    private final CountDownLatch stormIsOver = new CountDownLatch(1);

    private void start(ThreadFactory factory, Line line, Queue<Long> queue, Part part, List<Thread> all) {
        Thread thread = factory.newThread(() -> {
            boolean more = true;
            try {
                var random = new Random(line.number * 31L + line.next);
                if (storm != null) {
                    storm.join();
                }
                for (int i = 0; (i < LIFE || storm != null) && more; i++) {
                    if (failure.get() != null) {
                        return;
                    }
                    try {
                        more = part.run(line, queue, random);
                    } catch (InterruptedException e) {
                        interrupts.incrementAndGet();
                    }
                }
            } catch (Throwable e) {
                failure.compareAndSet(null, e);
            } finally {
                if (more && failure.get() == null) {
                    start(factory, line, queue, part, all); // this one ends
                } else {
                    line.done = true;
                    awaitEndOfStorm();
                }
            }
        });
        line.thread = thread;
        synchronized (all) {
            all.add(thread);
        }
        thread.start();
    }

    private void awaitEndOfStorm() {
        while (storm != null && stormIsOver.getCount() > 0) {
            try {
                stormIsOver.await();
            } catch (InterruptedException e) {
                continue;
            }
        }
    }

    /** Not the one of a single place: each element needs a change of threads, which takes seconds. */
    static Stream<Kind> kindsInAStorm() {
        return kinds().filter(kind -> !kind.virtual && !kind.name.endsWith(" of 1"));
    }

    @ParameterizedTest
    @MethodSource("kindsInAStorm")
    void conservesElementsAndOrderInAMigrationStorm(Kind kind) throws Exception {
        assumeTrue(MigrationStorm.isAvailable(), "needs the tests' native library and native access");
        storm = new MigrationStorm();
        try {
            conservesElementsAndOrder(kind);
            assertTrue(storm.moves() > 0, "no thread was moved");
        } finally {
            storm.close();
            stormIsOver.countDown();
        }
    }

    /**
     * A virtual thread that yields while its carrier's own list is empty goes to the common one, which carriers look at
     * only when their own are empty: those of other yielding threads never are. So it parks now and then, else a round
     * may not end (seen in the test kernel).
     */
    private static int offerAll(Queue<Long> queue, List<Long> some) {
        if (queue instanceof PerCpuQueue<Long> perCpu) {
            return perCpu.offerAll(some);
        }
        if (queue instanceof SliceMpmcArrayQueue<Long> mpmc) {
            return mpmc.offerAll(some);
        }
        return queue.addAll(some) ? some.size() : 0;
    }

    private static void rest(Random random) {
        if (Threads.isVirtual(Thread.currentThread()) && random.nextInt(16) == 0) {
            Thread.interrupted(); // with it set nobody parks
            LockSupport.parkNanos(1_000);
        } else {
            Thread.yield();
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void conservesElementsAndOrder(Kind kind) throws Exception {
        Queue<Long> queue = kind.factory.get();
        ThreadFactory factory = kind.virtual ? TestThreads.virtual() : TestThreads::daemon;
        List<Thread> all = new ArrayList<>();
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < PRODUCERS; i++) {
            lines.add(new Line(i));
            start(factory, lines.get(i), queue, this::produce, all);
        }
        for (int i = 0; i < CONSUMERS; i++) {
            var line = new Line(PRODUCERS + i);
            lines.add(line);
            start(factory, line, queue, kind.strict ? this::consumeInOrder : this::consume, all);
        }
        var random = new Random(1);
        while (lines.stream().anyMatch(line -> !line.done) && failure.get() == null) {
            Thread thread = lines.get(random.nextInt(lines.size())).thread;
            if (thread != null) {
                thread.interrupt(); // those queues that never wait leave it alone
            }
            Thread.sleep(1);
        }
        if (storm != null) {
            storm.close();
            stormIsOver.countDown();
        }
        for (int i = 0; i < all.size(); i++) {
            Thread thread;
            synchronized (all) {
                thread = all.get(i);
            }
            thread.join(60_000);
            assertTrue(!thread.isAlive() || failure.get() != null, "a thread did not end");
        }
        if (failure.get() != null) {
            throw new AssertionError("with " + queue.size() + " in the queue", failure.get());
        }
        assertEquals(PRODUCERS * EACH, consumed.get());
        for (int i = 0; i < seen.length(); i++) {
            assertEquals(1, seen.get(i), "element " + i);
        }
        assertNull(queue.poll());
        assertTrue(queue.isEmpty());
        assertEquals(0, queue.size());
        if (queue instanceof SliceBlockingQueue<Long> blocking) {
            assertEquals(0, blocking.waitingTakers() + blocking.waitingPutters());
        }
    }

    private static final class OnPurpose extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private static long element(Line line) {
        return (long) line.number * EACH + line.next;
    }

    private boolean produce(Line line, Queue<Long> queue, Random random) throws InterruptedException {
        if (line.next == EACH) {
            return false;
        }
        long element = element(line);
        if (queue instanceof MessagePassingQueue<?>) {
            @SuppressWarnings("unchecked")
            var mpq = (MessagePassingQueue<Long>) queue;
            switch (random.nextInt(5)) {
                case 0 -> line.next += mpq.relaxedOffer(element) ? 1 : 0;
                case 1 -> {
                    int n = Math.min(random.nextInt(20), EACH - line.next);
                    boolean fails = random.nextInt(4) == 0;
                    int[] given = new int[1];
                    try {
                        mpq.fill(() -> {
                            if (fails && given[0] == n - 1) {
                                throw new OnPurpose();
                            }
                            given[0]++;
                            return (long) line.number * EACH + line.next++;
                        }, n);
                    } catch (OnPurpose e) {
                        assertTrue(fails);
                    }
                }
                case 2 -> {
                    List<Long> some = new ArrayList<>();
                    for (int i = 0; i < 5 && line.next + i < EACH; i++) {
                        some.add(element + i);
                    }
                    line.next += offerAll(queue, some);
                }
                default -> line.next += queue.offer(element) ? 1 : 0;
            }
            rest(random);
        } else {
            var blocking = (BlockingQueue<Long>) queue;
            switch (random.nextInt(4)) {
                case 0 -> line.next += queue.offer(element) ? 1 : 0;
                case 1 -> line.next += blocking.offer(element, random.nextInt(2_000), TimeUnit.MICROSECONDS) ? 1 : 0;
                default -> {
                    blocking.put(element);
                    line.next++;
                }
            }
        }
        return true;
    }

    private boolean consumeInOrder(Line line, Queue<Long> queue, Random random) throws InterruptedException {
        return consume(line, queue, random, true);
    }

    private boolean consume(Line line, Queue<Long> queue, Random random) throws InterruptedException {
        return consume(line, queue, random, false);
    }

    private void take(Line line, Long element, boolean ordered) {
        if (element == null) {
            return;
        }
        int producer = (int) (element / EACH);
        if (ordered && element <= line.last[producer]) {
            failure.compareAndSet(null, new AssertionError(element + " came after " + line.last[producer]));
        }
        line.last[producer] = element;
        if (seen.incrementAndGet((int) (long) element) > 1) {
            failure.compareAndSet(null, new AssertionError(element + " came twice"));
        }
        consumed.incrementAndGet();
    }

    private boolean consume(Line line, Queue<Long> queue, Random random, boolean ordered)
            throws InterruptedException {
        if (consumed.get() >= PRODUCERS * EACH) {
            return false;
        }
        if (queue instanceof MessagePassingQueue<?>) {
            @SuppressWarnings("unchecked")
            var mpq = (MessagePassingQueue<Long>) queue;
            switch (random.nextInt(8)) {
                case 0 -> take(line, mpq.relaxedPoll(), ordered);
                case 1 -> mpq.drain(element -> take(line, element, ordered), random.nextInt(100));
                case 2 -> {
                    int[] left = {random.nextInt(3) + 1};
                    try {
                        mpq.drain(element -> {
                            take(line, element, ordered);
                            if (--left[0] == 0) {
                                throw new OnPurpose();
                            }
                        }, 10);
                    } catch (OnPurpose e) {
                        assertEquals(0, left[0]);
                    }
                }
                case 3 -> mpq.peek();
                default -> take(line, queue.poll(), ordered);
            }
            rest(random);
        } else {
            var blocking = (BlockingQueue<Long>) queue;
            switch (random.nextInt(5)) {
                case 0 -> take(line, queue.poll(), ordered);
                case 1 -> {
                    List<Long> some = new ArrayList<>();
                    blocking.drainTo(some, random.nextInt(30));
                    some.forEach(element -> take(line, element, ordered));
                }
                // Never without end: the others may have taken the last one.
                default -> take(line, blocking.poll(random.nextInt(5_000), TimeUnit.MICROSECONDS), ordered);
            }
        }
        return true;
    }
}
