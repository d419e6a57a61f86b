// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.stress.ChildJvm;
import org.rseq4j.stress.TestThreads;

/** That nobody has to look by himself: in a process where sleeps last until somebody ends them. */
@Timeout(value = 1200, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class LostWakeUpsTest {
    private static final int EACH = 30_000;

    @Test
    void everyWaiterIsWoken() throws Exception {
        ChildJvm.run("all were woken", Map.of(), List.of("-Drseq4j.debug.firstSleepMillis=3600000"), Waiting.class);
    }

    @Test
    void whoIsBehindOneThatCouldNotLeaveIsWoken() throws Exception {
        ChildJvm.run("it was woken", Map.of(), List.of("-Drseq4j.debug.firstSleepMillis=3600000"), Behind.class);
    }

    /** The first of the queue goes while the links are another's, and then the holder. */
    static final class Behind {
        private Behind() {
        }

        @SuppressWarnings("LockNotBeforeTry")
        public static void main(String[] arguments) throws InterruptedException {
            for (SliceLock lock : List.of(new SliceLock(), SliceLock.builder().fair().build())) {
                lock.lock();
                Thread leaves = queued(lock, () -> {
                    try {
                        lock.lockInterruptibly();
                    } catch (InterruptedException e) {
                        // as meant
                    }
                });
                Thread next = queued(lock, () -> {
                    lock.lock();
                    lock.unlock();
                });
                lock.linksLocked = 1;
                leaves.interrupt();
                leaves.join();
                lock.unlock();
                lock.linksLocked = 0;
                lock.hasQueuedThread(next); // takes the links, and takes out who has gone
                next.join(60_000);
                if (next.isAlive()) {
                    System.out.println("it sleeps on: " + lock);
                    System.exit(1);
                }
            }
            System.out.println("it was woken");
        }

        private static Thread queued(SliceLock lock, Runnable action) throws InterruptedException {
            Thread thread = TestThreads.startDaemon(action);
            while (!lock.hasQueuedThread(thread) || lock.linksLocked != 0
                    || thread.getState() != Thread.State.TIMED_WAITING) {
                Thread.sleep(1);
            }
            return thread;
        }
    }

    static final class Waiting {
        private Waiting() {
        }

        public static void main(String[] arguments) throws InterruptedException {
            var readWrite = new PerCpuReadWriteLock();
            // Of the third one every heir reserves the lock and goes back to sleep, at its first look.
            for (Lock lock : List.of(new SliceLock(), SliceLock.builder().fair().build(),
                    SliceLock.builder().handOffAfter(Duration.ZERO).build(), readWrite.writeLock())) {
                run(lock, readWrite);
            }
            System.out.println("all were woken");
        }

        private static void run(Lock lock, PerCpuReadWriteLock readWrite) throws InterruptedException {
            var done = new CountDownLatch(6);
            Condition changed = lock.newCondition();
            int[] tokens = new int[1];
            for (int i = 0; i < 6; i++) {
                int kind = i;
                TestThreads.startDaemon(() -> {
                    for (int n = 0; n < EACH; n++) {
                        use(lock, readWrite, changed, tokens, kind);
                    }
                    done.countDown();
                });
            }
            if (!done.await(300, TimeUnit.SECONDS)) {
                throw new AssertionError("some sleep on: " + lock);
            }
        }

        @SuppressWarnings({"LockNotBeforeTry", "WaitNotInLoop"})
        private static void use(Lock lock, PerCpuReadWriteLock readWrite, Condition changed, int[] tokens, int kind) {
            if (kind == 5) {
                readWrite.readLock().lock();
                rest();
                readWrite.readLock().unlock();
                return;
            }
            lock.lock();
            try {
                if (kind == 0) {
                    tokens[0]++;
                    changed.signal();
                } else if (kind == 1) {
                    while (tokens[0] == 0) {
                        changed.awaitUninterruptibly();
                    }
                    tokens[0]--;
                }
                rest();
            } finally {
                lock.unlock();
            }
        }

        /** A hold that lasts, now and then, so that the others go to sleep. */
        private static void rest() {
            if (ThreadLocalRandom.current().nextInt(64) == 0) {
                Thread.yield();
            }
        }
    }
}
