package org.rseq4j.locks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReadWriteLock;
import org.rseq4j.Rseq;
import org.rseq4j.internal.Ids;

/**
 * A read-write lock for data that is read all the time and written seldom: a reader changes a word of its CPU only, and
 * reads one flag that changes when somebody writes; readers on different CPUs do not slow each other down.
 *
 * <p>
 * <b>It guarantees</b> that a writer is alone, with the memory effects of {@link Lock}, on platform and virtual threads. A read
 * lock may be given back on another CPU, or by another thread, than it was taken on.
 *
 * <p>
 * <b>Fairness:</b> a writer is preferred. From the moment that it has the writers' lock no new reader comes in, so it waits for
 * those that are inside, and no longer. Readers and writers that have to wait queue up behind one {@link SliceLock} and
 * pass each other only as far as that one allows: neither side starves the other.
 *
 * <p>
 * <b>Not reentrant:</b> a reader that takes the read lock again can wait for a writer that waits for it: a deadlock, as with
 * {@link java.util.concurrent.locks.StampedLock}. A second write lock by the same thread throws IllegalStateException. A
 * writer may take the read lock, and keep it when it gives the write lock back. A reader cannot become a writer.
 *
 * <p>
 * <b>Misuse:</b> {@code writeLock().unlock()} by another thread than the holder throws IllegalMonitorStateException. Who reads is
 * not recorded, so {@code readLock().unlock()} without a lock is not noticed there; the next writer finds more ends than
 * beginnings and throws IllegalMonitorStateException. There are no conditions: {@code newCondition} throws
 * UnsupportedOperationException.
 *
 * <p>
 * <b>Cost:</b> two atomic additions to one word for a read lock and unlock. A writer reads a word of each CPU that the system
 * can have ({@link Rseq#cpuCount()}), and again whenever it is woken by a reader that leaves. Memory is 128 bytes for each
 * such CPU.
 *
 * <p>
 * Source: the distributed reader counters of Linux's percpu-rwsem and of the "big reader" locks before it.
 *
 * @since 0.1.0
 */
public final class PerCpuReadWriteLock implements ReadWriteLock {
    /*
     * A reader adds 1 to its CPU's word, then reads the flag. When it is down, the reader is in. When it is up, the reader
     * takes the 1 back from the same word and goes the slow way: it takes the writers' lock, under which no flag is up, and
     * comes in. A writer takes the writers' lock, raises the flag, then reads the words. Both additions and the raising are
     * full fences, so one of both sees the other.
     *
     * The sum of the words is never below the number of readers inside while the flag is up, although the words are read one
     * after the other and a reader may leave on another CPU: who is inside added its 1 before the flag rose, so the 1 is
     * seen, and its -1 comes once, after it left; who comes later takes its 1 back where it put it. So 0 means that nobody is
     * inside, and less than 0 that somebody left who never came.
     *
     * A reader that leaves adds -1, then reads the flag; when it is up, it wakes the writer. The writer publishes itself, then
     * reads the words, before it parks.
     *
     * The additions are atomic as threads of one CPU interleave: there is no fence that membarrier could take from them, on
     * x86 the atomic addition is the fence.
     */
    private static final int WORD = 16; // longs: 128 bytes
    private static final int FLAG = WORD;
    private static final int FIRST = 2 * WORD;
    private static final int BRIEF = 200;

    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);

    /** The flag, then each CPU's word, 128 bytes apart. */
    private final long[] words = new long[FIRST + (Rseq.cpuCount() + 1) * WORD];
    private final SliceLock writers = new SliceLock();
    private final Lock readLock = new ReadLock();
    private final Lock writeLock = new WriteLock();
    /** The writer that is about to park, or does, until the readers have left. */
    private volatile Thread waitingWriter;

    /** Makes a lock that is free. */
    public PerCpuReadWriteLock() {
    }

    /** {@return the lock of those that read, any number at once} */
    @Override
    public Lock readLock() {
        return readLock;
    }

    /** {@return the lock of the one that writes} */
    @Override
    public Lock writeLock() {
        return writeLock;
    }

    /** {@return whether somebody writes, or waits for the readers inside to leave; a moment's value} */
    public boolean isWriteLocked() {
        return isRaised();
    }

    /** {@return whether the calling thread writes} */
    public boolean isWriteLockedByCurrentThread() {
        return writers.isHeldByCurrentThread() && isRaised();
    }

    /** {@return how many readers are inside; exact only while nobody comes or goes} */
    public int getReadLockCount() {
        return (int) Math.max(0, readers());
    }

    /** {@return whether readers or writers wait in the queue} */
    public boolean hasQueuedThreads() {
        return writers.hasQueuedThreads();
    }

    /** {@return the writer's thread id and the number of readers} */
    @Override
    public String toString() {
        long writer = isRaised() ? writers.getOwnerId() : 0;
        return "PerCpuReadWriteLock@" + Integer.toHexString(System.identityHashCode(this)) + "["
                + (writer == 0 ? "" : "write lock by thread #" + writer + ", ") + getReadLockCount() + " readers, "
                + writers.getQueueLength() + " queued]";
    }

    private boolean isRaised() {
        return (long) LONGS.getVolatile(words, FLAG) != 0;
    }

    private void raise() {
        LONGS.getAndAdd(words, FLAG, 1L); // a full fence, before the words are read
    }

    private void lower() {
        LONGS.setRelease(words, FLAG, 0L); // pairs with the volatile read of a reader's arrival
    }

    private static int place() {
        return FIRST + Ids.cpuId() * WORD;
    }

    private long readers() {
        long sum = 0;
        for (int i = FIRST; i < words.length - WORD; i += WORD) {
            sum += (long) LONGS.getVolatile(words, i);
        }
        return sum;
    }

    /** Comes in unless the flag is up. */
    private boolean arrive() {
        int place = place();
        LONGS.getAndAdd(words, place, 1L);
        return !isRaised() || retreat(place);
    }

    /** By a reader that found the flag up: true when it is the writer itself, which may come in. */
    private boolean retreat(int place) {
        if (writers.isHeldByCurrentThread()) {
            return true;
        }
        LONGS.getAndAdd(words, place, -1L);
        wakeWriter();
        return false;
    }

    private void wakeWriter() {
        Thread writer = waitingWriter;
        if (writer != null) {
            LockSupport.unpark(writer);
        }
    }

    /** Under the writers' lock: comes in, as no flag is up, and lets the others go on. */
    private void arriveAndPass() {
        LONGS.getAndAdd(words, place(), 1L);
        writers.unlock();
    }

    private boolean isEmpty() {
        long readers = readers();
        if (readers < 0) {
            giveUpWriting();
            throw new IllegalMonitorStateException("a read lock was given back " + -readers
                    + " times more than it was taken: " + this);
        }
        return readers == 0;
    }

    private void giveUpWriting() {
        lower();
        writers.unlock();
    }

    /** With the writers' lock: waits for the readers; gives up, false, at an interrupt (still set) or the deadline. */
    private boolean waitForReaders(boolean interruptibly, boolean timed, long deadline) {
        raise();
        for (int i = 0; i < BRIEF; i++) {
            if (isEmpty()) {
                return true;
            }
            Thread.onSpinWait();
        }
        boolean interrupted = false;
        boolean empty;
        waitingWriter = Thread.currentThread(); // before the words are read: pairs with the end of a reader's hold
        try {
            while (!(empty = isEmpty())) {
                if (interruptibly && Thread.currentThread().isInterrupted()
                        || timed && deadline - System.nanoTime() <= 0) {
                    break;
                }
                if (timed) {
                    LockSupport.parkNanos(this, deadline - System.nanoTime());
                } else {
                    LockSupport.park(this);
                }
                if (!interruptibly && Thread.interrupted()) {
                    interrupted = true;
                }
            }
        } finally {
            waitingWriter = null;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (!empty) {
            giveUpWriting();
        }
        return empty;
    }

    private final class ReadLock implements Lock {
        @Override
        public void lock() {
            if (!arrive()) {
                writers.lock();
                arriveAndPass();
            }
        }

        @Override
        public void lockInterruptibly() throws InterruptedException {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            if (!arrive()) {
                writers.lockInterruptibly();
                arriveAndPass();
            }
        }

        @Override
        public boolean tryLock() {
            return arrive();
        }

        @Override
        public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            if (arrive()) {
                return true;
            }
            if (!writers.tryLock(time, unit)) {
                return false;
            }
            arriveAndPass();
            return true;
        }

        @Override
        public void unlock() {
            LONGS.getAndAdd(words, place(), -1L);
            if (isRaised()) {
                wakeWriter();
            }
        }

        @Override
        public Condition newCondition() {
            throw new UnsupportedOperationException("a read lock has no conditions");
        }

        @Override
        public String toString() {
            return "read lock of " + PerCpuReadWriteLock.this;
        }
    }

    private final class WriteLock implements Lock {
        @Override
        public void lock() {
            writers.lock();
            waitForReaders(false, false, 0);
        }

        @Override
        public void lockInterruptibly() throws InterruptedException {
            writers.lockInterruptibly();
            if (!waitForReaders(true, false, 0)) {
                Thread.interrupted();
                throw new InterruptedException();
            }
        }

        @Override
        public boolean tryLock() {
            if (!writers.tryLock()) {
                return false;
            }
            raise();
            if (!isEmpty()) {
                giveUpWriting();
                return false;
            }
            return true;
        }

        @Override
        public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
            long begun = System.nanoTime();
            long nanos = unit.toNanos(time);
            if (nanos <= 0) {
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                return tryLock();
            }
            if (!writers.tryLock(nanos, TimeUnit.NANOSECONDS)) {
                return false;
            }
            if (waitForReaders(true, true, begun + nanos)) {
                return true;
            }
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            return false;
        }

        @Override
        public void unlock() {
            if (!isWriteLockedByCurrentThread()) {
                throw new IllegalMonitorStateException(
                        "the thread does not hold the write lock of " + PerCpuReadWriteLock.this);
            }
            giveUpWriting();
        }

        @Override
        public Condition newCondition() {
            throw new UnsupportedOperationException("the write lock has no conditions");
        }

        @Override
        public String toString() {
            return "write lock of " + PerCpuReadWriteLock.this;
        }
    }
}
