// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.Lock;
import org.rseq4j.internal.thread.Threads;

/**
 * A program in which threads whose stack ends take read locks for the first time, then others that get their rows of
 * slots. It ends with an error when one of these reads beside a writer.
 */
@SuppressWarnings("LockNotBeforeTry")
final class SlotOverflows {
    private static final long STACK = 300_000;
    private static final int VICTIMS = 150;
    /** Threads whose ids are alike in this share a row. */
    private static final long ROW = 1023;

    private SlotOverflows() {
    }

    public static void main(String[] arguments) throws Exception {
        // What is initialized or linked for the first time where the stack ends may be of no use for ever.
        excludesAWriter(new PerCpuReadWriteLock(), 0);
        for (int victim = 0; victim < VICTIMS; victim++) {
            var lock = new PerCpuReadWriteLock();
            int shift = victim % 37;
            Thread first = new Thread(null, () -> overflow(lock.readLock(), shift), "first", STACK);
            first.start();
            first.join();
            if (!excludesAWriter(lock, Threads.id(first))) {
                System.out.println("a reader after the overflow of " + Threads.id(first) + " is not seen");
                System.exit(1);
            }
        }
        System.out.println("passed");
    }

    /** Another size of frame, so that the end of the stack is met at all offsets. */
    private static void overflow(Lock lock, long shift) {
        if (shift > 0) {
            overflow(lock, shift - 1);
        } else {
            descend(lock);
        }
    }

    /** Whether the lock was taken, on the way up. */
    private static boolean descend(Lock lock) {
        boolean taken = false;
        try {
            taken = descend(lock);
        } catch (StackOverflowError e) {
            // here or at a depth with a little more stack
        }
        if (!taken) {
            lock.lock();
            lock.unlock();
        }
        return true;
    }

    /** Whether a reader that has the row of an ended thread keeps writers out. */
    private static boolean excludesAWriter(PerCpuReadWriteLock lock, long ended) throws InterruptedException {
        var reads = new CountDownLatch(1);
        var over = new CountDownLatch(1);
        Thread reader;
        do {
            reader = new Thread(() -> {
                lock.readLock().lock();
                reads.countDown();
                try {
                    over.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                } finally {
                    lock.readLock().unlock();
                }
            });
        } while ((Threads.id(reader) & ROW) != (ended & ROW));
        reader.start();
        reads.await();
        boolean entered = lock.writeLock().tryLock();
        if (entered) {
            lock.writeLock().unlock();
        }
        over.countDown();
        reader.join();
        return !entered;
    }
}
