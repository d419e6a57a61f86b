// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import org.rseq4j.internal.thread.Ids;
import org.rseq4j.internal.thread.Threads;

@SuppressWarnings("UnusedVariable")
abstract class TurnsPadBefore {
    private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;
}

/** Read by all, written when the turn passes. */
abstract class TurnsHolder extends TurnsPadBefore {
    final Ring ring;
    /** Whether there are turns. */
    final boolean turns;
    /** Told before an element comes, and before room comes, when somebody asked for it. */
    final Runnable beforeElement;
    final Runnable beforeRoom;
    final Yields yields;
    /** The CPU whose turn it is. */
    volatile int holder = -1;

    TurnsHolder(Ring ring, boolean turns, Runnable beforeElement, Runnable beforeRoom, Yields yields) {
        this.ring = ring;
        this.turns = turns;
        this.beforeElement = beforeElement;
        this.beforeRoom = beforeRoom;
        this.yields = yields;
    }
}

@SuppressWarnings("UnusedVariable")
abstract class TurnsPadHolder extends TurnsHolder {
    private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

    TurnsPadHolder(Ring ring, boolean turns, Runnable beforeElement, Runnable beforeRoom, Yields yields) {
        super(ring, turns, beforeElement, beforeRoom, yields);
    }
}

/** What the holder's threads found, for those that wait. */
abstract class TurnsFindings extends TurnsPadHolder {
    /** Grows by two around each moment at which the ring was seen full, under the producers' lock. */
    volatile long full;
    /** The tail when it was last seen full, and the thread that saw it. */
    long fullAt;
    long fullBy;
    /** The same for empty, the consumers' lock and the head. */
    volatile long empty;
    long emptyAt;
    long emptyBy;

    TurnsFindings(Ring ring, boolean turns, Runnable beforeElement, Runnable beforeRoom, Yields yields) {
        super(ring, turns, beforeElement, beforeRoom, yields);
    }
}

@SuppressWarnings("UnusedVariable")
abstract class TurnsPadFindings extends TurnsFindings {
    private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

    TurnsPadFindings(Ring ring, boolean turns, Runnable beforeElement, Runnable beforeRoom, Yields yields) {
        super(ring, turns, beforeElement, beforeRoom, yields);
    }
}

/** What those that wait for the turn know of its holder; racy, only hints. */
abstract class TurnsWaiters extends TurnsPadFindings {
    /** Whether the holder was seen at work since the turn passed. */
    boolean active;
    /** Since when another CPU has waited for an active holder's turn. */
    long wantedSince;
    /** While there is none: the bits of an index that are 0 where a call takes a sample, see {@link Ring#rarer}. */
    int sampleMask;
    /** When an active holder was last checked, and the ring's progress then. */
    long checkedAt;
    long checkedProgress;
    /** {@link #full} as last seen, and when the ring counts as stalled if it stays so; 0 when that was checked. */
    long seenFull;
    long fullDeadline;
    /** The same for {@link #empty}. */
    long seenEmpty;
    long emptyDeadline;

    TurnsWaiters(Ring ring, boolean turns, Runnable beforeElement, Runnable beforeRoom, Yields yields) {
        super(ring, turns, beforeElement, beforeRoom, yields);
    }
}

/**
 * The way into and out of a ring of a strict queue: one CPU's threads have both ends of it for a while, their turn.
 *
 * <p>
 * Where threads of two CPUs use a ring at the same time, each operation waits for cache lines from the other CPU, which
 * takes ten times as long as the operation. So those of one CPU go on, producers and consumers alternating on the same
 * warm lines, while those of other CPUs stay away: they read two lines that seldom change, and yield. The turn passes
 * when the holder is not seen to do much, when it has made the ring full or empty and nobody there does something
 * about it, or after {@link #TURN_NANOS} of work. It is a matter of speed only: the locks of the ring keep it whole,
 * and a strict call that has waited for as long as a turn goes without it.
 *
 * <p>
 * That pays for a ring that is busy. Threads that have other work between two operations would only wait for each
 * other: where an operation comes with w nanoseconds of work, both CPUs together do two in w + 150 nanoseconds or so,
 * one alone in its turn does two in 2w + 20. So a turn is respected while its holder does an operation each 125
 * nanoseconds. As long as samples of the ring's progress find less than that, only one call of 2, 4, up to 32 still
 * takes one; the others go ahead, whoever's turn it is.
 *
 * <p>
 * A waiting thread need not look at the ring to learn that it was full or empty. The holder's threads publish that they
 * found it so: under the lock of their end, where its index stands still, they make a counter odd, look, and make it
 * even again. The counter of moments at which the ring was full has then passed a whole pair since a waiting offer
 * began, so there was such a moment during the offer, and it may return false: that is a linearization point, though
 * there may be room again.
 *
 * <p>
 * The first call of a thread that finds the ring full or empty after many elements yields once and tries again: its
 * partners are most likely threads that wait for this CPU.
 */
@SuppressWarnings({"UnusedVariable", "ReferenceEquality"}) // BUSY is one object
final class Turns extends TurnsWaiters {
    /** The capacity from which on there are turns: in smaller rings each element needs a change of threads. */
    static final int MIN_CAPACITY = 64;
    /** A turn, while others want it. */
    static final int TURN_NANOS = 100_000;
    /** A call that has waited for so long goes without the turn, however many CPUs want it. */
    private static final int MAX_WAIT_NANOS = TURN_NANOS;
    /** Between two samples of the ring's progress, which tell whether the holder is active. */
    private static final int SAMPLE_NANOS = 500;
    /** The progress in that time from which on it is: an operation each 125 ns. Indices count in twos. */
    private static final int BUSY_PROGRESS = 4 * 2;
    /** Between two checks whether an active holder still is. */
    private static final int CHECK_NANOS = 10_000;
    /** A ring that has stayed full, or empty, for so long is stalled: another CPU may have the turn. */
    private static final int STALL_NANOS = 3_000;
    /** Spins before the first yield of a call. */
    private static final int SPINS = 16;
    /** Instead of a number of nanoseconds: the call takes no notice of turns and waits for a lock only briefly. */
    static final long AT_ONCE = -1;
    /** After so many elements, in twos, a call that finds the ring full or empty yields once. */
    private static final int YIELD_AFTER = 64 * 2;

    private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

    Turns(Ring ring, boolean turns) {
        this(ring, turns, null, null, new Yields(ring));
    }

    Turns(Ring ring, boolean turns, Runnable beforeElement, Runnable beforeRoom, Yields yields) {
        super(ring, turns, beforeElement, beforeRoom, yields);
        fullAt = 1;
        emptyAt = 1;
    }

    // ---- The turn ----

    /** Whether it is this CPU's turn, perhaps since now. */
    private boolean tryTurn(int cpu, boolean forRoom) {
        if (!turns || holder == cpu) {
            return true;
        }
        if (!active) {
            int mask = sampleMask;
            if ((mask & (forRoom ? ring.tail : ring.head) >>> 1) != 0) {
                return true;
            }
            if (holder >= 0) {
                if (isAtWork()) {
                    sampleMask = 0;
                    active = true;
                    return false;
                }
                sampleMask = Ring.rarer(mask);
            }
            return take(cpu);
        }
        long nanos = System.nanoTime();
        if (nanos - wantedSince > TURN_NANOS) {
            return take(cpu);
        }
        if (nanos - checkedAt > CHECK_NANOS) {
            checkedAt = nanos;
            long now = ring.progress();
            if (now - checkedProgress < (long) BUSY_PROGRESS * (CHECK_NANOS / SAMPLE_NANOS)) {
                return take(cpu);
            }
            checkedProgress = now;
        }
        if (forRoom ? staysEmpty(nanos) : staysFull(nanos)) {
            return take(cpu);
        }
        return false;
    }

    private boolean isAtWork() {
        long seen = ring.progress();
        Ring.spin(SAMPLE_NANOS);
        long now = ring.progress();
        if (now - seen < BUSY_PROGRESS) {
            return false;
        }
        long nanos = System.nanoTime();
        wantedSince = nanos;
        checkedAt = nanos;
        checkedProgress = now;
        return true;
    }

    private boolean staysFull(long nanos) {
        long now = full;
        if (now != seenFull) {
            seenFull = now;
            fullDeadline = nanos + STALL_NANOS;
        } else if (fullDeadline != 0 && nanos - fullDeadline > 0) {
            fullDeadline = 0;
            return ring.head == fullAt - ring.room;
        }
        return false;
    }

    private boolean staysEmpty(long nanos) {
        long now = empty;
        if (now != seenEmpty) {
            seenEmpty = now;
            emptyDeadline = nanos + STALL_NANOS;
        } else if (emptyDeadline != 0 && nanos - emptyDeadline > 0) {
            emptyDeadline = 0;
            return ring.tail == emptyAt;
        }
        return false;
    }

    private boolean take(int cpu) {
        active = false;
        holder = cpu;
        return true;
    }

    private void pause(int waits) {
        if (waits < SPINS) {
            Thread.onSpinWait();
        } else {
            yields.yield();
        }
    }

    /** Whether what a counter counts happened since it was read as {@code before}, wholly. */
    private static boolean isSince(long before, long now) {
        return now - before >= 2 + (before & 1);
    }

    // ---- In ----

    /** Adds an element; false when there was no room. */
    boolean offer(Object element) {
        return offer(element, Long.MAX_VALUE) > 0;
    }

    /** As {@link #offer}, but {@link Ring#LOCKED} when the ring's end is locked for longer than some nanoseconds. */
    int offer(Object element, long nanos) {
        int cpu = Ids.cpuId();
        if (holder == cpu || !turns) {
            int outcome = ring.tryOffer(element, cpu);
            if (outcome > 0 || outcome == Ring.NONE && wasFullBefore()) {
                return outcome;
            }
        }
        return offerSlowly(element, nanos);
    }

    private boolean wasFullBefore() {
        return fullBy == Threads.currentId() && fullAt == ring.tail;
    }

    /** Waits as an {@link #offer} does, but adds nothing: whether there is room. */
    boolean awaitRoom() {
        return (holder == Ids.cpuId() || !turns) && !ring.isFullAt(ring.tail)
                || offerSlowly(null, Long.MAX_VALUE) > 0;
    }

    private int tryOffer(Object element, int cpu) {
        if (element == null) {
            return ring.isFullAt(ring.tail) ? Ring.NONE : Ring.DONE;
        }
        return ring.tryOffer(element, cpu);
    }

    /** For null, adds nothing but tells whether there was room. */
    int offerSlowly(Object element, long nanos) {
        long before = full;
        boolean found = false;
        long begun = 0;
        long waited = 0;
        for (int waits = 0;; waits++) {
            int cpu = Ids.cpuId();
            if (holder != cpu) {
                if (!active && ring.isFullAt(ring.tail)) {
                    return Ring.NONE;
                }
                if (isSince(before, full)) {
                    return Ring.NONE;
                }
            }
            if (waited > MAX_WAIT_NANOS || nanos == AT_ONCE || tryTurn(cpu, true)) {
                int outcome = tryOffer(element, cpu);
                switch (outcome) {
                    case Ring.DONE -> {
                        return outcome;
                    }
                    case Ring.WAKE -> {
                        beforeElement.run();
                        continue;
                    }
                    case Ring.GROW -> {
                        ring.grow();
                        continue;
                    }
                    case Ring.NONE -> {
                        if (!findFull() || found || nanos == AT_ONCE || yields.areDear()) {
                            return outcome;
                        }
                        found = true;
                        waits = SPINS;
                    }
                    default -> {
                    }
                }
            }
            if (waits >= SPINS) {
                long now = System.nanoTime();
                begun = begun == 0 ? now | 1 : begun;
                waited = now - begun;
                if (waited >= nanos || nanos != Long.MAX_VALUE && yields.areDear()) {
                    return Ring.LOCKED;
                }
            }
            pause(waits);
        }
    }

    /** Whether the other threads of this CPU should have a chance now. */
    private boolean findFull() {
        if (!turns) {
            return false;
        }
        fullBy = Threads.currentId();
        long t = ring.tail;
        long since = t - fullAt;
        if (since != 0 && ring.tryLockTail(t)) {
            try {
                // Nothing is called here. The stores are volatile: the look comes after the first of them.
                long before = full;
                full = before + 1;
                if ((ring.head & -2) + ring.room - t <= 0) {
                    fullAt = t;
                    before += 2;
                }
                full = before;
            } finally {
                ring.tail = t;
            }
        }
        return since == 0 || since >= YIELD_AFTER;
    }

    /** Adds an element if that is easily done. */
    boolean relaxedOffer(Object element) {
        int cpu = Ids.cpuId();
        if (holder != cpu && !tryTurn(cpu, true)) {
            return false;
        }
        int outcome = ring.tryOffer(element, cpu);
        if (outcome == Ring.GROW) {
            ring.grow();
            outcome = ring.tryOffer(element, cpu);
        }
        if (outcome == Ring.NONE && fullAt != ring.tail) {
            findFull();
        }
        return outcome > 0;
    }

    // ---- Out ----

    /** Takes an element; null when there was none. */
    Object poll() {
        return poll(Long.MAX_VALUE);
    }

    /** As {@link #poll}, but {@link Ring#BUSY} when the end of the ring is locked for longer than some nanoseconds. */
    Object poll(long nanos) {
        int cpu = Ids.cpuId();
        if (holder == cpu || !turns) {
            Object element = ring.tryPoll(cpu);
            if (element == null) {
                if (wasEmptyBefore()) {
                    return null;
                }
            } else if (element != Ring.BUSY && element != Ring.WAKE_UP) {
                return element;
            }
        }
        return pollSlowly(nanos);
    }

    private boolean wasEmptyBefore() {
        return emptyBy == Threads.currentId() && emptyAt == ring.head;
    }

    Object pollSlowly(long nanos) {
        long before = empty;
        boolean found = false;
        long begun = 0;
        long waited = 0;
        for (int waits = 0;; waits++) {
            int cpu = Ids.cpuId();
            if (holder != cpu) {
                if (!active && ring.isEmptyAt(ring.head)) {
                    return null;
                }
                if (isSince(before, empty)) {
                    return null;
                }
            }
            if (waited > MAX_WAIT_NANOS || nanos == AT_ONCE || tryTurn(cpu, false)) {
                Object element = ring.tryPoll(cpu);
                if (element == Ring.WAKE_UP) {
                    beforeRoom.run();
                    continue;
                } else if (element == null) {
                    if (!findEmpty() || found || nanos == AT_ONCE || yields.areDear()) {
                        return null;
                    }
                    found = true;
                    waits = SPINS;
                } else if (element != Ring.BUSY) {
                    return element;
                }
            }
            if (waits >= SPINS) {
                long now = System.nanoTime();
                begun = begun == 0 ? now | 1 : begun;
                waited = now - begun;
                if (waited >= nanos || nanos != Long.MAX_VALUE && yields.areDear()) {
                    return Ring.BUSY;
                }
            }
            pause(waits);
        }
    }

    private boolean findEmpty() {
        if (!turns) {
            return false;
        }
        emptyBy = Threads.currentId();
        long h = ring.head;
        long since = h - emptyAt;
        if (since != 0 && ring.tryLockHead(h)) {
            try {
                // As in findFull.
                long before = empty;
                empty = before + 1;
                if ((ring.tail & -2) == h) {
                    emptyAt = h;
                    before += 2;
                }
                empty = before;
            } finally {
                ring.head = h;
            }
        }
        return since == 0 || since >= YIELD_AFTER;
    }

    /** Takes an element if that is easily done. */
    Object relaxedPoll() {
        int cpu = Ids.cpuId();
        if (holder != cpu && !tryTurn(cpu, false)) {
            return null;
        }
        Object element = ring.tryPoll(cpu);
        if (element == null) {
            if (emptyAt != ring.head) {
                findEmpty();
            }
            return null;
        }
        return element == Ring.BUSY ? null : element;
    }
}
