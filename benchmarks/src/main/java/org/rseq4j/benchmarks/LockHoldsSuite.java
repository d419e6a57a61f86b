// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.rseq4j.SliceExtension;
import org.rseq4j.locks.ExtendedLock;
import org.rseq4j.locks.SliceLock;

/**
 * The loop of {@link LocksSuite}, counting the holds in which the holder lost its CPU: {@code lock-holds}, one spin
 * lock, which asks for the extension around try and hold, or while it spins too, or renews the request there at each
 * try; and {@code global-lock}, the locks. On one CPU it lost it when another
 * thread ran during the hold and got as far as its work outside or the lock; a thread that finds the lock taken and
 * gives up at once is not seen. On more CPUs, when the hold took half a millisecond. Made for the test kernel:
 * {@code bin/bench --vm lock-holds global-lock}.
 */
final class LockHoldsSuite implements Suite {
    private static final boolean ONE_CPU = Runtime.getRuntime().availableProcessors() == 1;
    private static final long LONG_NANOS = 500_000;
    /** Parts of the work outside: after each one the thread says that it runs. */
    private static final int PARTS = 4;

    /** Takes the lock, does the work inside, gives it back. */
    private interface Hold {
        void run(Shared shared, int thread);
    }

    /** What all threads write. */
    private static final class Shared {
        private static final VarHandle RUNNER;

        static {
            try {
                RUNNER = MethodHandles.lookup().findVarHandle(Shared.class, "runner", int.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        @SuppressWarnings("UnusedVariable") // by RUNNER
        private int runner;
        private final long[] words = new long[48];
        private long lost;

        void runs(int thread) {
            RUNNER.setOpaque(this, thread);
        }

        /** The work inside; by the lock's holder only. */
        void work(int thread) {
            runs(thread);
            long begun = ONE_CPU ? 0 : System.nanoTime();
            words[24] = LocksSuite.inside(words[24]);
            if (ONE_CPU ? (int) RUNNER.getOpaque(this) != thread : System.nanoTime() - begun > LONG_NANOS) {
                lost++;
            }
        }
    }

    private final boolean locks;

    /** @param locks whether the locks are compared, rather than ways to ask for the extension */
    LockHoldsSuite(boolean locks) {
        this.locks = locks;
    }

    @Override
    public String name() {
        return locks ? "global-lock" : "lock-holds";
    }

    @Override
    public List<String> jvmArguments(String contender) {
        return Calibrated.lockArguments();
    }

    @Override
    public boolean isForTestKernel() {
        return true;
    }

    @Override
    public List<Integer> threads() {
        return List.of(2, 4, 8, 16);
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        contenders.put("no lock", threads -> new Counting(true, Shared::work));
        contenders.put("TTAS spin lock", threads -> new Counting(false, with(new LocksSuite.SpinLock())));
        if (!locks) {
            contenders.put("rseq4j spin lock with sections",
                    threads -> new Counting(false, with(new SectionLock(false, false))));
            contenders.put("rseq4j spin lock with sections, also while it spins",
                    threads -> new Counting(false, with(new SectionLock(true, false))));
            contenders.put("rseq4j spin lock with sections, also while it spins, renewed",
                    threads -> new Counting(false, with(new SectionLock(true, true))));
            return contenders;
        }
        contenders.put("synchronized", threads -> new Counting(false, (shared, thread) -> {
            synchronized (shared) {
                shared.work(thread);
            }
        }));
        contenders.put("ReentrantLock", threads -> new Counting(false, with(new ReentrantLock())));
        contenders.put("rseq4j ExtendedLock of ReentrantLock",
                threads -> new Counting(false, with(ExtendedLock.wrap(new ReentrantLock()))));
        contenders.put("rseq4j SliceLock", threads -> new Counting(false, with(new SliceLock())));
        return contenders;
    }

    private static Hold with(Lock lock) {
        return (shared, thread) -> {
            lock.lock();
            try {
                shared.work(thread);
            } finally {
                lock.unlock();
            }
        };
    }

    private static final class Counting implements Contender {
        private final boolean each;
        private final Hold hold;
        private final Shared shared = new Shared();
        private long counted;

        /** @param each whether each thread has its own words, as there is no lock */
        Counting(boolean each, Hold hold) {
            this.each = each;
            this.hold = hold;
        }

        @Override
        public long work(int thread, Round round) {
            Shared own = each ? new Shared() : shared;
            long operations = 0;
            long value = thread;
            while (round.running()) {
                for (int i = 0; i < 10; i++) {
                    hold.run(own, thread);
                    for (int part = 0; part < PARTS; part++) {
                        shared.runs(thread);
                        value = LocksSuite.outside(value, PARTS);
                    }
                    shared.runs(thread);
                }
                operations += 10;
            }
            return LocksSuite.kept(operations, value);
        }

        @Override
        public Map<String, Double> counts() {
            double lost = shared.lost - (double) counted;
            counted = shared.lost;
            return each ? Map.of() : Map.of("preempted holds", lost);
        }
    }

    /** The spin lock with a section around each try and hold, or around the spinning too, up to each yield. */
    private static final class SectionLock extends NoConditions {
        private static final VarHandle HELD;

        static {
            try {
                HELD = MethodHandles.lookup().findVarHandle(SectionLock.class, "held", int.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        @SuppressWarnings("UnusedVariable") // by HELD
        private int held;
        private long section;
        private final boolean spinning;
        private final boolean renewed;

        SectionLock(boolean spinning, boolean renewed) {
            this.spinning = spinning;
            this.renewed = renewed;
        }

        @Override
        public void lock() {
            long mine = SliceExtension.begin();
            for (int tries = 0; (int) HELD.getOpaque(this) != 0 || !HELD.compareAndSet(this, 0, 1); tries++) {
                boolean yields = tries % 200 == 199;
                if (!spinning || yields) {
                    SliceExtension.end(mine);
                }
                if (yields) {
                    Thread.yield();
                } else {
                    Thread.onSpinWait();
                }
                if (!spinning || yields) {
                    mine = SliceExtension.begin();
                } else if (renewed) {
                    SliceExtension.renew(mine);
                }
            }
            section = mine;
        }

        @Override
        public void unlock() {
            long mine = section;
            HELD.setRelease(this, 0);
            SliceExtension.end(mine);
        }
    }
}
