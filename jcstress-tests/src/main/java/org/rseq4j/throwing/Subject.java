// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

/**
 * A structure whose operations are made to throw. One thread, the victim, calls {@link #run} and {@link #recover}; then
 * another one calls {@link #check}.
 *
 * <p>
 * What an operation that threw has done is not known: it may have happened or not, and what it took out of the
 * structure may be lost with it, one element at most. All else must be there. The victim keeps its books by plain
 * stores alone, which cannot throw.
 */
abstract class Subject {
    private final String[] operations;

    /** The callbacks of this subject throw this when {@link #fuse} is 0. */
    Throwable bomb;
    /** Whether the call of an operation itself can throw, so that it is not begun. */
    boolean stackEnds;
    /** How many callbacks go well before one throws; negative: all do. An executor's thread calls some. */
    volatile int fuse = -1;

    Subject(String... operations) {
        this.operations = operations;
    }

    final int operations() {
        return operations.length;
    }

    final String operation(int i) {
        return operations[i];
    }

    /** Calls an operation, once. */
    abstract void run(int operation) throws Exception;

    /** By the victim, with all its stack, after everything was thrown: gives back what it knows to hold. */
    void recover() throws Exception {
    }

    /** By another thread while the victim is stopped inside of an operation: all calls that must not wait for it. */
    void others() throws Exception {
    }

    /**
     * By another thread that begins while the victim is stopped, and may go on beside it: calls that may have to wait
     * until it goes on. Its books are its own.
     */
    void waiters() throws Exception {
    }

    /** What is wrong; null when nothing is. May hang, which is a finding too. */
    abstract String check() throws Exception;

    /** At the beginning of each callback of this subject. */
    final void callback() {
        int left = fuse;
        if (left == 0) {
            fuse = -1;
            throw Subject.<RuntimeException>sneaky(bomb);
        }
        if (left > 0) {
            fuse = left - 1;
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> T sneaky(Throwable e) throws T {
        throw (T) e;
    }
}
