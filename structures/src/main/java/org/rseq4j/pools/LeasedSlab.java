// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

@SuppressWarnings("UnusedVariable")
abstract class LeasedSlabPadding {
    private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;
}

abstract class LeasedSlabFields extends LeasedSlabPadding {
    /**
     * How often something was taken out, times 512, plus twice how many objects there are, plus 1 while the owner is
     * busy.
     */
    long word;
    /** Whether the owner may not use it any more; for good. */
    volatile boolean revoked;
    /** Whether there was a barrier on all threads since it was revoked; for good. */
    volatile boolean fenced;
    /** 1 while a thread that is not the owner, or not any more, takes something out. */
    volatile int locked;
    /** How many objects were taken out of it since it was revoked, from the top. */
    int gone;
    /**
     * The owner's: what the count of takes was when it was last full, and will be at the next miss if nothing is
     * released.
     */
    long takenWhenFull = -1;
    long takenWhenEmpty = -1;
    /** What the count was at the last trim, and the word when somebody last wanted its place; hints. */
    long takenBefore = -1;
    long wordWhenWanted = -1;
    /** Whether the last trim found that nothing was taken since the one before. */
    boolean idle;
    /** The OS thread whose slab this is, see {@link LeasedSlabs#owner}. */
    final long owner;
    /** How many objects there may be. */
    final int limit;
    /** Used from {@link Slab#FIRST}. */
    final Object[] objects;

    LeasedSlabFields(long owner, int depth) {
        this.owner = owner;
        limit = depth;
        objects = new Object[depth + 2 * Slab.FIRST];
    }
}

/**
 * A small stack of objects that one OS thread, its owner, uses by plain loads and stores. It has one owner in its life:
 * a thread that takes it away revokes it for good, and the next owner of its place gets another slab.
 *
 * <p>
 * The owner stores the busy mark, reads whether the slab is revoked, and then stores the word that commits what it did
 * and clears the mark, all without an atomic instruction or a fence. A thread that takes the slab away pays for both:
 * it stores {@code revoked}, has every running thread of the process execute a memory barrier (membarrier), and then
 * looks for the mark. If it is clear, whatever the owner does next begins with reading that its slab is revoked, and
 * ends with storing the word that it found, so the word is final and the objects are free for the thread that enters
 * the lock. If it is set, the owner was scheduled out in the middle: the slab is left alone until somebody finds the
 * mark cleared. The technique is that of biased locks with asymmetric fences (Dice, Huang, Yang: Asymmetric Dekker
 * Synchronization, 2001).
 *
 * <p>
 * Whatever is thrown while the owner is busy, the word that it found is put back by an assignment, which cannot fail. A
 * virtual thread uses its carrier's slab; nothing between the look-up of the slab and the commit blocks, so it stays on
 * that carrier.
 */
@SuppressWarnings("UnusedVariable")
final class LeasedSlab extends LeasedSlabFields {
    private static final int FIRST = Slab.FIRST;
    private static final VarHandle WORD;
    private static final VarHandle LOCKED;
    private static final long BUSY = 1;
    private static final long ONE = 2;
    private static final long SIZE = 0xFF * ONE;
    private static final long TAKEN = SIZE + ONE;
    /** What the word can count. */
    static final int LARGEST = 0xFF;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            WORD = lookup.findVarHandle(LeasedSlabFields.class, "word", long.class);
            LOCKED = lookup.findVarHandle(LeasedSlabFields.class, "locked", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
        linkCalls();
    }

    private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
    private long q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14, q15;

    LeasedSlab(long owner, int depth) {
        super(owner, depth);
    }

    /** Does nothing, but initializes this class before the first operation, which may find no stack for that. */
    static void initialize() {
        // see above
    }

    /** A call is linked as it is first made, which can block, and a virtual thread would leave its carrier there. */
    @SuppressWarnings("ReferenceEquality")
    private static void linkCalls() {
        var slab = new LeasedSlab(1, 2);
        var other = new Slab(2, false);
        other.limit = 2;
        Object object = new Object();
        if (!slab.put(object) || slab.flush(other, 1) != 1 || slab.refill(other, 1) != 1 || slab.take() != object) {
            throw new AssertionError();
        }
    }

    private static int size(long word) {
        return (int) (word & SIZE) >>> 1;
    }

    // ---- The owner's. ----

    /** An object, or null. */
    Object take() {
        long found = word;
        int n = size(found);
        if (n == 0) {
            return null;
        }
        Object object = objects[FIRST - 1 + n];
        word = found | BUSY;
        try {
            VarHandle.releaseFence(); // for the compiler; for the processor there is the taker's barrier
            if (!revoked) {
                WORD.setRelease(this, found + TAKEN - ONE);
                return object;
            }
        } catch (Throwable e) {
            word = found;
            throw e;
        }
        word = found;
        return null;
    }

    /** Whether the object was put here. */
    @SuppressWarnings("ReferenceEquality") // the same object, not an equal one
    boolean put(Object object) {
        long found = word;
        int n = size(found);
        if (n >= limit) {
            return false;
        }
        boolean left = objects[FIRST + n] == object;
        word = found | BUSY;
        try {
            VarHandle.releaseFence();
            if (!revoked) {
                if (!left) {
                    Slab.PLACE.set(objects, FIRST + n, object);
                }
                WORD.setRelease(this, found + ONE);
                return true;
            }
        } catch (Throwable e) {
            word = found;
            throw e;
        }
        word = found;
        return false;
    }

    /** Moves objects here, from a slab that the owner is inside of; how many. */
    int refill(Slab from, int most) {
        long found = word;
        int n = size(found);
        int moved = Math.min(most, Math.min(limit - n, from.size));
        if (moved <= 0 || from.shut) {
            return 0;
        }
        long after = found;
        word = found | BUSY;
        try {
            VarHandle.releaseFence();
            if (!revoked) {
                System.arraycopy(from.objects, FIRST + from.size - moved, objects, FIRST + n, moved);
                VarHandle.releaseFence();
                from.size -= moved;
                after = found + moved * ONE;
            }
        } finally {
            word = after;
        }
        return after == found ? 0 : moved;
    }

    /** Moves the top objects to a slab that the owner is inside of; how many. */
    int flush(Slab to, int most) {
        long found = word;
        int n = size(found);
        int moved = Math.min(most, Math.min(n, to.limit - to.size));
        if (moved <= 0 || to.shut) {
            return 0;
        }
        long after = found;
        word = found | BUSY;
        try {
            VarHandle.releaseFence();
            if (!revoked) {
                System.arraycopy(objects, FIRST + n - moved, to.objects, FIRST + to.size, moved);
                VarHandle.releaseFence();
                to.size += moved;
                after = found - moved * ONE;
            }
        } finally {
            word = after;
        }
        return after == found ? 0 : moved;
    }

    /** Called when it is full: whether nothing was taken since it was full before. */
    boolean onlyPuts() {
        long before = takenWhenFull;
        takenWhenFull = word / TAKEN;
        return takenWhenFull == before;
    }

    /** Called when it is empty: whether nothing was put since it was last refilled. */
    boolean onlyTakes() {
        return word / TAKEN == takenWhenEmpty;
    }

    void refilled(int objects) {
        takenWhenEmpty = word / TAKEN + objects;
    }

    // ---- Anybody's: hints, exact while nobody uses the pool. ----

    int objects() {
        return size((long) WORD.getOpaque(this)) - gone;
    }

    /** How many objects callers got from here. */
    long taken() {
        return (long) WORD.getOpaque(this) / TAKEN + gone;
    }

    // ---- For those that take it away. ----

    /** Whether it seems that nothing was taken or put since the last call. */
    boolean isUnused() {
        long before = wordWhenWanted;
        wordWhenWanted = (long) WORD.getOpaque(this);
        return wordWhenWanted == before;
    }

    /** Whether its owner is known to be out of it for good. Pairs with the owner's commit. */
    boolean isSettled() {
        return fenced && ((long) WORD.getAcquire(this) & BUSY) == 0;
    }

    boolean tryLock() {
        return locked == 0 && LOCKED.compareAndSet(this, 0, 1);
    }

    /**
     * An object of a slab that was taken away; null when there is none, somebody is inside, or its owner may be busy.
     */
    Object tryPop() {
        if (!tryLock()) {
            return null;
        }
        Object object = null;
        try {
            int n = isSettled() ? objects() : 0;
            if (n > 0) {
                Object top = objects[FIRST + n - 1];
                gone++;
                object = top;
            }
        } finally {
            locked = 0;
        }
        return object;
    }

    /** Gets copies of what is left in a settled slab, whose lock is held; how many. Not seen by anybody yet. */
    int inherit(LeasedSlab from) {
        int n = from.objects();
        System.arraycopy(from.objects, FIRST, objects, FIRST, n);
        word = from.taken() * TAKEN + n * ONE;
        return n;
    }
}
