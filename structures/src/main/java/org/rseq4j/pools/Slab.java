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
    /** How many objects there are. */
    int size;
    /** How many there may be, at most the capacity; negative while the slab is shut. */
    int limit;
    /** Used from {@link Slab#FIRST}, as many as the capacity. */
    final Object[] objects;
    /** Whether a pop clears its place, so that a leaked object becomes unreachable. */
    final boolean clears;
    /** How many objects callers got from here. */
    long taken;
    /** How many objects came from or went to another CPU, as their number is known under this lock. */
    long stolen;

    SlabFields(Object[] objects, boolean clears) {
        this.objects = objects;
        this.clears = clears;
    }
}

/**
 * A stack of objects under a try-lock; what a pool has for each CPU, and once more as the overflow. All but the lock is read
 * and written by its holder only, which {@code compareAndSet} on entry and {@code setRelease} on leaving order.
 *
 * <p>
 * A pop leaves the reference in the array, and a push of the same object finds it there and stores nothing: an acquire and
 * release of one object then has no store of a reference, so no garbage collector's barrier and no card that two CPUs mark
 * in one cache line. The price is that an array may refer to as many objects that left the pool as it has places.
 */
@SuppressWarnings("UnusedVariable")
final class Slab extends SlabFields {
    /** Places before and behind the used ones, so that no two slabs' arrays share a cache line. */
    static final int FIRST = 32;
    private static final int SPINS = 64;
    private static final VarHandle LOCKED;
    private static final VarHandle SIZE;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            LOCKED = lookup.findVarHandle(SlabFields.class, "locked", int.class);
            SIZE = lookup.findVarHandle(SlabFields.class, "size", int.class);
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

    boolean tryLock() {
        return LOCKED.compareAndSet(this, 0, 1);
    }

    void unlock() {
        LOCKED.setRelease(this, 0);
    }

    /** For what is not an acquire or a release: closing, trimming, counting. */
    void lock() {
        for (int spins = 0; !tryLock(); spins++) {
            if (spins < SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield(); // its holder was scheduled out
            }
        }
    }

    /** Without the lock: a hint whether a try is worth it. */
    boolean looksEmpty() {
        return (int) SIZE.getOpaque(this) == 0;
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
        int moved = Math.min(n, Math.min(size, other.capacity() - other.size));
        size -= moved;
        limit -= moved;
        System.arraycopy(objects, FIRST + size, other.objects, FIRST + other.size, moved);
        java.util.Arrays.fill(objects, FIRST + size, FIRST + size + moved, null);
        other.size += moved;
        other.limit += moved;
        return moved;
    }

    /** Takes all objects out; forgets those that left before, too. */
    void drainTo(java.util.Collection<Object> to) {
        for (int i = 0; i < size; i++) {
            to.add(objects[FIRST + i]);
        }
        size = 0;
        java.util.Arrays.fill(objects, null);
    }

    void forgetLeft() {
        java.util.Arrays.fill(objects, FIRST + size, FIRST + capacity(), null);
    }
}
