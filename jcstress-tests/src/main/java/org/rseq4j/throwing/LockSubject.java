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
    private int inside;

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
    void run(int operation) throws Exception {
        switch (operation(operation)) {
            case "lock" -> {
                if (inside == 0) {
                    lock.lock();
                    inside = 1;
                }
            }
            case "tryLock" -> {
                if (inside == 0 && lock.tryLock()) {
                    inside = 1;
                }
            }
            case "timed tryLock" -> {
                if (inside == 0 && lock.tryLock(1, TimeUnit.MICROSECONDS)) {
                    inside = 1;
                }
            }
            case "unlock" -> {
                if (inside == 1) {
                    inside = 0;
                    lock.unlock();
                }
            }
            case "pair" -> {
                if (inside == 0) {
                    lock.lock();
                    try {
                        callback();
                    } finally {
                        lock.unlock();
                    }
                }
            }
            case "await" -> {
                if (inside == 1) {
                    inside = 0; // a throw inside leaves it held or not
                    condition.awaitNanos(1);
                    inside = 1;
                }
            }
            case "signal" -> {
                if (inside == 1) {
                    condition.signalAll();
                }
            }
            default -> throw new IllegalStateException(operation(operation));
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
    void recover() {
        while (held.getAsBoolean()) {
            lock.unlock();
        }
    }

    @Override
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
        Thread waiter = Thread.ofPlatform().daemon().start(() -> {
            lock.lock();
            try {
                while (!seen[0]) {
                    condition.awaitUninterruptibly();
                }
            } finally {
                lock.unlock();
            }
        });
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
