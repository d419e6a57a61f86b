// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.util.concurrent.Executor;
import java.util.function.Supplier;

/**
 * What an executor makes for those who wait in a {@link WaitingRoom}: never more than wait, or than the maximum allows,
 * and for stock. Whose object is ready first does not matter: it goes to who came first.
 */
final class Makings {
    final Executor executor;
    /** Gives null when the pool is closed. */
    final Supplier<?> factory;
    private final Tiers tiers;
    /** Set by the pool as it is made. */
    WaitingRoom room;
    /** What was thrown for the last one; null when that was made. */
    volatile Throwable failure;

    // Guarded by the room's lock.
    private Making first;
    private int inProgress;

    Makings(Executor executor, Supplier<?> factory, Tiers tiers) {
        this.executor = executor;
        this.factory = factory;
        this.tiers = tiers;
        Making.initialize();
    }

    /** A moment's value. */
    int inProgress() {
        return inProgress;
    }

    /** Whether the permit was taken for it. */
    boolean grant(Making making) {
        boolean granted = making.grant();
        if (granted) {
            making.next = first;
            first = making;
            inProgress++;
        }
        return granted;
    }

    /**
     * Takes into the pool what was made, and back the permits of what will not be, until an object finds no place. That
     * is the room's {@link WaitingRoom#unplaced} then.
     */
    void sweep(boolean keepsAll) {
        Making before = null;
        for (Making making = first; making != null && room.unplaced == null; making = making.next) {
            Object object = making.made();
            if (object == null && !making.isGone()) {
                before = making;
                continue;
            }
            if (object == null) {
                room.existing--;
            } else if (room.isClosed() || !tiers.keep(object, keepsAll)) {
                room.unplaced = object;
            }
            // From keep on nothing is called: the object must not be in two places.
            if (object != null) {
                making.made = null;
                making.state = Making.OFFERED; // its asker may still wait
            }
            inProgress--;
            if (before == null) {
                first = making.next;
            } else {
                before.next = making.next;
            }
            if (object != null && room.unplaced == null && room.isClosed()) { // who closed it may have looked before
                room.unplaced = tiers.tryPopShut();
            }
        }
        if (room.unplaced != null) {
            room.unswept = true;
            room.unserved = true;
        }
    }
}
