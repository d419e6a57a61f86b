// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.rseq4j.locks.SliceLock;

/** A lock that another thread holds all the time: who waits for it gives up, in time and without a trace. */
final class HeldLockSubject extends Subject {
    private final SliceLock lock = new SliceLock();
    private final Thread holder = Round.daemon("the holder", 0, this::hold);
    private volatile boolean over;
    /** Whether somebody got it beside its holder. */
    private volatile boolean taken;

    HeldLockSubject() {
        super("timed tryLock", "tryLock", "longer tryLock");
        holder.start();
        while (!lock.isLocked()) {
            Thread.onSpinWait();
        }
    }

    private void hold() {
        lock.lock();
        try {
            while (!over) {
                LockSupport.parkNanos(1_000_000); // allocates nothing
            }
        } finally {
            lock.unlock();
        }
    }

    private void tryFor(long nanos) throws InterruptedException {
        if (lock.tryLock(nanos, TimeUnit.NANOSECONDS)) {
            if (!over) {
                taken = true;
            }
            lock.unlock();
        }
    }

    @Override
    void run(int operation) throws Exception {
        switch (operation(operation)) {
            case "timed tryLock" -> tryFor(1);
            case "longer tryLock" -> tryFor(100_000);
            case "tryLock" -> tryFor(0);
            default -> throw new IllegalStateException(operation(operation));
        }
    }

    @Override
    void others() throws Exception {
        for (int i = 0; i < 3; i++) {
            tryFor(0);
            tryFor(2_000_000);
        }
    }

    @Override
    @SuppressWarnings("LockNotBeforeTry") // what throws here is a finding
    void waiters() {
        over = true;
        lock.lock();
        lock.unlock();
    }

    @Override
    String check() throws Exception {
        over = true;
        holder.join();
        waiters();
        return taken ? "two had it" : lock.hasQueuedThreads() ? "who gave up is still in the queue" : null;
    }
}
