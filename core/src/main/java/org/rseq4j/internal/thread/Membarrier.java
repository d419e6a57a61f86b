// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.linux.NativeCalls;
import org.rseq4j.internal.linux.NativeLibrary;

/**
 * The system call membarrier(2): what one thread pays so that others need no fence.
 *
 * <p>
 * When {@link #barrier()} returns, each other thread of the process has passed a full memory barrier since the call
 * began, at some place of its program order. So of a store, then a load on the one side, and a store, barrier, then a
 * load on the other, one side sees the other's store, although the first has no fence between both: only the compiler
 * has to keep its order.
 */
public final class Membarrier {
    private static final boolean SUPPORTED = NativeLibrary.isAvailable()
            && call(Abi.MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;

    private Membarrier() {
    }

    /** Whether {@link #barrier()} works here; constant. It needs Linux 4.14, and no filter that forbids the call. */
    public static boolean isSupported() {
        return SUPPORTED;
    }

    /**
     * A full memory barrier on all threads of the process: an interrupt on each CPU that runs one, some microseconds.
     *
     * @throws IllegalStateException when the kernel refuses what it supported before
     */
    public static void barrier() {
        int result = call(Abi.MEMBARRIER_PRIVATE_EXPEDITED, 0, 0);
        if (result < 0) {
            throw new IllegalStateException("membarrier failed with errno " + -result);
        }
    }

    /**
     * What stands in for {@link #barrier()} when the kernel refuses what it allowed before. When this returns, each
     * other Java thread has passed a full memory barrier since the call began: the JVM stops each one for a moment.
     * Some tens of microseconds to milliseconds.
     */
    public static void handshake() {
        Memory.handshake();
    }

    /** The system call; negative: -errno. Needs the native library. */
    public static int call(int command, int flags, int cpu) {
        return NativeCalls.membarrier(command, flags, cpu);
    }
}
