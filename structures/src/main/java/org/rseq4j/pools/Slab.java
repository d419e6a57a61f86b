// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

@SuppressWarnings("UnusedVariable")
abstract class SlabPadding {
    private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;
}

abstract class SlabFields extends SlabPadding {
    /**
     * 1 while a thread is inside. Left by {@code setRelease} on the quick path, elsewhere by a plain (volatile)
     * assignment.
     */
    volatile int locked;
    /** Whether the quick ways in and out are refused; set by anybody, without the lock. */
    volatile boolean shut;
    /** How many objects there are. */
    int size;
    /** How many there may be, at most the capacity: a share of the pool's bound. */
    int limit;
    /** Used from {@link Slab#FIRST}, as many as the capacity. */
    final Object[] objects;
    /** Whether a pop clears its place, so that a leaked object becomes unreachable. */
    final boolean clears;
    /** How many objects callers got from here. */
    long taken;
    /** How many pops and pushes came here, by {@link Slab#CALLS}; a hint which threads deserve a slab of their own. */
    int calls;
    /** What {@code taken} was at the last trim; a hint. */
    long takenBefore;

    SlabFields(Object[] objects, boolean clears) {
        this.objects = objects;
        this.clears = clears;
    }
}

/**
 * What a pool has for each CPU, and once more as the overflow: a stack of objects under a try-lock.
 *
 * <p>
 * Nobody waits for the lock. What is done under it either calls nothing from its first store to the one that unlocks,
 * or is undone in {@code catch} by assignments alone, so that no error, not even a StackOverflowError, leaves the lock
 * behind, or an object in two places.
 *
 * <p>
 * A pop leaves the reference in the array, and a push of the same object finds it there and stores nothing: an acquire
 * and release of one object then has no store of a reference, so no garbage collector's barrier and no card that two
 * CPUs mark in one cache line. The price is that an array may refer to as many objects that left the pool as it has
 * places.
 */
@SuppressWarnings("UnusedVariable")
final class Slab extends SlabFields {
    /** Places before and behind the used ones, so that no two slabs' arrays share a cache line. */
    static final int FIRST = 32;
    private static final VarHandle LOCKED;
    private static final VarHandle SIZE;
    /** Stores a reference without a look at the object's header, which another CPU may have in its cache. */
    static final VarHandle PLACE = MethodHandles.arrayElementVarHandle(Object[].class);

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            LOCKED = lookup.findVarHandle(SlabFields.class, "locked", int.class);
            SIZE = lookup.findVarHandle(SlabFields.class, "size", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
    private long q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14, q15;

    Slab(int capacity, boolean clears) {
        super(new Object[capacity + 2 * FIRST], clears);
    }

    int capacity() {
        return objects.length - 2 * FIRST;
    }

    /** Entered; to be left by {@code locked = 0}, in {@code finally}. */
    boolean tryLock() {
        return locked == 0 && LOCKED.compareAndSet(this, 0, 1);
    }

    /** An object, or null when there is none, somebody is inside, or the slab is shut. */
    Object tryPop() {
        return tryPop(false);
    }

    /** As {@link #tryPop}, but only from a shut slab. */
    Object tryPopShut() {
        return tryPop(true);
    }

    private Object tryPop(boolean fromShut) {
        if (!LOCKED.compareAndSet(this, 0, 1)) {
            return null;
        }
        Object object = null;
        int n = size;
        try {
            if (n > 0 && shut == fromShut) {
                object = objects[FIRST + n - 1];
                if (clears) {
                    objects[FIRST + n - 1] = null;
                }
                size = n - 1;
                taken++;
            }
            calls++;
            LOCKED.setRelease(this, 0);
        } catch (Throwable e) {
            if (object != null) {
                objects[FIRST + n - 1] = object;
                size = n;
                taken--;
            }
            locked = 0;
            throw e;
        }
        return object;
    }

    /** Whether the object was put here; not when the limit is reached, somebody is inside, or the slab is shut. */
    boolean tryPush(Object object) {
        if (!LOCKED.compareAndSet(this, 0, 1)) {
            return false;
        }
        boolean pushed = false;
        int n = size;
        try {
            if (n < limit && !shut) {
                store(n, object);
                size = n + 1;
                pushed = true;
            }
            calls++;
            LOCKED.setRelease(this, 0);
        } catch (Throwable e) {
            size = n;
            locked = 0;
            throw e;
        }
        return pushed;
    }

    @SuppressWarnings("ReferenceEquality") // the same object, not an equal one
    private void store(int n, Object object) {
        if (objects[FIRST + n] != object) {
            PLACE.set(objects, FIRST + n, object);
        }
    }

    /** As {@link #tryPush}, from inside, whether it is shut or not. */
    boolean push(Object object) {
        int n = size;
        if (n >= limit) {
            return false;
        }
        store(n, object);
        size = n + 1;
        return true;
    }

    /** Without the lock: a hint whether a try is worth it. */
    boolean looksEmpty() {
        return objects() == 0;
    }

    /** Exact while nobody is inside. */
    int objects() {
        return (int) SIZE.getOpaque(this);
    }

    /**
     * Moves the top objects to another slab, with their share of the bound.
     *
     * @return how many; 0 when somebody is inside of one of them
     */
    int moveTo(Slab other, int most) {
        if (!tryLock()) {
            return 0;
        }
        boolean both = false; // not left to a method of its own: its call could find no stack
        try {
            both = other.tryLock();
            return both ? move(other, most) : 0;
        } finally {
            if (both) {
                other.locked = 0;
            }
            locked = 0;
        }
    }

    /**
     * As {@link #moveTo}, from inside of both. The share goes along as far as the other has none to spare. Copies do
     * not count until the sizes say so, by assignments alone.
     */
    int move(Slab other, int most) {
        int n = Math.min(most, Math.min(size, other.capacity() - other.size));
        if (n <= 0 || shut || other.shut) {
            return 0;
        }
        int share = Math.max(0, other.size + n - other.limit);
        System.arraycopy(objects, FIRST + size - n, other.objects, FIRST + other.size, n);
        size -= n;
        limit -= share;
        other.size += n;
        other.limit += share;
        Arrays.fill(objects, FIRST + size, FIRST + size + n, null);
        return n;
    }

    /** Drops the references to what left, if nobody is inside. */
    void forgetLeft() {
        if (tryLock()) {
            try {
                Arrays.fill(objects, FIRST + size, objects.length, null);
            } finally {
                locked = 0;
            }
        }
    }
}
