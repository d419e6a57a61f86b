// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/** 128 bytes: two lines, which are fetched together. */
@SuppressWarnings("UnusedVariable")
abstract class StrideLockPadding {
    private int a00, a01, a02, a03, a04, a05, a06, a07;
    private int a10, a11, a12, a13, a14, a15, a16, a17;
    private int a20, a21, a22, a23, a24, a25, a26, a27;
    private int a30, a31, a32, a33, a34, a35, a36, a37;
}

abstract class StrideLockWord extends StrideLockPadding {
    /** 0 when nobody holds it. After an error the holder unlocks it by storing this field, which calls nothing. */
    public volatile int locked;
}

/** The lock of the stacks of a stride, which sequences do not use. Those of two CPUs share no pair of lines. */
@SuppressWarnings("UnusedVariable") // the second half of the padding
public final class StrideLock extends StrideLockWord {
    /** Tries to lock; the holder may be waiting for a CPU. Then the stack is as good as full, and empty. */
    private static final int TRIES = 4000;
    private static final int SPINS = 100;

    private static final VarHandle LOCKED;

    static {
        try {
            LOCKED = MethodHandles.lookup().findVarHandle(StrideLockWord.class, "locked", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private int b00, b01, b02, b03, b04, b05, b06, b07;
    private int b10, b11, b12, b13, b14, b15, b16, b17;
    private int b20, b21, b22, b23, b24, b25, b26, b27;
    private int b30, b31, b32, b33, b34, b35, b36, b37;

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
