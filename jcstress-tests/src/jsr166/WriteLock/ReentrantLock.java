// SPDX-License-Identifier: Apache-2.0
import java.io.Serializable;
import java.util.Collection;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.rseq4j.locks.PerCpuReadWriteLock;

/** The write lock of a reentrant PerCpuReadWriteLock by the name that the tests have. */
public class ReentrantLock implements Lock, Serializable {
    private final PerCpuReadWriteLock lock;

    public ReentrantLock() {
        this(false);
    }

    public ReentrantLock(boolean fair) {
        lock = (fair ? PerCpuReadWriteLock.builder().fair() : PerCpuReadWriteLock.builder()).reentrant().build();
    }

    @Override
    public void lock() {
        lock.writeLock().lock();
    }

    @Override
    public void lockInterruptibly() throws InterruptedException {
        lock.writeLock().lockInterruptibly();
    }

    @Override
    public boolean tryLock() {
        return lock.writeLock().tryLock();
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        return lock.writeLock().tryLock(time, unit);
    }

    @Override
    public void unlock() {
        lock.writeLock().unlock();
    }

    @Override
    public Condition newCondition() {
        return lock.writeLock().newCondition();
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

    public boolean isFair() {
        return lock.isFair();
    }

    protected Thread getOwner() {
        return lock.getOwner();
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
        return lock.writeLock().toString();
    }
}
