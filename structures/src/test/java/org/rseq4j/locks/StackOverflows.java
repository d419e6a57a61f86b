// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.IntSupplier;
import org.rseq4j.stress.TestThreads;

/**
 * A program that recurses until its stack ends, and uses a lock at each depth; beside another thread that uses the same
 * lock. It ends with an error when a thread is stuck afterwards, when the lock is held by nobody, or when two were
 * inside at once.
 */
@SuppressWarnings({"LockNotBeforeTry", "WaitNotInLoop"})
final class StackOverflows {
    private static final long STACK = 400_000;
    /** Milliseconds: long for a busy machine, and waited for only by what fails. */
    private static final long STUCK = 60_000;

    private StackOverflows() {
    }

    /** A lock, its condition, the lock that the others use, and how many readers are inside where it is a read lock. */
    private record Subject(Lock lock, Condition condition, Lock writes, IntSupplier readers) {
        static Subject of(Lock lock, boolean conditions) {
            return new Subject(lock, conditions ? lock.newCondition() : null, lock, null);
        }

        static Subject reading(ReadWriteLock lock, IntSupplier readers) {
            return new Subject(lock.readLock(), null, lock.writeLock(), readers);
        }
    }

    /** The deep thread's count, and the other's, under the lock. */
    private static final class Inside {
        int first;
        int second;
        int again = 40;
        volatile boolean over;
    }

    static Map<String, Subject> subjects() {
        Map<String, Subject> subjects = new LinkedHashMap<>();
        subjects.put("ReentrantLock", Subject.of(new ReentrantLock(), true));
        var reentrant = new ReentrantReadWriteLock();
        subjects.put("ReentrantReadWriteLock, reading", Subject.reading(reentrant, reentrant::getReadLockCount));
        subjects.put("SliceLock", Subject.of(new SliceLock(), true));
        subjects.put("fair SliceLock", Subject.of(SliceLock.builder().fair().build(), true));
        subjects.put("reentrant SliceLock", Subject.of(SliceLock.builder().reentrant().build(), true));
        var plain = new PerCpuReadWriteLock();
        subjects.put("PerCpuReadWriteLock, reading", Subject.reading(plain, plain::getReadLockCount));
        var counted = PerCpuReadWriteLock.builder().reentrant().build();
        subjects.put("reentrant PerCpuReadWriteLock, reading", Subject.reading(counted, counted::getReadLockCount));
        subjects.put("PerCpuReadWriteLock, writing", Subject.of(new PerCpuReadWriteLock().writeLock(), true));
        return subjects;
    }

    /** Arguments: rounds of each; "beside" for java.util.concurrent's locks too. */
    public static void main(String[] arguments) throws Exception {
        int rounds = Integer.parseInt(arguments[0]);
        boolean failed = false;
        for (Map.Entry<String, Subject> entry : subjects().entrySet()) {
            boolean ours = !entry.getKey().startsWith("Reentrant");
            if (!ours && arguments.length < 2) {
                continue;
            }
            var outcome = new Outcome();
            for (int round = 0; round < rounds && outcome.stuck == 0; round++) {
                for (Use use : Use.values()) {
                    if (use == Use.LOCK || entry.getValue().condition() != null) {
                        outcome.add(round(entry.getValue(), use, round));
                    }
                }
            }
            System.out.println(entry.getKey() + ": " + outcome);
            failed |= ours && (outcome.stuck > 0 || outcome.lost > 0 || outcome.met > 0);
        }
        System.out.println(failed ? "failed" : "passed");
        System.exit(failed ? 1 : 0);
    }

    private static final class Outcome {
        long overflows;
        /** Unlocks that threw with the lock still held, which the thread then gave back. */
        long kept;
        /** Locks that nobody held afterwards and nobody could take. */
        long lost;
        long stuck;
        long met;

        void add(Outcome other) {
            overflows += other.overflows;
            kept += other.kept;
            lost += other.lost;
            stuck += other.stuck;
            met += other.met;
        }

        @Override
        public String toString() {
            return overflows + " overflows, held after an unlock that threw " + kept + ", lost " + lost
                    + ", threads stuck "
                    + stuck + ", met inside " + met;
        }
    }

    private enum Use {
        LOCK, AWAIT, SIGNAL
    }

    @SuppressWarnings("ReferenceEquality")
    private static Outcome round(Subject subject, Use use, int round) throws InterruptedException {
        var inside = new Inside();
        var outcome = new Outcome();
        boolean contended = round % 4 != 3;
        List<Thread> others = new ArrayList<>();
        for (int i = 0; i < (contended ? 2 : 0); i++) {
            others.add(start(() -> {
                while (!inside.over) {
                    use(subject.writes(), subject.writes() == subject.lock() ? subject.condition() : null, Use.SIGNAL,
                            inside);
                }
            }));
        }
        if (use == Use.SIGNAL && subject.condition() != null) {
            others.add(start(() -> {
                while (!inside.over) {
                    use(subject.lock(), subject.condition(), Use.AWAIT, inside);
                }
            }));
        }
        Thread deep = new Thread(null, () -> {
            try {
                descend(subject, use, inside, round % 37);
            } catch (StackOverflowError e) {
                outcome.overflows++;
            } catch (IllegalStateException e) { // it is held already: an unlock threw
                outcome.kept++;
            } catch (IllegalMonitorStateException e) { // it was locked, and is not
                outcome.lost++;
            }
            outcome.kept += giveBack(subject);
            inside.over = true;
        }, "deep", STACK);
        deep.setDaemon(true);
        deep.start();
        deep.join(STUCK);
        outcome.stuck += deep.isAlive() ? 1 : 0;
        inside.over = true;
        for (Thread other : others) {
            other.join(STUCK);
            outcome.stuck += other.isAlive() ? 1 : 0;
        }
        if (outcome.stuck == 0) {
            if (subject.writes().tryLock(STUCK, TimeUnit.MILLISECONDS)) {
                subject.writes().unlock();
            } else {
                outcome.lost++;
            }
        }
        outcome.met += inside.first == inside.second ? 0 : 1;
        return outcome;
    }

    private static Thread start(Runnable action) {
        return TestThreads.startDaemon(action);
    }

    /** A thread whose unlock threw, and which therefore holds the lock, gives it back. */
    private static int giveBack(Subject subject) {
        int given = 0;
        if (subject.readers() != null) { // the others only write
            for (; subject.readers().getAsInt() > 0; given++) {
                subject.lock().unlock();
            }
            return given;
        }
        try {
            while (true) {
                subject.lock().unlock();
                given++;
            }
        } catch (IllegalMonitorStateException e) {
            return given;
        }
    }

    /** Two kinds of frames, so that the end of the stack is met at all offsets. */
    private static void descend(Subject subject, Use use, Inside inside, int shift) {
        if (shift > 0) {
            descendFurther(subject, use, inside, shift - 1, 1, 2, 3, 4, 5);
        } else {
            try {
                use(subject.lock(), subject.condition(), use, inside);
                descend(subject, use, inside, 0);
            } catch (StackOverflowError e) {
                if (inside.again-- > 0) { // at a depth that has just a little more
                    use(subject.lock(), subject.condition(), use, inside);
                }
                throw e;
            }
        }
    }

    private static void descendFurther(Subject subject, Use use, Inside inside, int shift, long a, long b, long c,
            long d, int e) {
        if (shift > 0) {
            descendFurther(subject, use, inside, shift - 1, b, a, d, c, e);
        } else {
            descend(subject, use, inside, 0);
        }
    }

    private static void use(Lock lock, Condition condition, Use use, Inside inside) {
        lock.lock();
        try {
            if (use == Use.AWAIT) {
                condition.awaitNanos(1_000);
            } else if (use == Use.SIGNAL && condition != null) {
                condition.signal();
            }
            if (inside != null) {
                int first = inside.first + 1; // without a call
                inside.first = first;
                inside.second = first;
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        } finally {
            lock.unlock();
        }
    }
}
