// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

/**
 * What every acquisition writes, on one cache line of its own, so that it moves between CPUs once. The owner is a
 * thread id: a reference would mark a card of the garbage collector's table at each acquisition, a second line that
 * moves.
 */
@SuppressWarnings("serial") // SliceLock is written as its form
abstract class LockWord extends LockPadding {
    static final int LOCKED = 1;
    static final int RESERVED = 2;

    /** LOCKED: held. RESERVED: only the first of the queue takes it next. */
    transient volatile int state;
    /**
     * Holds that ended beside a queue since somebody last looked how long that goes on. The holder's, as those below.
     */
    transient int passes;
    transient long ownerId;
    transient long section;
}
