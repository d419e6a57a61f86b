package org.rseq4j.locks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReadWriteLock;
import org.rseq4j.Rseq;
import org.rseq4j.internal.Ids;
import org.rseq4j.internal.Membarrier;

/**
 * A read-write lock for data that is read all the time and written seldom: readers on different CPUs change no memory that
 * they share, and read one word that changes only when somebody writes.
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
 * <b>Cost of reading:</b> for a platform thread two plain stores to a line of its own, where the kernel has membarrier
 * (Linux 4.14). Otherwise two atomic additions to a word of its CPU: without membarrier; on virtual threads; on a thread that
 * shares the low 10 bits of its id with another one that reads such locks; on one that holds seven read locks already; and for
 * a time after a write lock, nine times as long as that one waited for the readers' stores to be seen.
 *
 * <p>
 * <b>Cost of writing:</b> a hold of a SliceLock; a read of the words of each CPU that the system can have
 * ({@link Rseq#cpuCount()}), and again whenever it is woken by a reader that leaves; and, when readers may have come in by plain
 * stores since the last write, one membarrier, an interrupt of each CPU that the process runs on, and a read of a line for each
 * thread that ever read such a lock (at most 1024). Memory is 128 bytes for each CPU, and 128 KiB for all these locks
 * together.
 *
 * <p>
 * Source: the table of visible readers, and the time without it after a write, are those of Dice and Kogan, "BRAVO - Biased
 * Locking for Reader-Writer Locks" (2019), with membarrier in place of the reader's fence; the words below it are the
 * distributed reader counters of Linux's percpu-rwsem.
 *
 * @since 0.1.0
 */
public final class PerCpuReadWriteLock implements ReadWriteLock {
    /*
     * A reader that is inside counts 1, in a slot of its thread (ReaderSlots) or in its CPU's word. The gate says who may come in:
     * when it is 0, who wrote a slot; while it is UNBIASED, who added to a word; while WRITER is set, nobody. A reader writes
     * its 1, then reads the gate. When that forbids it, it takes the 1 back from where it put it, and goes the slow way: it
     * takes the writers' lock, under which WRITER is not set, and comes in by a word. A writer takes the writers' lock, sets
     * WRITER, then sums up. So one of both sees the other, if neither side's read can pass its write: at a word the
     * addition is atomic, thus a fence. At a slot the reader has none (but the compiler's order: the fence between both is no
     * instruction on x86), and the writer makes up for it by membarrier. It needs that only if the gate was 0 when it set WRITER:
     * while it is UNBIASED, and since a writer saw the slots empty, nobody came in by a slot.
     *
     * The sum is never below the number of readers inside while WRITER is set, although its parts are read one after the
     * other and a reader may leave on another CPU: who is inside wrote its 1 before WRITER was set, so the 1 is seen, and its
     * -1 comes once, after it left; who comes later takes its 1 back where it put it. So 0 means that nobody is inside, and less
     * than 0 that somebody left who never came. A reader that leaves clears a slot of its thread with this lock's id or,
     * where there is none, adds -1 to its CPU's word: the sum is right either way.
     *
     * A reader that leaves takes its 1 back, then reads the gate; when WRITER is set, it fences and wakes the writer. The writer
     * publishes itself, then sums up, before it parks. A reader that did not see WRITER left before the membarrier, which then
     * showed that to the writer; so a writer that finds slots in use needs it again when it gave up and comes back.
     *
     * Writers would pay for membarrier each time if many write. So a writer leaves the gate UNBIASED, and the reader that finds it
     * so, once nine times the cost has passed, sets it back to 0: writers lose at most a tenth of the time to it.
     */
    private static final int WRITER = 1;
    private static final int UNBIASED = 2;
    private static final int INHIBITION = 9;

    private static final int WORD = 16; // longs: 128 bytes
    private static final int BRIEF = 200;

    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final VarHandle GATE;
    private static final AtomicLong IDS = new AtomicLong();

    static {
        try {
            GATE = MethodHandles.lookup().findVarHandle(ReaderGate.class, "gate", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Each CPU's word, 128 bytes apart. */
    private final long[] words = new long[(Rseq.cpuCount() + 2) * WORD];
    private final SliceLock writers = new SliceLock();
    private final ReadLock readLock = new ReadLock(this);
    private final Lock writeLock = new WriteLock();
    /** The writer that is about to park, or does, until the readers have left. */
    private volatile Thread waitingWriter;
    /** When readers may come in by their slots again. */
    private volatile long inhibitedUntil;
    /** Whether a slot may hold a reader although the gate is not 0; under the writers' lock. */
    private boolean slotsMayHold;

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
        return (int) Math.max(0, readersByWord() + ReaderSlots.count(readLock.id));
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
        return ((int) GATE.getVolatile(readLock) & WRITER) != 0;
    }

    /** With the writers' lock: nobody comes in from here on, and whoever is inside can be seen. */
    private void raise() {
        int found = (int) GATE.getAndBitwiseOr(readLock, WRITER | UNBIASED);
        if (ReaderSlots.USED && ((found & UNBIASED) == 0 || slotsMayHold)) {
            slotsMayHold = true;
            long begun = System.nanoTime();
            Membarrier.barrier();
            long now = System.nanoTime();
            inhibitedUntil = now + (now - begun) * INHIBITION;
        }
    }

    private void lower() {
        GATE.setRelease(readLock, UNBIASED); // pairs with the read of a reader's arrival
    }

    private int place() {
        return (Ids.cpuId() + 1) * WORD;
    }

    private long readersByWord() {
        long sum = 0;
        for (int i = WORD; i < words.length; i += WORD) {
            sum += (long) LONGS.getVolatile(words, i);
        }
        return sum;
    }

    private boolean arriveByWord() {
        int place = place();
        LONGS.getAndAdd(words, place, 1L);
        int gate = (int) GATE.getVolatile(readLock);
        if ((gate & WRITER) != 0) {
            return writers.isHeldByCurrentThread() || retreat(place);
        }
        if (ReaderSlots.USED && gate != 0 && System.nanoTime() - inhibitedUntil >= 0) {
            GATE.compareAndSet(readLock, UNBIASED, 0);
        }
        return true;
    }

    private boolean retreat(int place) {
        LONGS.getAndAdd(words, place, -1L);
        wakeWriter();
        return false;
    }

    private boolean retreatFromSlot(int slot) {
        ReaderSlots.retreat(slot);
        return arriveByWord(); // which wakes a writer that counted the slot
    }

    private void wakeWriter() {
        Thread writer = waitingWriter;
        if (writer != null) {
            LockSupport.unpark(writer);
        }
    }

    private boolean isEmpty() {
        long readers = readersByWord();
        if (slotsMayHold) {
            int bySlot = ReaderSlots.count(readLock.id);
            slotsMayHold = bySlot != 0;
            readers += bySlot;
        }
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
                if (Patience.isOver(interruptibly, timed, deadline)) {
                    break;
                }
                interrupted |= Patience.park(this, interruptibly, timed, deadline);
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

    @SuppressWarnings("UnusedVariable") // the second half of the padding
    private static final class ReadLock extends ReaderGate implements Lock {
        private int b00, b01, b02, b03, b04, b05, b06, b07;
        private int b10, b11, b12, b13, b14, b15, b16, b17;
        private int b20, b21, b22, b23, b24, b25, b26, b27;
        private final PerCpuReadWriteLock both;

        ReadLock(PerCpuReadWriteLock both) {
            super(IDS.incrementAndGet());
            this.both = both;
        }

        /** Comes in unless a writer is there. */
        private boolean arrive() {
            if (ReaderSlots.USED) {
                int slot = ReaderSlots.enter(id);
                if (slot != 0) {
                    VarHandle.releaseFence(); // for the compiler; for the CPU see raise
                    return (int) GATE.getAcquire(this) == 0 || both.retreatFromSlot(slot);
                }
            }
            return both.arriveByWord();
        }

        /** With the writers' lock: comes in, as no writer is there, and lets the others go on. */
        private void arriveInTurn() {
            LONGS.getAndAdd(both.words, both.place(), 1L);
            both.writers.unlock();
        }

        @Override
        public void lock() {
            if (!arrive()) {
                both.writers.lock();
                arriveInTurn();
            }
        }

        @Override
        public void lockInterruptibly() throws InterruptedException {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            if (!arrive()) {
                both.writers.lockInterruptibly();
                arriveInTurn();
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
            if (!both.writers.tryLock(time, unit)) {
                return false;
            }
            arriveInTurn();
            return true;
        }

        @Override
        public void unlock() {
            if (ReaderSlots.USED && ReaderSlots.leave(id)) {
                VarHandle.releaseFence();
            } else {
                LONGS.getAndAdd(both.words, both.place(), -1L);
            }
            if (((int) GATE.getAcquire(this) & WRITER) != 0) {
                VarHandle.fullFence(); // pairs with the writer's between waitingWriter and its look at the slots
                both.wakeWriter();
            }
        }

        @Override
        public Condition newCondition() {
            throw new UnsupportedOperationException("a read lock has no conditions");
        }

        @Override
        public String toString() {
            return "read lock of " + both;
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
