// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** The lock of the stacks of a stride, which sequences do not use. Those of two CPUs share no pair of lines. */
public final class StrideLock {
    /** Tries to lock; the holder may be waiting for a CPU. Then the stack is as good as full, and empty. */
    private static final int TRIES = 4000;
    private static final int SPINS = 100;

    private static final VarHandle LOCKED;

    static {
        try {
            LOCKED = MethodHandles.lookup().findVarHandle(StrideLock.class, "locked", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * 0 when nobody holds it. After an error the holder unlocks it by storing this field, which calls nothing.
     */
    public volatile int locked;
    // Space between this and the next one.
    @SuppressWarnings("UnusedVariable")
    private long p0;
    @SuppressWarnings("UnusedVariable")
    private long p1;
    @SuppressWarnings("UnusedVariable")
    private long p2;
    @SuppressWarnings("UnusedVariable")
    private long p3;
    @SuppressWarnings("UnusedVariable")
    private long p4;
    @SuppressWarnings("UnusedVariable")
    private long p5;
    @SuppressWarnings("UnusedVariable")
    private long p6;
    @SuppressWarnings("UnusedVariable")
    private long p7;

    /** Whether the caller holds it now. */
    public boolean tryLock() {
        for (int tries = 0; tries < TRIES; tries++) {
            if (locked == 0 && LOCKED.compareAndSet(this, 0, 1)) {
                return true;
            }
            if (tries < SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
        return false;
    }

    /** What was done under the lock is seen by the next holder. */
    public void unlock() {
        LOCKED.setRelease(this, 0);
    }
}
