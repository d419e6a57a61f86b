// SPDX-License-Identifier: Apache-2.0
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.rseq4j.locks.ExtendedLock;

/** An ExtendedLock of the JDK's lock, by that one's name. */
public class ReentrantLock extends java.util.concurrent.locks.ReentrantLock {
    private final Lock extended = ExtendedLock.wrap(new Wrapped());
    /** The lock's own condition of each, as its queries know no other. */
    private final transient Map<Condition, Condition> own = new ConcurrentHashMap<>();
    private transient Condition made;

    public ReentrantLock() {
    }

    public ReentrantLock(boolean fair) {
        super(fair);
    }

    private final class Wrapped implements Lock {
        @Override
        public void lock() {
            ReentrantLock.super.lock();
        }

        @Override
        public void lockInterruptibly() throws InterruptedException {
            ReentrantLock.super.lockInterruptibly();
        }

        @Override
        public boolean tryLock() {
            return ReentrantLock.super.tryLock();
        }

        @Override
        public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
            return ReentrantLock.super.tryLock(time, unit);
        }

        @Override
        public void unlock() {
            ReentrantLock.super.unlock();
        }

        @Override
        public Condition newCondition() {
            made = ReentrantLock.super.newCondition();
            return made;
        }
    }

    @Override
    public void lock() {
        extended.lock();
    }

    @Override
    public void lockInterruptibly() throws InterruptedException {
        extended.lockInterruptibly();
    }

    @Override
    public boolean tryLock() {
        return extended.tryLock();
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        return extended.tryLock(time, unit);
    }

    @Override
    public void unlock() {
        extended.unlock();
    }

    @Override
    public synchronized Condition newCondition() {
        Condition condition = extended.newCondition();
        own.put(condition, made);
        return condition;
    }

    private Condition own(Condition condition) {
        return condition == null ? null : own.getOrDefault(condition, condition);
    }

    @Override
    public boolean hasWaiters(Condition condition) {
        return super.hasWaiters(own(condition));
    }

    @Override
    public int getWaitQueueLength(Condition condition) {
        return super.getWaitQueueLength(own(condition));
    }

    @Override
    protected Collection<Thread> getWaitingThreads(Condition condition) {
        return super.getWaitingThreads(own(condition));
    }
}
