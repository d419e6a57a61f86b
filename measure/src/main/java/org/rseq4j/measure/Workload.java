// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

/** What the threads of one round do with one structure, made anew for each round. */
interface Workload {
    /** Operations between two looks at whether the round is over. */
    int BATCH = 100;

    /**
     * Works until the round is over.
     *
     * @param thread from 0 to the number of threads less 1
     * @return the operations done
     */
    long work(int thread, Stop stop);

    /**
     * Called when all threads are done.
     *
     * @param operations what they did together
     * @throws IllegalStateException when something was lost or done twice
     */
    default void check(long operations) {
    }

    /** {@return holds of a lock in which the holder lost its CPU} */
    default long preempted() {
        return 0;
    }

    /** Checks that two numbers are equal. */
    static void equal(String what, long found, long expected) {
        if (found != expected) {
            throw new IllegalStateException(what + ": " + found + ", not " + expected);
        }
    }
}
