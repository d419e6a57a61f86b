// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.stress.ChildJvm;
import org.rseq4j.stress.TestThreads;

/**
 * A waiter whose code is never compiled, so that the last holder goes while it is between two steps; in a process where
 * sleeps last until somebody ends them.
 */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class SlowHeirTest {
    @Test
    void anHeirThatGivesUpItsTurnAsTheLastHolderGoesGetsTheLock() throws Exception {
        ChildJvm.run("each got it", Map.of(), List.of("-Drseq4j.debug.firstSleepMillis=3600000",
                "-XX:CompileCommand=quiet", "-XX:CompileCommand=exclude,org.rseq4j.locks.QueuedLock::sleepInQueue",
                "-XX:CompileCommand=exclude,org.rseq4j.locks.QueuedLock::reserve",
                "-XX:CompileCommand=exclude,org.rseq4j.locks.QueuedLock::mustPark"), HandingOver.class);
    }

    static final class HandingOver {
        private static final int ROUNDS = 4_000;
        private static final int LONGEST_NANOS = 300_000;
        private static final long TIMEOUT_MILLIS = 60_000;

        private HandingOver() {
        }

        @SuppressWarnings("LockNotBeforeTry")
        public static void main(String[] arguments) throws InterruptedException {
            // Of this one every heir reserves the lock and goes back to sleep, at its first look.
            SliceLock lock = SliceLock.builder().handOffAfter(Duration.ZERO).build();
            for (int round = 0; round < ROUNDS; round++) {
                lock.lock();
                Thread waiter = TestThreads.startDaemon(() -> {
                    lock.lock();
                    lock.unlock();
                });
                while (!lock.hasQueuedThread(waiter) || waiter.getState() != Thread.State.TIMED_WAITING) {
                    Thread.onSpinWait();
                }
                lock.unlock(); // from here on it is the heir
                passFor(lock, ThreadLocalRandom.current().nextInt(LONGEST_NANOS));
                waiter.join(TIMEOUT_MILLIS);
                if (waiter.isAlive()) {
                    System.out.println("in round " + round + " it slept on, and nobody held " + lock);
                    System.exit(1);
                }
            }
            System.out.println("each got it");
        }

        /** Holds it, once, so that the heir looks for it in vain, and then no more. */
        private static void passFor(SliceLock lock, long nanos) {
            long begun = System.nanoTime();
            if (lock.tryLock()) {
                while (System.nanoTime() - begun < nanos) {
                    Thread.onSpinWait();
                }
                lock.unlock();
            }
        }
    }
}
