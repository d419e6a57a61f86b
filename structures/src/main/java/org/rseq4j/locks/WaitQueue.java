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
     * The links are plain fields under a monitor. What is done there calls nothing and allocates nothing, so that no
     * error can come between two of its steps: a thread that is out of stack or memory leaves the queue as it was, or
     * changed.
     *
     * The heir is the first of the queue when it was woken and has neither parked again nor left. While there is one
     * nobody else is woken, however many holds end: that keeps the number of running threads low. Whoever ends a hold
     * changes the word, then reads the first and the heir; the heir clears itself, then reads the word, before it
     * parks. One of both sees the other. An heir that is cleared too often costs a waking, one that stays behind would
     * cost all of them, so whoever sets it clears it again when anything fails.
     */
    private final transient Object links = new Object();
    transient volatile Waiter first;
    private transient Waiter last;
    transient volatile Waiter heir;
    /** When the heir was woken. */
    transient volatile long wokenAt;

    /**
     * Puts a waiter at the end of the queue, when it is where it is said to be; else has no effect and returns false.
     */
    final boolean join(Waiter waiter, int from) {
        synchronized (links) {
            if (waiter.place != from) {
                return false;
            }
            waiter.place = Waiter.QUEUED;
            Waiter before = last;
            waiter.previous = before;
            last = waiter;
            if (before == null) {
                first = waiter;
            } else {
                before.next = waiter;
            }
            return true;
        }
    }

    /** Ends a wait for a condition, unless a signal has. */
    final boolean cancel(Waiter waiter) {
        synchronized (links) {
            if (waiter.place != Waiter.ON_CONDITION) {
                return false;
            }
            waiter.place = Waiter.NOWHERE;
            return true;
        }
    }

    /** Takes a waiter out of the queue; by its own thread. */
    final void leave(Waiter waiter) {
        synchronized (links) {
            if (waiter.place == Waiter.QUEUED) {
                waiter.place = Waiter.NOWHERE;
                Waiter before = waiter.previous;
                Waiter after = waiter.next;
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
        }
        if (heir == waiter) {
            heir = null;
        }
    }

    /** Wakes the first of the queue, unless one that was woken before is still on its way. */
    final void wakeFirst() {
        Waiter next;
        while (heir == null && (next = first) != null) {
            if (LockAccess.HEIR.compareAndSet(this, null, next)) {
                boolean woken = false;
                try {
                    if (first == next) { // else it left meanwhile, and looked whether it was the heir before it was
                        wokenAt = System.nanoTime();
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
        synchronized (links) {
            int length = 0;
            for (Waiter waiter = first; waiter != null; waiter = waiter.next) {
                length++;
            }
            return length;
        }
    }

    final boolean isWaiting(Thread thread) {
        synchronized (links) {
            for (Waiter waiter = first; waiter != null; waiter = waiter.next) {
                if (waiter.thread == thread) {
                    return true;
                }
            }
            return false;
        }
    }

    final Collection<Thread> threads() {
        Thread[] found = new Thread[length()]; // not under the monitor: those that come now are left out
        int count = 0;
        synchronized (links) {
            for (Waiter waiter = first; waiter != null && count < found.length; waiter = waiter.next) {
                found[count++] = waiter.thread;
            }
        }
        List<Thread> threads = new ArrayList<>(Arrays.asList(found).subList(0, count));
        return Collections.unmodifiableList(threads);
    }
}
