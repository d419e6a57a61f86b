// SPDX-License-Identifier: Apache-2.0
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import org.rseq4j.locks.PerCpuReadWriteLock;

/** A reentrant PerCpuReadWriteLock by the name that the tests have. */
public class ReentrantReadWriteLock extends ReadWriteQueries implements ReadWriteLock {
    public ReentrantReadWriteLock() {
        this(false);
    }

    public ReentrantReadWriteLock(boolean fair) {
        super(fair);
    }

    public static class ReadLock implements ForwardingLock {
        private final Lock side;

        ReadLock(PerCpuReadWriteLock lock) {
            side = lock.readLock();
        }

        @Override
        public Lock target() {
            return side;
        }

        @Override
        public String toString() {
            return side.toString();
        }
    }

    public static class WriteLock implements ForwardingLock {
        private final PerCpuReadWriteLock lock;

        WriteLock(PerCpuReadWriteLock lock) {
            this.lock = lock;
        }

        @Override
        public Lock target() {
            return lock.writeLock();
        }

        public boolean isHeldByCurrentThread() {
            return lock.isWriteLockedByCurrentThread();
        }

        public int getHoldCount() {
            return lock.getWriteHoldCount();
        }

        @Override
        public String toString() {
            return lock.writeLock().toString();
        }
    }

    @Override
    public ReadLock readLock() {
        return new ReadLock(lock);
    }

    @Override
    public WriteLock writeLock() {
        return new WriteLock(lock);
    }

    public int getReadLockCount() {
        return lock.getReadLockCount();
    }

    public boolean isWriteLocked() {
        return lock.isWriteLocked();
    }

    public boolean isWriteLockedByCurrentThread() {
        return lock.isWriteLockedByCurrentThread();
    }

    public int getWriteHoldCount() {
        return lock.getWriteHoldCount();
    }

    public int getReadHoldCount() {
        return lock.getReadHoldCount();
    }

    @Override
    public String toString() {
        return lock.toString();
    }
}
