// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rseq4j.stress.TestThreads;

/**
 * What java.util.concurrent.locks.Lock and Condition promise, asked of ReentrantLock as well as of ours: the same code,
 * so where ReentrantLock passes and ours does not, ours is wrong. The cases are those of the JSR-166 expert group's
 * tests (which are not published as an artifact).
 */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@SuppressWarnings({"LockNotBeforeTry", "WaitNotInLoop", "AwaitNotInLoop"}) // what the tests are about
@Tag("java")
class LockContractTest {
    /** A lock with its name. */
    record Subject(String name, Lock lock) {
        @Override
        public String toString() {
            return name;
        }

        Condition newCondition() {
            return lock.newCondition();
        }
    }

    static Stream<Subject> withConditions() {
        return Stream.of(new Subject("ReentrantLock", new ReentrantLock()),
                new Subject("fair ReentrantLock", new ReentrantLock(true)),
                new Subject("SliceLock", new SliceLock()),
                new Subject("fair SliceLock", SliceLock.builder().fair().build()),
                new Subject("reentrant SliceLock", SliceLock.builder().reentrant().build()),
                new Subject("fair reentrant SliceLock", SliceLock.builder().fair().reentrant().build()),
                new Subject("ExtendedLock", ExtendedLock.wrap(new ReentrantLock())),
                new Subject("write lock", new PerCpuReadWriteLock().writeLock()),
                new Subject("fair write lock", PerCpuReadWriteLock.builder().fair().build().writeLock()),
                new Subject("reentrant write lock", PerCpuReadWriteLock.builder().reentrant().build().writeLock()));
    }

    static Stream<Subject> locks() {
        return withConditions();
    }

    private static <T> FutureTask<T> start(Callable<T> action) {
        var task = new FutureTask<>(action);
        TestThreads.startDaemon(task);
        return task;
    }

    private static Thread startThread(FutureTask<?> task) {
        return TestThreads.startDaemon(task);
    }

    /** Until the thread waits for something. */
    private static void untilWaiting(Thread thread) throws InterruptedException {
        while (thread.getState() != Thread.State.WAITING && thread.getState() != Thread.State.TIMED_WAITING
                && thread.isAlive()) {
            Thread.sleep(1);
        }
    }

    private static boolean isFree(Lock lock) throws Exception {
        return start(() -> {
            boolean taken = lock.tryLock();
            if (taken) {
                lock.unlock();
            }
            return taken;
        }).get();
    }

    @ParameterizedTest
    @MethodSource("locks")
    void unlockWithoutTheLockThrows(Subject subject) throws Exception {
        Lock lock = subject.lock();
        assertThrows(IllegalMonitorStateException.class, lock::unlock);
        lock.lock();
        FutureTask<Void> other = start(() -> {
            assertThrows(IllegalMonitorStateException.class, lock::unlock);
            return null;
        });
        other.get();
        assertFalse(isFree(lock));
        lock.unlock();
        assertThrows(IllegalMonitorStateException.class, lock::unlock);
        assertTrue(isFree(lock));
    }

    @ParameterizedTest
    @MethodSource("locks")
    void anUnitThatIsNullThrows(Subject subject) {
        assertThrows(NullPointerException.class, () -> subject.lock().tryLock(1, null));
        assertThrows(NullPointerException.class, () -> subject.lock().tryLock(-1, null));
    }

    @ParameterizedTest
    @MethodSource("locks")
    void aTryWithTimeTakesAFreeLockWhateverTheTime(Subject subject) throws Exception {
        for (long time : new long[]{Long.MIN_VALUE, -1, 0, 1, Long.MAX_VALUE}) {
            assertTrue(subject.lock().tryLock(time, TimeUnit.DAYS));
            subject.lock().unlock();
        }
    }

    @ParameterizedTest
    @MethodSource("locks")
    void aTryWithTimeWaitsAtLeastThatLong(Subject subject) throws Exception {
        Lock lock = subject.lock();
        lock.lock();
        FutureTask<Long> other = start(() -> {
            long begun = System.nanoTime();
            assertFalse(lock.tryLock(20, TimeUnit.MILLISECONDS));
            return System.nanoTime() - begun;
        });
        assertTrue(other.get() >= TimeUnit.MILLISECONDS.toNanos(20));
        lock.unlock();
        assertTrue(isFree(lock));
    }

    @ParameterizedTest
    @MethodSource("locks")
    void aTryWithTimeGetsTheLockThatBecomesFree(Subject subject) throws Exception {
        Lock lock = subject.lock();
        lock.lock();
        var task = new FutureTask<>(() -> {
            boolean taken = lock.tryLock(1, TimeUnit.DAYS);
            lock.unlock();
            return taken;
        });
        Thread thread = startThread(task);
        untilWaiting(thread);
        lock.unlock();
        assertTrue(task.get());
        assertTrue(isFree(lock));
    }

    @ParameterizedTest
    @MethodSource("locks")
    void theInterruptStatusIsClearedWhenItIsThrownAndKeptWhenItIsNot(Subject subject) throws Exception {
        Lock lock = subject.lock();
        FutureTask<Void> task = start(() -> {
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, lock::lockInterruptibly);
            assertFalse(Thread.currentThread().isInterrupted());
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, () -> lock.tryLock(1, TimeUnit.DAYS));
            assertFalse(Thread.currentThread().isInterrupted());
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, () -> lock.tryLock(-1, TimeUnit.DAYS));
            assertFalse(Thread.currentThread().isInterrupted());
            Thread.currentThread().interrupt();
            lock.lock();
            assertTrue(Thread.currentThread().isInterrupted());
            lock.unlock();
            assertTrue(lock.tryLock());
            assertTrue(Thread.currentThread().isInterrupted());
            lock.unlock();
            return null;
        });
        task.get();
    }

    @ParameterizedTest
    @MethodSource("locks")
    void anInterruptedWaiterLeavesTheOthersTheirTurn(Subject subject) throws Exception {
        Lock lock = subject.lock();
        lock.lock();
        var leaving = new FutureTask<Void>(() -> {
            assertThrows(InterruptedException.class, lock::lockInterruptibly);
            return null;
        });
        Thread first = startThread(leaving);
        untilWaiting(first);
        var staying = new FutureTask<Void>(() -> {
            lock.lockInterruptibly();
            lock.unlock();
            return null;
        });
        Thread second = startThread(staying);
        untilWaiting(second);
        first.interrupt();
        leaving.get();
        lock.unlock();
        staying.get();
        assertTrue(isFree(lock));
    }

    @ParameterizedTest
    @MethodSource("locks")
    void whatTheHolderWroteIsSeenByTheNext(Subject subject) throws Exception {
        Lock lock = subject.lock();
        long[] words = new long[2];
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            tasks.add(start(() -> {
                for (int n = 0; n < 5_000; n++) {
                    lock.lock();
                    try {
                        assertEquals(words[0], words[1]);
                        words[0]++;
                        words[1]++;
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
        assertEquals(20_000, words[0]);
    }

    @ParameterizedTest
    @MethodSource("withConditions")
    void conditionsNeedTheLock(Subject subject) {
        Condition condition = subject.newCondition();
        assertThrows(IllegalMonitorStateException.class, condition::await);
        assertThrows(IllegalMonitorStateException.class, condition::awaitUninterruptibly);
        assertThrows(IllegalMonitorStateException.class, () -> condition.awaitNanos(1));
        assertThrows(IllegalMonitorStateException.class, () -> condition.awaitNanos(-1));
        assertThrows(IllegalMonitorStateException.class, () -> condition.await(1, TimeUnit.DAYS));
        assertThrows(IllegalMonitorStateException.class, () -> condition.awaitUntil(new Date(0)));
        assertThrows(IllegalMonitorStateException.class, condition::signal);
        assertThrows(IllegalMonitorStateException.class, condition::signalAll);
        assertThrows(NullPointerException.class, () -> condition.await(1, null));
        assertThrows(NullPointerException.class, () -> condition.awaitUntil(null));
    }

    @ParameterizedTest
    @MethodSource("withConditions")
    void waitsWithTimeReturnWithTheLockAndSayThatNobodySignalled(Subject subject) throws Exception {
        Condition condition = subject.newCondition();
        subject.lock().lock();
        long begun = System.nanoTime();
        assertTrue(condition.awaitNanos(TimeUnit.MILLISECONDS.toNanos(10)) <= 0);
        assertTrue(System.nanoTime() - begun >= TimeUnit.MILLISECONDS.toNanos(10));
        assertTrue(condition.awaitNanos(0) <= 0);
        assertTrue(condition.awaitNanos(Long.MIN_VALUE) <= 0);
        assertFalse(condition.await(0, TimeUnit.DAYS));
        assertFalse(condition.await(Long.MIN_VALUE, TimeUnit.DAYS));
        assertFalse(condition.awaitUntil(new Date(0)));
        assertFalse(condition.awaitUntil(new Date(-1)));
        long until = System.currentTimeMillis() + 10;
        assertFalse(condition.awaitUntil(new Date(until)));
        assertFalse(isFree(subject.lock()));
        subject.lock().unlock();
        assertTrue(isFree(subject.lock()));
    }

    @ParameterizedTest
    @MethodSource("withConditions")
    void aSignalEndsEveryKindOfWaitBeforeItsTime(Subject subject) throws Exception {
        Lock lock = subject.lock();
        Condition condition = subject.newCondition();
        List<Callable<Boolean>> waits = List.of(() -> {
            condition.await();
            return true;
        }, () -> {
            condition.awaitUninterruptibly();
            return true;
        }, () -> condition.awaitNanos(Long.MAX_VALUE) > 0, () -> condition.await(Long.MAX_VALUE, TimeUnit.DAYS),
                () -> condition.awaitUntil(new Date(Long.MAX_VALUE)));
        for (Callable<Boolean> wait : waits) {
            var ready = new CountDownLatch(1);
            FutureTask<Boolean> task = start(() -> {
                lock.lock();
                try {
                    ready.countDown();
                    return wait.call();
                } finally {
                    lock.unlock();
                }
            });
            ready.await();
            lock.lock(); // free only once the other one waits
            condition.signal();
            lock.unlock();
            assertTrue(task.get());
        }
    }

    @ParameterizedTest
    @MethodSource("withConditions")
    void signalsGoToTheLongestWaiter(Subject subject) throws Exception {
        Lock lock = subject.lock();
        Condition condition = subject.newCondition();
        var order = new ConcurrentLinkedQueue<Integer>();
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            int number = i;
            var ready = new CountDownLatch(1);
            tasks.add(start(() -> {
                lock.lock();
                try {
                    ready.countDown();
                    condition.await();
                    order.add(number);
                } finally {
                    lock.unlock();
                }
                return null;
            }));
            ready.await();
            lock.lock();
            lock.unlock();
        }
        for (int i = 0; i < 5; i++) {
            lock.lock();
            condition.signal();
            lock.unlock();
            tasks.get(i).get();
        }
        assertEquals(List.of(0, 1, 2, 3, 4), List.copyOf(order));
    }

    @ParameterizedTest
    @MethodSource("withConditions")
    void aSignalWithoutWaitersIsForgotten(Subject subject) throws Exception {
        Condition condition = subject.newCondition();
        subject.lock().lock();
        condition.signal();
        condition.signalAll();
        assertFalse(condition.await(1, TimeUnit.MILLISECONDS));
        subject.lock().unlock();
    }

    @ParameterizedTest
    @MethodSource("withConditions")
    void awaitThrowsAnInterruptThatWasThereBefore(Subject subject) throws Exception {
        Lock lock = subject.lock();
        Condition condition = subject.newCondition();
        FutureTask<Void> task = start(() -> {
            lock.lock();
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, condition::await);
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, () -> condition.awaitNanos(1));
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, () -> condition.await(1, TimeUnit.DAYS));
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, () -> condition.awaitUntil(new Date(Long.MAX_VALUE)));
            assertFalse(Thread.currentThread().isInterrupted());
            lock.unlock(); // held all the time
            return null;
        });
        task.get();
    }

    @ParameterizedTest
    @MethodSource("withConditions")
    void anInterruptedWaiterOfAConditionConsumesNoSignal(Subject subject) throws Exception {
        Lock lock = subject.lock();
        Condition condition = subject.newCondition();
        for (int i = 0; i < 200; i++) {
            var ready = new CountDownLatch(2);
            int[] interrupted = new int[1];
            var first = new FutureTask<Void>(() -> {
                lock.lock();
                try {
                    ready.countDown();
                    condition.await();
                } catch (InterruptedException e) {
                    interrupted[0] = 1;
                } finally {
                    lock.unlock();
                }
                return null;
            });
            Thread thread = startThread(first);
            FutureTask<Void> second = start(() -> {
                lock.lock();
                try {
                    ready.countDown();
                    condition.awaitUninterruptibly();
                } finally {
                    lock.unlock();
                }
                return null;
            });
            ready.await();
            lock.lock(); // both wait
            condition.signal();
            thread.interrupt(); // races with the signal when it went to the other one
            lock.unlock();
            first.get();
            // The signal went to the second one, or the first one consumed it.
            lock.lock();
            if (interrupted[0] == 0) {
                condition.signal();
            }
            lock.unlock();
            second.get();
        }
    }

    @ParameterizedTest
    @MethodSource("withConditions")
    void aSignalledWaiterReturnsOnlyWithTheLock(Subject subject) throws Exception {
        Lock lock = subject.lock();
        Condition condition = subject.newCondition();
        var ready = new CountDownLatch(1);
        var task = new FutureTask<Void>(() -> {
            lock.lock();
            ready.countDown();
            condition.awaitUninterruptibly();
            lock.unlock();
            return null;
        });
        Thread thread = startThread(task);
        ready.await();
        lock.lock();
        condition.signalAll();
        thread.interrupt();
        Thread.sleep(5);
        assertFalse(task.isDone());
        lock.unlock();
        task.get();
    }
}
