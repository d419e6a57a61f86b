// SPDX-License-Identifier: Apache-2.0
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.rseq4j.locks.ExtendedLock;

/** An ExtendedLock of the JDK's lock, by that one's name. */
public class ReentrantLock extends java.util.concurrent.locks.ReentrantLock {
    private final Lock extended = ExtendedLock.wrap(new Wrapped());

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
            return ReentrantLock.super.newCondition();
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
    public Condition newCondition() {
        return extended.newCondition();
    }
}
