// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.function.BooleanSupplier;

/** A lock: its caller has it or has not, and when it was given back others get it. */
final class LockSubject extends Subject {
    private final Lock lock;
    private final Lock other;
    private final Condition condition;
    private final BooleanSupplier held;
    /** Whether the victim has the lock, by what its calls returned. */
    private boolean mine;
    /** Whether an unlock threw, which may have given it back or not. */
    private boolean inDoubt;

    /**
     * A lock.
     *
     * @param lock the lock
     * @param other what has to be free too; the same lock, or the writers' one
     * @param held whether the calling thread holds it
     * @param conditions whether it has conditions
     */
    LockSubject(Lock lock, Lock other, BooleanSupplier held, boolean conditions) {
        super(conditions
                ? new String[]{"lock", "unlock", "tryLock", "unlock", "timed tryLock", "unlock", "pair", "await",
                        "signal"}
                : new String[]{"lock", "unlock", "tryLock", "unlock", "timed tryLock", "unlock", "pair"});
        this.lock = lock;
        this.other = other;
        this.held = held;
        condition = conditions ? lock.newCondition() : null;
    }

    @Override
    @SuppressWarnings("WaitNotInLoop") // nothing is waited for
    void run(int operation) throws Exception {
        lookIfInDoubt();
        String name = operation(operation);
        if (mine != (name.equals("unlock") || name.equals("await") || name.equals("signal"))) {
            return;
        }
        switch (name) {
            case "lock" -> {
                lock.lock();
                mine = true;
            }
            case "tryLock" -> mine = lock.tryLock();
            case "timed tryLock" -> mine = lock.tryLock(1, TimeUnit.MICROSECONDS);
            case "unlock" -> unlock();
            case "pair" -> {
                lock.lock();
                mine = true;
                try {
                    callback();
                } finally {
                    unlock();
                }
            }
            case "await" -> condition.awaitNanos(1);
            case "signal" -> condition.signalAll();
            default -> throw new IllegalStateException(name);
        }
    }

    private void unlock() {
        inDoubt = true;
        lock.unlock();
        mine = false;
        inDoubt = false;
    }

    private void lookIfInDoubt() {
        if (inDoubt) {
            mine = held.getAsBoolean();
            inDoubt = false;
        }
    }

    @Override
    void others() throws Exception {
        for (int i = 0; i < 3; i++) {
            if (lock.tryLock()) {
                lock.unlock();
            }
            if (lock.tryLock(2, TimeUnit.MILLISECONDS)) {
                lock.unlock();
            }
            if (other.tryLock(2, TimeUnit.MILLISECONDS)) {
                other.unlock();
            }
        }
    }

    @Override
    @SuppressWarnings("LockNotBeforeTry") // what throws here is a finding
    void waiters() {
        other.lock();
        other.unlock();
    }

    @Override
    void recover() {
        lookIfInDoubt();
        if (mine) {
            unlock();
        }
    }

    @Override
    @SuppressWarnings("LockNotBeforeTry") // what throws here is a finding
    String check() throws Exception {
        if (!other.tryLock(60, TimeUnit.SECONDS)) {
            return "still locked";
        }
        other.unlock();
        for (int i = 0; i < 3; i++) {
            lock.lock();
            lock.unlock();
            other.lock();
            if (other.tryLock()) {
                other.unlock();
            }
            other.unlock();
        }
        return condition == null ? null : handOver();
    }

    private String handOver() throws Exception {
        boolean[] seen = new boolean[1];
        Thread waiter = Round.daemon("the waiter", 0, () -> {
            lock.lock();
            try {
                while (!seen[0]) {
                    condition.awaitUninterruptibly();
                }
            } finally {
                lock.unlock();
            }
        });
        waiter.start();
        lock.lock();
        try {
            seen[0] = true;
            condition.signalAll();
        } finally {
            lock.unlock();
        }
        waiter.join();
        return null;
    }
}
