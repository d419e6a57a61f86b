// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

/** Ends a round. */
final class Stop {
    private volatile boolean requested;

    boolean requested() {
        return requested;
    }

    void request() {
        requested = true;
    }
}
