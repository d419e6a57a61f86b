// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.io.InvalidObjectException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import org.rseq4j.internal.thread.FirstUse;

/**
 * A read-write lock for data that is read all the time and seldom written. Readers on different CPUs write no memory
 * that they share.
 *
 * <p>
 * <b>It guarantees</b> that a writer is alone, with the memory effects of {@link Lock}, on platform and virtual
 * threads. A writer waits only for the readers that are inside. Readers and writers that wait queue for one
 * {@link SliceLock}, whose first is passed for 4 ms at most after its waking, so neither starves.
 * {@link Builder#fair()} gives the lock in the order of arrival. A writer may take the read lock and keep it when it
 * gives the write lock back. A reader cannot become a writer.
 *
 * <p>
 * <b>Optimistic reading</b> writes nothing: {@link #tryOptimisticRead()}, reads into local variables, then
 * {@link #validate(long)}, which says whether no writer came since. What was read before may be of two writes.
 *
 * <p>
 * <b>Not reentrant</b> unless built so ({@link Builder#reentrant()}): a reader that takes the read lock again can
 * deadlock with a waiting writer, as with {@link java.util.concurrent.locks.StampedLock}; a second write lock throws
 * IllegalStateException. An unlock too many of the read lock goes unnoticed: it can let a writer in beside readers, and
 * the next writer throws IllegalMonitorStateException, once. The reentrant form counts holds and throws at once.
 *
 * <p>
 * <b>Errors:</b> when {@code lock} or {@code tryLock} throws, even a StackOverflowError or OutOfMemoryError, the lock
 * was not taken; when {@code await} throws, it is held as before.
 *
 * <p>
 * <b>Happens-before:</b> the end of a write happens before each later read or write lock, and before a validated
 * optimistic read that began after it; the end of a read before each later write lock.
 *
 * <p>
 * <b>Cost:</b> a read lock is two plain stores to a line of the thread's own; on virtual threads, for a time after each
 * write, and without membarrier, two atomic additions to its CPU's word. A write lock is a hold of a SliceLock, a look
 * at a word of each CPU, and at times a membarrier. Memory: 128 bytes for each CPU, and 128 KiB for all these locks
 * together.
 *
 * @since 0.1.0
 */
public final class PerCpuReadWriteLock implements ReadWriteLock, Serializable {
    /*
     * Source: the table of visible readers, and the time without it after a write, are those of Dice and Kogan, "BRAVO
     * - Biased Locking for Reader-Writer Locks" (2019), with membarrier in place of the reader's fence; the words below
     * it are the distributed reader counters of Linux's percpu-rwsem.
     *
     * Readers inside and the gate. A reader that is inside counts 1, in a slot of its thread (ReaderSlots) or in its
     * CPU's word. The gate says who may come in: when its flags are 0, a reader that wrote a slot; while it is
     * UNBIASED, one that added to a word; while WRITER is set, nobody. A reader writes its 1, then reads the gate. When
     * that forbids it, it takes the 1 back from where it put it, and goes the slow way: it takes the writers' lock,
     * under which WRITER is not set, and comes in by a word. A writer takes the writers' lock, sets WRITER, then sums
     * up. So one of both sees the other, if neither side's read can pass its write: at a word the addition is atomic,
     * thus a fence. At a slot the reader has none (but the compiler's order: the fence between both is no instruction
     * on x86), and the writer makes up for it by membarrier. It needs that only if the flags were 0 when it set WRITER:
     * while it is UNBIASED, and since a writer saw the slots empty, nobody came in by a slot.
     *
     * Leaving. A reader that leaves takes its 1 back, then reads the gate; when WRITER is set, it fences and wakes the
     * writer. The writer publishes itself, then sums up, before it parks. A reader that did not see WRITER left before
     * the membarrier, which then showed that to the writer; so a writer that finds slots in use needs it again when it
     * gave up and comes back.
     *
     * Writes in a row would each pay for membarrier. So a writer leaves the gate UNBIASED, and the reader that finds it
     * so, once nine times the cost has passed, clears that: writers lose at most a tenth of the time to it. A
     * membarrier that the kernel refuses after it allowed it is replaced by a handshake of the JVM with all threads.
     *
     * A read lock may be given back on another CPU, or by another thread, than it was taken on.
     *
     * Readers that have no slot add to their CPU's word: on virtual threads; on a thread that shares the low 10 bits of
     * its id with another one that reads such locks; for the seven locks that a thread holds when it takes an eighth. A
     * writer reads a line for each thread that ever read such a lock (at most 1024), and again whenever a reader that
     * leaves wakes it.
     *
     * Optimistic reads. Above the flags the gate counts the writes. An optimistic reader takes the count as its stamp;
     * a writer sets WRITER before it writes, and counts when it clears it.
     *
     * Fairness. From the moment that a writer has the writers' lock no new reader comes in: readLock().tryLock() is
     * false then, in each form. In the fair form readers that arrive while others wait join them; an untimed tryLock()
     * barges.
     *
     * Errors. unlock has given the lock back when its own call and the look-up of the thread had the stack they need,
     * even if it throws. A waiter that could not be woken looks by itself, as in SliceLock.
     *
     * Why the sum is right although its parts are read one after the other stands in Readers.
     */
    private static final long serialVersionUID = 1;

    private static boolean initialized;

    {
        if (!initialized) {
            initialize();
        }
    }

    private static void initialize() {
        FirstUse.prepare();
        Readers.initialize();
        initialized = true;
    }

    private final transient SliceLock writers;
    private final transient Readers readers = new Readers();
    private final transient ReadSide readLock;
    private final transient WriteSide writeLock;

    /** Makes a lock that is free, not reentrant and not fair. */
    public PerCpuReadWriteLock() {
        this(new Builder());
    }

    private PerCpuReadWriteLock(Builder builder) {
        writers = builder.writers.build();
        readLock = new ReadSide(writers, readers);
        writeLock = new WriteSide(writers, readers, readLock);
    }

    /** {@return a builder for the other forms} */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Chooses a form of the lock.
     *
     * @since 0.1.0
     */
    public static final class Builder {
        /**
         * With a longer bound than a SliceLock's usual one: behind one reader that gets the lock all others come in,
         * and a writer waits for one that is scheduled out inside.
         */
        private final SliceLock.Builder writers = SliceLock.builder().handOffAfter(Duration.ofMillis(4));

        private Builder() {
        }

        /**
         * Threads that have to wait get the lock in the order of arrival.
         *
         * @return this builder
         */
        public Builder fair() {
            writers.fair();
            return this;
        }

        /**
         * A thread may take a lock again that it holds, and gives it back as often.
         *
         * @return this builder
         */
        public Builder reentrant() {
            writers.reentrant();
            return this;
        }

        /** {@return the lock} */
        public PerCpuReadWriteLock build() {
            return new PerCpuReadWriteLock(this);
        }
    }

    /** {@return the lock of those that read, any number at once; it has no conditions} */
    @Override
    public Lock readLock() {
        return readLock;
    }

    /** {@return the lock of the one that writes, with conditions} */
    @Override
    public Lock writeLock() {
        return writeLock;
    }

    // ---- Optimistic reading ----

    /**
     * Begins to read without a lock.
     *
     * @return a stamp for {@link #validate(long)}; 0, which is never valid, while somebody writes
     */
    public long tryOptimisticRead() {
        return readLock.tryOptimisticRead();
    }

    /**
     * {@return whether no writer came since the stamp was given, so that what was read meanwhile belongs together}
     * It is false also while a writer waits for the readers inside; one that gave up counts no more.
     *
     * @param stamp what {@link #tryOptimisticRead()} gave
     */
    public boolean validate(long stamp) {
        return readLock.validate(stamp);
    }

    // ---- Tools ----

    /**
     * {@return whether somebody writes; a moment's value} A writer that waits for the readers inside counts among those
     * that wait, but for the first microseconds, in which it spins.
     */
    public boolean isWriteLocked() {
        return readLock.isWritten();
    }

    /** {@return whether the calling thread writes} */
    public boolean isWriteLockedByCurrentThread() {
        return writers.isHeldByCurrentThread() && readLock.isWritten();
    }

    /** {@return how often the calling thread holds the write lock} */
    public int getWriteHoldCount() {
        return writers.getHoldCount();
    }

    /**
     * {@return how often the calling thread holds the read lock}
     *
     * @throws UnsupportedOperationException unless the lock is reentrant: otherwise readers are not recorded
     */
    public int getReadHoldCount() {
        if (!writers.isReentrant()) {
            throw new UnsupportedOperationException("read holds of a thread are counted in the reentrant form only");
        }
        return readLock.holdCount();
    }

    /**
     * {@return how many read locks are held; exact only while nobody comes or goes; nested ones of a thread count once}
     */
    public int getReadLockCount() {
        return readers.count();
    }

    /** {@return the thread that writes, as {@link #isWriteLocked()} understands it; null when there is none} */
    public Thread getOwner() {
        return readLock.isWritten() ? writers.getOwner() : null;
    }

    /** {@return whether threads that wait get the lock in the order of arrival} */
    public boolean isFair() {
        return writers.isFair();
    }

    /** {@return whether a thread may take again what it holds} */
    public boolean isReentrant() {
        return writers.isReentrant();
    }

    /** {@return whether readers or writers wait in the queue, or a writer for the readers inside} */
    public boolean hasQueuedThreads() {
        return writers.hasQueuedThreads() || readers.waitingWriter != null;
    }

    /**
     * {@return whether a thread waits for the read or the write lock}
     *
     * @param thread the thread
     */
    public boolean hasQueuedThread(Thread thread) {
        return writers.hasQueuedThread(thread) || readers.waitingWriter == thread;
    }

    /** {@return how many readers and writers wait; a moment's value, found by counting} */
    public int getQueueLength() {
        return writers.getQueueLength() + (readers.waitingWriter == null ? 0 : 1);
    }

    /**
     * {@return the threads that wait, first come first: the writer that waits for the readers inside, if there is one,
     * and those in the queue}
     */
    public Collection<Thread> getQueuedThreads() {
        List<Thread> threads = new ArrayList<>(writers.getQueuedThreads());
        Thread writer = readers.waitingWriter;
        if (writer != null && !threads.contains(writer)) { // it may have been in the queue a moment ago
            threads.add(0, writer);
        }
        return Collections.unmodifiableList(threads);
    }

    /**
     * {@return whether threads wait for a condition of the write lock}
     *
     * @param condition the condition
     * @throws IllegalArgumentException when it is another lock's
     * @throws IllegalMonitorStateException when the thread does not hold the write lock
     */
    public boolean hasWaiters(Condition condition) {
        return writers.hasWaiters(WriteSide.unwrap(condition));
    }

    /**
     * {@return how many threads wait for a condition of the write lock}
     *
     * @param condition the condition
     * @throws IllegalArgumentException when it is another lock's
     * @throws IllegalMonitorStateException when the thread does not hold the write lock
     */
    public int getWaitQueueLength(Condition condition) {
        return writers.getWaitQueueLength(WriteSide.unwrap(condition));
    }

    /**
     * {@return the threads that wait for a condition of the write lock}
     *
     * @param condition the condition
     * @throws IllegalArgumentException when it is another lock's
     * @throws IllegalMonitorStateException when the thread does not hold the write lock
     */
    public Collection<Thread> getWaitingThreads(Condition condition) {
        return writers.getWaitingThreads(WriteSide.unwrap(condition));
    }

    /**
     * {@return the lock's identity and what is held, as ReentrantReadWriteLock's} Nested read locks of a thread count
     * once, as in {@link #getReadLockCount()}.
     */
    @Override
    public String toString() {
        int writes = readLock.isWritten() ? 1 + writers.holds : 0;
        return super.toString() + "[Write locks = " + writes + ", Read locks = " + readers.count() + "]";
    }

    private Object writeReplace() {
        return new Form(isFair(), isReentrant());
    }

    @SuppressWarnings("UnusedVariable") // by its contract
    private void readObject(ObjectInputStream in) throws InvalidObjectException {
        throw new InvalidObjectException("a lock is written as its form");
    }

    /** What of a lock is serialized. */
    private record Form(boolean fair, boolean reentrant) implements Serializable {
        private Object readResolve() {
            var builder = new Builder();
            if (fair) {
                builder.fair();
            }
            if (reentrant) {
                builder.reentrant();
            }
            return builder.build();
        }
    }
}
