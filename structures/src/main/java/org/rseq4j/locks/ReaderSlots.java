// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import org.rseq4j.internal.thread.Membarrier;
import org.rseq4j.internal.thread.Threads;

/**
 * Which platform threads read which locks: a row of slots for each thread, for all locks together. A slot is the id of
 * a lock that is read there, or 0.
 */
final class ReaderSlots {
    /*
     * Only the thread whose id stands in a row writes its slots, so it does so by plain stores and nothing is lost. The
     * row is found by the low bits of the thread's id; a thread whose row belongs to another living one has none. A row
     * is taken over when its thread has ended: what it left behind is still counted, and may be cleared by the next one
     * when it ends a hold of the same lock: who clears which slot does not matter as long as the sum is right.
     *
     * A thread that reads more locks than it has slots moves what it has to the words of these locks, and goes on with
     * empty slots; so those that others gave back, or that are of locks which are gone, do not stay in its way. For
     * that, locks are found by their ids. A writer that knows that nobody is inside takes the slots of its lock that
     * others gave back.
     *
     * Whoever counts must have made the stores visible first, by membarrier. A row is among the claimed ones before its
     * first slot is written.
     *
     * The table of visible readers is that of Dice and Kogan's BRAVO (2019), where a slot is taken by compare-and-set.
     */
    private static final int ROWS = 1024;
    /** A row in longs: 128 bytes, so that whatever the table's own alignment no two threads write one line. */
    private static final int ROW = 16;
    private static final int SLOTS = 7;

    /** Whether readers without a fence can be seen at all; constant. */
    static final boolean USED = Membarrier.isSupported()
            && Boolean.parseBoolean(System.getProperty("rseq4j.locks.readerSlots", "true"));

    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);
    /** The thread's id, then its slots; what a thread takes back it clears here without a call, which could fail. */
    static final long[] TABLE = new long[USED ? ROWS * ROW + SLOTS + 1 : 0];
    private static final Object[] OWNERS = new Object[USED ? ROWS : 0];
    /** The first places of the rows that a thread ever had. */
    private static final int[] CLAIMED = new int[USED ? ROWS : 0];
    private static volatile int claimed;
    /** 1 while a thread takes a row. */
    private static volatile int claiming;
    private static final VarHandle CLAIMING;

    static {
        try {
            CLAIMING = MethodHandles.lookup().findStaticVarHandle(ReaderSlots.class, "claiming", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private static final ConcurrentHashMap<Long, Registered> LOCKS = new ConcurrentHashMap<>();
    private static final ReferenceQueue<Readers> COLLECTED = new ReferenceQueue<>();

    /** Those of a lock, found by its id. */
    private static final class Registered extends WeakReference<Readers> {
        final Long id;

        Registered(Readers readers) {
            super(readers, COLLECTED);
            id = readers.id;
        }
    }

    private ReaderSlots() {
    }

    static void register(Readers readers) {
        if (!USED) {
            return;
        }
        StackReserve.ensure(); // what comes out of the queue comes out once
        Reference<? extends Readers> collected;
        while ((collected = COLLECTED.poll()) != null) {
            LOCKS.remove(((Registered) collected).id);
        }
        LOCKS.put(readers.id, new Registered(readers));
    }

    private static int row(long thread) {
        return ((int) thread & ROWS - 1) * ROW;
    }

    /** Writes a lock's id to a free slot of the calling thread: its place, or 0 when it has none. */
    static int enter(long lock) {
        long thread = Threads.currentId();
        int row = row(thread);
        if (TABLE[row] != thread && !claim(thread, row)) {
            return 0;
        }
        if (TABLE[row + 1] == 0) {
            LONGS.setOpaque(TABLE, row + 1, lock);
            return row + 1;
        }
        return enterFurther(lock, row);
    }

    private static int enterFurther(long lock, int row) {
        for (int slot = row + 2; slot <= row + SLOTS; slot++) {
            if (TABLE[slot] == 0) {
                LONGS.setOpaque(TABLE, slot, lock);
                return slot;
            }
        }
        makeRoom(row);
        return 0;
    }

    private static void makeRoom(int row) {
        StackReserve.ensure(); // what is moved to a word must leave its slot
        for (int slot = row + 1; slot <= row + SLOTS; slot++) {
            Registered registered = LOCKS.get(TABLE[slot]);
            Readers readers = registered == null ? null : registered.get();
            if (readers == null) {
                TABLE[slot] = 0;
            } else {
                readers.moveFromSlot(slot);
            }
        }
    }

    /** Takes a slot from its thread, which has it no more by right: nobody reads the lock. */
    static boolean take(long lock, int slot) {
        return LONGS.compareAndSet(TABLE, slot, lock, 0L);
    }

    /** Clears a slot of the calling thread that holds the lock's id; false when there is none. */
    static boolean leave(long lock) {
        long thread = Threads.currentId();
        int row = row(thread);
        if (TABLE[row] != thread) {
            return false;
        }
        if (TABLE[row + 1] == lock) {
            LONGS.setRelease(TABLE, row + 1, 0L);
            return true;
        }
        return leaveFurther(lock, row);
    }

    private static boolean leaveFurther(long lock, int row) {
        for (int slot = row + 2; slot <= row + SLOTS; slot++) {
            if (TABLE[slot] == lock) {
                LONGS.setRelease(TABLE, slot, 0L);
                return true;
            }
        }
        return false;
    }

    /** How many slots hold the lock's id; the first of them are put into the array. */
    static int count(long lock, int[] places) {
        int found = 0;
        int rows = claimed;
        for (int i = 0; i < rows; i++) {
            int row = CLAIMED[i];
            for (int slot = row + 1; slot <= row + SLOTS; slot++) {
                if ((long) LONGS.getAcquire(TABLE, slot) == lock) {
                    if (found < places.length) {
                        places[found] = slot;
                    }
                    found++;
                }
            }
        }
        return found;
    }

    /** Takes the row for the calling thread, unless that is virtual or the row's thread lives. */
    @SuppressWarnings("ReferenceEquality") // the same owner, not an equal one
    private static boolean claim(long thread, int row) {
        Object owner = OWNERS[row / ROW];
        VarHandle.acquireFence(); // who sees a reference sees its thread too, with the fence below
        if (Threads.isVirtual(Thread.currentThread()) || isAlive(owner)) {
            return false;
        }
        Object mine = new WeakReference<>(Thread.currentThread());
        VarHandle.releaseFence();
        if (!CLAIMING.compareAndSet(0, 1)) {
            return false; // tried again at the next read; nobody waits here for a thread that may be stopped
        }
        // From here on without a call: all others would go without rows, and a row that is somebody's and not among
        // the claimed ones would not be counted.
        boolean free = OWNERS[row / ROW] == owner;
        if (free) {
            if (owner == null) {
                CLAIMED[claimed] = row;
                claimed++;
            }
            OWNERS[row / ROW] = mine;
            TABLE[row] = thread;
        }
        claiming = 0;
        return free;
    }

    private static boolean isAlive(Object owner) {
        Thread thread = owner == null ? null : (Thread) ((WeakReference<?>) owner).get();
        return thread != null && thread.isAlive();
    }
}
