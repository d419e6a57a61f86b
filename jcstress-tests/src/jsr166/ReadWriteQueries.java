// SPDX-License-Identifier: Apache-2.0
import java.io.Serializable;
import java.util.Collection;
import java.util.concurrent.locks.Condition;
import org.rseq4j.locks.PerCpuReadWriteLock;

/** A reentrant PerCpuReadWriteLock, with the queries that the JDK's locks have. */
abstract class ReadWriteQueries implements Serializable {
    final PerCpuReadWriteLock lock;

    ReadWriteQueries(boolean fair) {
        lock = (fair ? PerCpuReadWriteLock.builder().fair() : PerCpuReadWriteLock.builder()).reentrant().build();
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
}
