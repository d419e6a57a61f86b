// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.StampedLock;
import org.rseq4j.locks.SliceLock;

/**
 * One lock that all threads take: short work inside, longer work outside, beside the same loop with no lock at all. The
 * mix in nanoseconds: properties {@code rseq4j.bench.inside} (100) and {@code rseq4j.bench.outside} (400).
 */
final class LocksSuite implements Suite {
    private static final int INSIDE = Integer.getInteger("rseq4j.bench.inside", 100);
    private static final int OUTSIDE = Integer.getInteger("rseq4j.bench.outside", 400);

    /** What is under the lock: 128 bytes to itself. */
    private static final class Guarded {
        private final long[] words = new long[48];

        void work() {
            words[24] = inside(words[24]);
        }
    }

    @Override
    public String name() {
        return "locks";
    }

    @Override
    public List<Integer> threads() {
        return List.of(1, 2, 4, 16, 64);
    }

    @Override
    public List<String> jvmArguments(String contender) {
        return Calibrated.lockArguments();
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        contenders.put("no lock", threads -> (thread, round) -> {
            var guarded = new Guarded();
            long operations = 0;
            long value = thread;
            while (round.running()) {
                for (int i = 0; i < 100; i++) {
                    guarded.work();
                    value = outside(value);
                }
                operations += 100;
            }
            return kept(operations, value);
        });
        contenders.put("no lock, same cache lines", threads -> loop(new Lines()));
        contenders.put("synchronized", threads -> {
            var guarded = new Guarded();
            return (thread, round) -> {
                long operations = 0;
                long value = thread;
                while (round.running()) {
                    for (int i = 0; i < 100; i++) {
                        synchronized (guarded) {
                            guarded.work();
                        }
                        value = outside(value);
                    }
                    operations += 100;
                }
                return kept(operations, value);
            };
        });
        locks().forEach((name, lock) -> contenders.put(name, threads -> loop(lock.make())));
        return contenders;
    }

    /** Makes a lock. */
    interface Maker {
        Lock make();
    }

    /** All but synchronized. */
    static Map<String, Maker> locks() {
        Map<String, Maker> locks = new LinkedHashMap<>();
        locks.put("ReentrantLock", ReentrantLock::new);
        locks.put("StampedLock", () -> new StampedLock().asWriteLock());
        locks.put("TTAS spin lock", SpinLock::new);
        locks.put("rseq4j SliceLock", SliceLock::new);
        locks.put("fair ReentrantLock", () -> new ReentrantLock(true));
        locks.put("fair rseq4j SliceLock", () -> SliceLock.builder().fair().build());
        return locks;
    }

    private static Contender loop(Lock lock) {
        var guarded = new Guarded();
        return (thread, round) -> {
            long operations = 0;
            long value = thread;
            while (round.running()) {
                for (int i = 0; i < 100; i++) {
                    lock.lock();
                    try {
                        guarded.work();
                    } finally {
                        lock.unlock();
                    }
                    value = outside(value);
                }
                operations += 100;
            }
            return kept(operations, value);
        };
    }

    static long inside(long value) {
        return Calibrated.multiply(value, Calibrated.HUNDRED_NANOSECONDS * INSIDE / 100);
    }

    static long outside(long value) {
        return outside(value, 1);
    }

    /** One of so many equal parts of the work outside. */
    static long outside(long value, int parts) {
        return Calibrated.multiply(value, Calibrated.HUNDRED_NANOSECONDS * OUTSIDE / 100 / parts);
    }

    /** The first, unless the second one is what it never is: so that the work cannot be left out. */
    static long kept(long operations, long value) {
        return value == 0x5EED_0000_DEAD_BEEFL ? 0 : operations;
    }

    /** One word on a cache line of its own. */
    private abstract static class OnOneWord extends NoConditions {
        static final VarHandle HELD;

        static {
            try {
                HELD = MethodHandles.lookup().findVarHandle(OnOneWord.class, "held", int.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        @SuppressWarnings("UnusedVariable")
        private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14;
        @SuppressWarnings("UnusedVariable") // by HELD
        private int held;
        @SuppressWarnings("UnusedVariable")
        private long q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14;

        @Override
        public void unlock() {
            HELD.setRelease(this, 0);
        }
    }

    /**
     * Excludes nobody, but moves what any lock on one word has to move between CPUs: the word's cache line, and that of
     * the guarded data, which the threads write at once. So it is the bound of such a lock on a machine where that
     * takes time.
     */
    private static final class Lines extends OnOneWord {
        @Override
        public void lock() {
            HELD.getAndAdd(this, 1);
        }
    }

    /** Test and test-and-set, giving the CPU up after 200 tries. */
    static final class SpinLock extends OnOneWord {
        @Override
        public void lock() {
            for (int tries = 0; (int) HELD.getOpaque(this) != 0 || !HELD.compareAndSet(this, 0, 1); tries++) {
                if (tries % 200 == 199) {
                    Thread.yield();
                } else {
                    Thread.onSpinWait();
                }
            }
        }
    }
}
