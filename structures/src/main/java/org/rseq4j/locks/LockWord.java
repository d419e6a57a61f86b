// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

/**
 * What every acquisition writes, on one cache line of its own, so that it moves between CPUs once: a word with the
 * holder in it, so that an unlock need not read before it writes. The holder is a thread id: a reference would mark a
 * card of the garbage collector's table at each acquisition, a second line that moves.
 */
@SuppressWarnings("serial") // SliceLock is written as its form
abstract class LockWord extends LockPadding {
    static final int LOCKED = 1;
    static final int RESERVED = 2;
    /** Above them is the id of the thread that holds it, or 0. */
    static final int OWNER = 2;

    /** LOCKED: held. RESERVED: only the first of the queue takes it next. */
    transient volatile long state;
    /** Counts acquisitions; the holder's. */
    transient int passes;
    /** The request, where there are some; the holder's. */
    transient long section;
}
