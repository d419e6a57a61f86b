// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.lang.invoke.VarHandle;
import org.rseq4j.internal.section.Section;
import org.rseq4j.internal.thread.FirstUse;
import org.rseq4j.internal.thread.Threads;

/**
 * How a SliceLock is taken, waited for and given back.
 *
 * <pre>
 *     word:    0 ── lock ──▶ LOCKED ── unlock ──▶ 0
 *              LOCKED ── those that pass the heir for too long ──▶ LOCKED and RESERVED ── unlock ──▶ RESERVED
 *              RESERVED ── lock, by the first of the queue alone ──▶ LOCKED
 *
 *     waiter:  spins ── in vain ──▶ queued and parked ── is first, woken by an unlock ──▶ heir ── lock ──▶ holder
 *                                          ▲                                               │
 *                                          └───────────── spins in vain, parks ────────────┘
 * </pre>
 */
@SuppressWarnings("serial") // SliceLock is written as its form
abstract class QueuedLock extends WaitQueue {
    /*
     * Taking is by compare-and-set, before any read: who waits has the word's line, and a read first would fetch it
     * twice. So is releasing, which expects the holder's id in the word, and reads that line before only where there
     * are requests. After it the first of the queue is read, and nothing of the word's line, which somebody else has
     * by then. A waiter joins the queue, then reads the word: when it saw LOCKED it may park, as the end of that hold
     * will see it.
     *
     * Every thread beyond the number of CPUs makes the scheduler take the CPU from a holder more often. An heir that
     * spins in vain has perhaps done that by its waking: it yields the CPU. A thread that is woken on a busy machine
     * waits for a time slice of somebody else before it runs at all, so it is those that pass it who see that its time
     * is up, and reserve the lock for it. Then threads that arrive go to the queue at once, which leaves the heir a
     * CPU.
     *
     * RESERVED is no more than a hint: a lock that is reserved for nobody is taken by the next thread by way of the
     * queue, and a waiter whose reservation is lost asks again when it is woken next.
     *
     * Errors. Whatever needs calls is done before the word is taken, which one call does or does not; its outcome is a
     * local variable, and what follows is plain stores. A thread that is about to park makes sure of its stack
     * (StackReserve), so the rest of the wait, and the way back from a condition, does not end half-way.
     *
     * Sections: around each try, kept while holding, never around a spin. They are of the checked kind, as the holder's
     * own code runs inside.
     */
    /** Checks in the first, uncounted spin: enough for a holder that runs to end a short hold. */
    private static final int FIRST_SPINS = 64;

    /** After how many acquisitions, at most, somebody looks how long the first of the queue has been passed. */
    private static final int MOST_PER_CHECK = 64;
    /** Of the time for which it may be passed, the part after which somebody should look. */
    private static final int CHECKS = 16;

    private static boolean initialized;

    {
        if (!initialized) {
            initialize();
        }
    }

    private static void initialize() {
        FirstUse.prepare();
        LockAccess.initialize();
        initialized = true;
    }

    /** The nested holds beside the first one; the holder's. */
    transient int holds;
    /** The owner when that is a virtual thread, which cannot be found by its id; the holder's. */
    transient Thread virtualOwner;
    final transient boolean fair;
    final transient boolean reentrant;
    final transient long handOffNanos;
    private final transient Spinning spinning = new Spinning();

    QueuedLock(boolean fair, boolean reentrant, long handOffNanos) {
        this.fair = fair;
        this.reentrant = reentrant;
        this.handOffNanos = handOffNanos;
    }

    // ---- Taking ----

    final boolean isHeldBy(Thread thread) {
        return state >>> OWNER == Threads.id(thread);
    }

    final boolean reenter(Thread current) {
        if (!isHeldBy(current)) {
            return false;
        }
        if (!reentrant) {
            throw new IllegalStateException("the thread holds this lock already, and it is not reentrant: " + this);
        }
        if (holds == Integer.MAX_VALUE - 1) {
            throw new Error("Maximum lock count exceeded");
        }
        holds++;
        return true;
    }

    /** One try without a look at the word before. */
    final boolean isTakenAtOnce(Thread current) {
        return (!fair || first == null) && attempt(0, LOCKED, current);
    }

    /** One try within a request, which leaves these flags. */
    final boolean attempt(long seen, long flags, Thread current) {
        StackReserve.ensureUnlock();
        long held = Threads.id(current) << OWNER | flags;
        Thread virtual = Threads.isVirtual(current) ? current : null;
        boolean asks = Section.isSupported();
        long opened = asks ? Section.open() : 0;
        boolean taken = false;
        try {
            taken = LockAccess.STATE.compareAndSet(this, seen, held);
        } finally {
            if (!taken) {
                closeSection(opened);
            }
        }
        if (taken) { // from here on without a call
            if (asks) {
                section = opened;
            }
            if (virtual != null) {
                virtualOwner = virtual;
            }
            passes++;
            if (passes - nextCheck >= 0 && heir != null) {
                isCheckDue = true;
            }
        }
        return taken;
    }

    private static void closeSection(long section) {
        if (Section.isSupported()) {
            Section.close(section);
        }
    }

    /** Tries while the lock is free for a thread that is not in the queue; who it was kept for may have left that. */
    final boolean isTakenNow(Thread current) {
        long seen;
        while (((seen = state) & LOCKED) == 0 && (first == null || !fair && seen == 0)) {
            if (attempt(seen, LOCKED, current)) {
                return true;
            }
        }
        return false;
    }

    private boolean isTakenFromQueue(Waiter waiter) {
        long seen;
        while (((seen = state) & LOCKED) == 0 && (first == waiter || !fair && seen == 0)) {
            if (attempt(seen, LOCKED, waiter.thread)) {
                return true;
            }
        }
        return false;
    }

    /** Takes the lock however long it takes; false when it was given up by an interrupt (still set) or the deadline. */
    final boolean waitFor(Thread current, boolean interruptibly, boolean timed, long deadline) {
        if (!fair && spinBriefly(current)) {
            return true;
        }
        StackReserve.ensure();
        if (!fair && spinLong(current)) {
            return true;
        }
        var waiter = new Waiter(Waiter.NOWHERE);
        return waitInQueue(waiter, interruptibly, timed, deadline);
    }

    private boolean spinBriefly(Thread current) {
        if (Spinning.SPINNERS == 0) {
            return false;
        }
        long seen = LOCKED;
        for (int i = 0; i < FIRST_SPINS && (seen & RESERVED) == 0; i++) {
            Thread.onSpinWait();
            seen = state;
            if (seen == 0 && attempt(0, LOCKED, current)) {
                return true;
            }
        }
        return false;
    }

    /** Spins unless enough others do. */
    private boolean spinLong(Thread current) {
        if ((state & RESERVED) != 0 || !spinning.begin()) {
            return false;
        }
        try {
            return spin(null, current);
        } finally {
            spinning.end();
        }
    }

    /** Spins as long as that used to help. */
    private boolean spin(Waiter waiter, Thread current) {
        int limit = spinning.limit();
        long begun = System.nanoTime();
        long spun;
        boolean taken;
        do {
            taken = false;
            for (int i = 0; i < 16 && !taken; i++) {
                Thread.onSpinWait();
                taken = waiter != null ? isTakenFromQueue(waiter) : isTakenNow(current);
            }
            spun = System.nanoTime() - begun;
        } while (!taken && spun < limit && (waiter != null || (state & RESERVED) == 0));
        spinning.learn(taken, spun);
        return taken;
    }

    /** Joins the queue, unless the waiter is in it already, and waits. */
    private boolean waitInQueue(Waiter waiter, boolean interruptibly, boolean timed, long deadline) {
        Object event = LockEvents.begin();
        long formerOwner = event == null ? 0 : ownerId();
        boolean taken = false;
        try {
            join(waiter, Waiter.NOWHERE, interruptibly, timed, deadline);
            taken = sleepInQueue(waiter, interruptibly, timed, deadline);
        } finally {
            leave(waiter);
            forgetOwner();
            if (!taken && (state & LOCKED) == 0) {
                wakeFirst(); // a wake-up may have been meant for this thread
            }
        }
        LockEvents.end(event, this, formerOwner, taken);
        return taken;
    }

    private boolean sleepInQueue(Waiter waiter, boolean interruptibly, boolean timed, long deadline) {
        boolean interrupted = false;
        long sleep = Parking.FIRST_SLEEP;
        boolean taken;
        while (!(taken = isTakenFromQueue(waiter)) && !Parking.isOver(interruptibly, timed, deadline)) {
            if (heir == waiter) {
                if (Spinning.SPINNERS > 0 && spin(waiter, waiter.thread)) {
                    taken = true;
                    break;
                }
                if (System.nanoTime() - wokenAt < handOffNanos) {
                    Thread.yield();
                    continue;
                }
                reserve();
                heir = null; // before the word is read again, below
            }
            if (mustPark(waiter)) {
                long begun = System.nanoTime();
                interrupted |= Parking.park(this, sleep, interruptibly, timed, deadline);
                if (System.nanoTime() - begun >= sleep) {
                    sleep = Parking.longer(sleep);
                    if (first == waiter) {
                        publishOwner();
                    }
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return taken;
    }

    /** Whether the lock is another's, who will see after its hold that there are waiters. */
    private boolean mustPark(Waiter waiter) {
        long seen = state;
        return (seen & LOCKED) != 0 || first != waiter && (fair || seen != 0);
    }

    private void reserve() {
        long seen;
        do {
            seen = state;
        } while ((seen & RESERVED) == 0 && !LockAccess.STATE.compareAndSet(this, seen, seen | RESERVED));
    }

    // ---- Releasing ----

    final IllegalMonitorStateException notHeld() {
        return new IllegalMonitorStateException("the thread does not hold this lock: " + this);
    }

    final void checkHeld() {
        if (!isHeldBy(Thread.currentThread())) {
            throw notHeld();
        }
    }

    /**
     * Ends the hold of the thread of this id. Whatever is thrown, it has ended.
     *
     * @throws IllegalMonitorStateException when it is another's
     */
    final void release(long id) {
        long opened = Section.isSupported() ? section : 0; // else the line is not read
        try {
            if (!LockAccess.STATE.compareAndSet(this, id << OWNER | LOCKED, 0L)) {
                releaseReserved(id);
            }
        } catch (Throwable e) {
            if (state >>> OWNER == id) {
                state = 0; // it did nothing; who asked for the reservation will ask again
            }
            throw e;
        }
        closeSection(opened);
        if (first != null) {
            wakeNext();
        }
    }

    private void releaseReserved(long id) {
        long seen;
        do {
            seen = state;
            if (seen >>> OWNER != id) {
                throw notHeld();
            }
        } while (!LockAccess.STATE.compareAndSet(this, seen, seen & RESERVED));
    }

    private void wakeNext() {
        forgetOwner();
        wakeFirst();
        if (isCheckDue) {
            isCheckDue = false;
            if (!fair && heir != null) {
                check();
            }
        }
    }

    /** By a thread that passed the heir, or is about to. */
    private void check() {
        long now = System.nanoTime();
        boolean late = now - checkedAt > handOffNanos / CHECKS;
        checkedAt = now;
        checkAfter = late ? Math.max(1, checkAfter / 4) : Math.min(MOST_PER_CHECK, 2 * checkAfter);
        nextCheck = passes + checkAfter;
        if (now - wokenAt >= handOffNanos) {
            reserve();
        }
    }

    /** Takes the lock back for a thread that waited for a condition, whatever fails on the way. */
    final void takeBack(Waiter waiter) {
        Thread current = waiter.thread;
        boolean interrupted = false;
        boolean taken = false;
        while (!taken) {
            try {
                interrupted |= Thread.interrupted(); // a set one would keep park from parking
                taken = waiter.place == Waiter.NOWHERE && isTakenNow(current)
                        || waitInQueue(waiter, false, false, 0);
            } catch (Throwable e) {
                taken = state >>> OWNER == Threads.id(current); // else again: a wait must not end without the lock
            }
        }
        if (interrupted) {
            current.interrupt();
        }
    }

    // ---- The owner, for tools ----

    final long ownerId() {
        return (long) LockAccess.STATE.getOpaque(this) >>> OWNER;
    }

    final Thread owner() {
        long id = ownerId();
        Thread virtual = virtualOwner;
        if (id == 0) {
            return null;
        }
        return virtual != null && Threads.id(virtual) == id ? virtual : PlatformThreads.find(id);
    }

    /** So that {@code ThreadMXBean.findDeadlockedThreads()} sees which thread is waited for. */
    private void publishOwner() {
        try {
            Thread owner = owner();
            setExclusiveOwnerThread(owner);
            VarHandle.fullFence(); // pairs with the release of who was found
            if (owner != null && Threads.id(owner) != ownerId()) {
                setExclusiveOwnerThread(null);
            }
        } catch (OutOfMemoryError e) {
            setExclusiveOwnerThread(null); // not known then
        }
    }

    private void forgetOwner() {
        if (getExclusiveOwnerThread() != null) {
            setExclusiveOwnerThread(null);
        }
    }
}
