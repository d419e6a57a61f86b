// SPDX-License-Identifier: Apache-2.0
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;

/** A lock by another name. */
interface ForwardingLock extends Lock {
    Lock target();

    @Override
    default void lock() {
        target().lock();
    }

    @Override
    default void lockInterruptibly() throws InterruptedException {
        target().lockInterruptibly();
    }

    @Override
    default boolean tryLock() {
        return target().tryLock();
    }

    @Override
    default boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        return target().tryLock(time, unit);
    }

    @Override
    default void unlock() {
        target().unlock();
    }

    @Override
    default Condition newCondition() {
        return target().newCondition();
    }
}
