// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.Z_Result;
import org.rseq4j.locks.ExtendedLock;

/** {@link ExtendedLock} around a ReentrantLock. */
@SuppressWarnings("LockNotBeforeTry")
public class ExtendedLockStress {
    /** What all states have: a lock, and a value that it guards. */
    static class Guarded {
        final Lock lock = ExtendedLock.wrap(new ReentrantLock());
        int value;

        final void increment() {
            lock.lock();
            try {
                value++;
            } finally {
                lock.unlock();
            }
        }
    }

    @JCStressTest
    @Outcome(id = "3", expect = ACCEPTABLE, desc = "one after the other, each seeing what the one before wrote")
    @Outcome(expect = FORBIDDEN, desc = "two held the lock at once, or a waiter was left behind")
    @State
    public static class LockLockLock extends Guarded {
        @Actor
        public void one() {
            increment();
        }

        @Actor
        public void two() {
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
        public void nested() {
            lock.lock();
            try {
                increment();
            } finally {
                lock.unlock();
            }
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = lock.tryLock() ? value : -1;
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 0", "1, 1", "2, 2"}, expect = ACCEPTABLE, desc = "as many increments as tries that succeeded")
    @Outcome(expect = FORBIDDEN, desc = "two held the lock at once, or a failed try left it taken")
    @State
    public static class TryLockTimedLock extends Guarded {
        private int tried;
        private int timed;

        @Actor
        public void tries() {
            if (lock.tryLock()) {
                try {
                    value++;
                    tried = 1;
                } finally {
                    lock.unlock();
                }
            }
        }

        @Actor
        public void waits() {
            Checked.run(() -> {
                if (lock.tryLock(500, TimeUnit.NANOSECONDS)) {
                    try {
                        value++;
                        timed = 1;
                    } finally {
                        lock.unlock();
                    }
                }
            });
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = lock.tryLock() ? value : -1;
            r.r2 = tried + timed;
        }
    }

    @JCStressTest
    @Outcome(id = "true", expect = ACCEPTABLE, desc = "signal -> the waiter goes on; or the waiter came later and never slept")
    @Outcome(expect = FORBIDDEN, desc = "the waiter went on without what it waited for")
    @State
    public static class AwaitSignal extends Guarded {
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
                    r.r1 = ready;
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
}
