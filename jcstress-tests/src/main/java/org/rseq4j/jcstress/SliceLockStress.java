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
    @JCStressTest
    @Outcome(id = "3", expect = ACCEPTABLE, desc = "one after the other, each seeing what the one before wrote")
    @Outcome(expect = FORBIDDEN, desc = "two held the lock at once, or one did not see the former holder's writes")
    @State
    public static class LockLockLock {
        private final SliceLock lock = new SliceLock();
        private int value;

        private void increment() {
            lock.lock();
            try {
                value++;
            } finally {
                lock.unlock();
            }
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
            r.r1 = lock.isLocked() || lock.hasQueuedThreads() ? -1 : value;
        }
    }

    @JCStressTest
    @Outcome(id = "6", expect = ACCEPTABLE, desc = "one after the other, each hold with its nested one")
    @Outcome(expect = FORBIDDEN, desc = "two held the lock at once, or a nested unlock gave it away")
    @State
    public static class FairReentrantLock {
        private final SliceLock lock = SliceLock.builder().fair().reentrant().build();
        private int value;

        private void increment() {
            lock.lock();
            try {
                value++;
                lock.lock();
                lock.unlock();
                value++;
            } finally {
                lock.unlock();
            }
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
            r.r1 = lock.isLocked() || lock.hasQueuedThreads() ? -1 : value;
        }
    }

    @JCStressTest
    @Outcome(id = {"1, 1, 2", "1, 0, 1",
            "0, 1, 1"}, expect = ACCEPTABLE, desc = "as many increments as tries that succeeded")
    @Outcome(id = "0, 0, 0", expect = ACCEPTABLE, desc = "both failed: each found the word the other was changing")
    @Outcome(expect = FORBIDDEN, desc = "two held the lock at once")
    @State
    public static class TryLockTryLock {
        private final SliceLock lock = new SliceLock();
        private int value;

        private int increment() {
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
            r.r1 = increment();
        }

        @Actor
        public void two(III_Result r) {
            r.r2 = increment();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = lock.isLocked() ? -1 : value;
        }
    }

    @JCStressTest
    @Outcome(id = {"1, 3", "0, 2"}, expect = ACCEPTABLE, desc = "two increments, and the one of who waited in time")
    @Outcome(expect = FORBIDDEN, desc = "two held the lock at once, or it was left to a waiter that had gone")
    @State
    public static class LockTimedLock {
        private final SliceLock lock = new SliceLock();
        private int value;

        @Actor
        public void holder() {
            lock.lock();
            try {
                value++;
            } finally {
                lock.unlock();
            }
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
            r.r2 = lock.isLocked() || lock.hasQueuedThreads() ? -1 : value;
        }
    }

    @JCStressTest
    @Outcome(id = "true", expect = ACCEPTABLE, desc = "signal -> the waiter goes on; or the waiter came later and never slept")
    @Outcome(expect = FORBIDDEN, desc = "the waiter went on without the lock, or what it waited for")
    @State
    public static class AwaitSignal {
        private final SliceLock lock = new SliceLock();
        private final Condition changed = lock.newCondition();
        private boolean ready;

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
    @Outcome(id = {"signalled, 1", "timed out, 1"}, expect = ACCEPTABLE, desc = "the signal or the deadline came first")
    @Outcome(expect = FORBIDDEN, desc = "the signal went to the waiter whose time was up, and the other slept on")
    @State
    public static class AwaitNanosSignal {
        private final SliceLock lock = new SliceLock();
        private final Condition changed = lock.newCondition();
        private boolean done;
        private int woken;

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
                while (!done) {
                    changed.awaitUninterruptibly();
                }
                woken++;
            } finally {
                lock.unlock();
            }
        }

        @Actor
        public void signaller() {
            lock.lock();
            try {
                done = true;
                changed.signal();
            } finally {
                lock.unlock();
            }
        }

        @Arbiter
        public void after(LI_Result r) {
            r.r2 = lock.isLocked() || lock.hasQueuedThreads() ? -1 : woken;
        }
    }

    @JCStressTest
    @Outcome(id = "2", expect = ACCEPTABLE, desc = "both waiters were woken, or never slept")
    @Outcome(expect = FORBIDDEN, desc = "a waiter was not woken, or not with the lock")
    @State
    public static class AwaitAwaitSignalAll {
        private final SliceLock lock = SliceLock.builder().reentrant().build();
        private final Condition changed = lock.newCondition();
        private boolean ready;
        private int woken;

        private void await() throws InterruptedException {
            lock.lock();
            lock.lock(); // all holds are given up while it waits, and taken again
            try {
                while (!ready) {
                    changed.await();
                }
                woken += lock.getHoldCount() == 2 ? 1 : -10;
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
            r.r1 = lock.isLocked() || lock.hasQueuedThreads() ? -1 : woken;
        }
    }
}
