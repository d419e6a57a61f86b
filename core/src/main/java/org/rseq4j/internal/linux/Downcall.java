// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

/** What all callers of native functions do with what came out of the method handle: a throwable, or an errno. */
public final class Downcall {
    /** A downcall that returns an errno. */
    public interface Call {
        int run() throws Throwable;
    }

    private static final int TRIES = 5;

    private Downcall() {
    }

    /** Whether the next try may go better: the system had no room just now. */
    public static boolean isPassing(int error) {
        return error == Abi.EAGAIN || error == Abi.ENOMEM || error == Abi.EINTR;
    }

    /** Calls until the error is none that passes; five times within a tenth of a second. */
    public static int again(Call call) throws Throwable {
        int error = call.run();
        for (int tries = 1; tries < TRIES && isPassing(error); tries++) {
            try {
                Thread.sleep(1L << 2 * tries - 2); // 1, 4, 16, 64 ms
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return error;
            }
            error = call.run();
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
