// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.SliceExtension;
import org.rseq4j.stress.ChildJvm;
import org.rseq4j.stress.TestThreads;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@SuppressWarnings({"LockNotBeforeTry", "WaitNotInLoop"}) // what the tests are about
class ExtendedLockTest {
    private final ReentrantLock inner = new ReentrantLock();
    private final Lock lock = ExtendedLock.wrap(inner);

    @Test
    void eachWayToTakeItTakesTheWrappedLock() throws InterruptedException {
        lock.lock();
        lock.lockInterruptibly();
        assertTrue(lock.tryLock());
        assertTrue(lock.tryLock(1, TimeUnit.SECONDS));
        assertEquals(4, inner.getHoldCount());
        for (int i = 0; i < 4; i++) {
            lock.unlock();
        }
        assertFalse(inner.isLocked());
    }

    @Test
    void itsErrorsAreTheWrappedLocks() {
        assertThrows(IllegalMonitorStateException.class, lock::unlock);
        assertThrows(IllegalMonitorStateException.class, lock.newCondition()::signal);
        assertThrows(IllegalMonitorStateException.class, () -> lock.newCondition().awaitNanos(1));
        assertThrows(NullPointerException.class, () -> ExtendedLock.wrap(null));
    }

    @Test
    void whatMakesRequestsAlreadyIsNotWrapped() {
        assertSame(lock, ExtendedLock.wrap(lock));
        var own = new SliceLock();
        assertSame(own, ExtendedLock.wrap(own));
    }

    @Test
    void aTryThatFailsLeavesNoRequest() throws InterruptedException {
        TestThreads.start(inner::lock).join();
        for (int i = 0; i < 100; i++) {
            assertFalse(lock.tryLock());
            assertFalse(lock.tryLock(1, TimeUnit.NANOSECONDS));
        }
        long section = SliceExtension.begin();
        SliceExtension.end(section);
        assertEquals(SliceExtension.isSupported(), section != 0, "whether a section can be opened");
    }

    @Test
    @Tag("jvm")
    void whoWaitsWithoutTheLockLeavesNoRequest() throws Exception {
        ChildJvm.run("no request is left", Map.of(), List.of("-Drseq4j.benchmark.simulateRequests=true"),
                Strangers.class);
    }

    /** A program in which requests are made, whether or not the kernel knows them. */
    static final class Strangers {
        private Strangers() {
        }

        private static boolean hasRequest() {
            long section = SliceExtension.begin();
            SliceExtension.end(section);
            return SliceExtension.isSupported() && section == 0;
        }

        private static void check(String when) {
            for (int i = 0; i < 1000; i++) { // a kernel that knows requests may have granted one
                if (!hasRequest()) {
                    return;
                }
            }
            throw new IllegalStateException("a request is left " + when);
        }

        public static void main(String[] arguments) throws InterruptedException {
            for (Lock wrapped : List.of(new ReentrantLock(), new PerCpuReadWriteLock().writeLock())) {
                Lock lock = ExtendedLock.wrap(wrapped);
                Condition condition = lock.newCondition();
                for (Waiting waiting : List.<Waiting>of(Condition::await, Condition::awaitUninterruptibly,
                        of -> of.awaitNanos(1), of -> of.await(1, TimeUnit.SECONDS), of -> of.awaitUntil(new Date()))) {
                    waitWithout(condition, waiting);
                    lock.lock();
                    TestThreads.start(() -> waitWithout(condition, waiting)).join();
                    lock.unlock();
                    check("by the holder");
                }
            }
            System.out.println("no request is left");
            System.exit(0);
        }

        private static void waitWithout(Condition condition, Waiting waiting) {
            assertThrows(IllegalMonitorStateException.class, () -> waiting.on(condition));
            try {
                check("by a thread without the lock");
            } catch (IllegalStateException e) {
                System.out.println(e.getMessage());
                System.exit(1);
            }
        }

        private interface Waiting {
            void on(Condition condition) throws InterruptedException;
        }
    }

    @Test
    void threadsThatWaitAndSignalNeverMeetInside() throws InterruptedException {
        var turn = lock.newCondition();
        int[] next = new int[1];
        int rounds = 500;
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int mine = i;
            threads.add(TestThreads.startVirtual(() -> {
                for (int n = 0; n < rounds; n++) {
                    lock.lock();
                    try {
                        while (next[0] % 3 != mine) {
                            turn.awaitUninterruptibly();
                        }
                        next[0]++;
                        turn.signalAll();
                    } finally {
                        lock.unlock();
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(3 * rounds, next[0]);
    }
}
