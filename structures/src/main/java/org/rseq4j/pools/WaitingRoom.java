// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * The strict form's bound and its waiters.
 *
 * <p>
 * While nobody waits, objects go through the tiers and this class is not touched. The first thread that finds neither
 * an object nor the right to make one shuts the tiers. From then on each release and each acquire is refused there and
 * comes here: a released object is put into a shut place, and whoever has the lock hands what is there to the waiters
 * in the order of their arrival. When a number of such rounds have met no waiter, the tiers are opened again.
 *
 * <p>
 * The line holds a {@link Ticket} for each thread that waits, and for each object that is just being made or discarded.
 * A ticket says by assignments alone what became of it, so a permit comes back whatever is thrown.
 *
 * <p>
 * The lock is held for some loads and stores, never while anything of the user runs. A release does not wait for it: it
 * leaves word in {@code unserved} or among the {@link Losses}, which who has the lock reads after leaving it. An object
 * in a place whose lock is held by a thread that was stopped there, and word that an error kept from being sent, are
 * looked for by those who wait: every millisecond where that is known, else every second.
 */
@SuppressWarnings("ReferenceEquality") // what tickets are given are marks
final class WaitingRoom {
    private static final int QUIET_ROUNDS = 64;
    private static final long STUCK_NANOS = 1_000_000;
    private static final long LOST_NANOS = 1_000_000_000;
    private static final int SPINS = 100;
    private static final VarHandle LOCKED;
    private static final VarHandle DEPARTING;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            LOCKED = lookup.findVarHandle(WaitingRoom.class, "locked", int.class);
            DEPARTING = lookup.findVarHandle(WaitingRoom.class, "departing", Ticket.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Initializes this class and that of its tickets. */
    static void initialize() {
        new Ticket(null).give(Ticket.LEFT);
    }

    private final Tiers tiers;
    private final int maximum;
    /** Whether there is room for all objects, so that none has to be discarded for want of it. */
    private final boolean keepsAll;
    /** Discards an object that found no place; throws only where it could not begin. */
    private final Consumer<Object> discard;
    /** Looks for objects that became unreachable; null where that is not asked for. */
    private final Runnable sweep;
    /** What an executor makes; null where threads make objects themselves. */
    private final Makings makings;
    /** Objects that are gone without a ticket. */
    private final Losses losses;
    volatile int locked;
    volatile boolean unserved;
    /** Whether there may be tickets that are done with behind one that waits, or among the departing. */
    volatile boolean unswept;
    /** Whether an object may be in a place that nobody gets into at the moment. */
    private volatile boolean stuck;
    private volatile boolean closed;
    /** The tickets of objects that are being discarded, added without the lock. */
    private volatile Ticket departing;

    // Guarded by the lock.
    private final Ticket head = new Ticket(null);
    private Ticket last = head;
    private int waiting;
    int existing;
    /** An object that was made and found no place: for the first in line, or nobody's. */
    Object unplaced;
    private int quiet;
    /** How many losses are not in that number any more; also read without the lock. */
    private volatile int lossesBefore;

    WaitingRoom(Tiers tiers, int maximum, Losses losses, Consumer<Object> discard, Runnable sweep, Makings makings) {
        this.tiers = tiers;
        this.maximum = maximum;
        this.losses = losses;
        keepsAll = maximum <= tiers.bound();
        this.discard = discard;
        this.sweep = sweep;
        this.makings = makings;
    }

    boolean tryLock() {
        return locked == 0 && LOCKED.compareAndSet(this, 0, 1);
    }

    /** Waits for the lock until the room is closed; timed, until a deadline or an interrupt, which stays set. */
    private boolean lock(long deadline, boolean timed) {
        for (int spins = 0; !tryLock(); spins++) {
            if (spins < SPINS) {
                Thread.onSpinWait();
            } else if (closed
                    || timed && (deadline - System.nanoTime() <= 0 || Thread.currentThread().isInterrupted())) {
                return false;
            } else if (spins < 2 * SPINS) {
                Thread.yield();
            } else {
                LockSupport.parkNanos(this, STUCK_NANOS / 10);
            }
        }
        return true;
    }

    /** An object that was put here while nobody waits, or null. */
    Object poll() {
        if (!tiers.isShut() || !lock(System.nanoTime(), true)) {
            return null;
        }
        Object found = null;
        try {
            found = waiting > 0 || closed ? null : tiers.tryPopShut();
        } finally {
            locked = 0;
        }
        try {
            serve();
        } catch (Throwable e) {
            // The object is the caller's; who waits looks for itself.
        }
        return found;
    }

    /**
     * An object, or a ticket with the right to make one: the caller says what became of it.
     *
     * @param timeout null for as long as it takes, then without regard to interrupts
     * @param making what an executor may make for it, or null; where there is one no right is given
     */
    Object acquire(Duration timeout, Making making) throws InterruptedException, TimeoutException {
        if (timeout != null && Thread.interrupted()) {
            throw new InterruptedException();
        }
        long deadline = System.nanoTime() + (timeout == null ? 0 : Durations.nanos(timeout));
        var ticket = new Ticket(Thread.currentThread(), making);
        Object found = null;
        try {
            if (!lock(deadline, timeout != null)) {
                if (closed) {
                    throw PerCpuPool.closed();
                }
                if (Thread.interrupted()) {
                    throw new InterruptedException();
                }
                throw timedOut(timeout);
            }
            try {
                found = enter(ticket);
            } finally {
                locked = 0;
            }
            serve();
            if (found == null) {
                found = await(ticket, deadline, timeout);
            }
            if (found == Ticket.CLOSED) {
                throw PerCpuPool.closed();
            }
            if (found == Ticket.LEFT) {
                PerCpuPool.throwAsItIs(making.thrown);
            }
            if (found == Ticket.CREATE) {
                return ticket;
            }
        } catch (Throwable e) {
            // No call: there may be no stack for it, and then the permit would stay with nobody.
            if (found == null || found == Ticket.CREATE || found == Ticket.CLOSED || found == Ticket.LEFT) {
                ticket.outcome = Ticket.GONE;
                unswept = true;
                unserved = true;
                throw e;
            }
        } finally {
            if (making != null) {
                making.abandoned = true;
                if (making.state == Making.GRANTED) {
                    unswept = true;
                    unserved = true;
                    try {
                        serve();
                    } catch (Throwable e) {
                        // Who waits looks for itself.
                    }
                }
            }
        }
        ticket.outcome = Ticket.KEPT;
        return found;
    }

    /** An object, what {@link Ticket} says, or null when the ticket is in the line. */
    private Object enter(Ticket ticket) {
        if (closed) {
            return Ticket.CLOSED;
        }
        countLosses();
        if (unswept) {
            sweepDeparting();
        }
        if ((existing == maximum || makings != null) && !tiers.isShut()) {
            quiet = 0;
            tiers.shut();
        }
        if (waiting == 0) {
            Object found = tiers.isShut() ? tiers.tryPopShut() : null;
            if (found != null) {
                return found;
            }
            if (existing < maximum && makings == null) {
                ticket.given = Ticket.CREATE;
                append(ticket);
                existing++;
                return Ticket.CREATE;
            }
        }
        append(ticket);
        waiting++;
        quiet = 0;
        if (unswept || makings != null) {
            unserved = true;
        }
        stuck = tiers.isStuck();
        return null;
    }

    private void append(Ticket ticket) {
        last.next = ticket;
        last = ticket;
    }

    /** What was given to the ticket. */
    private Object await(Ticket ticket, long deadline, Duration timeout) throws InterruptedException, TimeoutException {
        boolean interrupted = false;
        while (ticket.given == null) {
            if (ticket.making != null && isMadeOrFailed(ticket)) {
                continue;
            }
            long nap = stuck || hasWord() ? STUCK_NANOS : sweep == null ? LOST_NANOS : LOST_NANOS / 100;
            if (timeout != null) {
                long left = deadline - System.nanoTime();
                if (left <= 0 && leave(ticket)) {
                    throw timedOut(timeout);
                }
                nap = Math.min(nap, left);
            }
            if (ticket.given == null) {
                LockSupport.parkNanos(this, nap);
            }
            if (Thread.interrupted()) {
                if (timeout != null && leave(ticket)) {
                    throw new InterruptedException();
                }
                interrupted = true; // given meanwhile, or not asked
            }
            if (ticket.given == null) {
                lookAgain(ticket);
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return ticket.given;
    }

    /** Submits what the ticket's thread was granted, and leaves when that failed; whether the waiting has ended. */
    private boolean isMadeOrFailed(Ticket ticket) {
        if (ticket.making.state == Making.GRANTED) {
            ticket.making.submit();
        }
        Throwable failure = ticket.making.failure;
        if (failure != null) {
            ticket.making.thrown = failure;
            leave(ticket);
        }
        return ticket.given != null;
    }

    private void lookAgain(Ticket ticket) {
        if (closed) {
            ticket.give(Ticket.CLOSED);
            return;
        }
        if (sweep != null) {
            sweep.run();
        }
        unserved = true;
        serve();
    }

    /** False when it was given something already. */
    boolean leave(Ticket ticket) {
        if (!ticket.give(Ticket.LEFT)) {
            return false;
        }
        unswept = true;
        unserved = true;
        serve();
        return true;
    }

    private TimeoutException timedOut(Duration timeout) {
        if (makings == null) {
            return new TimeoutException("no object was released in " + timeout);
        }
        var thrown = new TimeoutException("no object was released or made in " + timeout);
        thrown.initCause(makings.failure);
        return thrown;
    }

    /**
     * Takes an object that its place refused. False when the pool is closed, or, where not all have room, there is none
     * that nobody is inside of.
     */
    boolean release(Object object) {
        if (closed || !tiers.keep(object, keepsAll)) {
            return false;
        }
        unserved = true;
        try {
            serve();
        } catch (Throwable e) {
            // The object is here; who waits looks for itself.
        }
        return true;
    }

    /**
     * Enters an object that is about to be discarded. Its outcome says whether it was; unswept and unserved are set
     * after that.
     */
    Ticket leaving() {
        var ticket = new Ticket(null);
        do {
            ticket.next = departing;
        } while (!DEPARTING.compareAndSet(this, ticket.next, ticket));
        return ticket;
    }

    /** The right to make an object that nobody asked for, as {@link #leaving}; or null. */
    Ticket tryCreate() {
        var ticket = new Ticket(null);
        ticket.given = Ticket.CREATE;
        return tryCreate(ticket, null) ? ticket : null;
    }

    /** Has the executor make an object that nobody asked for; false when it may not now. */
    boolean trySubmit(Making making) {
        if (!tryCreate(null, making)) {
            return false;
        }
        boolean submitted = false;
        try {
            making.submit();
            submitted = true;
        } finally {
            if (!submitted) {
                making.abandoned = true;
                unswept = true;
                unserved = true;
            }
        }
        return true;
    }

    private boolean tryCreate(Ticket ticket, Making making) {
        if (!tryLock()) {
            return false;
        }
        boolean granted = false;
        try {
            if (waiting == 0 && existing < maximum && !closed) {
                if (making == null) {
                    append(ticket);
                } else {
                    makings.grant(making);
                }
                existing++;
                granted = true;
            }
        } finally {
            locked = 0;
        }
        try {
            serve();
        } catch (Throwable e) {
            // Who waits looks for itself; it was granted already.
        }
        return granted;
    }

    /** After word was left: what was done is done, and who waits looks for itself if this fails. */
    void serveAtLast() {
        try {
            serve();
        } catch (Throwable e) {
            // No stack, or no memory.
        }
    }

    /** Whether whoever has the lock, or has it next, is to look. */
    private boolean hasWord() {
        return unserved || losses.objects != lossesBefore;
    }

    /** Gives what there is to who waits. Who has the lock meanwhile sees that there is word after leaving it. */
    private void serve() {
        while (hasWord() && tryLock()) {
            Object left = null;
            boolean done = false;
            unserved = false;
            boolean sweeps = unswept;
            if (sweeps) { // else it may be set just now, and would be lost
                unswept = false; // before what it is about is read, as that is set after it
            }
            try {
                countLosses();
                if (sweeps) {
                    sweepDeparting();
                    if (makings != null) {
                        makings.sweep(keepsAll);
                    }
                }
                openIfQuiet();
                left = serveLine(sweeps); // last: it is lost if anything is thrown here
                done = true;
            } finally {
                if (!done) {
                    unswept = true;
                    unserved = true;
                }
                locked = 0;
            }
            if (left != null) {
                boolean begun = false;
                try {
                    discard.accept(left);
                    begun = true;
                } finally {
                    if (!begun) {
                        synchronized (losses) {
                            try {
                                losses.objects++;
                            } catch (Throwable onEntry) {
                                losses.objects++;
                            }
                        }
                    }
                }
            }
        }
    }

    /**
     * Gives to those in line.
     *
     * @param sweeps whether to go to the end of the line, as there may be tickets that are done with, and not only as
     *            far as there is something to give
     * @return an object that found no place, or null
     */
    private Object serveLine(boolean sweeps) {
        boolean gives = true;
        Object object = unplaced;
        unplaced = null;
        try {
            Ticket before = head;
            for (Ticket ticket = before.next; ticket != null && (gives || sweeps); ticket = before.next) {
                if (isDone(ticket)) {
                    unlink(before, ticket);
                    continue;
                }
                if (gives && ticket.given == null) {
                    object = object != null || closed ? object : tiers.tryPopShut();
                    Object gift = closed ? Ticket.CLOSED : object != null ? object : Ticket.CREATE;
                    if (gift == Ticket.CREATE && (existing >= maximum || makings != null)) {
                        gives = false;
                    } else if (ticket.give(gift)) {
                        existing += gift == Ticket.CREATE ? 1 : 0;
                        object = gift == object ? null : object;
                        waiting -= gift == Ticket.CLOSED ? 0 : 1; // which is also given by its own thread
                        LockSupport.unpark(ticket.thread);
                        if (gift == Ticket.CLOSED) {
                            continue; // again, to unlink it
                        }
                    } else {
                        continue; // it left: again, to unlink it
                    }
                }
                before = ticket;
            }
            stuck = waiting > 0 && tiers.isStuck();
            if (stuck) {
                LockSupport.unpark(firstWaiting());
            }
            if (makings != null) {
                grant();
            }
            if (object != null && !closed && tiers.keep(object, keepsAll)) {
                object = null;
                if (closed) {
                    object = tiers.tryPopShut(); // whoever closed it may have looked before
                }
            }
            return object;
        } catch (Throwable e) {
            if (object != null) {
                synchronized (losses) {
                    try {
                        losses.objects++;
                    } catch (Throwable onEntry) {
                        losses.objects++;
                    }
                }
            }
            throw e;
        }
    }

    /** Has as many objects made as are waited for. */
    private void grant() {
        for (Ticket ticket = head.next; ticket != null && makings.inProgress() < waiting && existing < maximum
                && !closed; ticket = ticket.next) {
            if (ticket.given == null && makings.grant(ticket.making)) {
                existing++;
                LockSupport.unpark(ticket.thread);
            }
        }
    }

    private static boolean isDone(Ticket ticket) {
        return ticket.outcome != Ticket.IN_PROGRESS || ticket.given == Ticket.LEFT || ticket.given == Ticket.CLOSED;
    }

    private void unlink(Ticket before, Ticket done) {
        Object given = done.given;
        if (given == null || given == Ticket.LEFT || given == Ticket.CLOSED) {
            waiting--;
        } else if (given == Ticket.CREATE) {
            existing -= done.outcome == Ticket.GONE ? 1 : 0;
        } else if (done.outcome == Ticket.GONE) {
            synchronized (losses) { // an error came between its thread and the object
                try {
                    losses.objects++;
                } catch (Throwable onEntry) {
                    losses.objects++;
                }
            }
        }
        before.next = done.next;
        if (last == done) {
            last = before;
        }
    }

    private Thread firstWaiting() {
        for (Ticket ticket = head.next; ticket != null; ticket = ticket.next) {
            if (ticket.given == null) {
                return ticket.thread;
            }
        }
        return null;
    }

    private void countLosses() {
        int lost = losses.objects;
        if (lost != lossesBefore) {
            existing -= lost - lossesBefore;
            lossesBefore = lost;
        }
    }

    private void sweepDeparting() {
        Ticket before = null;
        for (Ticket ticket = departing; ticket != null; ticket = ticket.next) {
            int outcome = ticket.outcome; // may change meanwhile
            if (outcome == Ticket.GONE) {
                existing--;
                ticket.outcome = Ticket.KEPT;
            }
            if (outcome == Ticket.IN_PROGRESS) {
                before = ticket;
            } else if (before != null) {
                before.next = ticket.next;
            } else if (!DEPARTING.compareAndSet(this, ticket, ticket.next)) {
                before = ticket; // another one came before it
            }
        }
    }

    private void openIfQuiet() {
        if (waiting == 0 && !closed && tiers.isShut() && ++quiet > QUIET_ROUNDS) {
            tiers.open();
            if (closed) {
                tiers.shut();
            }
        }
    }

    boolean isClosed() {
        return closed;
    }

    /** Whether the pool has room for all objects that may exist. */
    boolean keepsAll() {
        return keepsAll;
    }

    /** Shuts for good, and wakes who waits. The objects are still there, for {@link Tiers#tryPopShut}. */
    void close() {
        boolean locks = lock(System.nanoTime() + STUCK_NANOS, true);
        try {
            closed = true;
            tiers.shut();
        } finally {
            if (locks) {
                locked = 0;
            }
        }
        unserved = true;
        serve();
    }

    /** A moment's value. */
    int waiting() {
        return waiting;
    }

    /** The objects that exist; a moment ago if somebody has the lock. */
    int existing() {
        unserved = true;
        unswept = true;
        serve();
        return existing;
    }
}
