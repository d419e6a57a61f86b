// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.stress.ChildJvm;
import org.rseq4j.stress.Storm;
import org.rseq4j.stress.TestThreads;

/** A kernel that refuses membarrier after it allowed it: a process that puts itself under a filter. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class MembarrierRefusedTest {
    @Test
    void writersGoOnWithoutMembarrier() throws Exception {
        assumeTrue(ReaderSlots.USED, "needs membarrier");
        assumeTrue(Storm.isAvailable(), "needs the tests' native library");
        ChildJvm.run("went on without", Map.of(), List.of(), Refused.class);
    }

    static final class Refused {
        private Refused() {
        }

        public static void main(String[] arguments) throws Exception {
            var lock = new PerCpuReadWriteLock();
            useTogether(lock);
            if (Storm.refuseMembarrier() != 0) {
                System.out.println("no filter could be installed: went on without a test");
                return;
            }
            useTogether(lock);
            useTogether(new PerCpuReadWriteLock());
            System.out.println("went on without");
        }

        @SuppressWarnings("LockNotBeforeTry") // what throws inside fails the test
        private static void useTogether(PerCpuReadWriteLock lock) throws Exception {
            long[] pair = new long[2];
            var reading = new FutureTask<>(() -> {
                long wrong = 0;
                for (int n = 0; n < 200_000; n++) {
                    lock.readLock().lock();
                    wrong += pair[0] == pair[1] ? 0 : 1;
                    lock.readLock().unlock();
                }
                return wrong;
            });
            TestThreads.startDaemon(reading);
            do {
                lock.writeLock().lock();
                pair[0]++;
                Thread.onSpinWait();
                pair[1]++;
                lock.writeLock().unlock();
                Thread.sleep(1);
            } while (!reading.isDone());
            if (reading.get() != 0 || lock.getReadLockCount() != 0 || lock.isWriteLocked()) {
                throw new AssertionError(reading.get() + " half-written reads, " + lock);
            }
        }
    }
}
