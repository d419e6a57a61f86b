// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rseq4j.internal.thread.Threads;
import org.rseq4j.stress.Stress;
import org.rseq4j.stress.TestThreads;

@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@SuppressWarnings({"LockNotBeforeTry", "WaitNotInLoop"}) // what the tests are about
class SliceLockTest {
    static Stream<SliceLock> forms() {
        return Stream.of(new SliceLock(), SliceLock.builder().fair().build(), SliceLock.builder().reentrant().build(),
                SliceLock.builder().fair().reentrant().build());
    }

    private static <T> FutureTask<T> start(Callable<T> action) {
        var task = new FutureTask<>(action);
        TestThreads.startDaemon(task);
        return task;
    }

    private static Thread startThread(FutureTask<?> task) {
        return TestThreads.startDaemon(task);
    }

    private static void until(BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            Thread.sleep(1);
        }
    }

    private static boolean elsewhere(Callable<Boolean> action) throws Exception {
        return start(action).get();
    }

    @ParameterizedTest
    @MethodSource("forms")
    void manyThreadsNeverMeetInside(SliceLock lock) throws Exception {
        long[] count = new long[1];
        var inside = new AtomicInteger();
        var taken = new AtomicLong();
        long end = System.nanoTime() + Stress.NANOS;
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            tasks.add(start(() -> {
                long mine = 0;
                while (System.nanoTime() - end < 0) {
                    lock.lock();
                    try {
                        assertEquals(1, inside.incrementAndGet());
                        count[0]++;
                        inside.decrementAndGet();
                    } finally {
                        lock.unlock();
                    }
                    mine++;
                }
                taken.addAndGet(mine);
                return null;
            }));
        }
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        assertEquals(taken.get(), count[0]);
        assertFalse(lock.isLocked());
        assertFalse(lock.hasQueuedThreads());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void timeoutsInterruptsAndPlainLocksTogetherLoseNoWakeUp(SliceLock lock) throws Exception {
        long[] count = new long[1];
        var taken = new AtomicLong();
        long end = System.nanoTime() + Stress.NANOS;
        List<Thread> threads = new ArrayList<>();
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            int kind = i % 4;
            var task = new FutureTask<Void>(() -> {
                long mine = 0;
                while (System.nanoTime() - end < 0) {
                    boolean held = true;
                    try {
                        switch (kind) {
                            case 0 -> lock.lock();
                            case 1 -> lock.lockInterruptibly();
                            case 2 -> held = lock.tryLock(ThreadLocalRandom.current().nextInt(200),
                                    TimeUnit.MICROSECONDS);
                            default -> held = lock.tryLock();
                        }
                    } catch (InterruptedException e) {
                        held = false;
                    }
                    if (held) {
                        count[0]++;
                        if ((count[0] & 63) == 0) {
                            Thread.yield(); // a hold that lasts, so that the others go to sleep
                        }
                        lock.unlock();
                        mine++;
                    }
                }
                taken.addAndGet(mine);
                return null;
            });
            tasks.add(task);
            threads.add(startThread(task));
        }
        while (System.nanoTime() - end < 0) {
            threads.get(ThreadLocalRandom.current().nextInt(threads.size())).interrupt();
            Thread.sleep(0, 100_000);
        }
        for (FutureTask<Void> task : tasks) {
            task.get(); // a lost wake-up never ends
        }
        assertEquals(taken.get(), count[0]);
        assertFalse(lock.isLocked());
        assertFalse(lock.hasQueuedThreads());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void virtualThreadsByTheTenThousandAllGetTheLock(SliceLock lock) throws Exception {
        int[] count = new int[1];
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            boolean blocks = i % 1000 == 0;
            threads.add(TestThreads.startVirtual(() -> {
                lock.lock();
                try {
                    count[0]++;
                    if (blocks) {
                        Thread.sleep(1); // leaves its carrier, and may come back on another
                    }
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                } finally {
                    lock.unlock();
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(10_000, count[0]);
        assertFalse(lock.isLocked());
    }

    @Test
    void fairGivesTheLockInTheOrderOfArrival() throws Exception {
        SliceLock lock = SliceLock.builder().fair().build();
        var order = new ConcurrentLinkedQueue<Integer>();
        List<FutureTask<Void>> tasks = new ArrayList<>();
        lock.lock();
        for (int i = 0; i < 20; i++) {
            int number = i;
            tasks.add(start(() -> {
                lock.lock();
                order.add(number);
                lock.unlock();
                return null;
            }));
            until(() -> lock.getQueueLength() == number + 1);
        }
        lock.unlock();
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        assertEquals(Stream.iterate(0, n -> n + 1).limit(20).toList(), List.copyOf(order));
    }

    /** A thread in the queue, which will take the lock and give it back. */
    private static FutureTask<Void> queuedWaiter(SliceLock lock) throws InterruptedException {
        FutureTask<Void> waiter = start(() -> {
            lock.lock();
            lock.unlock();
            return null;
        });
        until(lock::hasQueuedThreads);
        return waiter;
    }

    @Test
    void aWaiterIsNotPassedOverForEver() throws Exception {
        var lock = new SliceLock();
        var stop = new AtomicInteger();
        var barging = new ArrayList<FutureTask<Void>>();
        lock.lock();
        FutureTask<Void> waiter = queuedWaiter(lock);
        for (int i = 0; i < 4; i++) {
            barging.add(start(() -> {
                while (stop.get() == 0) {
                    lock.lock();
                    lock.unlock();
                }
                return null;
            }));
        }
        lock.unlock();
        waiter.get(); // while the others never pause
        stop.set(1);
        for (FutureTask<Void> task : barging) {
            task.get();
        }
    }

    @Test
    void takesTimesOfAnyLengthForTheHandOff() throws Exception {
        for (Duration time : List.of(Duration.ZERO, Duration.ofNanos(Long.MAX_VALUE),
                Duration.ofSeconds(Long.MAX_VALUE),
                ChronoUnit.FOREVER.getDuration())) {
            SliceLock lock = SliceLock.builder().handOffAfter(time).build();
            lock.lock();
            FutureTask<Void> waiter = start(() -> {
                lock.lock();
                lock.unlock();
                return null;
            });
            until(lock::hasQueuedThreads);
            lock.unlock();
            waiter.get();
        }
        var builder = SliceLock.builder();
        for (Duration time : List.of(Duration.ofNanos(-1), Duration.ofSeconds(Long.MIN_VALUE))) {
            assertThrows(IllegalArgumentException.class, () -> builder.handOffAfter(time));
        }
    }

    /** The bound of barging: a waiter that others passed for long enough has the lock kept for it. */
    @Test
    void nobodyPassesAWaiterThatTheLockIsKeptFor() throws Exception {
        for (int round = 0; round < 5; round++) {
            SliceLock lock = SliceLock.builder().handOffAfter(Duration.ofNanos(round * 100_000L)).build();
            var served = new AtomicInteger();
            lock.lock();
            FutureTask<Void> waiter = start(() -> {
                lock.lock();
                served.incrementAndGet();
                lock.unlock();
                return null;
            });
            until(lock::hasQueuedThreads);
            boolean held = true;
            while (held && served.get() == 0) { // barge, until the waiter was passed over often enough
                LockSupport.parkNanos(100_000);
                boolean kept = (lock.state & LockWord.RESERVED) != 0;
                lock.unlock();
                held = !kept && lock.tryLock();
            }
            if (held) {
                lock.unlock(); // the waiter came first, as it may
            }
            for (int i = 0; i < 100_000; i++) {
                if (lock.tryLock(1, TimeUnit.NANOSECONDS)) {
                    assertTrue(held || served.get() == 1);
                    lock.unlock();
                }
            }
            waiter.get();
        }
    }

    /** However long a hold is: who passes one that was woken and does not run looks at the clock after the first. */
    @Test
    void oneThatDoesNotRunIsPassedByFewLongHolds() throws Exception {
        SliceLock lock = SliceLock.builder().handOffAfter(Duration.ofMillis(1)).build();
        for (int i = 0; i < 1_000; i++) { // short holds, so that there are many between two looks
            lock.lock();
            lock.unlock();
        }
        lock.lock();
        FutureTask<Void> waiter = queuedWaiter(lock);
        lock.heir = lock.first; // as if it had been woken, but for the unpark
        lock.wokenAt = System.nanoTime();
        lock.unlock();
        int holds = 0;
        while ((lock.state & LockWord.RESERVED) == 0 && lock.tryLock()) { // false when it looked by itself meanwhile
            long begun = System.nanoTime();
            while (System.nanoTime() - begun < 2_000_000) {
                Thread.onSpinWait();
            }
            holds++;
            lock.unlock();
        }
        waiter.get();
        assertTrue(holds <= 2, holds + " holds of two milliseconds");
    }

    /** As an error of a virtual thread may leave it. */
    @Test
    void aFormerOwnerThatWasLeftBehindDisturbsNobody() throws Exception {
        var lock = new SliceLock();
        lock.virtualOwner = TestThreads.startVirtual(() -> {});
        lock.lock();
        assertSame(Thread.currentThread(), lock.getOwner());
        lock.unlock();
        assertFalse(lock.isLocked());
        assertThrows(IllegalMonitorStateException.class, lock::unlock);
    }

    @ParameterizedTest
    @MethodSource("forms")
    void tryLockGivesUpWhileAnotherHolds(SliceLock lock) throws Exception {
        lock.lock();
        assertFalse(elsewhere(lock::tryLock));
        assertFalse(elsewhere(() -> lock.tryLock(1, TimeUnit.MILLISECONDS)));
        assertFalse(elsewhere(() -> lock.tryLock(0, TimeUnit.SECONDS)));
        assertFalse(elsewhere(() -> lock.tryLock(-1, TimeUnit.SECONDS)));
        assertFalse(elsewhere(() -> lock.tryLock(Long.MIN_VALUE, TimeUnit.DAYS)));
        lock.unlock();
        assertTrue(elsewhere(() -> {
            boolean taken = lock.tryLock(-1, TimeUnit.SECONDS);
            lock.unlock();
            return taken;
        }));
        assertFalse(lock.isLocked());
    }

    /** A waiter that joins, and then one with its links, as {@code linksLocked} says to others. */
    private static Thread queued(SliceLock lock, FutureTask<?> task) throws InterruptedException {
        int before = lock.getQueueLength();
        Thread thread = startThread(task);
        until(() -> lock.getQueueLength() > before && lock.linksLocked == 0);
        return thread;
    }

    @ParameterizedTest
    @MethodSource("forms")
    void timedCallsEndThoughAThreadWasStoppedWhileItJoinedTheQueue(SliceLock lock) throws Exception {
        lock.lock();
        var leaves = new FutureTask<>(() -> assertThrows(InterruptedException.class, lock::lockInterruptibly));
        Thread leaving = queued(lock, leaves);
        lock.linksLocked = 1; // as that thread has it
        leaving.interrupt();
        leaves.get();
        assertFalse(elsewhere(() -> lock.tryLock(1, TimeUnit.MILLISECONDS)));
        assertEquals(0, lock.getQueueLength());
        assertFalse(lock.hasQueuedThread(leaving));
        var waits = start(() -> {
            lock.lock();
            lock.unlock();
            return null;
        });
        lock.unlock();
        lock.linksLocked = 0;
        waits.get(); // perhaps done before that
        lock.lock();
        lock.unlock(); // takes out who has gone
        assertFalse(lock.hasQueuedThreads());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aTimedWaitEndsThoughAThreadWasStoppedWhileItJoinedTheQueue(SliceLock lock) throws Exception {
        var condition = lock.newCondition();
        lock.linksLocked = 1;
        assertTrue(elsewhere(() -> {
            lock.lock();
            try {
                return condition.awaitNanos(1) <= 0;
            } finally {
                lock.unlock();
            }
        }));
        lock.linksLocked = 0;
        assertFalse(lock.hasQueuedThreads());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void whoComesBehindOneThatHasGoneGetsTheLock(SliceLock lock) throws Exception {
        lock.lock();
        var leaves = new FutureTask<>(() -> assertThrows(InterruptedException.class, lock::lockInterruptibly));
        Thread leaving = queued(lock, leaves);
        var gets = new FutureTask<Void>(() -> {
            lock.lock();
            lock.unlock();
            return null;
        });
        queued(lock, gets);
        lock.linksLocked = 1;
        leaving.interrupt();
        leaves.get();
        lock.unlock(); // which finds nobody to wake
        lock.linksLocked = 0;
        assertTrue(lock.getQueueLength() < 2); // takes out who has gone, and wakes who is next
        gets.get();
        assertFalse(lock.hasQueuedThreads());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void theLongestTimeoutWaits(SliceLock lock) throws Exception {
        lock.lock();
        FutureTask<Boolean> other = start(() -> {
            boolean taken = lock.tryLock(Long.MAX_VALUE, TimeUnit.DAYS);
            lock.unlock();
            return taken;
        });
        until(lock::hasQueuedThreads);
        lock.unlock();
        assertTrue(other.get());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void anInterruptEndsInterruptibleWaitsOnly(SliceLock lock) throws Exception {
        lock.lock();
        var interruptible = new FutureTask<Void>(() -> {
            assertThrows(InterruptedException.class, lock::lockInterruptibly);
            assertFalse(Thread.currentThread().isInterrupted());
            return null;
        });
        Thread first = startThread(interruptible);
        until(() -> lock.hasQueuedThread(first));
        first.interrupt();
        interruptible.get();
        assertFalse(lock.hasQueuedThreads());

        var timed = new FutureTask<Void>(() -> {
            assertThrows(InterruptedException.class, () -> lock.tryLock(1, TimeUnit.DAYS));
            return null;
        });
        Thread second = startThread(timed);
        until(() -> lock.hasQueuedThread(second));
        second.interrupt();
        timed.get();

        var plain = new FutureTask<Boolean>(() -> {
            lock.lock();
            lock.unlock();
            return Thread.currentThread().isInterrupted();
        });
        Thread third = startThread(plain);
        until(() -> lock.hasQueuedThread(third));
        third.interrupt();
        Thread.sleep(5);
        assertTrue(lock.hasQueuedThread(third));
        lock.unlock();
        assertTrue(plain.get());
    }

    @Test
    void anInterruptThatIsSetAlreadyIsThrownBeforeTheLockIsTaken() throws Exception {
        var lock = new SliceLock();
        start(() -> {
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, lock::lockInterruptibly);
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, () -> lock.tryLock(1, TimeUnit.SECONDS));
            assertFalse(lock.isLocked());
            return null;
        }).get();
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aHolderThatDiesWithAnExceptionLeavesTheLockFree(SliceLock lock) throws Exception {
        FutureTask<Void> dying = start(() -> {
            lock.lock();
            try {
                throw new IllegalArgumentException("inside");
            } finally {
                lock.unlock();
            }
        });
        assertThrows(Exception.class, dying::get);
        assertTrue(elsewhere(() -> {
            boolean taken = lock.tryLock();
            lock.unlock();
            return taken;
        }));
    }

    @ParameterizedTest
    @MethodSource("forms")
    void onlyTheHolderMayUnlockSignalAndAwait(SliceLock lock) throws Exception {
        var condition = lock.newCondition();
        assertThrows(IllegalMonitorStateException.class, lock::unlock);
        lock.lock();
        start(() -> {
            assertThrows(IllegalMonitorStateException.class, lock::unlock);
            assertThrows(IllegalMonitorStateException.class, condition::await);
            assertThrows(IllegalMonitorStateException.class, condition::awaitUninterruptibly);
            assertThrows(IllegalMonitorStateException.class, () -> condition.awaitNanos(1));
            assertThrows(IllegalMonitorStateException.class, () -> condition.await(1, TimeUnit.SECONDS));
            assertThrows(IllegalMonitorStateException.class, () -> condition.awaitUntil(new Date()));
            assertThrows(IllegalMonitorStateException.class, condition::signal);
            assertThrows(IllegalMonitorStateException.class, condition::signalAll);
            return null;
        }).get();
        lock.unlock();
        assertThrows(IllegalMonitorStateException.class, lock::unlock);
    }

    @Test
    void notReentrantSaysSoInsteadOfADeadlock() throws Exception {
        var lock = new SliceLock();
        lock.lock();
        assertThrows(IllegalStateException.class, lock::lock);
        assertThrows(IllegalStateException.class, lock::lockInterruptibly);
        assertThrows(IllegalStateException.class, () -> lock.tryLock(1, TimeUnit.SECONDS));
        assertFalse(lock.tryLock());
        assertEquals(1, lock.getHoldCount());
        lock.unlock();
        assertFalse(lock.isLocked());
    }

    @Test
    void reentrantIsFreeAfterAsManyUnlocksAsLocks() throws Exception {
        SliceLock lock = SliceLock.builder().reentrant().build();
        lock.lock();
        lock.lockInterruptibly();
        assertTrue(lock.tryLock());
        assertTrue(lock.tryLock(1, TimeUnit.SECONDS));
        assertEquals(4, lock.getHoldCount());
        for (int i = 0; i < 3; i++) {
            lock.unlock();
            assertFalse(elsewhere(lock::tryLock));
        }
        lock.unlock();
        assertFalse(lock.isLocked());
        assertThrows(IllegalMonitorStateException.class, lock::unlock);
    }

    @ParameterizedTest
    @MethodSource("forms")
    void toolsSeeTheHolderAndTheQueue(SliceLock lock) throws Exception {
        assertEquals(0, lock.getOwnerId());
        assertNull(lock.getOwner());
        lock.lock();
        assertEquals(Threads.currentId(), lock.getOwnerId());
        assertSame(Thread.currentThread(), lock.getOwner());
        assertTrue(lock.isLocked());
        assertTrue(lock.isHeldByCurrentThread());
        assertFalse(elsewhere(lock::isHeldByCurrentThread));
        var waiting = new FutureTask<Void>(() -> {
            lock.lock();
            lock.unlock();
            return null;
        });
        Thread thread = startThread(waiting);
        until(() -> lock.hasQueuedThread(thread));
        assertEquals(1, lock.getQueueLength());
        assertEquals(List.of(thread), List.copyOf(lock.getQueuedThreads()));
        assertTrue(lock.toString().endsWith("[Locked by thread " + Thread.currentThread().getName() + "]"),
                lock.toString());
        lock.unlock();
        waiting.get();
        assertTrue(lock.toString().endsWith("[Unlocked]"), lock.toString());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aSignalWakesOneAndSignalAllTheRest(SliceLock lock) throws Exception {
        var condition = lock.newCondition();
        var waiting = new CountDownLatch(3);
        var woken = new AtomicInteger();
        List<FutureTask<Void>> tasks = new ArrayList<>();
        int[] allowed = new int[1];
        for (int i = 0; i < 3; i++) {
            tasks.add(start(() -> {
                lock.lock();
                try {
                    waiting.countDown();
                    while (allowed[0] == 0) {
                        condition.await();
                    }
                    allowed[0]--;
                    woken.incrementAndGet();
                } finally {
                    lock.unlock();
                }
                return null;
            }));
        }
        waiting.await();
        lock.lock();
        allowed[0] = 1;
        condition.signal();
        lock.unlock();
        until(() -> woken.get() == 1);
        lock.lock();
        assertEquals(0, allowed[0]);
        allowed[0] = 2;
        condition.signalAll();
        lock.unlock();
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        assertEquals(3, woken.get());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aSignalPassesOverAWaiterWhoseTimeIsUp(SliceLock lock) throws Exception {
        for (long millis = 50;; millis *= 2) {
            var condition = lock.newCondition();
            long time = millis;
            var inside = new CountDownLatch(1);
            FutureTask<Boolean> timed = start(() -> {
                lock.lock();
                inside.countDown();
                boolean signalled = condition.await(time, TimeUnit.MILLISECONDS);
                lock.unlock();
                return signalled;
            });
            inside.await();
            var alsoInside = new CountDownLatch(1);
            FutureTask<Void> untimed = start(() -> {
                lock.lock();
                alsoInside.countDown();
                condition.awaitUninterruptibly();
                lock.unlock();
                return null;
            });
            alsoInside.await();
            lock.lock(); // so both wait for the condition, unless the time was up too soon
            until(() -> timed.isDone() || lock.getQueueLength() == 1);
            boolean tooSoon = timed.isDone();
            condition.signal();
            lock.unlock();
            untimed.get();
            assertFalse(timed.get());
            if (!tooSoon) {
                return;
            }
        }
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aWaitThatTimesOutHoldsTheLockAgain(SliceLock lock) throws Exception {
        var condition = lock.newCondition();
        lock.lock();
        assertFalse(condition.await(1, TimeUnit.MILLISECONDS));
        assertTrue(lock.isHeldByCurrentThread());
        assertFalse(condition.await(-1, TimeUnit.MILLISECONDS));
        assertTrue(condition.awaitNanos(1000) <= 0);
        assertTrue(condition.awaitNanos(-1000) <= 0);
        assertFalse(condition.awaitUntil(new Date(0)));
        assertEquals(1, lock.getHoldCount());
        lock.unlock();
    }

    @Test
    void awaitGivesUpAllHoldsAndTakesThemBack() throws Exception {
        SliceLock lock = SliceLock.builder().reentrant().build();
        var condition = lock.newCondition();
        lock.lock();
        lock.lock();
        FutureTask<Void> signaller = start(() -> {
            lock.lock();
            condition.signal();
            lock.unlock();
            return null;
        });
        assertTrue(condition.await(1, TimeUnit.DAYS));
        assertEquals(2, lock.getHoldCount());
        lock.unlock();
        lock.unlock();
        signaller.get();
    }

    @ParameterizedTest
    @MethodSource("forms")
    void anInterruptEndsAWaitButNotAnUninterruptibleOne(SliceLock lock) throws Exception {
        var condition = lock.newCondition();
        var ready = new CountDownLatch(1);
        var interruptible = new FutureTask<Boolean>(() -> {
            lock.lock();
            ready.countDown();
            assertThrows(InterruptedException.class, condition::await);
            boolean held = lock.isHeldByCurrentThread();
            lock.unlock();
            return held;
        });
        Thread first = startThread(interruptible);
        ready.await();
        first.interrupt();
        assertTrue(interruptible.get());

        var ready2 = new CountDownLatch(1);
        var uninterruptible = new FutureTask<Boolean>(() -> {
            lock.lock();
            ready2.countDown();
            condition.awaitUninterruptibly();
            lock.unlock();
            return Thread.currentThread().isInterrupted();
        });
        Thread second = startThread(uninterruptible);
        ready2.await();
        lock.lock();
        second.interrupt();
        lock.unlock();
        Thread.sleep(5);
        assertFalse(uninterruptible.isDone());
        lock.lock();
        condition.signal();
        lock.unlock();
        assertTrue(uninterruptible.get());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aBoundedBufferLosesNothing(SliceLock lock) throws Exception {
        var notFull = lock.newCondition();
        var notEmpty = lock.newCondition();
        var buffer = new java.util.ArrayDeque<Integer>();
        var sum = new AtomicLong();
        int each = 2000;
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            tasks.add(start(() -> {
                for (int n = 1; n <= each; n++) {
                    lock.lock();
                    try {
                        while (buffer.size() == 3) {
                            notFull.awaitNanos(ThreadLocalRandom.current().nextInt(100_000)); // signals meet time-outs
                        }
                        buffer.add(n);
                        notEmpty.signal();
                    } finally {
                        lock.unlock();
                    }
                }
                return null;
            }));
            tasks.add(start(() -> {
                for (int n = 1; n <= each; n++) {
                    lock.lock();
                    try {
                        while (buffer.isEmpty()) {
                            notEmpty.await();
                        }
                        sum.addAndGet(buffer.remove());
                        notFull.signal();
                    } finally {
                        lock.unlock();
                    }
                }
                return null;
            }));
        }
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        assertEquals(4L * each * (each + 1) / 2, sum.get());
    }

    /**
     * One carrier, and a virtual thread that tries in a loop, would otherwise keep the waiter from its turn for ever.
     */
    @Test
    void aTryTakesAFreeLockThatIsKeptForAWaiter() throws Exception {
        var lock = new SliceLock();
        lock.state = LockWord.RESERVED;
        assertTrue(lock.tryLock());
        assertTrue((lock.state & LockWord.RESERVED) != 0);
        lock.unlock();
        assertTrue(lock.tryLock(0, TimeUnit.SECONDS));
        lock.unlock();
        lock.lock(); // and one that is kept for nobody is no obstacle
        lock.unlock();
        assertEquals(0, lock.state);
    }

    /** Whoever it was kept for may have given up since. */
    @Test
    void aFreeLockThatIsKeptForNobodyIsTakenWithoutAWait() throws Exception {
        SliceLock lock = SliceLock.builder().fair().handOffAfter(Duration.ZERO).build();
        lock.lock();
        var waiting = new FutureTask<Boolean>(() -> {
            try {
                return lock.tryLock(1, TimeUnit.DAYS);
            } catch (InterruptedException e) {
                return false;
            }
        });
        Thread waiter = startThread(waiting);
        until(lock::hasQueuedThreads);
        while ((lock.state & LockWord.RESERVED) == 0 && !waiting.isDone()) {
            lock.unlock();
            if (!lock.tryLock()) { // the waiter came first, as it may
                break;
            }
            LockSupport.parkNanos(100_000);
        }
        if (!lock.isHeldByCurrentThread()) {
            assertTrue(waiting.get());
            return;
        }
        waiter.interrupt();
        assertFalse(waiting.get());
        lock.unlock();
        assertTrue(lock.tryLock(0, TimeUnit.SECONDS));
        lock.unlock();
        assertFalse(lock.isLocked());
    }

    @Test
    void aVirtualOwnerIsKnown() throws Exception {
        var lock = new SliceLock();
        Thread thread = TestThreads.startVirtual(() -> {
            lock.lock();
            LockSupport.park();
            lock.unlock();
        });
        until(lock::isLocked);
        until(() -> lock.getOwner() != null);
        assertSame(thread, lock.getOwner());
        LockSupport.unpark(thread);
        thread.join();
        assertNull(lock.getOwner());
    }

    /** An unlock looks last who has the lock, but changes nothing before that. */
    @Test
    void anUnlockByAnotherThreadLeavesEverythingAsItIs() throws Exception {
        SliceLock lock = SliceLock.builder().reentrant().build();
        lock.lock();
        lock.lock();
        start(() -> {
            assertThrows(IllegalMonitorStateException.class, lock::unlock);
            return null;
        }).get();
        assertEquals(2, lock.getHoldCount());
        lock.state |= LockWord.RESERVED;
        lock.unlock();
        start(() -> {
            assertThrows(IllegalMonitorStateException.class, lock::unlock);
            return null;
        }).get();
        assertEquals(1, lock.getHoldCount());
        lock.unlock();
        assertEquals(LockWord.RESERVED, lock.state);

        Thread virtual = TestThreads.startVirtual(() -> {
            lock.lock();
            LockSupport.park();
            lock.unlock();
        });
        until(() -> lock.getOwner() != null);
        assertThrows(IllegalMonitorStateException.class, lock::unlock);
        assertSame(virtual, lock.getOwner());
        LockSupport.unpark(virtual);
        virtual.join();
        assertFalse(lock.isLocked());
    }

    /** By reflection: the module does not read java.management. */
    private static long[] deadlocked() throws Exception {
        Object bean = Class.forName("java.lang.management.ManagementFactory").getMethod("getThreadMXBean").invoke(null);
        return (long[]) Class.forName("java.lang.management.ThreadMXBean").getMethod("findDeadlockedThreads")
                .invoke(bean);
    }

    @Test
    void theJvmFindsADeadlock() throws Exception {
        var first = new SliceLock();
        var second = new SliceLock();
        List<Thread> threads = new ArrayList<>();
        var both = new CountDownLatch(2);
        for (List<SliceLock> order : List.of(List.of(first, second), List.of(second, first))) {
            threads.add(TestThreads.startDaemon(() -> {
                order.get(0).lock();
                both.countDown();
                try {
                    both.await();
                    order.get(1).lockInterruptibly();
                    order.get(1).unlock();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                } finally {
                    order.get(0).unlock();
                }
            }));
        }
        long[] found;
        while ((found = deadlocked()) == null) {
            Thread.sleep(1);
        }
        assertEquals(2, found.length);
        threads.get(0).interrupt();
        for (Thread thread : threads) {
            thread.join();
        }
        assertNull(deadlocked());
        assertFalse(first.isLocked());
        assertFalse(second.isLocked());
    }

    @Test
    void toolsSeeTheWaitersOfACondition() throws Exception {
        var lock = new SliceLock();
        var condition = lock.newCondition();
        assertThrows(IllegalMonitorStateException.class, () -> lock.hasWaiters(condition));
        assertThrows(IllegalArgumentException.class, () -> lock.hasWaiters(new SliceLock().newCondition()));
        assertThrows(NullPointerException.class, () -> lock.getWaitQueueLength(null));
        var waiting = new FutureTask<Void>(() -> {
            lock.lock();
            condition.await();
            lock.unlock();
            return null;
        });
        Thread thread = startThread(waiting);
        until(() -> {
            lock.lock();
            try {
                return lock.hasWaiters(condition);
            } finally {
                lock.unlock();
            }
        });
        lock.lock();
        assertEquals(1, lock.getWaitQueueLength(condition));
        assertEquals(List.of(thread), List.copyOf(lock.getWaitingThreads(condition)));
        condition.signal();
        assertFalse(lock.hasWaiters(condition));
        lock.unlock();
        waiting.get();
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aSerializedLockComesBackUnlockedInItsForm(SliceLock lock) throws Exception {
        lock.lock();
        var bytes = new ByteArrayOutputStream();
        new ObjectOutputStream(bytes).writeObject(lock);
        lock.unlock();
        var copy = (SliceLock) new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject();
        assertFalse(copy.isLocked());
        assertEquals(lock.isFair(), copy.isFair());
        assertEquals(lock.isReentrant(), copy.isReentrant());
        copy.lock();
        assertTrue(copy.isHeldByCurrentThread());
        copy.unlock();
    }

    @Test
    void theHoldCountEndsAtTheLimit() {
        SliceLock lock = SliceLock.builder().reentrant().build();
        lock.lock();
        lock.holds = Integer.MAX_VALUE - 1;
        assertEquals(Integer.MAX_VALUE, lock.getHoldCount());
        assertThrows(Error.class, lock::lock);
        lock.holds = 0;
        lock.unlock();
    }

    @Test
    void aDeadlineBeforeAllTimesIsOver() throws Exception {
        var lock = new SliceLock();
        lock.lock();
        assertFalse(lock.newCondition().awaitUntil(new Date(Long.MIN_VALUE)));
        lock.unlock();
    }

    /** A waker that failed is made up for: here nobody wakes the waiter at all. */
    @ParameterizedTest
    @MethodSource("forms")
    void aWaiterThatNobodyWakesLooksByItself(SliceLock lock) throws Exception {
        var condition = lock.newCondition();
        for (boolean onCondition : new boolean[]{false, true}) {
            FutureTask<Void> waiter;
            if (onCondition) {
                waiter = start(() -> {
                    lock.lock();
                    condition.awaitUninterruptibly();
                    lock.unlock();
                    return null;
                });
                until(() -> {
                    lock.lock();
                    boolean waits = lock.hasWaiters(condition);
                    if (!waits) {
                        lock.unlock();
                    }
                    return waits;
                });
                condition.signal();
            } else {
                lock.lock();
                waiter = start(() -> {
                    lock.lock();
                    lock.unlock();
                    return null;
                });
                until(lock::hasQueuedThreads);
            }
            Thread.sleep(20); // so that it parks, mostly
            lock.state = 0; // as an unlock without stack does it
            waiter.get();
        }
    }
}
