package org.rseq4j.internal;

/** What all callers of native functions do with a throwable that came out of the method handle. */
final class Downcall {
    private Downcall() {
    }

    /**
     * A native function throws nothing: what comes out is the caller's own StackOverflowError or OutOfMemoryError, and leaves
     * as it is. Only a checked exception, which cannot be, is an error of this library.
     */
    static Error failed(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        if (thrown instanceof RuntimeException exception) {
            throw exception;
        }
        return new AssertionError(thrown);
    }
}
