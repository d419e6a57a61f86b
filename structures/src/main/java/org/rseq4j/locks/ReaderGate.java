// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

/** What every reader reads and only writers write, on a line of its own. */
abstract class ReaderGate extends Padding {
    /** A writer is inside, or waits for those inside to leave. */
    static final int WRITER = 1;
    /** Readers come in by their CPU's word, not by a slot. */
    static final int UNBIASED = 2;
    /** In the fair form: others wait in the queue, so readers that arrive join them. */
    static final int CLOSED = 4;
    static final int FLAGS = WRITER | UNBIASED | CLOSED;
    /** Above the flags the writes are counted. */
    static final int ONE_WRITE = 8;

    volatile long gate = ONE_WRITE;
    /** Of the lock, never used again. */
    final long id;

    ReaderGate(long id) {
        this.id = id;
    }
}
