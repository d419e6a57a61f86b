// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.rseq4j.internal.section.Section;
import org.rseq4j.internal.thread.ThreadArea;

/**
 * A ring of references for many producers and many consumers, strictly first in, first out. The queues are made of it.
 *
 * <p>
 * Two locks, one for the producers and one for the consumers, each of which is the lowest bit of its index: the tail
 * and the head count in twos, and an odd one is locked. So one compare-and-exchange takes the lock and proves that
 * nothing has changed since the index was read; one release store publishes and unlocks. Methods named {@code try}
 * report a lock that is taken ({@link #LOCKED}, {@link #BUSY}); what to do about it is the caller's business.
 *
 * <pre>
 *             head           tail
 *              ▼              ▼
 *     ┌────┬────┬────┬────┬────┬────┬────┬────┐
 *     │    │    │ a  │ b  │ c  │    │    │    │   the slot of an index is half of it, modulo the capacity
 *     └────┴────┴────┴────┴────┴────┴────┴────┘
 *
 *     tail:  t, even ── compareAndSet ──▶ t + 1: locked, slot t is filled ── setRelease ──▶ t + 2: the element is there
 *                                           └── full, a wake-up first, or an error ──▶ t: nothing has happened
 *     head:  the same; a slot is emptied instead
 * </pre>
 *
 * <p>
 * Both indices only grow. Whether there is room or an element is looked up before the lock is tried, so a call that
 * fails writes nothing. It reads its own index, then the other side's, so "empty" and "full" were true at the moment of
 * the second read. What the other side's index was is kept beside the own one; as long as that suffices, the other
 * side's line is left alone.
 *
 * <p>
 * <b>Errors:</b> in interpreted code a StackOverflowError can come at every call, also of a VarHandle. So whatever is
 * done while an end is locked stands in a try whose finally unlocks by a plain store to the volatile index, which calls
 * nothing; from the first change of a slot to the store that publishes it there is no call at all, and if the release
 * store by VarHandle throws, the same store is made without one. Nothing is allocated and no code of the user runs
 * there.
 *
 * <p>
 * A bounded ring is one segment of slots that is used round and round. An unbounded one is a chain: producers link a
 * segment when the last is full, consumers leave an empty one and keep it as a spare, one at most.
 *
 * <p>
 * A thread that is about to sleep until an element comes sets {@link #wakeBeforeElement}, then finds the tail unlocked,
 * then the ring empty. An operation reads the request after its compare-and-exchange of the tail, and with a request it
 * adds nothing and returns {@link #WAKE}. So nothing comes that the sleeper was not told of, and no error after an
 * element was added can lose a wake-up. The same holds for the head and room.
 *
 * <p>
 * Indices wrap around after 2^63 elements; only their differences are compared.
 */
@SuppressWarnings("UnusedVariable")
final class Ring extends RingFields.Consumers {
    static final int DONE = 1;
    /** Full or empty. */
    static final int NONE = 0;
    static final int LOCKED = -1;
    /** A waiter is to be woken first. */
    static final int WAKE = -2;
    /** {@link #grow} first. */
    static final int GROW = -3;
    /** What {@link #tryPoll} returns instead of an element when the lock was taken. */
    static final Object BUSY = new Object();
    /** What {@link #tryPoll} returns instead of an element when a waiter is to be woken first. */
    static final Object WAKE_UP = new Object();

    /** References before and behind the slots of an array, which keep other objects off their cache lines. */
    static final int PAD = 32;
    static final int MAX_CAPACITY = 1 << 30;
    /** The slots of a segment of an unbounded ring. */
    static final int SEGMENT = 1024;
    private static final int SPINS = 32;
    /** Nanoseconds before a look that would find little. */
    private static final int GATHER_NANOS = 1_000;
    /** What has gathered in that time, in units of the indices, when it was worth it. */
    private static final int GATHERED = 8 * 2;
    private static final int RAREST = 31;
    /** The most slots whose cache lines are fetched together, and the slots of a line. */
    private static final int FETCH = 1024;
    private static final int LINE = 16;
    /** How many reservations that are over may be in the list, about. */
    private static final int MAX_ENDED = 64;
    /** In units of the indices. */
    private static final int FEW = 64 * 2;

    private static final VarHandle TAIL;
    private static final VarHandle HEAD;
    private static final VarHandle SLOTS = MethodHandles.arrayElementVarHandle(Object[].class);

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            TAIL = lookup.findVarHandle(RingFields.Producers.class, "tail", long.class);
            HEAD = lookup.findVarHandle(RingFields.Consumers.class, "head", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
        Section.initialize();
    }

    private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

    /** A bounded ring with an array of its own, its indices starting anywhere. */
    Ring(int capacity, long start) {
        this(new Object[slots(capacity) + 2 * PAD], PAD, capacity, start);
    }

    /** A bounded ring on a part of an array. */
    Ring(Object[] array, int base, int capacity, long start) {
        super(base, slots(capacity), (long) capacity << 1, false);
        begin(new Segment(array), start);
        limit = tail + room;
    }

    /** An unbounded ring, its indices starting at a multiple of a segment's slots. */
    private Ring(Segment first, int slots, long start) {
        super(PAD, slots, Long.MAX_VALUE >>> 1 & -2L, true);
        begin(first, start);
        limit = headEnd;
    }

    private void begin(Segment first, long start) {
        if (!unbounded) {
            first.next = first;
            first.previous = first;
        }
        tailSegment = first;
        tailSlots = first.slots;
        headSegment = first;
        headSlots = first.slots;
        tail = start << 1;
        head = tail;
        movesTo = tail;
        seenTail = tail;
        headEnd = tail - ((start & mask) << 1) + (mask + 1 << 1);
    }

    /** A ring without a bound, whose indices start behind so many segments. */
    static Ring unbounded(int slots, long segments) {
        return new Ring(new Segment(new Object[slots + 2 * PAD]), slots, segments * slots);
    }

    static Ring unbounded() {
        return unbounded(SEGMENT, 0);
    }

    static int checkCapacity(int capacity) {
        if (capacity <= 0 || capacity > MAX_CAPACITY) {
            throw new IllegalArgumentException("capacity must be from 1 to " + MAX_CAPACITY + ": " + capacity);
        }
        return capacity;
    }

    /** The slots of a ring: the next power of two. */
    static int slots(int capacity) {
        return capacity == 1 ? 1 : Integer.highestOneBit(capacity - 1) << 1;
    }

    int slot(long index) {
        return base + (int) (index >>> 1 & mask);
    }

    // ---- One element ----

    /** Adds an element: {@link #DONE}, or {@link #NONE}: no room; {@link #LOCKED}, {@link #WAKE}, {@link #GROW}. */
    int tryOffer(Object element, int cpu) {
        long t = tail;
        if ((t & 1) != 0) {
            return LOCKED;
        }
        if (limit - t <= 0 && !findsRoom(t, cpu)) {
            return NONE;
        }
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        int outcome = LOCKED;
        boolean locked = false;
        try {
            locked = TAIL.compareAndSet(this, t, t | 1);
            if (locked) {
                outcome = put(t, element, cpu);
                locked = false;
            }
        } finally {
            if (locked) {
                tail = t;
            }
            if (section != 0) {
                try {
                    Section.end(section);
                } catch (Throwable ignored) {
                    // What was done is done; the request ends with the time slice.
                }
            }
        }
        return outcome;
    }

    /** With the tail locked: unlocks it. */
    private int put(long t, Object element, int cpu) {
        int outcome = wakeBeforeElement ? WAKE : limit - t > 0 ? DONE : renewLimit(t);
        long next = t;
        if (outcome == DONE) {
            tailSlots[base + (int) (t >>> 1 & mask)] = element;
            lastProducer = cpu;
            next = t + 2;
        }
        try {
            TAIL.setRelease(this, next);
        } catch (Throwable e) {
            tail = next;
        }
        return outcome;
    }

    /** Takes an element; null when there is none, {@link #BUSY}, {@link #WAKE_UP}. */
    Object tryPoll(int cpu) {
        long h = head;
        if ((h & 1) != 0) {
            return isEmptyAt(h) ? null : BUSY;
        }
        if (h == seenTail && !findsElement(h, cpu)) {
            return null;
        }
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        Object element = BUSY;
        boolean locked = false;
        try {
            locked = HEAD.compareAndSet(this, h, h | 1);
            if (locked) {
                element = take(h, cpu);
                locked = false;
            }
        } finally {
            if (locked) {
                head = h;
            }
            if (section != 0) {
                try {
                    Section.end(section);
                } catch (Throwable ignored) {
                    // The element is taken, and returned; the request ends with the time slice.
                }
            }
        }
        return element;
    }

    /** With the head locked: unlocks it. */
    private Object take(long h, int cpu) {
        Object element = null;
        long next = h;
        if (wakeBeforeRoom) {
            element = WAKE_UP;
        } else if (h != seenTail || renewTail(h) != h) {
            int slot = base + (int) (h >>> 1 & mask);
            Object[] slots = headSlots;
            element = slots[slot];
            slots[slot] = null;
            lastConsumer = cpu;
            next = h + 2;
        }
        try {
            HEAD.setRelease(this, next);
        } catch (Throwable e) {
            head = next;
        }
        return element;
    }

    /** The first element, null when there is none. Waits for a consumer that is just taking it. */
    Object peek() {
        for (int spins = 0;; spins++) {
            Object element = tryPeek();
            if (element != BUSY) {
                return element;
            }
            pause(spins);
        }
    }

    /** The first element, null when there is none, {@link #BUSY} when a consumer is at work. */
    Object tryPeek() {
        long h = head;
        if (isEmptyAt(h)) {
            return null;
        }
        if ((h & 1) != 0) {
            return BUSY;
        }
        if (unbounded) {
            return tryPeekLocked(h);
        }
        Object element = SLOTS.getAcquire(headSlots, slot(h));
        // Unchanged: nobody took it meanwhile, so nobody put another one into its slot.
        VarHandle.loadLoadFence();
        return head == h && element != null ? element : BUSY;
    }

    /** A segment may be used again, so the head stands still meanwhile. */
    private Object tryPeekLocked(long h) {
        if (!tryLockHead(h)) {
            return BUSY;
        }
        try {
            return h != seenTail || renewTail(h) != h ? headSlots[slot(h)] : null;
        } finally {
            head = h;
        }
    }

    /** Whether nobody else brought the last element or took one out: then nothing gathers while this one waits. */
    private boolean isOnly(int cpu) {
        return lastProducer == cpu && lastConsumer == cpu;
    }

    private boolean findsRoom(long t, int cpu) {
        if (littleRoom) {
            littleRoom = false;
            int mask = tailGathers;
            if ((mask & t >>> 1) == 0 && !isOnly(cpu)) {
                spin(GATHER_NANOS);
                tailGathers = (head & -2) + room - t < GATHERED ? rarer(mask) : 0;
            }
        }
        return !isFullAt(t);
    }

    private boolean findsElement(long h, int cpu) {
        if (fewElements) {
            fewElements = false;
            int mask = headGathers;
            if ((mask & h >>> 1) == 0 && !isOnly(cpu)) {
                spin(GATHER_NANOS);
                headGathers = (tail & -2) - h < GATHERED ? rarer(mask) : 0;
            }
        }
        return !isEmptyAt(h);
    }

    /**
     * The bits of an index that are to be 0 where something is tried that was of no use when it was tried with the bits
     * {@code mask}: half as often, one time in 32 at least.
     */
    static int rarer(int mask) {
        return Math.min(mask * 2 + 1, RAREST);
    }

    /** Spins for some nanoseconds; how many pauses that is differs by a factor of five between machines. */
    static void spin(int nanos) {
        long begun = System.nanoTime();
        do {
            Thread.onSpinWait();
        } while (System.nanoTime() - begun < nanos);
    }

    /** With the tail locked. */
    private int renewLimit(long t) {
        if (unbounded) {
            return link(t);
        }
        long gain = updateLimit(t);
        littleRoom = gain < FEW;
        if (gain <= 0) {
            return NONE;
        }
        fetchRoom(t, gain);
        return DONE;
    }

    private int link(long t) {
        Segment next = spare;
        if (next == null) {
            return GROW;
        }
        spare = null;
        next.previous = tailSegment;
        tailSegment.next = next;
        tailSegment = next;
        tailSlots = next.slots;
        limit = t + (mask + 1 << 1);
        return DONE;
    }

    /** Makes the next segment of an unbounded ring, before the tail is locked. */
    void grow() {
        if (spare == null) {
            spare = new Segment(new Object[(int) mask + 1 + 2 * PAD]);
        }
    }

    /** With the tail locked: the room that there is now. */
    private long updateLimit(long t) {
        long most = (head & -2) + room;
        Reservation before = null;
        for (Reservation r = reservations; r != null; r = r.next) {
            int left = r.over ? 0 : r.left;
            most -= (long) left << 1;
            if (left > 0) {
                before = r;
            } else if (before == null) {
                reservations = r.next;
            } else {
                before.next = r.next;
            }
        }
        limit = most;
        return most - t;
    }

    /** With the head locked: the tail, or the end of the head's segment if that comes first. */
    private long renewTail(long h) {
        long now = tail & -2;
        fewElements = !unbounded && now - h < FEW;
        if (unbounded) {
            if (now != h && h == headEnd) {
                leaveSegment();
            }
            if (now - headEnd > 0) {
                now = headEnd;
            }
        }
        seenTail = now;
        fetchElements(h, now - h);
        return now;
    }

    /** With the head locked: all of its segment is empty, and there is another. */
    void leaveSegment() {
        Segment empty = headSegment;
        Segment next = empty.next;
        next.previous = null;
        empty.next = null;
        headSegment = next;
        headSlots = next.slots;
        headEnd += mask + 1 << 1;
        if (spare == null) {
            spare = empty;
        }
    }

    /** Fetches the cache lines of the next slots together, to write: one by one each would wait for the other CPU. */
    private void fetchRoom(long from, long n) {
        int most = (int) Math.min(n >>> 1, FETCH);
        for (int i = 0; i < most; i += LINE) {
            SLOTS.setOpaque(tailSlots, slot(from + ((long) i << 1)), null);
        }
    }

    private void fetchElements(long from, long n) {
        int most = (int) Math.min(n >>> 1, FETCH);
        for (int i = 0; i < most; i += LINE) {
            int slot = slot(from + ((long) i << 1));
            SLOTS.setOpaque(headSlots, slot, SLOTS.getOpaque(headSlots, slot));
        }
    }

    /** Whether there was no room when the tail was this. */
    boolean isFullAt(long t) {
        return (head & -2) + room - (t & -2) <= 0;
    }

    /** Whether there was nothing when the head was this. */
    boolean isEmptyAt(long h) {
        return (tail & -2) == (h & -2);
    }

    // ---- Many elements ----

    /**
     * Adds as many of n elements as there is room for in a bounded ring, in one piece; {@link #LOCKED}.
     *
     * <p>
     * Where there is room for some only, consumers stand still from the look at the room to the store that publishes
     * them: else those that made it full could be gone before these are seen, and there was no moment at which both was
     * so.
     */
    int tryOfferAll(Object[] from, int start, int n, int cpu) {
        long t = tail;
        if ((t & 1) != 0) {
            return LOCKED;
        }
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        int count = LOCKED;
        boolean locked = false;
        long h = 0;
        boolean headLocked = false;
        try {
            locked = TAIL.compareAndSet(this, t, t | 1);
            if (locked) {
                long wanted = (long) n << 1;
                long free = limit - t < wanted ? updateLimit(t) : wanted;
                boolean some = free > 0 && free < wanted;
                if (some) {
                    h = head;
                    headLocked = tryLockHead(h);
                    free = updateLimit(t);
                }
                if (headLocked || !some) {
                    count = (int) Math.min(n, Math.max(0, free) >>> 1);
                    lastProducer = cpu;
                    Object[] slots = tailSlots;
                    for (int i = 0; i < count; i++) {
                        slots[base + (int) (t >>> 1 & mask)] = from[start + i];
                        t += 2;
                    }
                }
            }
        } finally {
            if (locked) {
                tail = t;
            }
            if (headLocked) {
                head = h;
            }
            if (section != 0) {
                try {
                    Section.end(section);
                } catch (Throwable ignored) {
                    // As in tryOffer.
                }
            }
        }
        return count;
    }

    /**
     * Reserves room for up to n elements in a bounded ring; none when there is none. The reservation is the caller's
     * from before this begins: who throws gives it back.
     */
    void reserve(Reservation reservation, int n) {
        long t = lockTail();
        try {
            long wanted = (long) n << 1;
            // Now and then also to drop those that are over.
            long gain = limit - t < wanted || (++reserved & MAX_ENDED - 1) == 0 ? updateLimit(t) : wanted;
            int count = (int) Math.min(n, Math.max(0, gain) >>> 1);
            if (count > 0) {
                reservation.next = reservations;
                limit -= (long) count << 1;
                reservation.left = count;
                reservations = reservation;
            }
        } finally {
            tail = t;
        }
    }

    /** Adds an element where room was reserved. */
    void offerReserved(Reservation reservation, Object element, int cpu) {
        for (int spins = 0; !tryOfferReserved(reservation, element, cpu); spins++) {
            pause(spins);
        }
    }

    private boolean tryOfferReserved(Reservation reservation, Object element, int cpu) {
        long t = tail;
        if ((t & 1) != 0) {
            return false;
        }
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        boolean locked = false;
        try {
            locked = TAIL.compareAndSet(this, t, t | 1);
            if (locked) {
                // Nothing is called from here to the store that unlocks.
                tailSlots[base + (int) (t >>> 1 & mask)] = element;
                lastProducer = cpu;
                reservation.left--;
                limit += 2;
                long next = t + 2;
                try {
                    TAIL.setRelease(this, next);
                } catch (Throwable e) {
                    tail = next;
                }
            }
        } finally {
            if (section != 0) {
                try {
                    Section.end(section);
                } catch (Throwable ignored) {
                    // As in tryOffer.
                }
            }
        }
        return locked;
    }

    /**
     * Moves up to n elements from the front of this bounded ring to the end of another, unless it is calm: how many;
     * {@link #LOCKED}.
     */
    int moveTo(Ring other, int n, int cpu, Calm.Calms calms) {
        long h = head;
        long t = other.tail;
        if (((h | t) & 1) != 0) {
            return LOCKED;
        }
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        int count = LOCKED;
        boolean locked = false;
        boolean otherLocked = false;
        try {
            locked = HEAD.compareAndSet(this, h, h | 1);
            otherLocked = locked && TAIL.compareAndSet(other, t, t | 1);
            if (otherLocked) {
                seenTail = tail & -2;
                count = calms.isCalm()
                        ? 0
                        : (int) Math.min(n, Math.min(seenTail - h, Math.max(0, other.updateLimit(t))) >>> 1);
                // Nothing is called from here to the end of the try.
                if (count > 0) {
                    movesTo = h + ((long) count << 1);
                }
                lastConsumer = cpu;
                other.lastProducer = cpu;
                for (int i = 0; i < count; i++) {
                    int slot = base + (int) (h >>> 1 & mask);
                    other.tailSlots[other.base + (int) (t >>> 1 & other.mask)] = headSlots[slot];
                    headSlots[slot] = null;
                    h += 2;
                    t += 2;
                }
            }
        } finally {
            // Whoever finds them gone here finds them there.
            if (otherLocked) {
                other.tail = t;
            }
            if (locked) {
                head = h;
            }
            if (section != 0) {
                try {
                    Section.end(section);
                } catch (Throwable ignored) {
                    // As in tryOffer.
                }
            }
        }
        return count;
    }

    // ---- Both sides ----

    int size() {
        while (true) {
            long h = head & -2;
            long t = tail & -2;
            if ((head & -2) == h) {
                return (int) Math.min(Integer.MAX_VALUE, t - h >>> 1);
            }
            Thread.onSpinWait();
        }
    }

    boolean isEmpty() {
        return isEmptyAt(head);
    }

    /** How many elements fit in, about. */
    int free() {
        long t = tail & -2;
        return (int) Math.min(Integer.MAX_VALUE, Math.max(0, (head & -2) + room - t >> 1));
    }

    /** Differs when anything went in or out meanwhile. */
    long progress() {
        return (tail & -2) + (head & -2);
    }

    /** Whether elements are just going from here to another ring. */
    boolean isMoving() {
        long to = movesTo;
        return (head & -2) - to < 0;
    }

    boolean headIsMultipleOf(int powerOfTwo) {
        return (head >>> 1 & powerOfTwo - 1) == 0;
    }

    int capacity() {
        return (int) Math.min(Integer.MAX_VALUE, room >>> 1);
    }

    boolean tryLockTail(long t) {
        return (t & 1) == 0 && TAIL.compareAndSet(this, t, t | 1);
    }

    boolean tryLockHead(long h) {
        return (h & 1) == 0 && HEAD.compareAndSet(this, h, h | 1);
    }

    /** Locks the producers out; returns the tail to unlock with. */
    long lockTail() {
        for (int spins = 0;; spins++) {
            long t = tail;
            if (tryLockTail(t)) {
                return t;
            }
            pause(spins);
        }
    }

    /** Locks the consumers out; returns the head to unlock with. */
    long lockHead() {
        for (int spins = 0;; spins++) {
            long h = head;
            if (tryLockHead(h)) {
                return h;
            }
            pause(spins);
        }
    }

    /** Returns when the head has been unlocked at one moment of the call. */
    void awaitHeadUnlocked() {
        long h = head;
        for (int spins = 0; (h & 1) != 0 && head == h; spins++) {
            pause(spins);
        }
    }

    static void pause(int spins) {
        if (spins < SPINS) {
            Thread.onSpinWait();
        } else {
            Thread.yield(); // its holder was scheduled out
        }
    }
}
