// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.rseq4j.locks.ExtendedLock;
import org.rseq4j.locks.PerCpuReadWriteLock;
import org.rseq4j.locks.SliceLock;

/** Locks in any order of calls by one thread, beside a model: how often it is held, and what is refused. */
@SuppressWarnings({"LockNotBeforeTry", "WaitNotInLoop"})
final class LocksFuzz {
    private LocksFuzz() {
    }

    static void run(Input input) throws InterruptedException {
        int kind = input.below(8);
        switch (kind) {
            case 0 -> exclusive(input, new SliceLock(), false);
            case 1 -> exclusive(input, SliceLock.builder().reentrant().build(), true);
            case 2 -> exclusive(input, SliceLock.builder().fair().build(), false);
            case 3 -> exclusive(input, SliceLock.builder().fair().reentrant().build(), true);
            case 4 -> exclusive(input, ExtendedLock.wrap(new ReentrantLock()), true);
            case 5 -> readWrite(input, PerCpuReadWriteLock.builder().reentrant().build());
            case 6 -> readWrite(input, PerCpuReadWriteLock.builder().fair().build());
            default -> readWrite(input, new PerCpuReadWriteLock());
        }
    }

    private static void exclusive(Input input, Lock lock, boolean reentrant) throws InterruptedException {
        Condition condition = lock.newCondition();
        int held = 0;
        while (!input.isEmpty()) {
            switch (input.below(10)) {
                case 0, 1 -> {
                    try {
                        lock.lock();
                        expect(held == 0 || reentrant, "locked twice");
                        held++;
                    } catch (IllegalStateException e) {
                        expect(held > 0 && !reentrant, "refused: " + e);
                    }
                }
                case 2 -> {
                    boolean taken = lock.tryLock();
                    expect(taken == (held == 0 || reentrant), "tryLock gave " + taken + " with " + held + " holds");
                    held += taken ? 1 : 0;
                }
                case 3 -> {
                    try {
                        boolean taken = lock.tryLock(input.below(4) - 1, TimeUnit.NANOSECONDS);
                        expect(taken == (held == 0 || reentrant), "tryLock gave " + taken + " with " + held + " holds");
                        held += taken ? 1 : 0;
                    } catch (IllegalStateException e) {
                        expect(held > 0 && !reentrant, "refused: " + e);
                    }
                }
                case 4 -> {
                    Thread.currentThread().interrupt();
                    try {
                        lock.lockInterruptibly();
                        throw new AssertionError("the interrupt was ignored");
                    } catch (InterruptedException expected) {
                        expect(!Thread.interrupted(), "the interrupt is still set");
                    } catch (IllegalStateException e) {
                        expect(held > 0 && !reentrant, "refused: " + e);
                        expect(Thread.interrupted(), "the interrupt is lost");
                    }
                }
                case 5, 6 -> {
                    try {
                        lock.unlock();
                        expect(held > 0, "a lock that is not held was unlocked");
                        held--;
                    } catch (IllegalMonitorStateException e) {
                        expect(held == 0, "refused: " + e);
                    }
                }
                case 7 -> {
                    try {
                        condition.await(1, TimeUnit.NANOSECONDS);
                        expect(held > 0, "waited without the lock");
                    } catch (IllegalMonitorStateException e) {
                        expect(held == 0, "refused: " + e);
                    }
                }
                case 8 -> {
                    try {
                        condition.signal();
                        condition.signalAll();
                        expect(held > 0, "signalled without the lock");
                    } catch (IllegalMonitorStateException e) {
                        expect(held == 0, "refused: " + e);
                    }
                }
                default -> expect(lock.toString() != null, "no text");
            }
        }
        while (held-- > 0) {
            lock.unlock();
        }
        expect(lock.tryLock(), "a lock that nobody holds is not free");
        lock.unlock();
    }

    /** Rightful uses only: a thread that reads may not ask to write, and a reader's misuse is not always told. */
    private static void readWrite(Input input, PerCpuReadWriteLock lock) throws InterruptedException {
        int reads = 0;
        boolean writes = false;
        long stamp = lock.tryOptimisticRead();
        boolean valid = true;
        boolean counted = lock.isReentrant();
        while (!input.isEmpty()) {
            switch (input.below(9)) {
                case 0, 1 -> {
                    lock.readLock().lock();
                    reads++;
                }
                case 2 -> {
                    expect(lock.readLock().tryLock(), "no read with " + reads + " reads");
                    reads++;
                }
                case 3 -> {
                    if (reads > 0) {
                        lock.readLock().unlock();
                        reads--;
                    }
                }
                case 4 -> {
                    if (reads > 0 && !writes) {
                        expect(!lock.writeLock().tryLock(), "wrote beside a reader");
                        expect(!lock.writeLock().tryLock(1, TimeUnit.NANOSECONDS), "wrote beside a reader");
                    } else if (!writes) {
                        lock.writeLock().lock();
                        writes = true;
                        valid = false;
                    }
                }
                case 5 -> {
                    try {
                        lock.writeLock().unlock();
                        expect(writes, "a lock that is not held was unlocked");
                        writes = false;
                    } catch (IllegalMonitorStateException e) {
                        expect(!writes, "refused: " + e);
                    }
                }
                case 6 -> {
                    try {
                        lock.readLock().newCondition();
                        throw new AssertionError("a condition was made");
                    } catch (UnsupportedOperationException expected) {
                        expect(expected.getMessage() != null, "no message");
                    }
                    if (writes) {
                        Condition condition = lock.writeLock().newCondition();
                        if (reads == 0) { // else it would wait for itself
                            expect(!condition.await(1, TimeUnit.NANOSECONDS), "signalled by nobody");
                        }
                        condition.signalAll();
                    }
                }
                case 7 -> {
                    expect(lock.validate(stamp) == valid, "valid: " + !valid);
                    stamp = lock.tryOptimisticRead();
                    valid = stamp != 0;
                    expect(valid == !writes, "a stamp while somebody writes");
                }
                default -> expect(lock.toString().contains("Read locks"), "no text");
            }
            int held = counted ? Math.min(reads, 1) : reads; // nested holds of a thread count once
            expect(lock.getReadLockCount() == held, lock.getReadLockCount() + " readers, not " + held);
            expect(!counted || lock.getReadHoldCount() == reads, "read holds, not " + reads);
            expect(lock.isWriteLockedByCurrentThread() == writes, "written: " + !writes);
        }
        if (writes) {
            lock.writeLock().unlock();
        }
        while (reads-- > 0) {
            lock.readLock().unlock();
        }
        expect(lock.writeLock().tryLock(), "a lock that nobody holds is not free");
        // It asked for an extension: what is left open would be found by SectionsFuzz on this thread.
        lock.writeLock().unlock();
    }

    private static void expect(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
