// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** Whether somebody works on the stacks of a stride. The CPUs' turns share no pair of lines. */
public final class Turn {
    /** Tries of a turn; the one whose it is may be waiting for a CPU. Then the stack is as good as full, and empty. */
    private static final int TRIES = 4000;
    private static final int SPINS = 100;

    private static final VarHandle TAKEN;

    static {
        try {
            TAKEN = MethodHandles.lookup().findVarHandle(Turn.class, "taken", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /**
     * 0 when it is nobody's. Whoever has it gives it back after an error by storing this field, which calls nothing.
     */
    public volatile int taken;
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

    /** Whether it is the caller's now. */
    public boolean take() {
        for (int tries = 0; tries < TRIES; tries++) {
            if (taken == 0 && TAKEN.compareAndSet(this, 0, 1)) {
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
    /** Gives it back; what was done in it is seen by whoever takes it next. */
    public void release() {
        TAKEN.setRelease(this, 0);
    }
}
