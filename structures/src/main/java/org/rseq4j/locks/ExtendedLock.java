// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.util.Date;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.rseq4j.internal.section.Section;
import org.rseq4j.internal.thread.FirstUse;

/**
 * A lock that exists already, whose holder now asks not to lose the CPU: each try and each hold stands in a request for
 * a time slice extension, waiting does not.
 *
 * <p>
 * It guarantees what the wrapped lock does, with its exceptions, and adds nothing but the hint. {@code lock} tries by
 * {@code tryLock()} first, within a request, and waits by the wrapped lock's own {@code lock} where that fails; so a
 * fair lock is barged once by each arrival: wrap unfair ones. Waiting for a condition ends the request and makes a new
 * one afterwards. Users of the wrapped lock itself exclude those of the wrapper, and make no request.
 *
 * <p>
 * It throws what the wrapped lock throws, and is then held or not as that one is: a request that cannot be made for
 * want of stack or memory is left out. It is not serializable.
 *
 * <p>
 * Cost beside the wrapped lock: one request and its end where the kernel grants extensions; a constant test, which the
 * JIT drops, where it does not.
 *
 * <p>
 * <b>Happens-before:</b> that of the wrapped lock.
 *
 * @since 0.1.0
 */
public final class ExtendedLock implements Lock {
    private static boolean initialized;

    private final Lock lock;
    /** The holder's open section; written and read by the holder only, under the lock. */
    private long section;

    private static void initialize() {
        FirstUse.prepare();
        Section.initialize();
        initialized = true;
    }

    private ExtendedLock(Lock lock) {
        if (!initialized) {
            initialize();
        }
        this.lock = lock;
    }

    /**
     * Wraps a lock.
     *
     * @param lock the lock that excludes: one that is exclusive, not the read side of a read-write lock
     * @return a lock that makes requests while the given one is held
     */
    public static Lock wrap(Lock lock) {
        Objects.requireNonNull(lock, "lock");
        return lock instanceof SliceLock || lock instanceof ExtendedLock ? lock : new ExtendedLock(lock);
    }

    @Override
    public void lock() {
        if (!Section.isSupported()) {
            lock.lock();
        } else if (!tryLock()) {
            lock.lock();
            try {
                request();
            } catch (StackOverflowError | OutOfMemoryError e) {
                // No stack even for the call: the lock is held, and a hint is lost.
            }
        }
    }

    @Override
    public void lockInterruptibly() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            request();
        } catch (StackOverflowError | OutOfMemoryError e) {
            // No stack even for the call: the lock is held, and a hint is lost.
        }
    }

    @Override
    public boolean tryLock() {
        if (!Section.isSupported()) {
            return lock.tryLock();
        }
        long opened = Section.open();
        boolean taken = false;
        try {
            taken = lock.tryLock();
        } finally {
            if (!taken) {
                Section.close(opened);
            }
        }
        if (taken && opened != 0) { // a nested hold owns no request, and the outer one's stays
            section = opened;
        }
        return taken;
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        if (!lock.tryLock(time, unit)) {
            return false;
        }
        try {
            request();
        } catch (StackOverflowError | OutOfMemoryError e) {
            // No stack even for the call: the lock is held, and a hint is lost.
        }
        return true;
    }

    /** With the lock: it is held whether or not this works. */
    private void request() {
        if (Section.isSupported()) {
            try {
                long opened = Section.open();
                if (opened != 0) {
                    section = opened;
                }
            } catch (StackOverflowError | OutOfMemoryError e) {
                // A hint is lost.
            }
        }
    }

    /** Ends the hold's request once the lock is free; with a reentrant lock, at the first unlock. */
    @Override
    public void unlock() {
        if (!Section.isSupported()) {
            lock.unlock();
            return;
        }
        long held = section;
        lock.unlock(); // first: a thread that does not hold the lock ends here
        Section.close(held); // which cannot fail, but for want of stack: then the request ends with the time slice
    }

    @Override
    public Condition newCondition() {
        Condition condition = lock.newCondition();
        return Section.isSupported() ? new ExtendedCondition(condition) : condition;
    }

    @Override
    public String toString() {
        return "ExtendedLock[" + lock + "]";
    }

    /** Ends the request before the wait, which the holder alone may begin, and asks again after it. */
    @SuppressWarnings("WaitNotInLoop") // the caller's loop
    private final class ExtendedCondition implements Condition {
        private final Condition condition;

        ExtendedCondition(Condition condition) {
            this.condition = condition;
        }

        @Override
        public void await() throws InterruptedException {
            Section.close(section);
            boolean held = true;
            try {
                condition.await();
            } catch (IllegalMonitorStateException e) {
                held = false;
                throw e;
            } finally {
                requestAgain(held);
            }
        }

        @Override
        public void awaitUninterruptibly() {
            Section.close(section);
            boolean held = true;
            try {
                condition.awaitUninterruptibly();
            } catch (IllegalMonitorStateException e) {
                held = false;
                throw e;
            } finally {
                requestAgain(held);
            }
        }

        @Override
        public long awaitNanos(long nanos) throws InterruptedException {
            Section.close(section);
            boolean held = true;
            try {
                return condition.awaitNanos(nanos);
            } catch (IllegalMonitorStateException e) {
                held = false;
                throw e;
            } finally {
                requestAgain(held);
            }
        }

        @Override
        public boolean await(long time, TimeUnit unit) throws InterruptedException {
            Section.close(section);
            boolean held = true;
            try {
                return condition.await(time, unit);
            } catch (IllegalMonitorStateException e) {
                held = false;
                throw e;
            } finally {
                requestAgain(held);
            }
        }

        @Override
        public boolean awaitUntil(Date deadline) throws InterruptedException {
            Section.close(section);
            boolean held = true;
            try {
                return condition.awaitUntil(deadline);
            } catch (IllegalMonitorStateException e) {
                held = false;
                throw e;
            } finally {
                requestAgain(held);
            }
        }

        /** A stranger makes no request, which nothing would end, and leaves the holder's section alone. */
        private void requestAgain(boolean held) {
            if (held) {
                request();
            }
        }

        @Override
        public void signal() {
            condition.signal();
        }

        @Override
        public void signalAll() {
            condition.signalAll();
        }
    }
}
