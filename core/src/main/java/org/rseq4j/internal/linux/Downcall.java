// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import java.util.function.IntSupplier;

/** What to do with what came out of a native call: a throwable, or an errno. */
public final class Downcall {
    private static final int TRIES = 5;

    private Downcall() {
    }

    /** Whether the next try may go better: the system had no room just now. */
    public static boolean isPassing(int error) {
        return error == Abi.EAGAIN || error == Abi.ENOMEM || error == Abi.EINTR;
    }

    /** Repeats a call while its errno is one that may pass: five times within a tenth of a second. */
    public static int retry(IntSupplier call) {
        int error = call.getAsInt();
        for (int tries = 1; tries < TRIES && isPassing(error); tries++) {
            try {
                Thread.sleep(1L << 2 * tries - 2); // 1, 4, 16, 64 ms
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return error;
            }
            error = call.getAsInt();
        }
        return error;
    }

    /**
     * A native function throws nothing: what comes out is the caller's own StackOverflowError or OutOfMemoryError, and
     * leaves as it is. Only a checked exception, which cannot be, is an error of this library.
     */
    public static Error failed(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof RuntimeException exception) {
            throw exception;
        }
        return new AssertionError(thrown);
    }
}
