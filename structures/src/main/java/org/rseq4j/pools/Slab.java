package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

@SuppressWarnings("UnusedVariable")
abstract class SlabPadding {
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;
}

abstract class SlabFields extends SlabPadding {
    @SuppressWarnings("UnusedVariable") // by LOCKED
    int locked;
    /** The hot place: how often something was taken out of it, times four, plus its state. */
    @SuppressWarnings("UnusedVariable") // by HOT
    long hot;
    /** What is in the hot place, or was. */
    Object hotObject;
    /** Of the share that the hot place has in the bound: 0 or 1. */
    int hotShare;
    /** The shares that leased slabs got from here. */
    @SuppressWarnings("UnusedVariable") // by LEASED
    int leased;
    /** A hint. */
    int passedBy;
    /** How many objects there are on the stack. */
    int size;
    /** How many there may be on it, at most {@link Slab#room}; negative while the slab is shut. */
    int limit;
    /** Used from {@link Slab#FIRST}, as many as the capacity. */
    final Object[] objects;
    /** Whether a pop clears its place, so that a leaked object becomes unreachable. */
    final boolean clears;
    /** How many objects callers got from here, without those of the hot place. */
    long taken;
    /** How many times in a row a batch from another CPU's slab had few objects, and nothing was released here in between. */
    int fewInARow;
    /** Whether anything was pushed since the last batch, and what the hot place's word was then. */
    boolean returned;
    long hotThen;
    /** How many objects came from or went to another CPU, as their number is known under this lock. */
    long stolen;

    SlabFields(Object[] objects, boolean clears) {
        this.objects = objects;
        this.clears = clears;
    }
}

/**
 * What a pool has for each CPU, and once more as the overflow: a stack of objects under a try-lock, and before it, without
 * a lock, a place for one object.
 *
 * <p>
 * The stack's fields are read and written by the lock's holder only, which {@code compareAndSet} on entry and
 * {@code setRelease} on leaving order. A pop leaves the reference in the array, and a push of the same object finds it there and
 * stores nothing: an acquire and release of one object then has no store of a reference, so no garbage collector's barrier and
 * no card that two CPUs mark in one cache line. The price is that an array may refer to as many objects that left the pool as it
 * has places.
 *
 * <p>
 * The hot place is what most calls see. Its word says what it is: SHUT (not in use, which only the lock's holder begins and
 * ends), EMPTY, FULL, or BUSY while its reference is changed; and, above, how often something was taken out. It keeps its
 * reference, too. So to take is to read the word and the reference and to compare-and-set the word, which fails if anything
 * happened in between, since the count grows; to put the same object back is the same: one atomic instruction each, after which
 * nobody is waited for if the thread is scheduled out. Only to put another object there has two steps, and a thread that finds
 * it BUSY goes to the stack. The count is the statistic of hits, too.
 */
@SuppressWarnings("UnusedVariable")
final class Slab extends SlabFields {
    /** Places before and behind the used ones, so that no two slabs' arrays share a cache line. */
    static final int FIRST = 32;
    private static final int SPINS = 64;
    private static final VarHandle LOCKED;
    private static final VarHandle SIZE;
    private static final VarHandle HOT;
    private static final VarHandle LEASED;

    private static final long STATE = 3;
    private static final long SHUT = 0;
    private static final long EMPTY = 1;
    private static final long FULL = 2;
    private static final long BUSY = 3;
    private static final long TAKEN = 4;
    /** Of so many pushes that find their place on the stack as they left it, one tries the hot place. */
    private static final int PASSES = 16;
    /** So many batches with few objects in a row are no accident. */
    private static final int PATIENCE = 8;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            LOCKED = lookup.findVarHandle(SlabFields.class, "locked", int.class);
            SIZE = lookup.findVarHandle(SlabFields.class, "size", int.class);
            HOT = lookup.findVarHandle(SlabFields.class, "hot", long.class);
            LEASED = lookup.findVarHandle(SlabFields.class, "leased", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private long q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14, q15;

    Slab(int capacity, boolean clears) {
        super(new Object[capacity + 2 * FIRST], clears);
    }

    int capacity() {
        return objects.length - 2 * FIRST;
    }

    /** What the stack has room for. */
    int room() {
        return capacity() - hotShare - leased();
    }

    int leased() {
        return (int) LEASED.getOpaque(this);
    }

    /** Also without the lock, when a share is given back: there is room for more then. */
    void addLeased(int share) {
        LEASED.getAndAdd(this, share);
    }

    /** The object of the hot place, or null. */
    Object takeHot() {
        long word = (long) HOT.getAcquire(this);
        if ((word & STATE) == FULL) {
            Object object = hotObject;
            if (HOT.compareAndSet(this, word, word + TAKEN + EMPTY - FULL)) {
                return object;
            }
        }
        return null;
    }

    /** Puts back what was taken last. */
    @SuppressWarnings("ReferenceEquality") // the same object, not an equal one
    boolean putHot(Object object) {
        long word = (long) HOT.getAcquire(this);
        return (word & STATE) == EMPTY && hotObject == object
                && HOT.compareAndSet(this, word, word + FULL - EMPTY);
    }

    /**
     * Puts another object in the empty hot place, unless it just came from the stack: then the hot place's own is most likely
     * in use, and will be back.
     */
    @SuppressWarnings("ReferenceEquality")
    boolean replaceHot(Object object) {
        long word = (long) HOT.getAcquire(this);
        if ((word & STATE) != EMPTY
                || objects[FIRST + (int) SIZE.getOpaque(this)] == object && (++passedBy & PASSES - 1) != 0
                || !HOT.compareAndSet(this, word, word + BUSY - EMPTY)) {
            return false;
        }
        hotObject = object;
        HOT.setRelease(this, word + FULL - EMPTY);
        return true;
    }

    // ---- What follows needs the lock, where nothing else is said. ----

    /**
     * Begins to use the hot place, with an object and a share of the stack's limit; false when it is in use, or no place would
     * be left on the stack, from which alone objects get to the overflow.
     */
    boolean openHot(Object object) {
        long word = (long) HOT.getAcquire(this);
        if ((word & STATE) != SHUT || limit <= size || capacity() == 1) {
            return false;
        }
        limit--;
        hotShare = 1;
        hotObject = object;
        HOT.setRelease(this, word + FULL - SHUT);
        return true;
    }

    /** Ends the use of the hot place if it is empty; the share that is free thereby. */
    int shutEmptyHot() {
        long word = (long) HOT.getAcquire(this);
        return (word & STATE) == EMPTY && HOT.compareAndSet(this, word, word + TAKEN + SHUT - EMPTY) ? endHot() : 0;
    }

    private int endHot() {
        taken--; // nobody got anything
        hotObject = null;
        int share = hotShare;
        hotShare = 0;
        return share;
    }

    /** Ends the use of the hot place, and adds what was there; the share that is free thereby. */
    private int shutHot(java.util.Collection<Object> to) {
        for (int spins = 0;; spins++) {
            long word = (long) HOT.getAcquire(this);
            if ((word & STATE) == SHUT) {
                return 0;
            }
            if ((word & STATE) == BUSY) {
                pause(spins);
                continue;
            }
            Object object = hotObject;
            if (HOT.compareAndSet(this, word, (word & ~STATE) + TAKEN + SHUT)) {
                if ((word & STATE) == FULL) {
                    to.add(object);
                }
                return endHot();
            }
        }
    }

    /** Notes that a batch came from elsewhere. Once starved it stays so, whatever comes, until something is released here. */
    void gotBatch(boolean few) {
        if (!isStarved()) {
            fewInARow = !few ? 0 : onlyAcquires() ? fewInARow + 1 : 1;
        }
        returned = false;
        hotThen = (long) HOT.getAcquire(this);
    }

    /** Whether nothing was released here since the last batch. */
    private boolean onlyAcquires() {
        return !returned && hotThen == (long) HOT.getAcquire(this);
    }

    /** Whether this CPU only acquires, and gets few objects each time. */
    boolean isStarved() {
        return fewInARow >= PATIENCE && onlyAcquires();
    }

    /** Objects here. */
    int objects() {
        return size + ((((long) HOT.getAcquire(this)) & STATE) == FULL ? 1 : 0);
    }

    /** How many objects callers got from here. */
    long allTaken() {
        return taken + ((long) HOT.getAcquire(this)) / TAKEN;
    }

    boolean tryLock() {
        return LOCKED.compareAndSet(this, 0, 1);
    }

    void unlock() {
        LOCKED.setRelease(this, 0);
    }

    /** For what is not an acquire or a release: closing, trimming, counting. */
    void lock() {
        for (int spins = 0; !tryLock(); spins++) {
            pause(spins);
        }
    }

    private static void pause(int spins) {
        if (spins < SPINS) {
            Thread.onSpinWait();
        } else {
            Thread.yield(); // its holder was scheduled out
        }
    }

    /** Without the lock: a hint whether a try is worth it. */
    boolean looksEmpty() {
        return !looksLike(1);
    }

    /** As {@link #looksEmpty}: whether there are so many. */
    boolean looksLike(int least) {
        return (int) SIZE.getOpaque(this) >= least;
    }

    @SuppressWarnings("ReferenceEquality") // the same object, not an equal one
    boolean push(Object object) {
        int n = size;
        if (n >= limit) {
            return false;
        }
        if (objects[FIRST + n] != object) {
            objects[FIRST + n] = object;
        }
        size = n + 1;
        returned = true;
        return true;
    }

    Object pop() {
        int n = size - 1;
        if (n < 0) {
            return null;
        }
        Object object = objects[FIRST + n];
        if (clears) {
            objects[FIRST + n] = null;
        }
        size = n;
        taken++;
        return object;
    }

    /** Moves the top n objects, or as many as there are and find room, with their share of the limit. */
    int moveTo(Slab other, int n) {
        if (limit < 0 || other.limit < 0) {
            return 0;
        }
        int moved = Math.min(n, Math.min(size, other.room() - other.size));
        size -= moved;
        limit -= moved;
        System.arraycopy(objects, FIRST + size, other.objects, FIRST + other.size, moved);
        java.util.Arrays.fill(objects, FIRST + size, FIRST + size + moved, null);
        other.size += moved;
        other.limit += moved;
        return moved;
    }

    /** Takes all objects out and shuts the hot place; forgets those that left before, too. The hot place's share. */
    int drainTo(java.util.Collection<Object> to) {
        for (int i = 0; i < size; i++) {
            to.add(objects[FIRST + i]);
        }
        size = 0;
        java.util.Arrays.fill(objects, null);
        return shutHot(to);
    }

    /** Drops the references to what left. */
    void forgetLeft() {
        java.util.Arrays.fill(objects, FIRST + size, FIRST + capacity(), null);
        long word = (long) HOT.getAcquire(this);
        if ((word & STATE) == EMPTY && HOT.compareAndSet(this, word, word + TAKEN + BUSY - EMPTY)) {
            taken--;
            hotObject = null;
            HOT.setRelease(this, word + TAKEN);
        }
    }
}
