// SPDX-License-Identifier: Apache-2.0
import java.io.Serializable;
import java.util.Collection;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import org.rseq4j.locks.PerCpuReadWriteLock;

/** A reentrant PerCpuReadWriteLock by the name that the tests have. */
public class ReentrantReadWriteLock implements ReadWriteLock, Serializable {
    private final PerCpuReadWriteLock lock;

    public ReentrantReadWriteLock() {
        this(false);
    }

    public ReentrantReadWriteLock(boolean fair) {
        lock = (fair ? PerCpuReadWriteLock.builder().fair() : PerCpuReadWriteLock.builder()).reentrant().build();
    }

    /** One of both. */
    private abstract static class Side implements Lock {
        private final Lock side;

        Side(Lock side) {
            this.side = side;
        }

        @Override
        public void lock() {
            side.lock();
        }

        @Override
        public void lockInterruptibly() throws InterruptedException {
            side.lockInterruptibly();
        }

        @Override
        public boolean tryLock() {
            return side.tryLock();
        }

        @Override
        public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
            return side.tryLock(time, unit);
        }

        @Override
        public void unlock() {
            side.unlock();
        }

        @Override
        public Condition newCondition() {
            return side.newCondition();
        }

        @Override
        public String toString() {
            return side.toString();
        }
    }

    public static class ReadLock extends Side {
        ReadLock(PerCpuReadWriteLock lock) {
            super(lock.readLock());
        }
    }

    public static class WriteLock extends Side {
        private final PerCpuReadWriteLock lock;

        WriteLock(PerCpuReadWriteLock lock) {
            super(lock.writeLock());
            this.lock = lock;
        }

        public boolean isHeldByCurrentThread() {
            return lock.isWriteLockedByCurrentThread();
        }

        public int getHoldCount() {
            return lock.getWriteHoldCount();
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

    public boolean isFair() {
        return lock.isFair();
    }

    protected Thread getOwner() {
        return lock.getOwner();
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

    public boolean hasQueuedThreads() {
        return lock.hasQueuedThreads();
    }

    public boolean hasQueuedThread(Thread thread) {
        return lock.hasQueuedThread(thread);
    }

    public int getQueueLength() {
        return lock.getQueueLength();
    }

    protected Collection<Thread> getQueuedThreads() {
        return lock.getQueuedThreads();
    }

    public boolean hasWaiters(Condition condition) {
        return lock.hasWaiters(condition);
    }

    public int getWaitQueueLength(Condition condition) {
        return lock.getWaitQueueLength(condition);
    }

    protected Collection<Thread> getWaitingThreads(Condition condition) {
        return lock.getWaitingThreads(condition);
    }

    @Override
    public String toString() {
        return lock.toString();
    }
}
