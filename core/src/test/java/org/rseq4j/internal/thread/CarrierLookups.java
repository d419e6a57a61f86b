// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.rseq4j.internal.linux.NativeCalls;
import org.rseq4j.stress.TestThreads;

/**
 * A program: virtual threads on many carriers look their carrier's record up, all at once and each for the first time.
 * Wants {@code --add-exports java.base/jdk.internal.access=ALL-UNNAMED}. Prints how many got a record that was not
 * their carrier's.
 */
final class CarrierLookups {
    private static final int THREADS = 2000;

    private CarrierLookups() {
    }

    public static void main(String[] arguments) throws InterruptedException {
        if (!ThreadArea.findsCarriers() || !Registration.ACTIVE) {
            System.out.println("carriers are not looked up");
            return;
        }
        var wrong = new AtomicInteger();
        var looked = new AtomicInteger();
        var go = new CountDownLatch(1);
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            threads.add(TestThreads.startVirtual(() -> {
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                for (int j = 0; j < 50; j++) {
                    // Nothing between both gives the carrier up.
                    if (ThreadArea.threadRecord() != NativeCalls.currentRecord()) {
                        wrong.incrementAndGet();
                    }
                    looked.incrementAndGet();
                    Thread.yield();
                }
            }));
        }
        // Whoever waits for a monitor gives its carrier up: were the table's one taken by a look-up, this would be
        // seen.
        var done = new AtomicBoolean();
        Thread holder = TestThreads.start(() -> {
            while (!done.get()) {
                synchronized (ThreadArea.TABLE) {
                    LockSupport.parkNanos(1_000_000);
                }
            }
        });
        go.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        done.set(true);
        holder.join();
        System.out.println(looked + " look-ups, wrong: " + wrong);
    }
}
