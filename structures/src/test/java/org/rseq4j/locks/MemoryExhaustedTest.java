// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.stress.ChildJvm;

/** Locks in a heap without room. */
@Timeout(value = 1200, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class MemoryExhaustedTest {
    @Test
    void aFullHeapLeavesNoLockAndLosesNoWaiter() throws Exception {
        ChildJvm.run("all went on", Map.of(), List.of("-Xmx24m", "-XX:+UseSerialGC"), Full.class);
    }

    static final class Full {
        private static final int EACH = 3_000;

        private static List<Object> filled = new ArrayList<>();

        private Full() {
        }

        /** Leaves no room for anything, in smaller and smaller pieces. */
        private static void fill() {
            Object[] last = null;
            for (int size = 1 << 20; size > 0; size /= 2) {
                try {
                    while (true) {
                        Object[] next = new Object[size];
                        next[0] = last;
                        last = next;
                    }
                } catch (OutOfMemoryError e) {
                    continue; // a smaller one
                }
            }
            filled.set(0, last);
        }

        public static void main(String[] arguments) throws InterruptedException {
            filled.add(null);
            for (Lock lock : List.of(new SliceLock(), SliceLock.builder().fair().reentrant().build(),
                    new PerCpuReadWriteLock().writeLock())) {
                run(lock);
            }
            System.out.println("all went on");
        }

        private static void run(Lock lock) throws InterruptedException {
            var errors = new AtomicInteger();
            var done = new CountDownLatch(4);
            Condition changed = lock.newCondition();
            int[] holds = new int[2];
            for (int i = 0; i < 4; i++) {
                int kind = i;
                Thread thread = new Thread(() -> {
                    for (int n = 0; n < EACH;) {
                        try {
                            use(lock, changed, holds, kind);
                            n++;
                        } catch (OutOfMemoryError e) {
                            errors.incrementAndGet();
                            Thread.yield();
                        }
                    }
                    done.countDown();
                });
                thread.setDaemon(true);
                thread.start();
            }
            try {
                fill();
                Thread.sleep(1000);
            } catch (OutOfMemoryError e) {
                errors.incrementAndGet();
            } finally {
                filled.set(0, null);
            }
            if (!done.await(300, TimeUnit.SECONDS)) {
                throw new AssertionError("somebody is stuck: " + lock);
            }
            if (holds[0] != holds[1] || !lock.tryLock()) {
                throw new AssertionError("two were inside, or somebody left with the lock: " + lock);
            }
            lock.unlock();
            System.out.println(errors + " errors");
        }

        @SuppressWarnings({"LockNotBeforeTry", "WaitNotInLoop"})
        private static void use(Lock lock, Condition changed, int[] holds, int kind) {
            lock.lock();
            try {
                if (kind == 0) {
                    changed.signalAll();
                } else if (kind == 1) {
                    changed.awaitNanos(100_000);
                }
                holds[0]++;
                Thread.yield();
                holds[1]++;
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            } finally {
                lock.unlock();
            }
        }
    }
}
