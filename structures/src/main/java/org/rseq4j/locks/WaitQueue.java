// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** A lock's word and those that wait for it, in the order of arrival. */
@SuppressWarnings("serial") // SliceLock is written as its form
abstract class WaitQueue extends LockWordPadding {
    /*
     * The links are plain fields under a lock of their own, a word that one compare-and-set takes and a store gives
     * back. What is done between leaves the queue as it was, or changed, whatever is thrown: the stores that change it
     * stand together, without a call.
     *
     * A thread that is stopped there keeps others from joining and leaving, but no timed call beyond its time. Who
     * cannot join gives up, and who cannot leave is marked as gone. Whoever has the links takes those that have gone
     * out after that, and wakes the first that is left if the lock is free.
     *
     * The heir is the first of the queue when it was woken and has neither parked again nor left. While there is one
     * nobody else is woken, however many holds end: that keeps the number of running threads low. Whoever ends a hold
     * changes the word, then reads the first and the heir; the heir clears itself, then reads the word, before it
     * parks. One of both sees the other. An heir that is cleared too often costs a waking, one that stays behind would
     * cost all of them, so whoever sets it clears it again when anything fails.
     */
    private static final int SPINS = 100;
    private static final long REST_NANOS = 100_000;
    /** For how long tools wait for the links, before they look at the queue without. */
    private static final long LOOK_NANOS = 20_000_000;

    /** 1 while somebody changes the links. */
    transient volatile int linksLocked;
    /** Whether there may be waiters in the queue that have gone; set after they are marked. */
    private transient volatile boolean someGone;
    transient volatile Waiter first;
    private transient Waiter last;
    transient volatile Waiter heir;
    /** When the heir was woken. */
    transient volatile long wokenAt;
    /** Whether the next unlock looks how long the heir is passed: here, where an unlock reads anyhow. */
    transient boolean isCheckDue;
    /** What {@link #passes} is when that is due next, how many acquisitions after the last look, and when that was. */
    transient int nextCheck;
    transient int checkAfter;
    transient long checkedAt;

    private boolean tryLinks() {
        return linksLocked == 0 && LockAccess.LINKS.compareAndSet(this, 0, 1);
    }

    /** Waits for the links; false at an interrupt or the deadline. */
    private boolean lockLinks(boolean interruptibly, boolean timed, long deadline) {
        for (int tries = 0; !tryLinks(); tries++) {
            if (tries < SPINS) {
                Thread.onSpinWait();
            } else if (Parking.isOver(interruptibly, timed, deadline)) {
                return false;
            } else if (tries < 2 * SPINS) {
                Thread.yield();
            } else {
                LockSupport.parkNanos(this, REST_NANOS);
            }
        }
        return true;
    }

    /**
     * Puts a waiter at the end of the queue, when it is where it is said to be; else has no effect and returns false,
     * as at an interrupt or the deadline.
     */
    final boolean join(Waiter waiter, int from, boolean interruptibly, boolean timed, long deadline) {
        if (!lockLinks(interruptibly, timed, deadline)) {
            return false;
        }
        waiter.gone = false; // it may be in the queue still, after an error
        boolean joins = false;
        try {
            joins = LockAccess.PLACE.compareAndSet(waiter, from, Waiter.QUEUED);
        } finally {
            if (joins) {
                Waiter before = last;
                waiter.previous = before;
                last = waiter;
                if (before == null) {
                    first = waiter;
                } else {
                    before.next = waiter;
                }
            }
            linksLocked = 0;
        }
        dropGone();
        return joins;
    }

    /** Ends a wait for a condition, unless a signal has. */
    final boolean cancel(Waiter waiter) {
        return LockAccess.PLACE.compareAndSet(waiter, Waiter.ON_CONDITION, Waiter.NOWHERE);
    }

    /** Takes a waiter out of the queue; by its own thread. */
    final void leave(Waiter waiter) {
        boolean queued = waiter.place == Waiter.QUEUED;
        try {
            for (int tries = 0; queued && tries < SPINS; tries++) {
                if (tryLinks()) {
                    try {
                        if (waiter.place == Waiter.QUEUED) { // else others took it out, after an error here
                            unlink(waiter);
                        }
                        queued = false;
                    } finally {
                        linksLocked = 0;
                    }
                } else {
                    Thread.onSpinWait();
                }
            }
        } finally {
            if (queued) {
                waiter.gone = true; // first: who looks for those that have gone clears the other
                someGone = true;
            }
            if (heir == waiter) {
                heir = null;
            }
        }
        dropGone();
    }

    /** With the links. Calls nothing. */
    private void unlink(Waiter waiter) {
        Waiter before = waiter.previous;
        Waiter after = waiter.next;
        waiter.place = Waiter.NOWHERE;
        waiter.previous = null;
        waiter.next = null;
        if (after == null) {
            last = before;
        } else {
            after.previous = before;
        }
        if (before == null) {
            first = after;
        } else {
            before.next = after;
        }
    }

    /** Takes out those that have gone, unless somebody has the links, who does it then. */
    private void dropGone() {
        boolean dropped = false;
        while (someGone && tryLinks()) {
            boolean done = false;
            someGone = false;
            try {
                Waiter after;
                for (Waiter waiter = first; waiter != null; waiter = after) {
                    after = waiter.next;
                    if (waiter.gone) {
                        unlink(waiter);
                    }
                }
                done = true;
            } finally {
                if (!done) {
                    someGone = true;
                }
                linksLocked = 0;
            }
            dropped = true;
        }
        if (dropped && (state & LOCKED) == 0) {
            wakeFirst();
        }
    }

    /** Wakes the first of the queue, unless one that was woken before is still on its way. */
    final void wakeFirst() {
        Waiter next;
        while (heir == null && (next = first) != null) {
            if (next.gone) {
                someGone = true; // who marked it may have been stopped there
                dropGone();
                if (first == next) {
                    return; // who has the links wakes the next one
                }
                continue;
            }
            if (LockAccess.HEIR.compareAndSet(this, null, next)) {
                boolean woken = false;
                try {
                    // Else it left meanwhile, and looked whether it was the heir before it was.
                    if (first == next && !next.gone) {
                        long now = System.nanoTime();
                        wokenAt = now;
                        checkedAt = now;
                        checkAfter = 1;
                        nextCheck = passes + 1;
                        LockSupport.unpark(next.thread);
                        woken = true;
                        return;
                    }
                } finally {
                    if (!woken) {
                        heir = null;
                    }
                }
            }
        }
    }

    // ---- Tools ----

    final int length() {
        boolean locked = lockLinks(false, true, System.nanoTime() + LOOK_NANOS);
        int length = 0;
        for (Waiter waiter = first; waiter != null; waiter = waiter.next) {
            length += waiter.gone ? 0 : 1;
        }
        if (locked) {
            linksLocked = 0;
        }
        dropGone();
        return length;
    }

    final boolean isWaiting(Thread thread) {
        boolean locked = lockLinks(false, true, System.nanoTime() + LOOK_NANOS);
        boolean found = false;
        for (Waiter waiter = first; waiter != null; waiter = waiter.next) {
            found |= waiter.thread == thread && !waiter.gone;
        }
        if (locked) {
            linksLocked = 0;
        }
        dropGone();
        return found;
    }

    final Collection<Thread> threads() {
        Thread[] found = new Thread[length()]; // before the links: those that come now are left out
        boolean locked = lockLinks(false, true, System.nanoTime() + LOOK_NANOS);
        int count = 0;
        for (Waiter waiter = first; waiter != null && count < found.length; waiter = waiter.next) {
            if (!waiter.gone) {
                found[count++] = waiter.thread;
            }
        }
        if (locked) {
            linksLocked = 0;
        }
        dropGone();
        List<Thread> threads = new ArrayList<>(Arrays.asList(found).subList(0, count));
        return Collections.unmodifiableList(threads);
    }
}
