// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

/** A span of time that all threads work in. */
public final class Round {
    private volatile boolean over;

    /** {@return whether to go on} */
    public boolean running() {
        return !over;
    }

    void end() {
        over = true;
    }
}
