// SPDX-License-Identifier: Apache-2.0
import java.io.Serializable;
import java.util.Collection;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.rseq4j.locks.SliceLock;

/** A reentrant SliceLock by the name that the tests have. */
public class ReentrantLock implements ForwardingLock, Serializable {
    private final SliceLock lock;

    public ReentrantLock() {
        this(false);
    }

    public ReentrantLock(boolean fair) {
        lock = (fair ? SliceLock.builder().fair() : SliceLock.builder()).reentrant().build();
    }

    @Override
    public Lock target() {
        return lock;
    }

    public int getHoldCount() {
        return lock.getHoldCount();
    }

    public boolean isHeldByCurrentThread() {
        return lock.isHeldByCurrentThread();
    }

    public boolean isLocked() {
        return lock.isLocked();
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
        return lock.toString();
    }
}
