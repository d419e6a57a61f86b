// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;

/** The read lock of a PerCpuReadWriteLock, and its gate. */
@SuppressWarnings("UnusedVariable") // the second half of the padding
final class ReadSide extends ReaderGate implements Lock {
    private static final VarHandle GATE;

    static {
        try {
            GATE = MethodHandles.lookup().findVarHandle(ReaderGate.class, "gate", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private int b00, b01, b02, b03, b04, b05, b06, b07;
    private int b10, b11, b12, b13, b14, b15, b16, b17;
    private int b20, b21, b22, b23, b24, b25, b26, b27;
    private int b30, b31, b32, b33, b34, b35, b36, b37;
    private final SliceLock writers;
    private final Readers readers;
    /** When readers may come in by their slots again. */
    private volatile long inhibitedUntil;
    /**
     * In the reentrant form each thread's holds, in an array of the JDK's: what a thread keeps must not keep our
     * classes.
     */
    private final ThreadLocal<int[]> holds;

    ReadSide(SliceLock writers, Readers readers) {
        super(readers.id);
        this.writers = writers;
        this.readers = readers;
        holds = writers.isReentrant() ? new ThreadLocal<>() : null;
    }

    // ---- The gate ----

    /** For tools: whether somebody writes. A writer that waits for the readers inside does not, once it sleeps. */
    boolean isWritten() {
        return (gate & WRITER) != 0 && readers.waitingWriter == null;
    }

    /**
     * With the writers' lock: nobody comes in from here on. Returns whether readers may have come in by slots before.
     */
    boolean raise() {
        return ((long) GATE.getAndBitwiseOr(this, (long) (WRITER | UNBIASED)) & UNBIASED) == 0;
    }

    /** By the writer, which alone changes a gate that is raised. */
    void lower(long lowered) {
        GATE.setRelease(this, lowered);
    }

    void inhibitSlots(long until) {
        inhibitedUntil = until;
    }

    private void allowSlots(long seen) {
        if (ReaderSlots.USED && (seen & FLAGS) == UNBIASED && System.nanoTime() - inhibitedUntil >= 0) {
            GATE.compareAndSet(this, seen, seen & ~UNBIASED);
        }
    }

    // ---- Coming in ----

    /** Comes in unless a writer is there, or one of the given flags. */
    private boolean arrive(int forbidden) {
        StackReserve.ensureUnlock();
        if (ReaderSlots.USED) {
            int slot = ReaderSlots.enter(id);
            if (slot != 0) {
                boolean inside = false;
                try {
                    VarHandle.releaseFence(); // for the compiler; for the CPU see WriteSide.raise
                    inside = (gate & FLAGS) == 0;
                } finally {
                    if (!inside) {
                        ReaderSlots.TABLE[slot] = 0;
                    }
                }
                if (inside) {
                    return true;
                }
            }
        }
        return arriveByWord(forbidden); // which wakes a writer that counted the slot
    }

    private boolean arriveByWord(int forbidden) {
        int place = Readers.place();
        boolean inside = false;
        readers.add(place, 1);
        try {
            long seen = gate;
            inside = (seen & forbidden) == 0 || writers.isHeldByCurrentThread();
            allowSlots(seen);
            return inside;
        } catch (Throwable e) {
            inside = false;
            throw e;
        } finally {
            if (!inside) {
                boolean undone = false;
                try {
                    readers.add(place, -1);
                    undone = true;
                    readers.wakeWriter();
                } finally {
                    if (!undone) {
                        synchronized (readers) { // calls nothing
                            try {
                                readers.owed++;
                            } catch (Throwable onEntry) {
                                readers.owed++;
                            }
                        }
                    }
                }
            }
        }
    }

    /**
     * With the writers' lock: comes in, as no writer is there, and lets the others go on. The caller made sure of the
     * stack before it took that lock: an unlock that throws would leave a reader inside whom nobody knows.
     */
    private void arriveInTurn() {
        try {
            readers.add(Readers.place(), 1);
            if ((gate & CLOSED) != 0 && writers.first == null) {
                gate &= ~CLOSED; // only the holder of the writers' lock changes a gate that is closed
            }
        } finally {
            writers.unlock();
        }
    }

    /** In the reentrant form: whether the thread is inside already, and so once more now. */
    private boolean isNested() {
        if (holds == null) {
            return false;
        }
        int[] mine = holds.get();
        if (mine == null) {
            holds.set(new int[1]);
            return false;
        }
        if (mine[0] == 0) {
            return false;
        }
        if (mine[0] == Integer.MAX_VALUE) {
            throw new Error("Maximum lock count exceeded");
        }
        mine[0]++;
        return true;
    }

    int holdCount() {
        int[] mine = holds.get();
        return mine == null ? 0 : mine[0];
    }

    private int[] mine() {
        return holds == null ? null : holds.get();
    }

    @Override
    public void lock() {
        if (isNested()) {
            return;
        }
        int[] mine = mine();
        if (!arrive(WRITER | CLOSED)) {
            StackReserve.ensure();
            writers.lock();
            arriveInTurn();
        }
        if (mine != null) {
            mine[0] = 1;
        }
    }

    @Override
    public void lockInterruptibly() throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        if (isNested()) {
            return;
        }
        int[] mine = mine();
        if (!arrive(WRITER | CLOSED)) {
            StackReserve.ensure();
            writers.lockInterruptibly();
            arriveInTurn();
        }
        if (mine != null) {
            mine[0] = 1;
        }
    }

    @Override
    public boolean tryLock() {
        if (isNested()) {
            return true;
        }
        int[] mine = mine();
        boolean inside = arrive(WRITER);
        if (inside && mine != null) {
            mine[0] = 1;
        }
        return inside;
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        long nanos = unit.toNanos(time);
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        if (isNested()) {
            return true;
        }
        int[] mine = mine();
        if (!arrive(WRITER | CLOSED)) {
            StackReserve.ensure();
            if (!writers.tryLock(nanos, TimeUnit.NANOSECONDS)) {
                return false;
            }
            arriveInTurn();
        }
        if (mine != null) {
            mine[0] = 1;
        }
        return true;
    }

    // ---- Leaving ----

    @Override
    public void unlock() {
        int[] mine = holds == null ? null : holds.get();
        if (holds != null && (mine == null || mine[0] == 0)) {
            throw new IllegalMonitorStateException("the thread does not hold this read lock: " + this);
        }
        if (mine != null && mine[0] > 1) {
            mine[0]--;
            return;
        }
        boolean counted = false;
        try {
            if (!ReaderSlots.USED || !ReaderSlots.leave(id)) {
                readers.add(Readers.place(), -1);
            }
            counted = true;
        } finally {
            if (!counted) {
                synchronized (readers) { // calls nothing
                    try {
                        readers.owed++;
                    } catch (Throwable onEntry) {
                        readers.owed++;
                    }
                }
            }
            if (mine != null) {
                mine[0] = 0;
            }
        }
        if ((gate & WRITER) != 0) {
            VarHandle.fullFence(); // pairs with the writer's between waitingWriter and its look at the slots
            readers.wakeWriter();
        }
    }

    // ---- Optimistic reading ----

    long tryOptimisticRead() {
        long seen = gate;
        return (seen & WRITER) != 0 ? 0 : seen & ~FLAGS;
    }

    boolean validate(long stamp) {
        VarHandle.acquireFence(); // the reads before it stay before it; pairs with a writer's raise
        return stamp != 0 && (gate & ~(UNBIASED | CLOSED)) == stamp;
    }

    @Override
    public Condition newCondition() {
        throw new UnsupportedOperationException("a read lock has no conditions");
    }

    /** {@return the lock's identity and the number of readers, as ReentrantReadWriteLock's} */
    @Override
    public String toString() {
        return super.toString() + "[Read locks = " + readers.count() + "]";
    }
}
