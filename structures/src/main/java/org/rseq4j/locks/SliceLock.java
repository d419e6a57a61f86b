package org.rseq4j.locks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import org.rseq4j.internal.Section;

/**
 * A lock whose holder asks the kernel not to be scheduled out, for sections of a microsecond or less that many threads
 * enter, also when there are many more threads than CPUs.
 *
 * <p>
 * <b>It guarantees</b> mutual exclusion with the memory effects of {@link Lock}, on platform and virtual threads, whether
 * or not the kernel grants anything. A thread that finds the lock taken spins for as long as that used to help, at most
 * 50 us and only while few others do; then it waits in a queue, parked. Threads that arrive when the lock
 * is free take it past the queue (barging); but the first of the queue is woken at the next unlock, and when it then
 * spins in vain four times, the lock is kept for it: from there on nobody passes it. A thread in the queue is thus passed over
 * for as long as those before it in the queue take, and for each the waking, four spins and three yields of its CPU.
 *
 * <p>
 * <b>The fair form</b> ({@link Builder#fair()}) gives the lock in the order of arrival in the queue, as a fair
 * {@link java.util.concurrent.locks.ReentrantLock} does and at a like price; {@link #tryLock()} barges.
 *
 * <p>
 * <b>It is not reentrant</b> unless built so ({@link Builder#reentrant()}): {@code lock} by its holder throws
 * IllegalStateException instead of a deadlock, {@code tryLock()} is false.
 *
 * <p>
 * <b>What it does not guarantee:</b> a holder that is scheduled out all the same (no extension, or a section that is longer
 * than the grant) holds up the others. The request stands while the lock is held: a critical section that blocks or
 * calls the kernel loses its grant and gains nothing from this lock. When a virtual thread moves to another carrier while it
 * holds the lock, its request stays with the first carrier until that one's next end of a section.
 *
 * <p>
 * <b>Cost:</b> an uncontended lock and unlock are two atomic instructions on one cache line; nothing is allocated until a
 * thread has to wait in the queue. Memory is about 400 bytes a lock, padded against false sharing.
 *
 * <p>
 * <b>For tools:</b> {@link #getOwnerId()}, {@link #hasQueuedThreads()}, {@link #getQueuedThreads()}, {@link #toString()}, and
 * the Flight Recorder event {@code org.rseq4j.LockWait} for waits in the queue beyond 10 ms (or the threshold that the
 * recording sets).
 *
 * <p>
 * Source: a test-and-set word with a queue behind it, as in java.util.concurrent's AbstractQueuedSynchronizer (barging,
 * conditions) and Go's sync.Mutex (the lock kept for a starved waiter); spinners limited after Dice and Kogan, "Avoiding
 * Scalability Collapse by Restricting Concurrency" (2019).
 *
 * @since 0.1.0
 */
@SuppressWarnings("serial") // not serializable: a lock is a thing of one process
public final class SliceLock extends SliceLockPadAfter implements Lock {
    /*
     * The word. LOCKED: held. WAITERS: somebody is in the queue, so the end of a hold looks whom to wake. RESERVED: free or
     * held, only the first of the queue may take it next. Taking is by compare-and-exchange (acquire), before any read, as
     * a read first would fetch the line twice; releasing is an atomic subtraction of LOCKED (release), which tells in one
     * instruction whether there are waiters, so that no store has to be fenced from a load.
     *
     * The queue holds waiters in order of arrival; one leaves it as the holder of the lock, or cancelled. WAITERS is set by
     * a waiter after it joined, and cleared by a holder that leaves the queue empty; the holder then looks again and sets it
     * back. So a waiter that saw both bits set after it had joined may park: either bit can only go by the hand of somebody
     * who looks at the queue afterwards.
     *
     * The heir is the first of the queue when it was woken and has not parked again. While there is one nobody else is
     * woken, however many holds end: that is what keeps the number of running threads low. Whoever ends a hold subtracts
     * LOCKED, then reads the heir; the heir clears itself, then reads the word, before it parks. One of both sees the other.
     * Every thread beyond the number of CPUs makes the scheduler take the CPU from a holder more often. An heir that spins in vain
     * has perhaps done that by its waking: it yields the CPU, and only after three of those the lock is kept for it, since a
     * lock that is kept for a thread is idle until that thread runs.
     *
     * Sections: around each try, kept while holding, never around a spin. They are of the checked kind, as the holder's
     * own code runs inside.
     */
    private static final int LOCKED = 1;
    private static final int WAITERS = 2;
    static final int RESERVED = 4;

    /** Checks in the first, uncounted spin: enough for a holder that runs to end a short hold. */
    private static final int BRIEF = 64;
    /** The shortest and the longest spin of the second kind, in nanoseconds. */
    private static final int SPIN_LEAST = 2_000;
    private static final int SPIN_MOST = 50_000;
    /** How many may spin the second kind of spin at once: one CPU is the holder's. */
    private static final int SPINNERS = Runtime.getRuntime().availableProcessors() - 1;

    /** How often an heir that spun in vain gives up its CPU, perhaps to the holder, before the lock is kept for it. */
    private static final int YIELDS = 3;

    private static final VarHandle STATE;
    private static final VarHandle OWNER;
    private static final VarHandle SPINNING;
    private static final VarHandle HEIR;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            STATE = lookup.findVarHandle(SliceLockWord.class, "state", int.class);
            OWNER = lookup.findVarHandle(SliceLockWord.class, "ownerId", long.class);
            SPINNING = lookup.findVarHandle(SliceLock.class, "spinning", int.class);
            HEIR = lookup.findVarHandle(SliceLock.class, "heir", Waiter.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final boolean fair;
    private final boolean reentrant;
    private final ConcurrentLinkedQueue<Waiter> queue = new ConcurrentLinkedQueue<>();
    @SuppressWarnings("UnusedVariable") // by SPINNING
    private volatile int spinning;
    private volatile Waiter heir;
    /** How long to spin, in nanoseconds: twice what lately helped. Written by whoever spun; a lost update does not matter. */
    private int spinLimit = SPIN_LEAST * 4;

    /** A thread in the queue, or in a condition's. */
    private static final class Waiter {
        static final int QUEUED = 0;
        static final int ON_CONDITION = 1;
        static final int CANCELLED = 2;

        private static final VarHandle PLACE;

        static {
            try {
                PLACE = MethodHandles.lookup().findVarHandle(Waiter.class, "place", int.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        final Thread thread = Thread.currentThread();
        volatile int place;

        Waiter(int place) {
            this.place = place;
        }

        boolean moveFromCondition(int to) {
            return PLACE.compareAndSet(this, ON_CONDITION, to);
        }
    }

    /** Makes a lock that is not reentrant and not fair. */
    public SliceLock() {
        this(new Builder());
    }

    private SliceLock(Builder builder) {
        fair = builder.fair;
        reentrant = builder.reentrant;
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
        long section = Section.isSupported() ? Section.open() : 0;
        int seen = (int) STATE.compareAndExchange(this, 0, LOCKED);
        if (seen == 0 || seen == WAITERS && !fair && isTakenFrom(WAITERS)) {
            hold(section);
            return;
        }
        closeSection(section);
        if (!reenter() && !takeNow(seen)) {
            waitFor(false, false, 0);
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
        if (!reenter() && !takeNow((int) STATE.getOpaque(this)) && !waitFor(true, false, 0)) {
            Thread.interrupted();
            throw new InterruptedException();
        }
    }

    /** {@inheritDoc} It takes a free lock past those that wait, also in the fair form. */
    @Override
    public boolean tryLock() {
        if (isHeldByCurrentThread()) {
            return reentrant && reenter();
        }
        int seen = (int) STATE.getOpaque(this);
        while ((seen & (LOCKED | RESERVED)) == 0) {
            int now = attempt(seen, seen | LOCKED);
            if (now == seen) {
                return true;
            }
            seen = now;
        }
        return false;
    }

    /**
     * {@inheritDoc} In the fair form those that wait come first.
     *
     * @throws IllegalStateException when the thread holds the lock already and it is not reentrant
     */
    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        long nanos = unit.toNanos(time);
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        if (!reentrant && nanos <= 0) {
            return takeNow((int) STATE.getOpaque(this));
        }
        if (reenter() || takeNow((int) STATE.getOpaque(this))) {
            return true;
        }
        if (nanos <= 0) {
            return false;
        }
        long begun = System.nanoTime();
        if (waitFor(true, true, begun + nanos)) {
            return true;
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        return false;
    }

    private boolean reenter() {
        if (!isHeldByCurrentThread()) {
            return false;
        }
        if (!reentrant) {
            throw new IllegalStateException("the thread holds this lock already, and it is not reentrant: " + this);
        }
        if (holds == Integer.MAX_VALUE) {
            throw new Error("Maximum lock count exceeded");
        }
        holds++;
        return true;
    }

    /** With many more threads than CPUs there are always waiters: then this is the common case. */
    private boolean isTakenFrom(int free) {
        return STATE.compareAndSet(this, free, free | LOCKED);
    }

    private void hold(long section) {
        this.section = section;
        OWNER.setOpaque(this, Thread.currentThread().threadId());
    }

    /** One try from the state that was seen; what it found, which is what was seen when it succeeded. */
    private int attempt(int seen, int next) {
        long section = Section.isSupported() ? Section.open() : 0;
        int found = (int) STATE.compareAndExchange(this, seen, next);
        if (found == seen) {
            hold(section);
        } else {
            closeSection(section);
        }
        return found;
    }

    private static void closeSection(long section) {
        if (Section.isSupported()) {
            Section.close(section);
        }
    }

    /** What of the word forbids a thread that does not wait in the queue to take the lock. */
    private int forbidden() {
        return fair ? LOCKED | WAITERS | RESERVED : LOCKED | RESERVED;
    }

    private boolean takeNow(int seen) {
        int forbidden = forbidden();
        // A waiter is in the queue before it sets WAITERS, so the fair form looks there too.
        while ((seen & forbidden) == 0 && !(fair && !queue.isEmpty())) {
            int found = attempt(seen, seen | LOCKED);
            if (found == seen) {
                return true;
            }
            seen = found;
        }
        return false;
    }

    private boolean takeFromQueue(Waiter waiter) {
        int seen = (int) STATE.getOpaque(this);
        while ((seen & LOCKED) == 0 && (!fair && (seen & forbidden()) == 0 || queue.peek() == waiter)) {
            int found = attempt(seen, (seen | LOCKED) & ~RESERVED);
            if (found == seen) {
                return true;
            }
            seen = found;
        }
        return false;
    }

    /** Takes the lock however long it takes; false when it was given up by an interrupt (still set) or the deadline. */
    private boolean waitFor(boolean interruptibly, boolean timed, long deadline) {
        if (!fair && (spinBriefly() || spinLong())) {
            return true;
        }
        var waiter = new Waiter(Waiter.QUEUED);
        queue.add(waiter);
        return waitInQueue(waiter, interruptibly, timed, deadline);
    }

    private boolean spinBriefly() {
        if (SPINNERS == 0) {
            return false;
        }
        for (int i = 0; i < BRIEF; i++) {
            Thread.onSpinWait();
            int seen = (int) STATE.getOpaque(this);
            if ((seen & forbidden()) == 0 && attempt(seen, seen | LOCKED) == seen) {
                return true;
            }
        }
        return false;
    }

    /** Spins unless enough others do. */
    private boolean spinLong() {
        if ((int) SPINNING.getOpaque(this) >= SPINNERS) {
            return false;
        }
        boolean taken = (int) SPINNING.getAndAdd(this, 1) < SPINNERS && spinTimed(null);
        SPINNING.getAndAdd(this, -1);
        return taken;
    }

    /** Spins as long as that used to help. */
    private boolean spinTimed(Waiter waiter) {
        int limit = spinLimit;
        long begun = System.nanoTime();
        long spun;
        boolean taken;
        do {
            taken = false;
            for (int i = 0; i < 16 && !taken; i++) {
                Thread.onSpinWait();
                taken = waiter != null ? takeFromQueue(waiter) : takeNow((int) STATE.getOpaque(this));
            }
            spun = System.nanoTime() - begun;
        } while (!taken && spun < limit);
        int better = taken ? (int) Math.min(spun * 2, SPIN_MOST) : 0;
        spinLimit = Math.max(SPIN_LEAST, limit + (better - limit) / 8);
        return taken;
    }

    private boolean waitInQueue(Waiter waiter, boolean interruptibly, boolean timed, long deadline) {
        Object event = LockEvents.begin();
        long formerOwner = event == null ? 0 : getOwnerId();
        boolean interrupted = false;
        int yields = 0;
        boolean taken;
        while (true) {
            if (taken = takeFromQueue(waiter)) {
                break;
            }
            if (Patience.isOver(interruptibly, timed, deadline)) {
                break;
            }
            if (heir == waiter) {
                if (taken = SPINNERS > 0 && spinTimed(waiter)) {
                    break;
                }
                if (yields < YIELDS) {
                    yields++;
                    Thread.yield();
                    continue;
                }
                set(RESERVED);
                HEIR.compareAndSet(this, waiter, null); // before the word is read again, below
            }
            if (!mustWait(waiter)) {
                continue;
            }
            interrupted |= Patience.park(this, interruptibly, timed, deadline);
        }
        if (taken) {
            leaveQueue(waiter);
        } else {
            giveUp(waiter);
        }
        LockEvents.end(event, this, formerOwner, taken);
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return taken;
    }

    /** Whether the lock is another's, who will see after its hold that there are waiters. */
    private boolean mustWait(Waiter waiter) {
        set(WAITERS);
        int seen = (int) STATE.getVolatile(this);
        return (seen & LOCKED) != 0 || (fair || (seen & forbidden()) != 0) && queue.peek() != waiter;
    }

    private void set(int bit) {
        int seen = (int) STATE.getVolatile(this);
        while ((seen & bit) == 0) {
            int found = (int) STATE.compareAndExchange(this, seen, seen | bit);
            if (found == seen) {
                return;
            }
            seen = found;
        }
    }

    private void clear(int bit) {
        int seen = (int) STATE.getVolatile(this);
        while ((seen & bit) != 0) {
            int found = (int) STATE.compareAndExchange(this, seen, seen & ~bit);
            if (found == seen) {
                return;
            }
            seen = found;
        }
    }

    /** By the holder, which came from the queue. */
    private void leaveQueue(Waiter waiter) {
        queue.remove(waiter);
        HEIR.compareAndSet(this, waiter, null);
        clearWhenEmpty();
    }

    private void clearWhenEmpty() {
        if (queue.isEmpty()) {
            clear(WAITERS);
            if (!queue.isEmpty()) {
                set(WAITERS);
            }
        }
    }

    private void giveUp(Waiter waiter) {
        if (queue.peek() == waiter) {
            clear(RESERVED); // the next one asks for it again
        }
        queue.remove(waiter);
        HEIR.compareAndSet(this, waiter, null);
        if (((int) STATE.getVolatile(this) & LOCKED) == 0) {
            wakeFirst(); // a wake-up may have been meant for this thread
        }
    }

    // ---- Releasing ----

    /**
     * {@inheritDoc}
     *
     * @throws IllegalMonitorStateException when the thread does not hold the lock
     */
    @Override
    public void unlock() {
        checkHeld();
        if (holds > 0) {
            holds--;
            return;
        }
        release();
    }

    private void checkHeld() {
        if (!isHeldByCurrentThread()) {
            throw new IllegalMonitorStateException("the thread does not hold this lock: " + this);
        }
    }

    private void release() {
        long held = section;
        OWNER.setOpaque(this, 0L);
        int seen = (int) STATE.getAndAdd(this, -LOCKED);
        closeSection(held);
        if (seen != LOCKED) {
            wakeFirst();
        }
    }

    private void wakeFirst() {
        while (heir == null) {
            Waiter first = queue.peek();
            if (first == null) {
                // The last one gave up: nobody is there to clear the bits.
                clear(RESERVED);
                clearWhenEmpty();
                if (queue.isEmpty()) {
                    return;
                }
            } else if (HEIR.compareAndSet(this, null, first)) {
                if (queue.peek() == first) {
                    LockSupport.unpark(first.thread);
                    return;
                }
                HEIR.compareAndSet(this, first, null); // it left meanwhile
            }
        }
    }

    // ---- Tools ----

    /** {@return the id of the thread that holds the lock, 0 when nobody does; a moment's value} */
    public long getOwnerId() {
        return (long) OWNER.getOpaque(this);
    }

    /**
     * {@return the platform thread that holds the lock; null when nobody does, or a virtual thread} It is looked up by its
     * id among all threads: for tools, not for programs.
     */
    public Thread getOwner() {
        long id = getOwnerId();
        if (id == 0) {
            return null;
        }
        return Thread.getAllStackTraces().keySet().stream().filter(t -> t.threadId() == id).findFirst().orElse(null);
    }

    /** {@return whether somebody holds the lock; a moment's value} */
    public boolean isLocked() {
        return ((int) STATE.getOpaque(this) & LOCKED) != 0;
    }

    /** {@return whether the calling thread holds the lock} */
    public boolean isHeldByCurrentThread() {
        return (long) OWNER.getOpaque(this) == Thread.currentThread().threadId();
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
        return !queue.isEmpty();
    }

    /**
     * {@return whether a thread waits in the queue}
     *
     * @param thread the thread
     */
    public boolean hasQueuedThread(Thread thread) {
        Objects.requireNonNull(thread, "thread");
        return queue.stream().anyMatch(waiter -> waiter.thread == thread);
    }

    /** {@return how many threads wait in the queue; a moment's value, found by counting} */
    public int getQueueLength() {
        return queue.size();
    }

    /** {@return the threads in the queue, first come first; a moment's value} */
    public Collection<Thread> getQueuedThreads() {
        List<Thread> threads = new ArrayList<>();
        queue.forEach(waiter -> threads.add(waiter.thread));
        return Collections.unmodifiableList(threads);
    }

    /** {@return the form of the lock, its owner's id and the length of its queue} */
    @Override
    public String toString() {
        long id = getOwnerId();
        return "SliceLock@" + Integer.toHexString(System.identityHashCode(this)) + "[" + (fair ? "fair, " : "")
                + (reentrant ? "reentrant, " : "") + (id == 0 ? "unlocked" : "locked by thread #" + id) + ", "
                + getQueueLength() + " queued]";
    }

    // ---- Conditions ----

    /** {@return a condition of this lock, with the methods and errors of ReentrantLock's; signals go to the longest waiter} */
    @Override
    public Condition newCondition() {
        return new SliceCondition();
    }

    /**
     * Waiters in order of arrival, touched by the lock's holder only. A signal moves the first one to the lock's queue, where
     * it goes on sleeping until its turn; which of a signal, an interrupt and the end of a wait came first is decided by
     * one compare-and-set on its place.
     */
    private final class SliceCondition implements Condition {
        private final Deque<Waiter> waiters = new ArrayDeque<>();

        /** Waits until signalled (true), interrupted or the deadline; holds the lock again on return. */
        private boolean sleep(boolean interruptibly, boolean timed, long deadline) {
            var waiter = new Waiter(Waiter.ON_CONDITION);
            waiters.add(waiter);
            int formerHolds = holds;
            holds = 0;
            release();
            boolean interrupted = false;
            boolean signalled = true;
            while (waiter.place == Waiter.ON_CONDITION) {
                if (Patience.isOver(interruptibly, timed, deadline)) {
                    signalled = !waiter.moveFromCondition(Waiter.CANCELLED);
                    break;
                }
                interrupted |= Patience.park(this, interruptibly, timed, deadline);
            }
            // A set interrupt would keep park from parking: it is put aside until the lock is held.
            interrupted |= Thread.interrupted();
            if (signalled) {
                waitInQueue(waiter, false, false, 0);
            } else {
                if (!takeNow((int) STATE.getOpaque(SliceLock.this))) {
                    waitFor(false, false, 0);
                }
                waiters.remove(waiter);
            }
            holds = formerHolds;
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            return signalled;
        }

        private boolean sleepInterruptibly(boolean timed, long deadline) throws InterruptedException {
            checkHeld();
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            boolean signalled = sleep(true, timed, deadline);
            if (!signalled && Thread.interrupted()) {
                throw new InterruptedException();
            }
            return signalled;
        }

        @Override
        public void await() throws InterruptedException {
            sleepInterruptibly(false, 0);
        }

        @Override
        public void awaitUninterruptibly() {
            checkHeld();
            sleep(false, false, 0);
        }

        @Override
        public long awaitNanos(long nanos) throws InterruptedException {
            long deadline = System.nanoTime() + Math.max(nanos, 0);
            sleepInterruptibly(true, deadline);
            return deadline - System.nanoTime();
        }

        @Override
        public boolean await(long time, TimeUnit unit) throws InterruptedException {
            return sleepInterruptibly(true, System.nanoTime() + Math.max(unit.toNanos(time), 0));
        }

        @Override
        public boolean awaitUntil(Date deadline) throws InterruptedException {
            long millis = Math.max(0, deadline.getTime() - System.currentTimeMillis());
            return sleepInterruptibly(true, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis));
        }

        @Override
        public void signal() {
            checkHeld();
            Waiter first;
            while ((first = waiters.poll()) != null) {
                if (moved(first)) {
                    return;
                }
            }
        }

        @Override
        public void signalAll() {
            checkHeld();
            Waiter first;
            while ((first = waiters.poll()) != null) {
                moved(first);
            }
        }

        private boolean moved(Waiter waiter) {
            if (!waiter.moveFromCondition(Waiter.QUEUED)) {
                return false;
            }
            queue.add(waiter); // it cannot get the lock before: the signaller holds it
            set(WAITERS);
            return true;
        }
    }
}
