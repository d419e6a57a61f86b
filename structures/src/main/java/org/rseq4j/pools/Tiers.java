// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.internal.section.Section;
import org.rseq4j.internal.thread.Ids;
import org.rseq4j.internal.thread.Registration;
import org.rseq4j.internal.thread.ThreadArea;

/**
 * Where a pool keeps its objects, and the ways between:
 *
 * <pre>
 *   acquire, release          plain loads and stores          some threads' own
 *     leased slab  &lt;──── refill, flush: half of it, or ────┐
 *         │               all of it if that goes one way   │
 *         ▼                                                │
 *     slab of the CPU  &lt;── batch ──&gt;  overflow  &lt;──────────┘  a try-lock each
 *         │
 *         ▼
 *     slabs of other CPUs, spare objects of the strict form,
 *     then leased slabs of others                             a barrier on all threads
 * </pre>
 *
 * <p>
 * Nobody waits anywhere: where somebody is inside, the next place is tried. Where all places are shut nothing gets in
 * or out but by {@link #keep} and {@link #tryPopShut}.
 */
final class Tiers {
    /**
     * Of so many calls at a slab by threads without a slab of their own, powers of two, one tries to open one, or to
     * take one over.
     */
    private static final int CALLS_PER_OPEN = 32;
    private static final int CALLS_PER_TAKEOVER = LeasedSlabs.IS_INTERVAL_SHORT ? 64 : 1024;

    static {
        Section.initialize();
        LeasedSlab.initialize();
        PoolEvents.initialize();
    }

    /** Initializes this class and those of its fields. */
    static void initialize() {
        new TreiberStack().push(Tiers.class);
    }

    /** One for each CPU. */
    private final Slab[] slabs;
    private final Slab overflow;
    /** All of them, the overflow last. */
    final Slab[] all;
    private final LeasedSlabs leased;
    private final Bound bound;
    private final int batch;
    /** What the strict form keeps when somebody is inside of every other place, or all of them are full. */
    private final TreiberStack spare = new TreiberStack();
    private final PerCpuCounter steals = new PerCpuCounter();
    private final PerCpuCounter removed = new PerCpuCounter();
    private volatile boolean shut;

    Tiers(int capacityPerCpu, int overflowCapacity, int maxPooled, boolean clears) {
        slabs = new Slab[Registration.CPU_COUNT];
        all = new Slab[slabs.length + 1];
        for (int i = 0; i < slabs.length; i++) {
            slabs[i] = new Slab(capacityPerCpu, clears);
            all[i] = slabs[i];
        }
        overflow = new Slab(overflowCapacity, clears);
        all[slabs.length] = overflow;
        batch = Math.min(32, Math.max(1, capacityPerCpu / 2));
        int total = (int) Math.min(maxPooled, (long) slabs.length * capacityPerCpu + overflowCapacity);
        int depth = clears ? 0 : LeasedSlabs.depth(capacityPerCpu, total);
        leased = new LeasedSlabs(depth);
        bound = new Bound(total, LeasedSlabs.share(depth));
    }

    /** How many objects there are at most. */
    int bound() {
        return bound.total();
    }

    // ---- Out. ----

    /** An object, or null where the running thread and its CPU have none. */
    Object take() {
        LeasedSlab mine = leased.mine();
        Object found = mine == null ? null : mine.take();
        return found != null ? found : takeFromSlab(mine);
    }

    private Object takeFromSlab(LeasedSlab mine) {
        long area = ThreadArea.find();
        Slab slab = slabs[Ids.cpuId(area)];
        long section = Section.begin(area);
        Object found = null;
        try {
            if (isUsable(mine)) {
                refill(mine, slab);
                found = mine.take();
            } else {
                considerLease(slab);
            }
            if (found == null) {
                found = slab.tryPop();
            }
        } catch (Throwable e) {
            Section.end(section);
            throw e;
        }
        try {
            Section.end(section);
        } catch (Throwable e) {
            if (found == null) { // else the object is the caller's
                throw e;
            }
        }
        return found;
    }

    private static boolean isUsable(LeasedSlab mine) {
        return mine != null && !mine.revoked;
    }

    /** Half of a leased slab, or all of it for a thread that only acquires; one of them is taken at once. */
    private void refill(LeasedSlab mine, Slab slab) {
        boolean onlyTakes = mine.onlyTakes();
        int wanted = onlyTakes ? mine.limit : mine.limit / 2 + 1;
        Slab first = onlyTakes ? overflow : slab;
        int moved = refillFrom(first, mine, wanted);
        if (moved == 0) {
            moved = refillFrom(onlyTakes ? slab : overflow, mine, wanted);
        }
        mine.refilled(moved);
    }

    private static int refillFrom(Slab from, LeasedSlab mine, int wanted) {
        if (from.looksEmpty() || !from.tryLock()) {
            return 0;
        }
        try {
            return mine.refill(from, wanted);
        } finally {
            from.locked = 0;
        }
    }

    /** An object from farther away, or null. */
    Object takeSlowly() {
        if (shut) {
            return null;
        }
        Slab slab = slabs[Ids.cpuId()];
        if (overflow.moveTo(slab, batch) > 0) {
            Object found = slab.tryPop();
            if (found != null) {
                return found;
            }
        }
        Object found = overflow.tryPop();
        for (int i = 0; found == null && i < slabs.length; i++) {
            found = takeFromOther(slabs[i], slab);
        }
        if (found == null) {
            found = spare.tryPop();
        }
        return found != null ? found : takeRevoked();
    }

    private Object takeFromOther(Slab other, Slab slab) {
        if (other == slab || other.looksEmpty()) {
            return null;
        }
        int moved = other.moveTo(slab, Math.min(batch, (other.objects() + 1) / 2));
        Object found = moved > 0 ? slab.tryPop() : other.tryPop();
        if (moved > 0 || found != null) {
            try {
                steals.add(Math.max(1, moved));
            } catch (Throwable e) {
                // No stack to count it; the object is the caller's.
            }
        }
        return found;
    }

    private Object takeRevoked() {
        Object found = leased.tryPop();
        if (found != null) {
            try {
                steals.increment();
            } catch (Throwable e) {
                // No stack to count it; the object is the caller's.
            }
        }
        return found;
    }

    /** An object from the leased slabs of others: of all of them, or of those that can be had without a barrier now. */
    Object steal(boolean always) {
        if (shut) {
            return null;
        }
        if (always) {
            leased.revokeForObjects();
        } else {
            leased.revokeForObjectsAtIntervals();
        }
        return takeRevoked();
    }

    private void considerLease(Slab slab) {
        int calls = slab.calls;
        if ((calls & CALLS_PER_OPEN - 1) == 0 && leased.depth() > 0) {
            leased.open((calls & CALLS_PER_TAKEOVER - 1) == 0);
        }
    }

    // ---- In. ----

    /** Whether the object was put where the running thread or its CPU have a place. */
    boolean put(Object object) {
        LeasedSlab mine = leased.mine();
        return mine != null && mine.put(object) || putIntoSlab(mine, object);
    }

    private boolean putIntoSlab(LeasedSlab mine, Object object) {
        long area = ThreadArea.find();
        Slab slab = slabs[Ids.cpuId(area)];
        long section = Section.begin(area);
        boolean done = false;
        try {
            if (isUsable(mine)) {
                flush(mine, slab);
                done = mine.put(object);
            } else {
                considerLease(slab);
            }
            if (!done) {
                done = slab.tryPush(object);
            }
        } catch (Throwable e) {
            Section.end(section);
            throw e;
        }
        try {
            Section.end(section);
        } catch (Throwable e) {
            if (!done) { // else the object is in the pool
                throw e;
            }
        }
        return done;
    }

    /** Half of a leased slab, or all of it by a thread that only releases. */
    private void flush(LeasedSlab mine, Slab slab) {
        boolean onlyPuts = mine.onlyPuts();
        int most = onlyPuts ? mine.limit : mine.limit / 2 + 1;
        if (flushTo(onlyPuts ? overflow : slab, mine, most) == 0) {
            flushTo(onlyPuts ? slab : overflow, mine, most);
        }
    }

    private int flushTo(Slab to, LeasedSlab mine, int most) {
        if (!to.tryLock()) {
            return 0;
        }
        try {
            makeRoom(to, most);
            return mine.flush(to, most);
        } finally {
            to.locked = 0;
        }
    }

    /** Tries to have places for so many objects in a slab that the caller is inside of. */
    private void makeRoom(Slab slab, int places) {
        if (slab != overflow && slab.capacity() - slab.size < places) {
            moveToOverflow(slab);
        }
        if (slab.limit - slab.size < places) {
            bound.raise(slab, Math.max(places, batch), all);
        }
    }

    private void moveToOverflow(Slab slab) {
        if (overflow.tryLock()) {
            try {
                slab.move(overflow, batch);
            } finally {
                overflow.locked = 0;
            }
        }
    }

    /** Whether the object was put farther away. */
    boolean putSlowly(Object object) {
        if (shut) {
            return false;
        }
        Slab slab = slabs[Ids.cpuId()];
        if (push(slab, object, false) || push(overflow, object, false)) {
            return true;
        }
        for (Slab other : slabs) {
            if (other != slab && other.tryPush(object)) {
                return true;
            }
        }
        return false;
    }

    /** How many more objects {@link #put} and {@link #putSlowly} would find a place for on this CPU; a hint. */
    int room() {
        Slab slab = slabs[Ids.cpuId()];
        int places = slab.capacity() - slab.objects() + overflow.capacity() - overflow.objects();
        int shares = bound.free();
        for (Slab other : all) {
            int unused = Math.max(0, other.limit - other.objects());
            shares += unused;
            places += other == slab || other == overflow ? 0 : unused;
        }
        return Math.min(places, shares);
    }

    private boolean push(Slab slab, Object object, boolean evenIfShut) {
        if (!slab.tryLock()) {
            return false;
        }
        try {
            if (slab.shut && !evenIfShut) {
                return false;
            }
            makeRoom(slab, 1);
            return slab.push(object);
        } finally {
            slab.locked = 0;
        }
    }

    // ---- Shut. ----

    /** From here on the quick ways are refused, in each place from when nobody is inside of it any more. */
    void shut() {
        leased.shut();
        shut = true;
        for (Slab slab : all) {
            slab.shut = true;
        }
    }

    /**
     * Lets the quick ways in again. The pool counts as shut only while all of its slabs are: a waiting thread finds
     * nothing in one that is open.
     */
    void open() {
        shut = false;
        for (Slab slab : all) {
            slab.shut = false;
        }
        leased.reopen(); // last: without stack for this call the pool is open, without slabs of threads
    }

    boolean isShut() {
        return shut;
    }

    /** An object of a place that is shut, or null. */
    Object tryPopShut() {
        for (Slab slab : all) {
            Object found = slab.looksEmpty() ? null : slab.tryPopShut();
            if (found != null) {
                return found;
            }
        }
        Object found = leased.tryPop();
        return found != null ? found : spare.tryPop();
    }

    /**
     * Whether the object was put anywhere, shut or not.
     *
     * @param always whether it is, also when somebody is inside of every place, or all of them are full
     */
    boolean keep(Object object, boolean always) {
        Slab slab = slabs[Ids.cpuId()];
        if (push(slab, object, true) || push(overflow, object, true)) {
            return true;
        }
        for (Slab other : slabs) {
            if (other != slab && push(other, object, true)) {
                return true;
            }
        }
        if (always) {
            spare.push(object);
        }
        return always;
    }

    /** Whether there may be objects that {@link #tryPopShut} did not find, as somebody was inside of their place. */
    boolean isStuck() {
        for (Slab slab : all) {
            if (slab.locked != 0) {
                return true;
            }
        }
        return leased.isStuck() || objects() > 0; // asked last: who was inside has counted by now
    }

    // ---- Idle. ----

    /**
     * The places from which nothing was taken since the last call, spare objects last; those of threads are taken away.
     */
    boolean[] findIdle() {
        boolean[] idle = new boolean[all.length + 1];
        for (int i = 0; i < all.length; i++) {
            idle[i] = all[i].taken == all[i].takenBefore;
            all[i].takenBefore = all[i].taken;
            all[i].forgetLeft();
        }
        idle[all.length] = spare.isIdle();
        leased.revokeIdle();
        return idle;
    }

    /** An object of one of those places, or null. */
    Object tryPopIdle(boolean[] idle) {
        for (int i = 0; i < all.length; i++) {
            Object found = idle[i] ? popIdle(all[i]) : null;
            if (found != null) {
                return found;
            }
        }
        Object found = leased.tryPopIdle();
        return found == null && idle[all.length] ? spare.tryPop() : found;
    }

    private Object popIdle(Slab slab) {
        Object found = shut ? slab.tryPopShut() : slab.tryPop();
        if (found == null) {
            bound.reclaim(slab);
        } else {
            slab.takenBefore = slab.taken;
        }
        return found;
    }

    // ---- Exact while nobody uses the pool. ----

    int objects() {
        int objects = leased.objects() + spare.size();
        for (Slab slab : all) {
            objects += slab.objects();
        }
        return objects;
    }

    int leasedObjects() {
        return leased.objects();
    }

    /** Counts an object that was taken out, but not for a caller. */
    void countRemoved() {
        removed.increment();
    }

    long taken() {
        long taken = leased.taken() + spare.taken() - removed.sum();
        for (Slab slab : all) {
            taken += slab.taken;
        }
        return taken;
    }

    long steals() {
        return steals.sum();
    }
}
