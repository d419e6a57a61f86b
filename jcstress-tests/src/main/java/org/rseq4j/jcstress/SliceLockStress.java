// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.LI_Result;
import org.openjdk.jcstress.infra.results.Z_Result;
import org.rseq4j.locks.SliceLock;

/** {@link SliceLock}, its forms and its conditions; what the locks guard is plain. */
@SuppressWarnings({"LockNotBeforeTry", "WaitNotInLoop"})
public class SliceLockStress {
    /** What all states have: a lock, and a value that it guards. */
    static class Guarded {
        final SliceLock lock;
        int value;

        Guarded(SliceLock lock) {
            this.lock = lock;
        }

        final void increment() {
            lock.lock();
            try {
                value++;
            } finally {
                lock.unlock();
            }
        }

        /** The value when nobody is inside and nobody waits. */
        final int rest() {
            return lock.isLocked() || lock.hasQueuedThreads() ? -1 : value;
        }
    }

    /** What those with a condition have. The value is how many were woken. */
    static class Signalled extends Guarded {
        final Condition changed = lock.newCondition();
        boolean ready;

        Signalled(SliceLock lock) {
            super(lock);
        }

        final void signal() {
            lock.lock();
            try {
                ready = true;
                changed.signal();
            } finally {
                lock.unlock();
            }
        }
    }

    @JCStressTest
    @Outcome(id = "3", expect = ACCEPTABLE, desc = "one after the other, each seeing what the one before wrote")
    @Outcome(expect = FORBIDDEN, desc = "two held the lock at once, or one did not see the former holder's writes")
    @State
    public static class LockLockLock extends Guarded {
        public LockLockLock() {
            super(new SliceLock());
        }

        @Actor
        public void one() {
            increment();
        }

        @Actor
        public void two() {
            increment();
        }

        @Actor
        public void three() {
            increment();
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = "6", expect = ACCEPTABLE, desc = "one after the other, each hold with its nested one")
    @Outcome(expect = FORBIDDEN, desc = "two held the lock at once, or a nested unlock gave it away")
    @State
    public static class FairReentrantLock extends Guarded {
        public FairReentrantLock() {
            super(SliceLock.builder().fair().reentrant().build());
        }

        private void incrementTwice() {
            lock.lock();
            try {
                increment();
                value++;
            } finally {
                lock.unlock();
            }
        }

        @Actor
        public void one() {
            incrementTwice();
        }

        @Actor
        public void two() {
            incrementTwice();
        }

        @Actor
        public void three() {
            incrementTwice();
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = {"1, 1, 2", "1, 0, 1",
            "0, 1, 1"}, expect = ACCEPTABLE, desc = "as many increments as tries that succeeded")
    @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "both failed: each found the word the other was changing")
    @Outcome(expect = FORBIDDEN, desc = "two held the lock at once")
    @State
    public static class TryLockTryLock extends Guarded {
        public TryLockTryLock() {
            super(new SliceLock());
        }

        private int tryIncrement() {
            if (!lock.tryLock()) {
                return 0;
            }
            try {
                value++;
                return 1;
            } finally {
                lock.unlock();
            }
        }

        @Actor
        public void one(III_Result r) {
            r.r1 = tryIncrement();
        }

        @Actor
        public void two(III_Result r) {
            r.r2 = tryIncrement();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = {"1, 3", "0, 2"}, expect = ACCEPTABLE, desc = "two increments, and the one of who waited in time")
    @Outcome(expect = FORBIDDEN, desc = "two held the lock at once, or it was left to a waiter that had gone")
    @State
    public static class LockTimedLock extends Guarded {
        public LockTimedLock() {
            super(new SliceLock());
        }

        @Actor
        public void holder() {
            increment();
        }

        @Actor
        public void interruptible() {
            Checked.run(() -> {
                lock.lockInterruptibly();
                try {
                    value++;
                } finally {
                    lock.unlock();
                }
            });
        }

        @Actor
        public void timed(II_Result r) {
            Checked.run(() -> {
                if (lock.tryLock(500, TimeUnit.NANOSECONDS)) {
                    try {
                        value++;
                        r.r1 = 1;
                    } finally {
                        lock.unlock();
                    }
                }
            });
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = "true", expect = ACCEPTABLE, desc = "signal -> the waiter goes on; or the waiter came later and never slept")
    @Outcome(expect = FORBIDDEN, desc = "the waiter went on without the lock, or what it waited for")
    @State
    public static class AwaitSignal extends Signalled {
        public AwaitSignal() {
            super(new SliceLock());
        }

        @Actor
        public void waiter(Z_Result r) {
            Checked.run(() -> {
                lock.lock();
                try {
                    while (!ready) {
                        changed.await();
                    }
                    r.r1 = lock.isHeldByCurrentThread();
                } finally {
                    lock.unlock();
                }
            });
        }

        @Actor
        public void signaller() {
            signal();
        }
    }

    @JCStressTest
    @Outcome(id = {"signalled, 1", "timed out, 1"}, expect = ACCEPTABLE, desc = "the signal or the deadline came first")
    @Outcome(expect = FORBIDDEN, desc = "the signal went to the waiter whose time was up, and the other slept on")
    @State
    public static class AwaitNanosSignal extends Signalled {
        public AwaitNanosSignal() {
            super(new SliceLock());
        }

        @Actor
        public void timed(LI_Result r) {
            Checked.run(() -> {
                lock.lock();
                try {
                    r.r1 = changed.await(500, TimeUnit.NANOSECONDS) ? "signalled" : "timed out";
                    if (r.r1.equals("signalled")) {
                        changed.signal(); // hands it on
                    }
                } finally {
                    lock.unlock();
                }
            });
        }

        @Actor
        public void waiter() {
            lock.lock();
            try {
                while (!ready) {
                    changed.awaitUninterruptibly();
                }
                value++;
            } finally {
                lock.unlock();
            }
        }

        @Actor
        public void signaller() {
            signal();
        }

        @Arbiter
        public void after(LI_Result r) {
            r.r2 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = "2", expect = ACCEPTABLE, desc = "both waiters were woken, or never slept")
    @Outcome(expect = FORBIDDEN, desc = "a waiter was not woken, or not with the lock")
    @State
    public static class AwaitAwaitSignalAll extends Signalled {
        public AwaitAwaitSignalAll() {
            super(SliceLock.builder().reentrant().build());
        }

        private void await() throws InterruptedException {
            lock.lock();
            lock.lock(); // all holds are given up while it waits, and taken again
            try {
                while (!ready) {
                    changed.await();
                }
                value += lock.getHoldCount() == 2 ? 1 : -10;
            } finally {
                lock.unlock();
                lock.unlock();
            }
        }

        @Actor
        public void one() {
            Checked.run(() -> {
                await();
            });
        }

        @Actor
        public void two() {
            Checked.run(() -> {
                await();
            });
        }

        @Actor
        public void signaller() {
            lock.lock();
            try {
                ready = true;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = rest();
        }
    }
}
