package org.rseq4j.queues;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.NoSuchElementException;
import java.util.function.Predicate;
import org.rseq4j.internal.Section;
import org.rseq4j.internal.ThreadArea;

@SuppressWarnings("UnusedVariable")
abstract class RingPadBefore {
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;
}

/** Never written again. */
abstract class RingConstants extends RingPadBefore {
    final Object[] elements;
    /** Index in {@code elements} of the first slot. */
    final int base;
    final long mask;
    /** The capacity in units of the indices. */
    final long room;

    RingConstants(Object[] elements, int base, int slots, int capacity) {
        this.elements = elements;
        this.base = base;
        mask = slots - 1;
        room = (long) capacity << 1;
    }
}

@SuppressWarnings("UnusedVariable")
abstract class RingPadConstants extends RingConstants {
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

    RingPadConstants(Object[] elements, int base, int slots, int capacity) {
        super(elements, base, slots, capacity);
    }
}

/** The producers' line. All but the tail belongs to whoever has it locked. */
abstract class RingProducers extends RingPadConstants {
    long tail;
    /** Where the tail may go at most, as far as the producers know: head + room - reserved when it was last looked at. */
    long limit;
    /** What fills have reserved and not yet filled. */
    long reserved;
    /** The ring's user who last had the tail locked, a CPU or a concurrency ID. */
    int producer;
    /** Whether the last look found little room. */
    boolean littleRoom;
    /** Whether an offer is to call someone who waits for an element, and whether newcomers are to wait for room. */
    boolean takersWait;
    boolean puttersGate;

    RingProducers(Object[] elements, int base, int slots, int capacity) {
        super(elements, base, slots, capacity);
    }
}

@SuppressWarnings("UnusedVariable")
abstract class RingPadProducers extends RingProducers {
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

    RingPadProducers(Object[] elements, int base, int slots, int capacity) {
        super(elements, base, slots, capacity);
    }
}

/** The consumers' line. All but the head belongs to whoever has it locked. */
abstract class RingConsumers extends RingPadProducers {
    long head;
    /** The tail when the consumers last looked at it. */
    long seenTail;
    /** The ring's user who last had the head locked. */
    int consumer;
    /** Whether the last look found few elements. */
    boolean fewElements;
    /** Whether a poll is to call someone who waits for room, and whether newcomers are to wait for elements. */
    boolean puttersWait;
    boolean takersGate;
    /** Counts what makes the indices of elements other than they were. */
    int version;
    /** Elements that were taken and given back; older than all in the slots. Null when there are none. */
    ArrayDeque<Object> returned;

    RingConsumers(Object[] elements, int base, int slots, int capacity) {
        super(elements, base, slots, capacity);
    }
}

/**
 * A ring of references for many producers and many consumers, strictly first in, first out. The queues are made of it.
 *
 * <p>
 * Two locks, one for the producers and one for the consumers, each of which is the lowest bit of its index: the tail and the
 * head count in twos, and an odd one is locked. So one compare-and-exchange takes the lock and proves that nothing has
 * changed since the index was read; one release store publishes and unlocks. All methods try: a lock that is taken is
 * reported ({@link #TAKEN}), and what to do about it is the caller's business.
 *
 * <p>
 * Whether there is room or an element is looked up before the lock is tried, so a call that fails writes nothing. It reads
 * its own index, then the other side's: both only grow, so "empty" and "full" were true at the moment of the second read.
 * What the other side's index was is kept beside the own one; as long as that suffices, the other side's line is left alone.
 *
 * <p>
 * Indices wrap around after 2^63 elements; only their differences are compared.
 */
@SuppressWarnings("UnusedVariable")
final class Ring extends RingConsumers {
    static final int DONE = 1;
    /** Full or empty. */
    static final int NONE = 0;
    static final int TAKEN = -1;
    /** What {@link #tryPoll} returns instead of an element when the lock was taken. */
    static final Object BUSY = new Object();

    /** References before and behind the slots of an array, which keep other objects off their cache lines. */
    static final int PAD = 32;
    static final int MAX_CAPACITY = 1 << 30;
    private static final int SPINS = 32;
    /** Pauses before a look that would find little. */
    private static final int GATHER = 50;
    /** The most slots whose cache lines are fetched together, and the slots of a line. */
    private static final int FETCH = 1024;
    private static final int LINE = 16;
    /** In units of the indices. */
    private static final int LITTLE = 64 * 2;

    private static final VarHandle TAIL;
    private static final VarHandle HEAD;
    private static final VarHandle LIMIT;
    private static final VarHandle RETURNED;
    private static final VarHandle SLOTS = MethodHandles.arrayElementVarHandle(Object[].class);

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            TAIL = lookup.findVarHandle(RingProducers.class, "tail", long.class);
            LIMIT = lookup.findVarHandle(RingProducers.class, "limit", long.class);
            HEAD = lookup.findVarHandle(RingConsumers.class, "head", long.class);
            RETURNED = lookup.findVarHandle(RingConsumers.class, "returned", ArrayDeque.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

    /** A ring with an array of its own, its indices starting anywhere. */
    Ring(int capacity, long start) {
        this(new Object[slots(capacity) + 2 * PAD], PAD, capacity, start);
    }

    /** A ring on a part of an array. */
    Ring(Object[] elements, int base, int capacity, long start) {
        super(elements, base, slots(capacity), capacity);
        tail = start << 1;
        head = tail;
        seenTail = tail;
        limit = tail + room;
        producer = -1;
        consumer = -1;
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

    private int slot(long index) {
        return base + (int) (index >>> 1 & mask);
    }

    // ---- One element ----

    /** Adds an element: {@link #DONE}, {@link #NONE} when there is no room, {@link #TAKEN}. */
    int tryOffer(Object element, int user) {
        long t = (long) TAIL.getOpaque(this);
        if ((t & 1) != 0) {
            return TAKEN;
        }
        if ((long) LIMIT.getOpaque(this) - t <= 0 && !findsRoom(t)) {
            return NONE;
        }
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        int outcome = TAKEN;
        if (TAIL.compareAndSet(this, t, t | 1)) {
            outcome = NONE;
            if (limit - t > 0 || renewLimit(t) > 0) {
                elements[slot(t)] = element;
                producer = user;
                t += 2;
                outcome = DONE;
            }
            TAIL.setRelease(this, t);
        }
        if (Section.isSupported()) {
            Section.end(section);
        }
        return outcome;
    }

    /** Takes an element; null when there is none, {@link #BUSY}. */
    Object tryPoll(int user) {
        long h = (long) HEAD.getOpaque(this);
        if ((h & 1) != 0) {
            return isEmptyAt(h) ? null : BUSY;
        }
        if (h == seenTail && !findsElement(h)) {
            return null;
        }
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        Object element = BUSY;
        if (HEAD.compareAndSet(this, h, h | 1)) {
            if (returned == null && (h != seenTail || renewTail(h) != h)) {
                int slot = slot(h);
                element = elements[slot];
                elements[slot] = null;
                consumer = user;
                h += 2;
            } else {
                element = pollReturned();
            }
            HEAD.setRelease(this, h);
        }
        if (Section.isSupported()) {
            Section.end(section);
        }
        return element;
    }

    /** The first element, null when there is none. Waits for a consumer that is just taking it. */
    Object peek() {
        for (int spins = 0;; spins++) {
            long h = (long) HEAD.getAcquire(this);
            if (isEmptyAt(h)) {
                return null;
            }
            if ((h & 1) == 0) {
                ArrayDeque<?> given = returned;
                Object element = given == null ? SLOTS.getAcquire(elements, slot(h)) : null;
                // Unchanged: nobody took it meanwhile, so nobody put another one into its slot.
                VarHandle.loadLoadFence();
                if (element != null && (long) HEAD.getAcquire(this) == h) {
                    return element;
                }
                if (given != null) {
                    if (tryLockHead(h)) {
                        element = returned == null ? null : returned.peek();
                        HEAD.setRelease(this, h);
                        if (element != null) {
                            return element;
                        }
                    }
                }
            }
            pause(spins);
        }
    }

    /** The first element if no lock stands before it. */
    Object relaxedPeek() {
        long h = (long) HEAD.getAcquire(this);
        if ((h & 1) != 0 || RETURNED.getOpaque(this) != null) {
            return null;
        }
        Object element = SLOTS.getAcquire(elements, slot(h));
        VarHandle.loadLoadFence();
        return (long) HEAD.getAcquire(this) == h ? element : null;
    }

    private boolean findsRoom(long t) {
        if (littleRoom) {
            littleRoom = false;
            letGather();
        }
        return looksForRoom(t);
    }

    private boolean findsElement(long h) {
        if (fewElements) {
            fewElements = false;
            letGather();
        }
        return !isEmptyAt(h);
    }

    private static void letGather() {
        for (int i = 0; i < GATHER; i++) {
            Thread.onSpinWait();
        }
    }

    private long renewLimit(long t) {
        long gain = updateLimit(t);
        littleRoom = gain < LITTLE;
        if (gain > 0) {
            fetchRoom(t, gain);
        }
        return gain;
    }

    private long renewTail(long h) {
        long now = updateTail();
        fewElements = now - h < LITTLE;
        fetchElements(h, now - h);
        return now;
    }

    /** Fetches the cache lines of the next slots together, to write: one by one each would wait for the other CPU. */
    private void fetchRoom(long from, long n) {
        int most = (int) Math.min(n >>> 1, FETCH);
        for (int i = 0; i < most; i += LINE) {
            SLOTS.setOpaque(elements, slot(from + ((long) i << 1)), null);
        }
    }

    private void fetchElements(long from, long n) {
        int most = (int) Math.min(n >>> 1, FETCH);
        for (int i = 0; i < most; i += LINE) {
            int slot = slot(from + ((long) i << 1));
            SLOTS.setOpaque(elements, slot, SLOTS.getOpaque(elements, slot));
        }
    }

    private boolean looksForRoom(long t) {
        return ((long) HEAD.getAcquire(this) & -2) + room - t > 0;
    }

    /** Under the producers' lock: the room that there is now. */
    private long updateLimit(long t) {
        limit = ((long) HEAD.getAcquire(this) & -2) + room - reserved;
        return limit - t;
    }

    /** Whether there was no room when the tail was this. */
    boolean isFullAt(long t) {
        return !looksForRoom(t & -2);
    }

    /** Under the consumers' lock. */
    private long updateTail() {
        seenTail = (long) TAIL.getAcquire(this) & -2;
        return seenTail;
    }

    /** Whether there was nothing when the head was this. */
    boolean isEmptyAt(long h) {
        return ((long) TAIL.getAcquire(this) & -2) == (h & -2) && RETURNED.getOpaque(this) == null;
    }

    private Object pollReturned() {
        if (returned == null) {
            return null;
        }
        Object element = returned.poll();
        if (returned.isEmpty()) {
            returned = null;
        }
        return element;
    }

    // ---- Many elements ----

    /** Adds as many of n elements as there is room for, in one piece; {@link #TAKEN}. */
    int tryOfferAll(Object[] from, int start, int n, int user) {
        long t = (long) TAIL.getOpaque(this);
        if ((t & 1) != 0) {
            return TAKEN;
        }
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        int count = TAKEN;
        if (TAIL.compareAndSet(this, t, t | 1)) {
            if (limit - t < (long) n << 1) {
                updateLimit(t);
            }
            count = (int) Math.min(n, Math.max(0, limit - t) >>> 1);
            for (int i = 0; i < count; i++) {
                elements[slot(t)] = from[start + i];
                t += 2;
            }
            producer = user;
            TAIL.setRelease(this, t);
        }
        Section.end(section);
        return count;
    }

    /** Takes up to n elements; {@link #TAKEN}. */
    int tryPollAll(Object[] to, int n, int user) {
        long h = (long) HEAD.getOpaque(this);
        if (isEmptyAt(h)) {
            return 0;
        }
        if ((h & 1) != 0) {
            return TAKEN;
        }
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        int count = TAKEN;
        if (HEAD.compareAndSet(this, h, h | 1)) {
            count = 0;
            while (returned != null && count < n) {
                to[count++] = pollReturned();
            }
            if (seenTail - h < (long) (n - count) << 1) {
                updateTail();
            }
            int end = count + (int) Math.min(n - count, seenTail - h >>> 1);
            while (count < end) {
                int slot = slot(h);
                to[count++] = elements[slot];
                elements[slot] = null;
                h += 2;
            }
            consumer = user;
            HEAD.setRelease(this, h);
        }
        Section.end(section);
        return count;
    }

    /** Gives back what was taken and could not be used: it comes before all that is in the ring. */
    void giveBack(Object[] from, int start, int end) {
        if (start < end) {
            long t = lockTail();
            long h = lockHead();
            ArrayDeque<Object> all = returned == null ? new ArrayDeque<>() : returned;
            for (int i = end - 1; i >= start; i--) {
                all.addFirst(from[i]);
            }
            RETURNED.setRelease(this, all);
            version++;
            unlockHead(h);
            unlockTail(t);
        }
    }

    /** Reserves room for up to n elements: how many. To be followed by {@link #fillReserved}. */
    int reserve(int n) {
        long t = lockTail();
        updateLimit(t);
        int count = (int) Math.min(n, Math.max(0, limit - t) >>> 1);
        reserved += (long) count << 1;
        limit -= (long) count << 1;
        TAIL.setRelease(this, t);
        return count;
    }

    /** Adds n elements to reserved room and gives the rest of the reservation back. */
    void fillReserved(Object[] from, int n, int reservation, int user) {
        long t = lockTail();
        for (int i = 0; i < n; i++) {
            elements[slot(t)] = from[i];
            t += 2;
        }
        reserved -= (long) reservation << 1;
        limit += (long) reservation << 1;
        producer = user;
        TAIL.setRelease(this, t);
    }

    /** Moves up to n elements from the front of this ring to the end of another: how many; {@link #TAKEN}. */
    int moveTo(Ring other, int n, int user) {
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        int count = TAKEN;
        long h = (long) HEAD.getOpaque(this);
        if (tryLockHead(h)) {
            long t = (long) TAIL.getOpaque(other);
            if (other.tryLockTail(t)) {
                updateTail();
                other.updateLimit(t);
                count = (int) Math.min(n, Math.min(seenTail - h, Math.max(0, other.limit - t)) >>> 1);
                for (int i = 0; i < count; i++) {
                    int slot = slot(h);
                    other.elements[other.slot(t)] = elements[slot];
                    elements[slot] = null;
                    h += 2;
                    t += 2;
                }
                consumer = user;
                other.producer = user;
                TAIL.setRelease(other, t);
            }
            HEAD.setRelease(this, h);
        }
        Section.end(section);
        return count;
    }

    // ---- Both sides ----

    int size() {
        while (true) {
            long h = (long) HEAD.getAcquire(this) & -2;
            long t = (long) TAIL.getAcquire(this) & -2;
            ArrayDeque<?> given = (ArrayDeque<?>) RETURNED.getOpaque(this);
            if (((long) HEAD.getAcquire(this) & -2) == h) {
                return (int) Math.min(Integer.MAX_VALUE, (t - h >>> 1) + (given == null ? 0 : given.size()));
            }
            Thread.onSpinWait();
        }
    }

    boolean isEmpty() {
        return isEmptyAt((long) HEAD.getAcquire(this));
    }

    /** How many elements fit in, about. */
    int free() {
        long t = (long) TAIL.getOpaque(this) & -2;
        return (int) Math.max(0, ((long) HEAD.getAcquire(this) & -2) + room - t >> 1);
    }

    /** The tail now, to see whether it moves. */
    long tailNow() {
        return (long) TAIL.getOpaque(this);
    }

    long headNow() {
        return (long) HEAD.getOpaque(this);
    }

    /** Differs when anything went in or out meanwhile. */
    long progress() {
        return ((long) TAIL.getOpaque(this) & -2) + ((long) HEAD.getOpaque(this) & -2);
    }

    boolean headIsMultipleOf(int powerOfTwo) {
        return ((long) HEAD.getOpaque(this) >>> 1 & powerOfTwo - 1) == 0;
    }

    int capacity() {
        return (int) (room >>> 1);
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
            long t = (long) TAIL.getOpaque(this);
            if (tryLockTail(t)) {
                return t;
            }
            pause(spins);
        }
    }

    void unlockTail(long t) {
        TAIL.setRelease(this, t);
    }

    /** Locks the consumers out; returns the head to unlock with. */
    long lockHead() {
        for (int spins = 0;; spins++) {
            long h = (long) HEAD.getOpaque(this);
            if (tryLockHead(h)) {
                return h;
            }
            pause(spins);
        }
    }

    void unlockHead(long h) {
        HEAD.setRelease(this, h);
    }

    static void pause(int spins) {
        if (spins < SPINS) {
            Thread.onSpinWait();
        } else {
            Thread.yield(); // its holder was scheduled out
        }
    }

    /** All elements in order, at one moment; {@code marked} says which of them {@link Ring#remove} is to remove. */
    static final class Snapshot {
        final Object[] elements;
        final boolean[] marked;
        private final long first;
        private final int given;
        private final int version;

        private Snapshot(Object[] elements, long first, int given, int version) {
            this.elements = elements;
            marked = new boolean[elements.length];
            this.first = first;
            this.given = given;
            this.version = version;
        }

        /** Whether a marked element stands at an index, or is this one if the indices have changed; then unmarks it. */
        @SuppressWarnings("ReferenceEquality") // the same, not an equal one
        private boolean unmark(Object element, long index, int current) {
            long at = given + (index - first >>> 1);
            if (version != current) {
                at = 0;
                while (at < marked.length && !(marked[(int) at] && elements[(int) at] == element)) {
                    at++;
                }
            }
            if (at < marked.length && marked[(int) at]) {
                marked[(int) at] = false;
                return true;
            }
            return false;
        }
    }

    Snapshot snapshot() {
        long t = lockTail();
        long h = lockHead();
        try {
            int given = returned == null ? 0 : returned.size();
            Object[] all = new Object[given + (int) (t - h >>> 1)];
            if (given > 0) {
                returned.toArray(all);
            }
            for (int i = given; i < all.length; i++) {
                all[i] = elements[slot(h + ((long) (i - given) << 1))];
            }
            return new Snapshot(all, h, given, version);
        } finally {
            unlockHead(h);
            unlockTail(t);
        }
    }

    /** Removes the marked elements that are still there, and says how many. The others keep their order. */
    int remove(Snapshot snapshot) {
        int removed = 0;
        long t = lockTail();
        long h = lockHead();
        try {
            int current = returned == null ? version : ++version;
            if (returned != null) {
                var kept = new ArrayDeque<Object>();
                for (Object element : returned) {
                    if (snapshot.unmark(element, 0, current)) {
                        removed++;
                    } else {
                        kept.add(element);
                    }
                }
                returned = kept.isEmpty() ? null : kept;
            }
            long to = h;
            for (long i = h; i != t; i += 2) {
                Object element = elements[slot(i)];
                if (snapshot.unmark(element, i, current)) {
                    removed++;
                } else {
                    if (to != i) {
                        elements[slot(to)] = element;
                    }
                    to += 2;
                }
            }
            if (to != t) {
                for (long i = to; i != t; i += 2) {
                    elements[slot(i)] = null;
                }
                version++;
                t = to;
                seenTail = t;
            }
            return removed;
        } finally {
            // The tail first: it may have gone back, and a consumer that saw the old one would take what is not there.
            unlockTail(t);
            unlockHead(h);
        }
    }

    boolean contains(Object wanted) {
        for (Object element : snapshot().elements) {
            if (wanted.equals(element)) {
                return true;
            }
        }
        return false;
    }

    /** Removes the first element that equals this one. */
    boolean removeFirst(Object wanted) {
        while (true) {
            Snapshot snapshot = snapshot();
            int at = 0;
            while (at < snapshot.elements.length && !wanted.equals(snapshot.elements[at])) {
                at++;
            }
            if (at == snapshot.elements.length) {
                return false;
            }
            snapshot.marked[at] = true;
            if (remove(snapshot) > 0) {
                return true;
            } // else somebody took it meanwhile
        }
    }

    /** Removes the elements of one moment for which the filter, called without a lock, is true; how many. */
    int removeIf(Predicate<Object> filter) {
        Snapshot snapshot = snapshot();
        boolean any = false;
        for (int i = 0; i < snapshot.elements.length; i++) {
            snapshot.marked[i] = filter.test(snapshot.elements[i]);
            any |= snapshot.marked[i];
        }
        return any ? remove(snapshot) : 0;
    }

    /** Removes everything that is there at one moment. */
    void clear() {
        long h = lockHead();
        returned = null;
        updateTail();
        while (h != seenTail) {
            elements[slot(h)] = null;
            h += 2;
        }
        unlockHead(h);
    }

    /** The elements of several rings as they were when the iterator came to each ring. */
    static final class Iterator<E> implements java.util.Iterator<E> {
        private final Ring[] rings;
        private final Runnable removed;
        private int ring = -1;
        private Snapshot snapshot;
        private int next;
        private Ring lastRing;
        private Snapshot lastSnapshot;
        private int last;

        /** Calls {@code removed} after each removal. */
        Iterator(Ring[] rings, Runnable removed) {
            this.rings = rings;
            this.removed = removed;
            advance();
        }

        private void advance() {
            while ((snapshot == null || next == snapshot.elements.length) && ring + 1 < rings.length) {
                snapshot = rings[++ring].snapshot();
                next = 0;
            }
        }

        @Override
        public boolean hasNext() {
            return next < snapshot.elements.length;
        }

        @Override
        @SuppressWarnings("unchecked")
        public E next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            lastRing = rings[ring];
            lastSnapshot = snapshot;
            last = next++;
            advance();
            return (E) lastSnapshot.elements[last];
        }

        @Override
        public void remove() {
            if (lastRing == null) {
                throw new IllegalStateException("no element to remove");
            }
            lastSnapshot.marked[last] = true;
            lastRing.remove(lastSnapshot);
            lastSnapshot.marked[last] = false;
            lastRing = null;
            removed.run();
        }
    }
}
