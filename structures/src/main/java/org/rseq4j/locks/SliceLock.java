// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.io.InvalidObjectException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.time.Duration;
import java.util.Collection;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.rseq4j.internal.thread.Threads;

/**
 * A lock for critical sections of a microsecond or less that many threads enter, with more threads than CPUs. Its
 * holder asks the kernel not to schedule it out.
 *
 * <p>
 * <b>It guarantees</b> mutual exclusion with the memory effects of {@link Lock}, on platform and virtual threads,
 * whether or not the kernel grants anything. A thread that finds the lock taken spins for as long as that has helped
 * before, at most 50 us; then it parks in a queue. Threads that arrive while the lock is free pass the queue. When they
 * have passed its first thread for {@link Builder#handOffAfter(Duration)}, the lock is kept for that thread, and only
 * {@link #tryLock()} still passes it.
 *
 * <p>
 * <b>Forms:</b> {@link Builder#fair()} gives the lock in the order of arrival, at a price like a fair ReentrantLock's;
 * {@link #tryLock()} barges. Without {@link Builder#reentrant()}, {@code lock} by the holder throws
 * IllegalStateException instead of a deadlock, and {@code tryLock()} returns false.
 *
 * <p>
 * <b>What it does not guarantee:</b> a holder that is scheduled out all the same (no extension, or a critical section
 * longer than the grant) holds up the others. One that blocks or calls the kernel loses its grant and gains nothing
 * from this lock.
 *
 * <p>
 * <b>Errors:</b> when {@code lock} or {@code tryLock} throws, even a StackOverflowError or OutOfMemoryError, the lock
 * was not taken; when {@code await} throws, it is held as before. {@code unlock} gives the lock back, even if it
 * throws, when there was stack for its own call and that of {@link Thread#currentThread()}.
 *
 * <p>
 * <b>Happens-before:</b> an unlock happens before each later lock.
 *
 * <p>
 * <b>Cost:</b> uncontended, a lock and an unlock are two atomic instructions on one cache line. Nothing is allocated
 * until a thread waits in the queue. Memory is about 500 bytes a lock.
 *
 * <p>
 * <b>For tools</b> it has the queries of {@link java.util.concurrent.locks.ReentrantLock}. Thread dumps and
 * {@code ThreadMXBean.findDeadlockedThreads()} know the owner once a thread has waited for 0.2 s. Waits of 10 ms or
 * more are Flight Recorder events, {@code org.rseq4j.LockWait}. A deserialized lock is unlocked, in the same form.
 *
 * @since 0.1.0
 */
public final class SliceLock extends QueuedLock implements Lock, Serializable {
    /*
     * Source: a test-and-set word with a queue behind it, as in java.util.concurrent's AbstractQueuedSynchronizer
     * (barging, conditions) and Go's sync.Mutex (the lock kept for a starved waiter); spinners limited after Dice and
     * Kogan, "Avoiding Scalability Collapse by Restricting Concurrency" (2019).
     *
     * Where what is: the word (LockWord), the queue behind it (WaitQueue), how the lock is taken, waited for and given
     * back (QueuedLock), the limit of spinning (Spinning), conditions (SliceCondition). This class is the interface.
     *
     * Waits. The first of the queue is woken at the next unlock. A thread in the queue is passed over for as long as
     * those before it take, and for each of them the waking, the time of handOffAfter, and a time slice of the
     * scheduler. A waiter parks with a time (so its state is TIMED_WAITING) and looks by itself after 0.2 s, or as long
     * as it has waited already: so one that could not be woken for want of stack or memory is not lost.
     *
     * The request stands while the lock is held. When a virtual thread moves to another carrier while it holds the
     * lock, its request stays with the first carrier until that one's next end of a section.
     */
    private static final long serialVersionUID = 1;

    private static final long DEFAULT_HAND_OFF_NANOS = 1_000_000;

    /** Makes a lock that is not reentrant and not fair. */
    public SliceLock() {
        this(new Builder());
    }

    private SliceLock(Builder builder) {
        super(builder.fair, builder.reentrant, builder.handOffNanos);
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
        private boolean fair;
        private boolean reentrant;
        private long handOffNanos = DEFAULT_HAND_OFF_NANOS;

        private Builder() {
        }

        /**
         * The lock is given in the order of arrival.
         *
         * @return this builder
         */
        public Builder fair() {
            fair = true;
            return this;
        }

        /**
         * The holder may lock again, and unlocks as often.
         *
         * @return this builder
         */
        public Builder reentrant() {
            reentrant = true;
            return this;
        }

        /**
         * For how long threads that arrive may pass the first of the queue, counted from its waking. After that
         * the lock is kept for it. Short times make waits short and the lock slow, as it is idle until the thread that
         * it is kept for runs; the documentation has the curve. The fair form does not need it.
         *
         * @param time the time, 1 ms unless set; 0: hardly any are
         * @return this builder
         * @throws IllegalArgumentException when the time is negative
         */
        public Builder handOffAfter(Duration time) {
            if (time.isNegative()) {
                throw new IllegalArgumentException("a negative time: " + time);
            }
            handOffNanos = TimeUnit.NANOSECONDS.convert(time);
            return this;
        }

        /** {@return the lock} */
        public SliceLock build() {
            return new SliceLock(this);
        }
    }

    // ---- Taking ----

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException when the thread holds the lock already and it is not reentrant
     */
    @Override
    public void lock() {
        Thread current = Thread.currentThread();
        if (!isTakenAtOnce(current) && !reenter(current)) {
            waitFor(current, false, false, 0);
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException when the thread holds the lock already and it is not reentrant
     */
    @Override
    public void lockInterruptibly() throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        Thread current = Thread.currentThread();
        if (!isTakenAtOnce(current) && !reenter(current) && !waitFor(current, true, false, 0)) {
            Thread.interrupted();
            throw new InterruptedException();
        }
    }

    /** {@inheritDoc} It takes a free lock past those that wait, also in the fair form. */
    @Override
    public boolean tryLock() {
        Thread current = Thread.currentThread();
        if (isHeldBy(current)) {
            return reentrant && reenter(current);
        }
        long seen;
        while (((seen = state) & LOCKED) == 0) {
            if (attempt(seen, seen | LOCKED, current)) {
                return true;
            }
        }
        return false;
    }

    /**
     * {@inheritDoc} In the fair form those that wait come first.
     *
     * @throws IllegalStateException when the thread holds the lock already and it is not reentrant, and the time is
     * positive
     */
    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        long nanos = unit.toNanos(time);
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        Thread current = Thread.currentThread();
        if (nanos <= 0) {
            return !fair || isHeldBy(current) ? tryLock() : isTakenNow(current);
        }
        if (reenter(current) || isTakenNow(current)) {
            return true;
        }
        if (waitFor(current, true, true, System.nanoTime() + nanos)) {
            return true;
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        return false;
    }

    // ---- Releasing ----

    /**
     * {@inheritDoc}
     *
     * @throws IllegalMonitorStateException when the thread does not hold the lock
     */
    @Override
    public void unlock() {
        Thread current = Thread.currentThread();
        long id = Threads.id(current);
        if (holds > 0) { // perhaps another thread's
            if (state >>> OWNER != id) {
                throw notHeld();
            }
            holds--;
            return;
        }
        if (virtualOwner == current) {
            virtualOwner = null;
        }
        try {
            release(id);
        } catch (Throwable e) { // no finally: its look would take the line away from who has the lock next
            if (state >>> OWNER == id) { // not even called
                state = 0;
            }
            throw e;
        }
    }

    // ---- Tools ----

    /** {@return the id of the thread that holds the lock, 0 when nobody does; a moment's value} */
    public long getOwnerId() {
        return ownerId();
    }

    /**
     * {@return the thread that holds the lock; null when nobody does; a moment's value} A platform thread is looked up
     * by its id among all of them: for tools, not for programs.
     */
    public Thread getOwner() {
        return owner();
    }

    /** {@return whether somebody holds the lock; a moment's value} */
    public boolean isLocked() {
        return (state & LOCKED) != 0;
    }

    /** {@return whether the calling thread holds the lock} */
    public boolean isHeldByCurrentThread() {
        return isHeldBy(Thread.currentThread());
    }

    /** {@return how often the calling thread holds the lock: 0, 1, or more where it is reentrant} */
    public int getHoldCount() {
        return isHeldByCurrentThread() ? holds + 1 : 0;
    }

    /** {@return whether the lock is given in the order of arrival} */
    public boolean isFair() {
        return fair;
    }

    /** {@return whether its holder may lock it again} */
    public boolean isReentrant() {
        return reentrant;
    }

    /** {@return whether threads wait in the queue; those that only spin are not seen} */
    public boolean hasQueuedThreads() {
        return first != null;
    }

    /**
     * {@return whether a thread waits in the queue}
     *
     * @param thread the thread
     */
    public boolean hasQueuedThread(Thread thread) {
        Objects.requireNonNull(thread, "thread");
        return isWaiting(thread);
    }

    /** {@return how many threads wait in the queue; a moment's value, found by counting} */
    public int getQueueLength() {
        return length();
    }

    /** {@return the threads in the queue, first come first; a moment's value} */
    public Collection<Thread> getQueuedThreads() {
        return threads();
    }

    /**
     * {@return whether threads wait for a condition of this lock; some of them may have given up and not left yet}
     *
     * @param condition the condition
     * @throws IllegalArgumentException when it is another lock's
     * @throws IllegalMonitorStateException when the thread does not hold the lock
     */
    public boolean hasWaiters(Condition condition) {
        return getWaitQueueLength(condition) > 0;
    }

    /**
     * {@return how many threads wait for a condition of this lock}
     *
     * @param condition the condition
     * @throws IllegalArgumentException when it is another lock's
     * @throws IllegalMonitorStateException when the thread does not hold the lock
     */
    public int getWaitQueueLength(Condition condition) {
        return mine(condition).length();
    }

    /**
     * {@return the threads that wait for a condition of this lock, first come first}
     *
     * @param condition the condition
     * @throws IllegalArgumentException when it is another lock's
     * @throws IllegalMonitorStateException when the thread does not hold the lock
     */
    public Collection<Thread> getWaitingThreads(Condition condition) {
        return mine(condition).threads();
    }

    private SliceCondition mine(Condition condition) {
        Objects.requireNonNull(condition, "condition");
        if (condition instanceof SliceCondition own && own.isOf(this)) {
            checkHeld();
            return own;
        }
        throw new IllegalArgumentException("not a condition of this lock");
    }

    /** {@return the lock's identity and its owner's name, as ReentrantLock's} */
    @Override
    public String toString() {
        return super.toString() + ownerText(this);
    }

    /** As java.util.concurrent's locks say it. */
    static String ownerText(SliceLock lock) {
        Thread owner = lock.getOwner();
        return owner != null
                ? "[Locked by thread " + owner.getName() + "]"
                : lock.isLocked() ? "[Locked]" : "[Unlocked]";
    }

    /**
     * {@return a condition of this lock, with the methods and errors of ReentrantLock's; signals go to the longest
     * waiter}
     */
    @Override
    public Condition newCondition() {
        return new SliceCondition(this);
    }

    private Object writeReplace() {
        return new Form(fair, reentrant, handOffNanos);
    }

    @SuppressWarnings("UnusedVariable") // by its contract
    private void readObject(ObjectInputStream in) throws InvalidObjectException {
        throw new InvalidObjectException("a lock is written as its form");
    }

    /** What of a lock is serialized. */
    private record Form(boolean fair, boolean reentrant, long handOffNanos) implements Serializable {
        private Object readResolve() {
            var builder = new Builder();
            builder.fair = fair;
            builder.reentrant = reentrant;
            builder.handOffNanos = handOffNanos;
            return builder.build();
        }
    }
}
