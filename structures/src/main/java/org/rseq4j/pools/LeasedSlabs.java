// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLong;
import org.rseq4j.internal.thread.Membarrier;
import org.rseq4j.internal.thread.Registration;
import org.rseq4j.internal.thread.ThreadArea;
import org.rseq4j.internal.thread.Threads;

/**
 * The leased slabs of one pool, in places that are found by the owner's number. A thread that often finds no slab of
 * its own opens one in its place; if there is one that its owner did not use for a while, it takes that over.
 *
 * <p>
 * A slab that is not in its place any more is nobody's. So what commits a change of the owner, or the end of a slab, is
 * the one assignment to its place, by the holder of the slab's lock.
 */
final class LeasedSlabs {
    private static final int PER_CPU = 8;
    private static final int DEPTH = 16;
    /**
     * To take slabs away costs a barrier on all threads, tens of microseconds: what was taken away is not dealt out
     * again at once.
     */
    private static final long REVOCATION_INTERVAL = Long.getLong("rseq4j.debug.revocationNanos", 10_000_000);
    static final boolean IS_INTERVAL_SHORT = REVOCATION_INTERVAL < 10_000_000;
    /** The number of places, a power of two; 0 where there are no leased slabs. */
    static final int COUNT = isSupported() ? places() : 0;
    private static final VarHandle PLACES = MethodHandles.arrayElementVarHandle(LeasedSlab[].class);

    private final LeasedSlab[] slabs = new LeasedSlab[Math.max(1, COUNT)];
    private final int depth;
    /** Of slabs that are gone. */
    private final AtomicLong takenBefore = new AtomicLong();
    /** Whether no slab may be used. */
    private volatile boolean shut;
    /** When slabs were last taken away because somebody found nothing else; a hint. */
    private volatile long revokedAt = System.nanoTime() - REVOCATION_INTERVAL;

    LeasedSlabs(int depth) {
        this.depth = depth;
    }

    private static boolean isSupported() {
        return Membarrier.isSupported() && !System.getProperty("rseq4j.leases", "on").equals("off");
    }

    private static int places() {
        int cpus = Math.min(Runtime.getRuntime().availableProcessors(), Registration.CPU_COUNT);
        return Integer.highestOneBit(cpus * PER_CPU * 2 - 1);
    }

    /**
     * How many objects each keeps in a pool that keeps so many for a CPU and in all, 0 for none: all of them together
     * about a third of what the pool keeps, and not more than half.
     */
    static int depth(int capacityPerCpu, int bound) {
        if (COUNT == 0 || bound < 2 * COUNT) {
            return 0;
        }
        return Math.min(DEPTH, Math.min(capacityPerCpu / 4, Math.max(1, bound / (3 * COUNT))));
    }

    /** The share of the pool's bound that is for leased slabs, used or not. */
    static int share(int depth) {
        return COUNT * depth;
    }

    int depth() {
        return depth;
    }

    /**
     * The number of the running OS thread, 0 when it has none: for a platform thread its id, for a virtual one its
     * carrier's, or, where that is not found, one that stands for the carrier.
     */
    static long owner() {
        return ThreadArea.owner();
    }

    private static int place(long owner) {
        long mixed = owner > 0 ? owner : owner * 0x9E3779B97F4A7C15L >>> 32;
        return (int) mixed & Math.max(0, COUNT - 1);
    }

    /** The running thread's slab, which may be revoked; or null. */
    LeasedSlab mine() {
        long id = Threads.currentId();
        LeasedSlab slab = slabs[(int) id & slabs.length - 1];
        return slab != null && slab.owner == id ? slab : carriers();
    }

    private LeasedSlab carriers() {
        if (depth == 0 || !Threads.isVirtual(Thread.currentThread())) {
            return null;
        }
        long owner = owner();
        LeasedSlab slab = slabs[place(owner)];
        return slab != null && slab.owner == owner ? slab : null;
    }

    /** The slab at a place, as it was published. */
    private LeasedSlab at(int place) {
        return (LeasedSlab) PLACES.getAcquire(slabs, place);
    }

    /**
     * Gives the running thread a slab, if its place is free.
     *
     * @param takesOver whether also if its owner did not use it since the last such call for that place
     */
    void open(boolean takesOver) {
        long owner = depth == 0 || shut || wasRevokedLately() ? 0 : owner();
        if (owner != 0) {
            openFor(owner, takesOver);
        }
    }

    /** As {@link #open}, when it was not shut a moment ago. */
    void openFor(long owner, boolean takesOver) {
        int place = place(owner);
        LeasedSlab there = at(place);
        if (there == null) {
            openAt(place, owner);
        } else if (there.revoked || takesOver && there.owner != owner && there.isUnused()) {
            takeOver(place, there, owner);
        }
    }

    private LeasedSlab[] only(int place, LeasedSlab slab) {
        var which = new LeasedSlab[slabs.length];
        which[place] = slab;
        return which;
    }

    private void openAt(int place, long owner) {
        var fresh = new LeasedSlab(owner, depth);
        try {
            // The thread that shuts stores shut and then looks at the places: one of us sees the other.
            if (PLACES.compareAndSet(slabs, place, null, fresh) && shut) {
                revoke(only(place, fresh));
            }
        } catch (Throwable e) {
            fresh.revoked = true;
            throw e;
        }
    }

    private void takeOver(int place, LeasedSlab from, long owner) {
        var fresh = new LeasedSlab(owner, depth);
        if (!from.fenced) {
            revoke(only(place, from));
        }
        if (!from.tryLock()) {
            return;
        }
        try {
            if (at(place) == from && from.isSettled()) {
                int left = fresh.inherit(from);
                VarHandle.releaseFence();
                from.gone += left;
                slabs[place] = fresh;
                VarHandle.fullFence(); // as in openAt
                if (shut) {
                    revoke(only(place, fresh));
                }
            }
        } catch (Throwable e) {
            fresh.revoked = true;
            throw e;
        } finally {
            from.locked = 0;
        }
    }

    private boolean wasRevokedLately() {
        return System.nanoTime() - revokedAt < REVOCATION_INTERVAL;
    }

    // ---- Taking slabs away. ----

    /** Takes these slabs from their owners, by one barrier for all of them. */
    private static void revoke(LeasedSlab[] which) {
        boolean any = false;
        for (LeasedSlab slab : which) {
            if (slab != null && !slab.fenced) {
                slab.revoked = true;
                any = true;
            }
        }
        if (any) {
            Membarrier.barrier();
            for (LeasedSlab slab : which) {
                if (slab != null) {
                    slab.fenced = true;
                }
            }
        }
    }

    /** Takes all slabs from their owners, and lets none be opened. */
    void shut() {
        LeasedSlab[] all = slabs.clone();
        shut = true;
        try {
            for (int i = 0; i < all.length; i++) {
                all[i] = at(i);
            }
            revoke(all);
        } catch (Throwable e) {
            shut = false;
            throw e;
        }
    }

    /** Lets slabs be opened again. */
    void reopen() {
        shut = false;
    }

    /** Takes from their owners all slabs with objects. */
    void revokeForObjects() {
        revokedAt = System.nanoTime();
        LeasedSlab[] which = slabs.clone();
        for (int i = 0; i < which.length; i++) {
            LeasedSlab slab = at(i);
            which[i] = slab != null && slab.objects() > 0 ? slab : null;
        }
        revoke(which);
    }

    /** As {@link #revokeForObjects}, but at most once in a while. */
    void revokeForObjectsAtIntervals() {
        if (!wasRevokedLately() && objects() > 0) {
            revokeForObjects();
        }
    }

    /** Takes from their owners all slabs from which nothing was taken since the last call. */
    void revokeIdle() {
        LeasedSlab[] which = slabs.clone();
        for (int i = 0; i < which.length; i++) {
            LeasedSlab slab = at(i);
            boolean idle = slab != null && slab.taken() == slab.takenBefore;
            which[i] = idle ? slab : null;
            if (slab != null) {
                slab.idle = idle;
                slab.takenBefore = slab.taken();
            }
        }
        revoke(which);
    }

    /** An object of a slab that was taken away, or null. */
    Object tryPop() {
        return tryPop(false);
    }

    /**
     * As {@link #tryPop}, but none of those from which something was taken before the last call of {@link #revokeIdle}.
     */
    Object tryPopIdle() {
        return tryPop(true);
    }

    private Object tryPop(boolean onlyIdle) {
        for (int i = 0; i < COUNT; i++) {
            LeasedSlab slab = at(i);
            if (slab != null && slab.revoked && (slab.idle || !onlyIdle)) {
                if (shut && !slab.fenced) { // an error came as it was taken away, and nobody else will do that
                    revoke(only(i, slab));
                }
                Object found = slab.tryPop();
                if (found != null) {
                    return found;
                }
                end(i);
            }
        }
        return null;
    }

    /** Frees the place of a slab that was taken away and is empty. */
    private void end(int place) {
        LeasedSlab slab = at(place);
        if (slab == null || !slab.tryLock()) {
            return;
        }
        try {
            if (at(place) == slab && slab.isSettled() && slab.objects() == 0) {
                takenBefore.addAndGet(slab.taken());
                slabs[place] = null;
            }
        } finally {
            slab.locked = 0;
        }
    }

    /**
     * Whether there are objects that cannot be had now, because an owner was stopped in the middle or somebody is
     * inside.
     */
    boolean isStuck() {
        for (int i = 0; i < COUNT; i++) {
            LeasedSlab slab = at(i);
            if (slab != null && slab.revoked && (!slab.isSettled() || slab.locked != 0)) {
                return true;
            }
        }
        return false;
    }

    // ---- Exact while nobody uses the pool. ----

    int objects() {
        int objects = 0;
        for (int i = 0; i < COUNT; i++) {
            LeasedSlab slab = at(i);
            objects += slab == null ? 0 : slab.objects();
        }
        return objects;
    }

    long taken() {
        long taken = takenBefore.get();
        for (int i = 0; i < COUNT; i++) {
            LeasedSlab slab = at(i);
            taken += slab == null ? 0 : slab.taken();
        }
        return taken;
    }
}
