// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.rseq4j.internal.section.Section;

/** Access to what threads of a SliceLock change at once; not in its classes, whose initializers may find no stack. */
final class LockAccess {
    /** {@link LockWord#state}. */
    static final VarHandle STATE;
    /** {@link WaitQueue#heir}. */
    static final VarHandle HEIR;
    /** {@link WaitQueue#linksLocked}. */
    static final VarHandle LINKS;
    /** {@link Waiter#place}. */
    static final VarHandle PLACE;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            STATE = lookup.findVarHandle(LockWord.class, "state", long.class);
            HEIR = lookup.findVarHandle(WaitQueue.class, "heir", Waiter.class);
            LINKS = lookup.findVarHandle(WaitQueue.class, "linksLocked", int.class);
            PLACE = lookup.findVarHandle(Waiter.class, "place", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private LockAccess() {
    }

    /** What a wait needs: a class whose initialization ran out of memory or stack then would be of no use for ever. */
    static void initialize() {
        StackReserve.ensure();
        Section.initialize();
        LockEvents.begin();
        var waiter = new Waiter(Waiter.NOWHERE);
        if (Parking.isOver(false, false, Spinning.SPINNERS) || waiter.place != Waiter.NOWHERE) {
            throw new AssertionError();
        }
    }
}
