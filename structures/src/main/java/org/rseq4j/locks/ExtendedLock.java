package org.rseq4j.locks;

import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.rseq4j.internal.Section;

/**
 * A lock that exists already, whose holder now asks not to lose the CPU: each try and each hold stands in a request for a time
 * slice extension, waiting does not.
 *
 * <p>
 * It guarantees what the wrapped lock does, with its exceptions, and adds nothing but the hint. {@code lock} tries by
 * {@code tryLock()} first, within a request, and waits by the wrapped lock's own {@code lock} where that fails; so a fair lock
 * is barged once by each arrival: wrap unfair ones. Waiting for a condition ends the request and makes a new one afterwards.
 * Users of the wrapped lock itself exclude those of the wrapper, and make no request.
 *
 * <p>
 * Cost beside the wrapped lock: one request and its end where the kernel grants extensions; a constant test, which the JIT
 * drops, where it does not.
 *
 * @since 0.1.0
 */
public final class ExtendedLock implements Lock {
    private final Lock lock;
    /** The holder's open section; written and read by the holder only, under the lock. */
    private long section;

    private ExtendedLock(Lock lock) {
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
            hold(Section.open());
        }
    }

    @Override
    public void lockInterruptibly() throws InterruptedException {
        lock.lockInterruptibly();
        hold(open());
    }

    @Override
    public boolean tryLock() {
        if (!Section.isSupported()) {
            return lock.tryLock();
        }
        long opened = Section.open();
        if (lock.tryLock()) {
            hold(opened);
            return true;
        }
        Section.close(opened);
        return false;
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        if (!lock.tryLock(time, unit)) {
            return false;
        }
        hold(open());
        return true;
    }

    private static long open() {
        return Section.isSupported() ? Section.open() : 0;
    }

    /** A nested hold owns no request (0), and the outer one's stays. */
    private void hold(long opened) {
        if (opened != 0) {
            section = opened;
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
        Section.close(held);
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
            condition.await();
            hold(Section.open());
        }

        @Override
        public void awaitUninterruptibly() {
            Section.close(section);
            condition.awaitUninterruptibly();
            hold(Section.open());
        }

        @Override
        public long awaitNanos(long nanos) throws InterruptedException {
            Section.close(section);
            long left = condition.awaitNanos(nanos);
            hold(Section.open());
            return left;
        }

        @Override
        public boolean await(long time, TimeUnit unit) throws InterruptedException {
            Section.close(section);
            boolean signalled = condition.await(time, unit);
            hold(Section.open());
            return signalled;
        }

        @Override
        public boolean awaitUntil(java.util.Date deadline) throws InterruptedException {
            Section.close(section);
            boolean signalled = condition.awaitUntil(deadline);
            hold(Section.open());
            return signalled;
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
