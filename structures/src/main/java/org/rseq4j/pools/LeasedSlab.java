package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Collection;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;
import org.rseq4j.internal.ThreadArea;
import org.rseq4j.internal.WriterLease;

@SuppressWarnings("UnusedVariable")
abstract class LeasedSlabPadding {
    private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;
}

abstract class LeasedSlabFields extends LeasedSlabPadding {
    /** How often something was taken out, times 256, plus how many objects there are. */
    long word;
    /** How many there may be: a share of the bound; 0 while the slab is not in use. */
    int limit;
    /** The slab whose share it was. */
    Slab home;
    /** A hint: how many calls that miss it have to pass before it is used again. */
    int patience;
    /** Hints, the owner's: how often something will have been taken out at the next miss if nothing is released until then; how often in a row that was so. */
    long expected;
    int onlyTakes;
    /** A hint, the owner's: how often something had been taken out when it was last full. */
    long takenWhenFull;
    /** How often something had been taken out at the last trim; a hint. */
    long takenBefore;
    /** Used from {@link LeasedSlab#FIRST}. */
    final Object[] objects;

    LeasedSlabFields(Object[] objects) {
        this.objects = objects;
    }
}

/**
 * What a pool has for each lease ({@link WriterLease}) once its owner acquires and releases: a small stack that is used by plain
 * loads and stores.
 *
 * <p>
 * Only the OS thread that has the lease writes a leased slab, between {@code begin} and {@code end}, or who took the lease away
 * ({@code WriterLease.take}), while nobody has it. Why no object is handed out twice or lost:
 * <ul>
 * <li>Owner against owner: a lease has one owner, and passes on under WriterLease's lock, after a barrier, and only when the one before was not
 * busy: so its last store, released by {@code end}, is seen by the next, who then finds the objects that the other left.
 * <li>Owner against taker: the taker removes the lease from the owner's record and makes the owner's processor execute a barrier.
 * An owner whose check in {@code begin} came before that is seen to be busy; the taker waits or goes away. One whose check
 * comes after it is refused, and has stored nothing yet.
 * <li>What an owner read before {@code begin} is as current as if it was read after: the lease can be lost between the two, but
 * gets back only by the owner's own call, so when {@code begin} agrees nobody else wrote meanwhile. So the busy time is
 * that of the stores alone.
 * <li>Virtual threads: they have their carrier's lease, and none is unmounted between the look-up of the record and {@code end},
 * where nothing blocks.
 * </ul>
 *
 * <p>
 * A slab comes into use under the lock of its home slab, from whose limit it gets its share. Objects move between it and the slab
 * of a CPU by its owner, while that holds the slab's lock and is busy, within the limits of both. Who shuts a pool first shuts the
 * slabs under their locks, after which no leased slab comes into use or gets objects of theirs, and then takes the leases of those that are, after
 * which each is empty with limit 0: a release then finds no place here, nor in its slab, and goes to where shut slabs send it.
 *
 * <p>
 * Lock order: leases are taken with no slab held, and no slab is locked in what runs while they are taken. An owner that is busy
 * may hold its slab's lock, and waits for nothing.
 */
@SuppressWarnings("UnusedVariable")
final class LeasedSlab extends LeasedSlabFields {
    private static final VarHandle WORD;
    private static final VarHandle LIMIT;
    private static final VarHandle SLABS = MethodHandles.arrayElementVarHandle(LeasedSlab[].class);
    private static final int FIRST = Slab.FIRST;
    private static final long SIZE = 0xFF;
    private static final long TAKEN = SIZE + 1;
    private static final int DEPTH = 8;
    /** To take a lease costs some tens of microseconds, as much as is won in so many calls. */
    private static final int PATIENCE = Math.toIntExact(Long.getLong("rseq4j.debug.patience", 1 << 14));
    /** Where there was no share to be had, so soon again. */
    private static final int SOON = 64;
    /** Who missed so often in a row and released nothing in between only acquires, for now. */
    private static final int ONLY_TAKES = DEPTH;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            WORD = lookup.findVarHandle(LeasedSlabFields.class, "word", long.class);
            LIMIT = lookup.findVarHandle(LeasedSlabFields.class, "limit", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private long q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14, q15;

    private LeasedSlab(int depth) {
        super(new Object[depth + 2 * FIRST]);
        expected = -1;
        takenWhenFull = -1;
    }

    /**
     * How many objects each may keep, 0 for none: all of them together not more than half of what the pool keeps. That they are not
     * more than half of what it keeps for a CPU either is for {@link #open} to see to.
     */
    static int depth(int capacityPerCpu, int bound) {
        return WriterLease.COUNT == 0
                ? 0
                : Math.min(DEPTH, Math.min(capacityPerCpu / 8, bound / (2 * WriterLease.COUNT)));
    }

    /** Places for one for each lease, which are made when they are first wanted. */
    static LeasedSlab[] array() {
        return new LeasedSlab[WriterLease.COUNT];
    }

    /** What the other methods take; 0 where there are no leases. */
    static long record() {
        return WriterLease.record();
    }

    static long area(long record) {
        return record == 0 ? ThreadArea.find() : WriterLease.area(record);
    }

    /** An object of the running thread's leased slab, or null. */
    static Object take(LeasedSlab[] slabs, long record) {
        long lease = WriterLease.peek(record);
        LeasedSlab slab = slab(slabs, lease);
        if (slab == null) {
            return null;
        }
        long word = (long) WORD.getOpaque(slab);
        int n = (int) (word & SIZE);
        if (n == 0) {
            return null;
        }
        Object object = slab.objects[FIRST - 1 + n];
        if (!WriterLease.begin(record, lease, word)) {
            return null;
        }
        WORD.setOpaque(slab, word + TAKEN - 1);
        WriterLease.end(record);
        return object;
    }

    /** Puts an object in the running thread's leased slab; false when there is no place. */
    @SuppressWarnings("ReferenceEquality") // the same object, not an equal one
    static boolean put(LeasedSlab[] slabs, long record, Object object) {
        long lease = WriterLease.peek(record);
        LeasedSlab slab = slab(slabs, lease);
        if (slab == null) {
            return false;
        }
        long word = (long) WORD.getOpaque(slab);
        int n = (int) (word & SIZE);
        if (n >= slab.limit) {
            return false;
        }
        boolean left = slab.objects[FIRST + n] == object;
        if (!WriterLease.begin(record, lease, word)) {
            return false;
        }
        if (!left) {
            slab.objects[FIRST + n] = object;
        }
        WORD.setOpaque(slab, word + 1);
        WriterLease.end(record);
        return true;
    }

    private static LeasedSlab slab(LeasedSlab[] slabs, long lease) {
        return lease != 0 ? slabs[(int) lease] : null;
    }

    /** Tells that the running thread has to acquire elsewhere; whether to {@link #refill} its leased slab, or to open it. */
    static boolean missedTake(LeasedSlab[] slabs, long record, int depth) {
        LeasedSlab slab = missed(slabs, record, depth);
        if (slab == null) {
            return false;
        }
        if (slab.limit == 0) {
            return slab.isToOpen();
        }
        long taken = slab.taken();
        slab.onlyTakes = slab.expected == taken ? Math.min(slab.onlyTakes + 1, ONLY_TAKES) : 0;
        slab.expected = taken;
        return slab.onlyTakes == ONLY_TAKES;
    }

    /** Tells that the running thread finds no place here for what it releases; whether to {@link #flush} its leased slab, or to open it. */
    static boolean missedPut(LeasedSlab[] slabs, long record, int depth) {
        LeasedSlab slab = missed(slabs, record, depth);
        if (slab == null) {
            return false;
        }
        if (slab.limit == 0) {
            return slab.isToOpen();
        }
        long before = slab.takenWhenFull;
        slab.takenWhenFull = slab.taken();
        return slab.takenWhenFull == before;
    }

    private boolean isToOpen() {
        if (patience > 0) {
            patience--;
        }
        return patience == 0;
    }

    private static LeasedSlab missed(LeasedSlab[] slabs, long record, int depth) {
        long lease = WriterLease.peek(record);
        if (lease == 0) {
            WriterLease.missed(record);
            return null;
        }
        LeasedSlab slab = slab(slabs, lease);
        if (slab == null) {
            make(slabs, (int) lease, depth);
        }
        return slab;
    }

    /** Without a monitor, at which a virtual thread could leave its carrier, and the area that the caller goes on with. */
    private static void make(LeasedSlab[] slabs, int lease, int depth) {
        SLABS.compareAndSet(slabs, lease, null, new LeasedSlab(depth));
    }

    /** Whether the running thread's leased slab is in use. */
    static boolean isOpen(LeasedSlab[] slabs, long record) {
        LeasedSlab slab = slab(slabs, WriterLease.peek(record));
        return slab != null && slab.limit != 0;
    }

    /**
     * For a thread that only releases: moves all objects of its leased slab to a slab whose lock it holds, as far as there are
     * places.
     *
     * @return whether there is a place in the leased slab now
     */
    static boolean flush(LeasedSlab[] slabs, long record, Slab to) {
        long lease = WriterLease.peek(record);
        LeasedSlab slab = slab(slabs, lease);
        if (slab == null) {
            return false;
        }
        long word = (long) WORD.getOpaque(slab);
        int n = (int) (word & SIZE);
        int moved = Math.min(n, to.limit - to.size);
        if (moved <= 0 || !WriterLease.begin(record, lease, word)) {
            return false;
        }
        System.arraycopy(slab.objects, FIRST + n - moved, to.objects, FIRST + to.size, moved);
        to.size += moved;
        WORD.setOpaque(slab, word - moved);
        WriterLease.end(record);
        return true;
    }

    /**
     * For a thread that only acquires: moves as many objects to its leased slab, from a slab whose lock it holds, as leave a place
     * for one that it acquired already.
     */
    static void refill(LeasedSlab[] slabs, long record, Slab from) {
        long lease = WriterLease.peek(record);
        LeasedSlab slab = slab(slabs, lease);
        if (slab == null) {
            return;
        }
        long word = (long) WORD.getOpaque(slab);
        int n = (int) (word & SIZE);
        int moved = Math.min(slab.limit - 1 - n, from.size);
        if (moved <= 0 || !WriterLease.begin(record, lease, word)) {
            return;
        }
        System.arraycopy(from.objects, FIRST + from.size - moved, slab.objects, FIRST + n, moved);
        from.size -= moved;
        WORD.setOpaque(slab, word + moved);
        WriterLease.end(record);
        slab.expected += moved;
    }

    /**
     * Begins to use the running thread's leased slab, under the lock of its home, from whose limit it gets a share.
     *
     * @return whether it is in use now
     */
    static boolean open(LeasedSlab[] slabs, long record, Slab home, int depth) {
        long lease = WriterLease.peek(record);
        LeasedSlab slab = slab(slabs, lease);
        if (slab == null) {
            return false;
        }
        int share = Math.min(depth, Math.min(home.limit - home.size - 1, home.capacity() / 2 - home.leased()));
        if (share <= 0) {
            slab.patience = SOON;
            return false;
        }
        if (!WriterLease.begin(record, lease, share)) {
            return false;
        }
        boolean opens = slab.limit == 0;
        if (opens) {
            home.limit -= share;
            home.addLeased(share);
            slab.home = home;
            slab.takenBefore = -1; // not idle at the next trim, whatever was taken before
            LIMIT.setOpaque(slab, share);
        }
        WriterLease.end(record);
        return opens;
    }

    // ---- What follows is for any thread: hints, exact while nobody uses the pool. ----

    int objects() {
        return (int) ((long) WORD.getOpaque(this) & SIZE);
    }

    /** How many objects callers got from here. */
    long taken() {
        return (long) WORD.getOpaque(this) / TAKEN;
    }

    boolean isOpen() {
        return (int) LIMIT.getOpaque(this) != 0;
    }

    /** Takes leases from their owners, by number, and runs an action for each while nobody has it, see {@link WriterLease#take}. */
    static void takeLeases(IntPredicate which, boolean waits, IntConsumer action) {
        WriterLease.take(which, waits, action);
    }

    // ---- What follows is for who took the lease. ----

    /** Ends the use, and adds the objects; the share that is free thereby, which still counts as home's. */
    int drainTo(Collection<Object> to) {
        int n = objects();
        for (int i = 0; i < n; i++) {
            to.add(objects[FIRST + i]);
        }
        java.util.Arrays.fill(objects, null);
        word -= n;
        int share = limit;
        limit = 0;
        patience = PATIENCE;
        return share;
    }

    /** Counts one of the drained objects as handed out. */
    void countTaken() {
        word += TAKEN;
    }
}
