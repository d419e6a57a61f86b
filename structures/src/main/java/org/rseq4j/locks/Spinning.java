// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** How many of a lock's threads may spin at once, and for how long: twice what lately helped. */
final class Spinning {
    /** The shortest and the longest spin, in nanoseconds. */
    private static final int MIN_NANOS = 2_000;
    private static final int MAX_NANOS = 50_000;
    /** One CPU is the holder's. */
    static final int SPINNERS = Runtime.getRuntime().availableProcessors() - 1;

    private static final VarHandle SPINNING;

    static {
        try {
            SPINNING = MethodHandles.lookup().findVarHandle(Spinning.class, "spinning", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private volatile int spinning;
    /** Written by whoever spun; a lost update does not matter. */
    private int limit = MIN_NANOS * 4;

    /** Whether the thread may spin; then it calls {@link #end} after it. */
    boolean begin() {
        if (spinning >= SPINNERS) {
            return false;
        }
        if ((int) SPINNING.getAndAdd(this, 1) < SPINNERS) {
            return true;
        }
        end();
        return false;
    }

    void end() {
        SPINNING.getAndAdd(this, -1);
    }

    /** How long to spin at most, in nanoseconds. */
    int limit() {
        return limit;
    }

    /** What came of a spin. */
    void learn(boolean taken, long spun) {
        int better = taken ? (int) Math.min(spun * 2, MAX_NANOS) : 0;
        int former = limit;
        limit = Math.max(MIN_NANOS, former + (better - former) / 8);
    }
}
