// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.rseq4j.SliceExtension;
import org.rseq4j.locks.ExtendedLock;
import org.rseq4j.locks.PerCpuReadWriteLock;
import org.rseq4j.locks.SliceLock;

/** Locks and sections; what they guard is plain. */
final class LockWorkloads {
    private LockWorkloads() {
    }

    static List<Workload> all() {
        return List.of(new Exclusive("SliceLock", new SliceLock()),
                new Exclusive("SliceLock, fair and reentrant", SliceLock.builder().fair().reentrant().build()),
                new Exclusive("ExtendedLock", ExtendedLock.wrap(new ReentrantLock())),
                new ReadWrite("PerCpuReadWriteLock", new PerCpuReadWriteLock()),
                new ReadWrite("PerCpuReadWriteLock, fair and reentrant",
                        PerCpuReadWriteLock.builder().fair().reentrant().build()),
                new Sections());
    }

    private static final class Exclusive extends Workload {
        private final Lock lock;
        private final Condition changed;
        private final LongAdder holds = new LongAdder();
        private long value;
        private long tokens;
        private final LongAdder given = new LongAdder();
        private final LongAdder taken = new LongAdder();

        Exclusive(String name, Lock lock) {
            super(name);
            this.lock = lock;
            changed = lock.newCondition();
        }

        @Override
        void step(SplittableRandom random) throws InterruptedException {
            int kind = random.nextInt(16);
            boolean held = true;
            switch (kind) {
                case 0 -> held = lock.tryLock();
                case 1 -> held = lock.tryLock(random.nextInt(2_000_000), TimeUnit.NANOSECONDS);
                case 2 -> lock.lockInterruptibly();
                default -> lock.lock();
            }
            if (!held) {
                return;
            }
            try {
                value++;
                holds.increment();
                if (kind == 3) {
                    tokens++;
                    given.increment();
                    changed.signal();
                } else if (kind == 4) {
                    tokens++;
                    given.increment();
                    changed.signalAll();
                } else if (kind == 5 || kind == 6) {
                    long nanos = random.nextInt(5_000_000);
                    while (tokens == 0 && nanos > 0) {
                        nanos = changed.awaitNanos(nanos);
                    }
                    if (tokens > 0) {
                        tokens--;
                        taken.increment();
                    }
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        void check() {
            if (!lock.tryLock()) {
                violation("somebody left with the lock");
                return;
            }
            equal("the holds", holds.sum(), value);
            equal("the tokens", given.sum(), taken.sum() + tokens);
            lock.unlock();
        }
    }

    private static final class ReadWrite extends Workload {
        private final PerCpuReadWriteLock lock;
        private final LongAdder writes = new LongAdder();
        private long first;
        private long second;

        ReadWrite(String name, PerCpuReadWriteLock lock) {
            super(name);
            this.lock = lock;
        }

        @Override
        void step(SplittableRandom random) throws InterruptedException {
            int kind = random.nextInt(36);
            if (kind >= 32) {
                long stamp = lock.tryOptimisticRead();
                long one = first;
                long other = second;
                if (lock.validate(stamp) && one != other) {
                    violation("a valid read is of two writes");
                }
                return;
            }
            Lock side = kind < 28 ? lock.readLock() : lock.writeLock();
            boolean held = true;
            switch (kind & 3) {
                case 0 -> held = side.tryLock();
                case 1 -> held = side.tryLock(random.nextInt(2_000_000), TimeUnit.NANOSECONDS);
                case 2 -> side.lockInterruptibly();
                default -> side.lock();
            }
            if (!held) {
                return;
            }
            try {
                if (kind >= 28) {
                    first++;
                    second++;
                    writes.increment();
                } else if (first != second) {
                    violation("a reader was inside with a writer");
                }
            } finally {
                side.unlock();
            }
        }

        @Override
        void check() {
            equal("the writes", writes.sum(), first);
            equal("the writes, second word", first, second);
            equal("the readers inside", 0, lock.getReadLockCount());
            if (lock.isWriteLocked() || !lock.writeLock().tryLock()) {
                violation("somebody left with the lock");
            }
        }
    }

    /** A spin lock in sections, and what a program should not do with a section. */
    private static final class Sections extends Workload {
        private static final int TRIES = 2_000;

        private final AtomicBoolean taken = new AtomicBoolean();
        private final LongAdder holds = new LongAdder();
        private long value;
        private volatile long stray;

        Sections() {
            super("SliceExtension");
        }

        @Override
        void step(SplittableRandom random) throws Exception {
            long section = SliceExtension.begin();
            int tries = 0;
            while (!taken.compareAndSet(false, true)) {
                SliceExtension.end(section);
                if (++tries > TRIES) {
                    return;
                }
                Thread.onSpinWait();
                section = SliceExtension.begin();
            }
            value++;
            SliceExtension.renew(section);
            taken.set(false);
            SliceExtension.end(section);
            holds.increment();
            switch (random.nextInt(64)) {
                case 0 -> SliceExtension.end(section); // twice
                case 1 -> SliceExtension.end(stray); // another thread's
                case 2 -> stray = SliceExtension.begin(); // never ended
                case 3 -> SliceExtension.renew(random.nextLong());
                case 4 -> SliceExtension.end(random.nextLong());
                case 5 -> SliceExtension.run(this::nest);
                case 6 -> equal("what call returns", 5, SliceExtension.call(() -> 5));
                default -> {
                }
            }
            if (stray != 0 && random.nextInt(8) == 0) {
                SliceExtension.end(stray);
            }
        }

        /**
         * A request that stands is not made again. A kernel clears that of a thread which it schedules out, and then
         * the nested section owns one; simulated requests stand until they are ended.
         */
        private void nest() {
            long section = SliceExtension.isSupported() ? SliceExtension.begin() : 0;
            if (Boolean.getBoolean("rseq4j.benchmark.simulateRequests")) {
                equal("a nested begin", 0, section);
            }
            SliceExtension.end(section);
        }

        @Override
        void check() {
            equal("the holds", holds.sum(), value);
        }
    }
}
