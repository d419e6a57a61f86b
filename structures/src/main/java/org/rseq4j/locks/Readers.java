// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.rseq4j.Rseq;
import org.rseq4j.internal.section.Section;
import org.rseq4j.internal.thread.Ids;

/**
 * How many readers are inside a lock: the slots of its threads, the words of its CPUs, and what writers have put right.
 */
final class Readers {
    /*
     * The sum is never below the number of readers inside while WRITER is set, although its parts are read one after
     * the other and a reader may leave on another CPU: a reader that is inside wrote its 1 before WRITER was set, so
     * the 1 is seen, and its -1 comes once, after it left; one that comes later takes its 1 back where it put it. A 1
     * that is moved from a slot to a word is added there before it is taken from the slot; the slots are read before
     * the words, so it is seen at least once.
     *
     * A thread without stack for the call that takes its 1 back counts one that is owed, which takes no call. What is
     * owed is read before the slots and words, so that a -1 is never seen without its 1.
     */
    private static final int SETTLED_AT_ONCE = 8;
    private static final int[] NOT_ASKED = {};
    private static final int WORD = 16; // longs: 128 bytes

    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final AtomicLong IDS = new AtomicLong();

    static {
        Section.initialize();
    }

    /** Initializes all of the lock, before the first operation, which may find no stack for that. */
    static void initialize() {
        var readers = new Readers();
        var writers = new SliceLock();
        new WriteSide(writers, readers, new ReadSide(writers, readers));
    }

    /** Of the lock, in slots. */
    final long id = IDS.incrementAndGet();
    /** Each CPU's word, 128 bytes apart. */
    private final long[] words = new long[(Rseq.cpuCount() + 2) * WORD];
    /**
     * The slots that were taken from their threads, and the holds that were given back too often; under the writers'
     * lock.
     */
    private long settled;
    /** Slots that were counted; under the writers' lock. */
    private final int[] slots = new int[SETTLED_AT_ONCE];
    /** Whether a slot may hold a reader although the gate is not open to them; under the writers' lock. */
    boolean slotsMayHold;
    /**
     * The holds that ended and could not be taken from a word for want of stack; changed under this object's monitor,
     * by who can call nothing.
     */
    volatile long owed;
    /** The writer that is about to park, or does, until the readers have left. */
    volatile Thread waitingWriter;

    Readers() {
        ReaderSlots.register(this);
    }

    /** The place of the running thread's CPU. */
    static int place() {
        return (Ids.cpuId() + 1) * WORD;
    }

    void add(int place, long delta) {
        LONGS.getAndAdd(words, place, delta);
    }

    /** Exact only while nobody comes or goes. */
    int count() {
        long ended = owed;
        long inside = ReaderSlots.count(id, NOT_ASKED) + byWord() + settled - ended;
        return (int) Math.max(0, Math.min(inside, Integer.MAX_VALUE));
    }

    private long byWord() {
        long sum = 0;
        for (int i = WORD; i < words.length; i += WORD) {
            sum += (long) LONGS.getVolatile(words, i);
        }
        return sum;
    }

    /**
     * By a writer that has set WRITER and seen to it that slots are visible: whether nobody is inside.
     *
     * @throws IllegalMonitorStateException when more holds were given back than taken; it is put right then
     */
    boolean isEmpty() {
        long ended = owed; // before the 1 that it makes up for
        int bySlot = slotsMayHold ? ReaderSlots.count(id, slots) : 0; // before the words
        long inside = bySlot + byWord() + settled - ended;
        if (inside < 0) {
            settled -= inside;
            throw new IllegalMonitorStateException("a read lock was given back " + -inside
                    + " times more than it was taken");
        }
        // so those slots were given back by other threads: one that is on its way in would count more
        if (inside == 0) {
            bySlot -= settle(Math.min(bySlot, slots.length));
        }
        slotsMayHold = bySlot != 0;
        return inside == 0;
    }

    /** Takes the first of the counted slots from their threads: else they would cost these and each writer for ever. */
    private int settle(int counted) {
        for (int i = 0; i < counted; i++) {
            if (ReaderSlots.take(id, slots[i])) {
                settled++; // without a call after the slot was taken
            }
        }
        return counted;
    }

    /** By the thread whose slot it is, and which holds other locks in all of them. */
    void moveFromSlot(int slot) {
        int place = place();
        boolean moved = false;
        add(place, 1);
        try {
            moved = ReaderSlots.take(id, slot);
        } finally {
            if (!moved) { // a writer was quicker
                add(place, -1);
            }
        }
        wakeWriter(); // which may have counted both
    }

    /** A writer that cannot be woken for want of stack looks by itself in a while. */
    void wakeWriter() {
        Thread writer = waitingWriter;
        if (writer != null) {
            LockSupport.unpark(writer);
        }
    }
}
