// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;

/**
 * An object that an executor makes, for a thread that waits in a {@link WaitingRoom} or for stock.
 *
 * <pre>
 *   offered ──> granted ──> submitted ──> begun ──> made ──> offered
 *                  │            │            │
 *                  └────────────┴────────────┴────> gone
 * </pre>
 *
 * The holder of the room's lock grants it, with a permit, and later takes the object into the pool, or the permit back.
 * The thread that asked submits it, the executor's begins it. All but the beginning is told by assignments alone.
 */
final class Making implements Runnable {
    static final int OFFERED = 0;
    static final int GRANTED = 1;
    private static final int SUBMITTED = 2;
    private static final int BEGUN = 3;
    private static final int MADE = 4;
    private static final int GONE = 5;
    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(Making.class, "state", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Makings all;
    /** The thread that waits for it; null for stock. */
    private final Thread asker;
    volatile int state;
    /** Whether the executor threw, and may not have it. */
    private volatile boolean refused;
    /** Whether the asker has gone, and submits it no more. */
    volatile boolean abandoned;
    /** Whether the asker submitted it; its own. */
    boolean asked;
    /** What the factory or the executor threw; null if nothing, or if that had begun to make it before it threw. */
    volatile Throwable failure;
    /** The failure for which the asker left; its own. */
    Throwable thrown;
    Object made;
    /** The next one of those that were granted; guarded by the room's lock. */
    Making next;

    Making(Makings all, Thread asker) {
        this.all = all;
        this.asker = asker;
    }

    /** So that not the first acquire does it, and may find no stack for that. */
    static void initialize() {
        STATE.getVolatile(new Making(null, null));
    }

    // ---- The thread that asks. ----

    /** Has the executor make it, which may be done already on return. */
    void submit() {
        WaitingRoom room = all.room;
        asked = true;
        refused = false;
        state = SUBMITTED;
        try {
            all.executor.execute(this);
        } catch (Throwable e) {
            if (state == SUBMITTED) { // else it is being made all the same
                failure = e;
                refused = true;
                room.unswept = true;
                room.unserved = true;
                room.serveAtLast();
                report(e);
            }
        }
    }

    // ---- The executor. ----

    @Override
    public void run() {
        WaitingRoom room = all.room;
        Throwable thrown = null;
        Object object = null;
        boolean begun = false;
        try {
            begun = STATE.compareAndSet(this, SUBMITTED, BEGUN);
            object = begun ? all.factory.get() : null;
        } catch (Throwable e) {
            thrown = e;
        }
        if (begun) {
            made = object;
            all.failure = thrown;
            if (thrown != null) { // else it stays: whose executor threw does not submit it again
                failure = thrown;
            }
            state = object == null ? GONE : MADE;
        } else if (thrown != null) {
            failure = thrown;
            refused = true;
        }
        room.unswept = true;
        room.unserved = true;
        room.serveAtLast();
        if (thrown != null) {
            report(thrown);
        }
    }

    private void report(Throwable thrown) {
        if (asker != null) { // throws it
            LockSupport.unpark(asker);
        } else {
            System.getLogger(PerCpuPool.class.getName()).log(System.Logger.Level.WARNING, "no object was made ahead",
                    thrown);
        }
    }

    // ---- With the room's lock. ----

    /** False when it was granted already, or is not offered any more. */
    boolean grant() {
        if (state != OFFERED || abandoned) {
            return false;
        }
        state = GRANTED;
        if (abandoned && state == GRANTED) { // in between, and its asker may not have seen it, or else submitted it
            state = OFFERED;
            return false;
        }
        return true;
    }

    /** Whether it will not be made; never again false. */
    boolean isGone() {
        // Abandoned first: in the other order its asker may submit it, and leave, in between.
        return state == GONE || abandoned && state == GRANTED
                || refused && (STATE.compareAndSet(this, SUBMITTED, GONE) || state == GONE);
    }

    /** The object that was made, or null. */
    Object made() {
        return state == MADE ? made : null;
    }
}
