// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.Iterator;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/**
 * The threads that wait at one end of a {@link SliceBlockingQueue}, in order of arrival.
 *
 * <p>
 * A thread that is about to sleep requests, by a flag at the ring's other end, to be woken before the next element (or
 * room) comes, and then looks once more. An operation that finds the flag set calls the first in line, and only then
 * goes on ({@link Ring} says why nothing can come unannounced). So a thread may be called for something that comes a
 * moment later, or never; it looks again after a short rest.
 *
 * <p>
 * Only the first in line asks, and only the first is called. While it is awake it is responsible: it either asks again
 * before it sleeps, or calls the next as it leaves. Nobody else is called meanwhile, however many operations pass. A
 * first in line that finds nothing, because those that never waited are faster, looks again after a rest, from 20 us to
 * 250 us; when nothing happened meanwhile it sleeps. Once it has waited for longer than others may overtake it,
 * newcomers wait behind it, until it has got something.
 *
 * <p>
 * In a fair queue, what is there belongs to those in line, one to each, in order of arrival; the first that leaves
 * wakes all that get something. Newcomers wait behind them unless there is more than that. So a line with enough for
 * all is over at once: were they woken one after the other, those served would queue up again meanwhile, and each
 * element would cost a sleep and a wake-up.
 *
 * <p>
 * No lock of the ring is held or needed here but for the attempts themselves, and these give up after some time; so a
 * thread that is stopped while it has the ring locked keeps nobody from leaving in time or on an interrupt.
 *
 * <p>
 * Who leaves is marked as gone. To take it out of the middle of the line would need a search from the front, which is
 * too slow where thousands leave together. So those that have gone are dropped when they come first, and all of them at
 * once when as many have left as the line had places: both a few steps for each that leaves.
 */
@SuppressWarnings("ReferenceEquality") // BUSY is one object
final class Waiters {
    private static final int SPINS = 64;
    private static final int YIELDS = 4;
    private static final long MIN_REST_NANOS = 20_000;
    private static final long MAX_REST_NANOS = 250_000;
    /** A rest where yields are dear; the kernel makes it some 50 us. */
    private static final long SHORT_REST_NANOS = 1_000;
    /** Nanoseconds for which an attempt waits for a locked ring or for its CPU's turn, before it is a rest. */
    private static final long ATTEMPT_NANOS = 200_000;
    /** Attempts at a ring that is locked before a thread whose time is over yields to who has locked it. */
    static final int LAST_LOOKS = 100;
    /** For how long it does so before it gives up: about a time slice. */
    private static final long LAST_LOOK_NANOS = 5_000_000;
    /** The fewest departures after which those that have gone are dropped from the middle of the line. */
    static final int MIN_DEPARTURES = 64;
    /** How many in line are looked at: the others wait for these. */
    private static final int MOST_SHARES = 64;
    private static final Predicate<Waiter> GONE = waiter -> waiter.gone;

    private final Ring ring;
    private final boolean takers;
    private final boolean fair;
    private final long overtaking;
    private final Yields yields;
    private final ConcurrentLinkedQueue<Waiter> line = new ConcurrentLinkedQueue<>();
    /** How many have left since those that have gone were dropped, and after how many that is done. */
    private final AtomicInteger departures = new AtomicInteger();
    private volatile int dropAfter = MIN_DEPARTURES;
    /** The first in line, when it has waited for longer than others may overtake it. */
    private volatile Waiter next;

    private static final class Waiter {
        /** Null when it has gone, so that the line keeps no thread. */
        Thread thread = Thread.currentThread();
        /** Will look at the ring, and then ask or leave. */
        volatile boolean awake;
        volatile boolean gone;
    }

    /** One way through the other end of the ring. */
    interface Attempt {
        /**
         * Takes an element, or adds one and returns it; null when there is none or no room, {@link Ring#BUSY} when that
         * takes longer than so many nanoseconds; by {@link Turns#AT_ONCE} without waiting for its CPU's turn.
         */
        Object run(Object element, long nanos);
    }

    /** Does nothing, but initializes this class. */
    static void initialize() {
        // see above
    }

    /** Takers wait for elements, the others for room. */
    Waiters(Ring ring, boolean takers, boolean fair, long overtaking, Yields yields) {
        this.ring = ring;
        this.takers = takers;
        this.fair = fair;
        this.overtaking = overtaking;
        this.yields = yields;
    }

    /** Whether threads that arrive now queue behind those that wait. */
    boolean mustQueue() {
        return mustWait(null);
    }

    /** The same of one in line that is not the first; null stands for a thread that arrives. */
    private boolean mustWait(Waiter waiter) {
        if (fair) {
            return !line.isEmpty() && !hasShare(waiter);
        }
        Waiter overtaken = next;
        return overtaken != null && !overtaken.gone;
    }

    /** Whether more is there than those in line before this one get. */
    private boolean hasShare(Waiter waiter) {
        int shares = shares();
        for (Waiter before : line) {
            if (before == waiter) {
                break;
            }
            if (!before.gone && --shares <= 0) {
                return false;
            }
        }
        return shares > 0;
    }

    /** How many of those in line get something of what is there. */
    private int shares() {
        return Math.min(takers ? ring.size() : ring.free(), MOST_SHARES);
    }

    /** Wakes each of those in line that gets something. */
    private void callThoseWithAShare() {
        int shares = shares();
        for (Waiter waiter : line) {
            if (waiter.gone) {
                continue;
            }
            if (--shares < 0) {
                return;
            }
            if (!waiter.awake) {
                wake(waiter);
            }
        }
    }

    /** The first in line that has not gone; those before it are dropped. */
    private Waiter first() {
        Waiter first = line.peek();
        if (first == null || !first.gone) {
            return first;
        }
        for (Iterator<Waiter> waiters = line.iterator(); waiters.hasNext();) {
            first = waiters.next();
            if (!first.gone) {
                return first;
            }
            waiters.remove(); // without a search
        }
        return null;
    }

    private void dropGone() {
        int left = departures.incrementAndGet();
        if (left >= dropAfter && departures.compareAndSet(left, 0)) {
            line.removeIf(GONE);
            dropAfter = Math.max(MIN_DEPARTURES, line.size());
        }
    }

    private void requestWakeUp() {
        if (takers) {
            ring.wakeBeforeElement = true;
        } else {
            ring.wakeBeforeRoom = true;
        }
    }

    /** Whether an operation that may not have seen the request is under way. */
    private boolean isUnderWay() {
        return ((takers ? ring.tail : ring.head) & 1) != 0;
    }

    /** Whether there is something to wait for. */
    private boolean isReady() {
        return takers ? !ring.isEmpty() : !ring.isFullAt(ring.tail);
    }

    /** The index that moves when something comes that is waited for. */
    private long progress() {
        return takers ? ring.tail & -2 : ring.head & -2;
    }

    /** Calls the first in line. */
    void call() {
        if (takers) {
            ring.wakeBeforeElement = false;
        } else {
            ring.wakeBeforeRoom = false;
        }
        try {
            Waiter first = first();
            if (first != null) {
                wake(first);
            }
        } catch (Throwable e) {
            if (takers) {
                ring.wakeBeforeElement = true;
            } else {
                ring.wakeBeforeRoom = true;
            }
            throw e;
        }
    }

    private static void wake(Waiter waiter) {
        waiter.awake = true;
        try {
            LockSupport.unpark(waiter.thread);
        } catch (Throwable e) {
            waiter.awake = false;
            throw e;
        }
    }

    /** The first in line has gone, or lets the next one be the first: somebody else is responsible now. */
    private void passOn() {
        Waiter first = first();
        if (first != null && !first.awake) {
            requestWakeUp();
            if (isUnderWay() || isReady()) {
                call();
            }
        }
        if (fair && first != null) {
            callThoseWithAShare();
        }
    }

    /**
     * Waits until an attempt succeeds or nanos have passed; no end when they are {@code Long.MAX_VALUE}.
     *
     * @return what the attempt returned; null when the time was over
     */
    Object await(Attempt attempt, Object element, long nanos) throws InterruptedException {
        long begun = System.nanoTime();
        for (int i = 0; i < SPINS + YIELDS; i++) {
            if (i < SPINS) {
                Thread.onSpinWait();
            } else if (yields.areDear()) {
                break;
            } else {
                yields.yield();
            }
            Object result = mustQueue() ? null : attempt.run(element, 0);
            if (result != null && result != Ring.BUSY) {
                return result;
            }
            if (nanos - (System.nanoTime() - begun) <= 0) {
                return lastLook(attempt, element);
            }
        }
        var waiter = new Waiter();
        try {
            line.add(waiter);
            return waitInLine(waiter, attempt, element, begun, nanos);
        } finally {
            waiter.gone = true; // stores that cannot fail: whoever looks at the line goes past
            waiter.thread = null;
            if (next == waiter) {
                next = null;
            }
            try {
                passOn();
                dropGone();
            } catch (Throwable ignored) {
                // What was taken or added is so, and must not be lost. The next operation calls whoever is first then.
                if (takers) {
                    ring.wakeBeforeElement = true;
                } else {
                    ring.wakeBeforeRoom = true;
                }
            }
        }
    }

    private Object waitInLine(Waiter waiter, Attempt attempt, Object element, long begun, long nanos)
            throws InterruptedException {
        long rest = MIN_REST_NANOS;
        while (true) {
            long asleep = progress();
            // In this order: who was called since then is awake, and the first.
            waiter.awake = false;
            boolean first = first() == waiter;
            if (first) {
                requestWakeUp();
            }
            // Whoever has not seen the request is under way now, or has been when the attempt looks.
            boolean underWay = first && isUnderWay();
            Object result = first || !mustWait(waiter) ? attempt.run(element, Math.min(ATTEMPT_NANOS, nanos)) : null;
            if (result != null && result != Ring.BUSY) {
                return result;
            }
            long over = remaining(begun, nanos);
            if (over <= 0) {
                return lastLook(attempt, element);
            }
            if (underWay || result == Ring.BUSY) {
                rest(Math.min(rest, over));
                rest = Math.min(rest * 2, MAX_REST_NANOS);
                continue;
            }
            if (!waiter.awake) {
                park(over);
            }
            rest = MIN_REST_NANOS;
            if (waiter.awake && (!fair || first() == waiter)) {
                result = lookAgain(waiter, attempt, element, begun, nanos);
                if (result == null) {
                    // It may sleep again, and nobody overtakes it while nothing comes; but others did when something
                    // has.
                    next = progress() != asleep && System.nanoTime() - begun > overtaking ? waiter : null;
                }
                if (result != null) {
                    return result;
                }
            }
        }
    }

    private void rest(long nanos) {
        LockSupport.parkNanos(this, yields.areDear() ? Math.min(SHORT_REST_NANOS, nanos) : nanos);
    }

    private void park(long nanos) {
        if (nanos == Long.MAX_VALUE) {
            LockSupport.park(this);
        } else {
            LockSupport.parkNanos(this, nanos);
        }
    }

    private static long remaining(long begun, long nanos) throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        return nanos == Long.MAX_VALUE ? nanos : nanos - (System.nanoTime() - begun);
    }

    /** As the one that was called: null when nothing has happened during a rest, or the time is over. */
    private Object lookAgain(Waiter waiter, Attempt attempt, Object element, long begun, long nanos)
            throws InterruptedException {
        long rest = MIN_REST_NANOS;
        for (int looks = 0;; looks++) {
            long seen = progress();
            Object result = attempt.run(element, Math.min(ATTEMPT_NANOS, nanos));
            if (result != null && result != Ring.BUSY) {
                return result;
            }
            long over = remaining(begun, nanos);
            if (over <= 0) {
                return null;
            }
            if (looks < YIELDS && !yields.areDear()) {
                yields.yield(); // to the one that has called
                continue;
            }
            rest(Math.min(rest, over));
            if (result == null && progress() == seen) {
                return null;
            }
            if (next != waiter && System.nanoTime() - begun > overtaking) {
                next = waiter;
            }
            rest = next == waiter ? MIN_REST_NANOS : Math.min(rest * 2, MAX_REST_NANOS);
        }
    }

    /** The time is over: what is there is taken all the same, also past others; null when that end stays locked. */
    static Object lastLook(Attempt attempt, Object element) {
        long begun = 0;
        for (int i = 0;; i++) {
            Object result = attempt.run(element, Turns.AT_ONCE);
            if (result != Ring.BUSY) {
                return result;
            }
            if (i < LAST_LOOKS) {
                Thread.onSpinWait();
                continue;
            }
            // It is most likely a thread that lost its CPU in there, and needs one.
            long now = System.nanoTime();
            begun = begun == 0 ? now | 1 : begun;
            if (now - begun > LAST_LOOK_NANOS) {
                return null;
            }
            Thread.yield();
        }
    }

    /** How many wait; for tests. */
    int count() {
        int count = 0;
        for (Waiter waiter : line) {
            count += waiter.gone ? 0 : 1;
        }
        return count;
    }

    /** How many places the line has, those of threads that have gone included; for tests. */
    int places() {
        return line.size();
    }
}
