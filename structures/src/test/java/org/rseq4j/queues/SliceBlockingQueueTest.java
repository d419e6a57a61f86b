// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.stress.TestThreads;

/** Waiting, its ends, and an executor. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SliceBlockingQueueTest {
    private interface Action {
        void run() throws Exception;
    }

    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    private Thread start(boolean virtual, Action action) {
        Runnable guarded = () -> {
            try {
                action.run();
            } catch (Throwable e) {
                failure.compareAndSet(null, e);
            }
        };
        return virtual ? TestThreads.startVirtual(guarded) : TestThreads.startDaemon(guarded);
    }

    private void join(Iterable<Thread> threads) throws InterruptedException {
        for (Thread thread : threads) {
            thread.join();
        }
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }

    private static void waitUntil(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            Thread.sleep(1);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aTakerWaitsForAnElement(boolean virtual) throws Exception {
        var queue = new SliceBlockingQueue<String>(2);
        String[] got = new String[1];
        Thread taker = start(virtual, () -> got[0] = queue.take());
        waitUntil(() -> queue.waitingTakers() == 1);
        queue.put("a");
        join(List.of(taker));
        assertEquals("a", got[0]);
        assertEquals(0, queue.waitingTakers());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPutterWaitsForRoom(boolean virtual) throws Exception {
        var queue = new SliceBlockingQueue<String>(1);
        queue.put("a");
        assertFalse(queue.offer("b"));
        assertEquals(0, queue.remainingCapacity());
        Thread putter = start(virtual, () -> queue.put("b"));
        waitUntil(() -> queue.waitingPutters() == 1);
        assertEquals("a", queue.take());
        join(List.of(putter));
        assertEquals("b", queue.poll());
    }

    @Test
    void everyWayOutMakesRoom() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(2);
        List<Action> ways = List.of(queue::poll, queue::take, () -> queue.remove((Object) 1), queue::clear,
                () -> queue.drainTo(new ArrayList<>()), () -> queue.removeIf(element -> true), () -> {
                    var iterator = queue.iterator();
                    iterator.next();
                    iterator.remove();
                }, () -> queue.poll(1, TimeUnit.DAYS));
        for (Action way : ways) {
            queue.put(1);
            queue.put(1);
            Thread putter = start(false, () -> queue.put(2));
            waitUntil(() -> queue.waitingPutters() == 1);
            way.run();
            join(List.of(putter));
            assertTrue(queue.remove((Object) 2));
            queue.clear();
        }
    }

    @Test
    void aCollectionThatThrowsCostsTheElementThatItWasGiven() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(10);
        for (int i = 0; i < 10; i++) {
            queue.put(i);
        }
        var got = new ArrayList<Integer>() {
            private static final long serialVersionUID = 1;

            @Override
            public boolean add(Integer element) {
                if (element == 4) {
                    throw new IllegalStateException("on purpose");
                }
                return super.add(element);
            }
        };
        assertThrows(IllegalStateException.class, () -> queue.drainTo(got));
        assertEquals(List.of(0, 1, 2, 3), got);
        assertEquals(5, queue.size());
        var rest = new ArrayList<Integer>();
        assertEquals(5, queue.drainTo(rest));
        assertEquals(List.of(5, 6, 7, 8, 9), rest);
        assertEquals(0, queue.drainTo(rest, -1));
        assertThrows(IllegalArgumentException.class, () -> queue.drainTo(queue));
        assertThrows(NullPointerException.class, () -> queue.drainTo(null));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void takesTimesOfAnyLength(boolean fair) throws Exception {
        for (Duration overtaking : List.of(Duration.ZERO, ChronoUnit.FOREVER.getDuration())) {
            SliceBlockingQueue<Integer> queue = SliceBlockingQueue.builder().capacity(1).fair(fair)
                    .overtaking(overtaking).build();
            for (TimeUnit unit : TimeUnit.values()) {
                for (long time : new long[]{Long.MIN_VALUE, Long.MIN_VALUE + 1, -1, 0}) {
                    assertNull(queue.poll(time, unit));
                    assertTrue(queue.offer(1, time, unit));
                    assertFalse(queue.offer(2, time, unit));
                    assertEquals(1, queue.poll(time, unit));
                }
            }
            for (long time : new long[]{1, Long.MAX_VALUE - 1, Long.MAX_VALUE}) {
                Thread taker = start(false, () -> assertEquals(1, queue.poll(time, TimeUnit.DAYS)));
                waitUntil(() -> queue.waitingTakers() == 1);
                queue.put(1);
                join(List.of(taker));
                queue.put(2);
                Thread putter = start(false, () -> assertTrue(queue.offer(3, time, TimeUnit.DAYS)));
                waitUntil(() -> queue.waitingPutters() == 1);
                assertEquals(2, queue.take());
                join(List.of(putter));
                assertEquals(3, queue.take());
            }
        }
        var builder = SliceBlockingQueue.builder();
        for (Duration time : List.of(Duration.ofNanos(-1), Duration.ofSeconds(Long.MIN_VALUE))) {
            assertThrows(IllegalArgumentException.class, () -> builder.overtaking(time));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void timesOutAndLeavesNoTrace(boolean fair) throws Exception {
        var queue = new SliceBlockingQueue<Integer>(1, fair);
        assertNull(queue.poll(0, TimeUnit.SECONDS));
        assertNull(queue.poll(-1, TimeUnit.SECONDS));
        assertNull(queue.poll(3, TimeUnit.MILLISECONDS));
        assertTrue(queue.offer(1, 3, TimeUnit.MILLISECONDS));
        assertFalse(queue.offer(2, 0, TimeUnit.SECONDS));
        assertFalse(queue.offer(2, 3, TimeUnit.MILLISECONDS));
        assertEquals(0, queue.waitingTakers() + queue.waitingPutters());
        assertEquals(1, queue.poll(1, TimeUnit.DAYS));
        assertThrows(NullPointerException.class, () -> queue.poll(1, null));
        assertThrows(NullPointerException.class, () -> queue.offer(1, 1, null));
        assertThrows(NullPointerException.class, () -> queue.offer(null, 1, TimeUnit.DAYS));
        assertThrows(NullPointerException.class, () -> queue.put(null));
        assertThrows(IllegalArgumentException.class, () -> new SliceBlockingQueue<>(0, fair));
        assertThrows(IllegalArgumentException.class, () -> new SliceBlockingQueue<>((1 << 30) + 1, fair));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anInterruptEndsWaitingAndIsNotLost(boolean virtual) throws Exception {
        var queue = new SliceBlockingQueue<Integer>(1);
        Thread taker = start(virtual, () -> {
            assertThrows(InterruptedException.class, queue::take);
            assertFalse(Thread.currentThread().isInterrupted());
        });
        waitUntil(() -> queue.waitingTakers() == 1);
        taker.interrupt();
        join(List.of(taker));
        queue.put(1);
        Thread putter = start(virtual, () -> assertThrows(InterruptedException.class, () -> queue.put(2)));
        waitUntil(() -> queue.waitingPutters() == 1);
        putter.interrupt();
        join(List.of(putter));
        assertEquals(0, queue.waitingTakers() + queue.waitingPutters());
        assertEquals(1, queue.size());
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, queue::take);
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> queue.put(3));
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> queue.poll(1, TimeUnit.DAYS));
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> queue.offer(1, 1, TimeUnit.DAYS));
        Thread.currentThread().interrupt();
        assertEquals(1, queue.poll());
        assertTrue(queue.offer(1));
        assertTrue(Thread.interrupted(), "calls that do not wait leave the interrupt alone");
    }

    @Test
    void aWakeUpIsPassedOnWhenItsThreadIsInterrupted() throws Exception {
        for (int round = 0; round < 50; round++) {
            var queue = new SliceBlockingQueue<Integer>(4);
            var got = new AtomicInteger();
            List<Thread> takers = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                takers.add(start(false, () -> {
                    try {
                        queue.take();
                        got.incrementAndGet();
                    } catch (InterruptedException e) {
                        assertEquals(0, got.get() / 4);
                    }
                }));
            }
            waitUntil(() -> queue.waitingTakers() == 3);
            Thread interrupter = start(false, () -> takers.get(0).interrupt());
            queue.put(1);
            queue.put(2);
            queue.put(3);
            interrupter.join();
            join(takers);
            assertEquals(3, got.get() + queue.size());
        }
    }

    @Test
    void theFairFormServesInOrderOfArrival() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(1, true);
        var order = new ConcurrentLinkedQueue<Integer>();
        List<Thread> takers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            int number = i;
            takers.add(start(i % 2 == 0, () -> {
                queue.take();
                synchronized (order) {
                    order.add(number);
                }
            }));
            waitUntil(() -> queue.waitingTakers() == number + 1);
        }
        for (int i = 0; i < 8; i++) {
            queue.put(i);
            int done = i + 1;
            waitUntil(() -> order.size() == done);
        }
        join(takers);
        assertEquals(List.of(0, 1, 2, 3, 4, 5, 6, 7), List.copyOf(order));
        queue.put(0);
        List<Thread> putters = new ArrayList<>();
        for (int i = 1; i < 6; i++) {
            int number = i;
            putters.add(start(false, () -> queue.put(number)));
            waitUntil(() -> queue.waitingPutters() == number);
        }
        for (int i = 0; i < 6; i++) {
            assertEquals(i, queue.take());
        }
        join(putters);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void noWaiterStarves(boolean fair) throws Exception {
        var queue = new SliceBlockingQueue<Integer>(2, fair);
        // Two threads keep the queue busy all the time; the others come for one element each.
        var over = new AtomicInteger();
        Action putting = () -> {
            while (over.get() == 0) {
                queue.offer(1, 1, TimeUnit.MILLISECONDS);
            }
        };
        Action taking = () -> {
            while (over.get() == 0) {
                queue.poll(1, TimeUnit.MILLISECONDS);
            }
        };
        List<Thread> busy = List.of(start(false, putting), start(false, putting), start(false, taking),
                start(false, taking));
        List<Thread> few = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            few.add(start(i % 2 == 0, queue::take));
            few.add(start(i % 2 == 0, () -> queue.put(2)));
        }
        join(few);
        over.set(1);
        join(busy);
    }

    @Test
    void aThousandVirtualThreadsWaitWithoutPinningTheirCarriers() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(8);
        List<Thread> takers = new ArrayList<>();
        var sum = new AtomicInteger();
        for (int i = 0; i < 1000; i++) {
            takers.add(start(true, () -> sum.addAndGet(queue.take())));
        }
        // More wait than there are carriers, so no carrier is held by one that waits.
        waitUntil(() -> queue.waitingTakers() == 1000);
        List<Thread> putters = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            putters.add(start(true, () -> queue.put(1)));
        }
        join(putters);
        join(takers);
        assertEquals(1000, sum.get());
    }

    /** A search takes as long as the line, and thousands may leave together. */
    @Test
    void nobodySearchesTheLineForAThreadThatLeaves() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(1);
        List<Thread> takers = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            takers.add(start(true, () -> assertThrows(InterruptedException.class, queue::take)));
            int waiting = i + 1;
            waitUntil(() -> queue.waitingTakers() == waiting);
        }
        for (int i = 9; i > 0; i--) {
            takers.get(i).interrupt();
            takers.get(i).join();
            assertEquals(i, queue.waitingTakers());
            assertEquals(10, queue.takers().places());
        }
        takers.get(0).interrupt();
        join(takers);
        assertEquals(0, queue.takers().places());
    }

    @Test
    void theLineKeepsFewPlacesOfThreadsThatHaveLeftBehindOneThatStays() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(1);
        Thread stays = start(true, () -> assertEquals(1, queue.take()));
        waitUntil(() -> queue.waitingTakers() == 1);
        for (int i = 0; i < 5 * Waiters.MIN_DEPARTURES; i++) {
            Thread leaves = start(true, () -> assertThrows(InterruptedException.class, queue::take));
            waitUntil(() -> queue.waitingTakers() == 2);
            leaves.interrupt();
            leaves.join();
            assertEquals(1, queue.waitingTakers());
            int places = queue.takers().places();
            assertTrue(places <= 1 + Waiters.MIN_DEPARTURES, places + " places");
        }
        queue.put(1);
        join(List.of(stays));
        assertEquals(0, queue.takers().places());
    }

    @Test
    void thousandsWhoseTimeIsOverTogetherLeaveNothingBehind() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(1);
        var over = new CountDownLatch(1);
        List<Thread> takers = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            takers.add(start(true, () -> {
                over.await();
                assertNull(queue.poll(100, TimeUnit.MILLISECONDS));
            }));
        }
        over.countDown();
        join(takers);
        assertEquals(0, queue.takers().places());
        Thread taker = start(true, () -> assertEquals(1, queue.take()));
        waitUntil(() -> queue.waitingTakers() == 1);
        queue.put(1);
        join(List.of(taker));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anExecutorRunsOnIt(boolean fair) throws Exception {
        var queue = new SliceBlockingQueue<Runnable>(16, fair);
        int tasks = System.getenv("RSEQ4J_VM") == null ? 20_000 : 2_000;
        var ran = new AtomicInteger();
        List<Future<Integer>> futures = new ArrayList<>();
        var executor = new ThreadPoolExecutor(8, 12, 5, TimeUnit.MILLISECONDS, queue,
                new ThreadPoolExecutor.CallerRunsPolicy());
        try {
            executor.allowCoreThreadTimeOut(true);
            for (int i = 0; i < tasks; i++) {
                int number = i;
                futures.add(executor.submit(() -> {
                    ran.incrementAndGet();
                    return number;
                }));
            }
            for (int i = 0; i < tasks; i++) {
                assertEquals(i, futures.get(i).get());
            }
            waitUntil(() -> executor.getPoolSize() == 0); // the idle ones time out
            assertEquals(1, executor.submit(() -> 1).get());
        } finally {
            executor.shutdown();
        }
        assertTrue(executor.awaitTermination(100, TimeUnit.SECONDS));
        assertEquals(tasks, ran.get());
        assertTrue(queue.isEmpty());
    }

    @Test
    void anExecutorShutsDownItsWaitingWorkersAndGivesBackWhatDidNotRun() throws Exception {
        var queue = new SliceBlockingQueue<Runnable>(4);
        var executor = new ThreadPoolExecutor(2, 2, 0, TimeUnit.SECONDS, queue);
        var block = new CountDownLatch(1);
        var running = new CountDownLatch(2);
        for (int i = 0; i < 2; i++) {
            executor.execute(() -> {
                running.countDown();
                try {
                    block.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
        }
        running.await();
        List<Runnable> waiting = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Runnable task = () -> {};
            waiting.add(task);
            executor.execute(task);
        }
        assertThrows(RejectedExecutionException.class, () -> executor.execute(() -> {}));
        assertTrue(executor.remove(waiting.remove(1)));
        List<Runnable> left = executor.shutdownNow();
        assertEquals(waiting.size(), left.size());
        for (int i = 0; i < left.size(); i++) {
            assertSame(waiting.get(i), left.get(i));
        }
        assertTrue(executor.awaitTermination(200, TimeUnit.SECONDS));
    }

    /** A thread that lost its CPU with an end locked needs one, which a call whose time is over gives it. */
    @Test
    void theLastLookYieldsToAThreadInTheWay() {
        int[] looks = new int[1];
        Waiters.Attempt locked = (element, nanos) -> looks[0]++ <= Waiters.LAST_LOOKS ? Ring.BUSY : "element";
        assertEquals("element", Waiters.lastLook(locked, null));
    }
}
