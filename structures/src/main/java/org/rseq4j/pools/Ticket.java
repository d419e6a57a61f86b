// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * What a {@link WaitingRoom} knows of a thread that waits for an object, of an object that is being made, or of one
 * that is being discarded. What became of it is told by an assignment to {@code outcome}, which nothing can keep from
 * happening.
 */
final class Ticket {
    /** Given instead of an object: the right to make one. */
    static final Object CREATE = new Object();
    /** Given instead of an object: the pool is closed. */
    static final Object CLOSED = new Object();
    /** Given by the thread itself: it does not wait any more. */
    static final Object LEFT = new Object();

    static final int IN_PROGRESS = 0;
    /** The object exists, and is its owner's. */
    static final int KEPT = 1;
    /** There is no object, or not any more, or nobody to give it to. */
    static final int GONE = 2;

    private static final VarHandle GIVEN;

    static {
        try {
            GIVEN = MethodHandles.lookup().findVarHandle(Ticket.class, "given", Object.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    final Thread thread;
    volatile Object given;
    volatile int outcome;
    /** Whether another thread says what became of it. */
    volatile boolean handedOn;
    /** What its thread offers to have made while it waits; null where threads make objects themselves. */
    final Making making;
    /** The next one in line. */
    Ticket next;

    Ticket(Thread thread) {
        this(thread, null);
    }

    Ticket(Thread thread, Making making) {
        this.thread = thread;
        this.making = making;
    }

    /** Whether this is what was given; not when something was before. */
    boolean give(Object what) {
        return GIVEN.compareAndSet(this, null, what);
    }
}
