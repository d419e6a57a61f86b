// SPDX-License-Identifier: Apache-2.0
import java.util.concurrent.locks.Lock;

/** The write lock of a reentrant PerCpuReadWriteLock by the name that the tests have. */
public class ReentrantLock extends ReadWriteQueries implements ForwardingLock {
    public ReentrantLock() {
        this(false);
    }

    public ReentrantLock(boolean fair) {
        super(fair);
    }

    @Override
    public Lock target() {
        return lock.writeLock();
    }

    public int getHoldCount() {
        return lock.getWriteHoldCount();
    }

    public boolean isHeldByCurrentThread() {
        return lock.isWriteLockedByCurrentThread();
    }

    public boolean isLocked() {
        return lock.isWriteLocked();
    }

    @Override
    public String toString() {
        return lock.writeLock().toString();
    }
}
