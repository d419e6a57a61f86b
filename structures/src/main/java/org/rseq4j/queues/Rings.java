// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import org.rseq4j.internal.thread.FirstUse;

/** Makes rings, in a class without an initializer, so that those of rings find stack. */
final class Rings {
    private static boolean initialized;

    private Rings() {
    }

    /** A bounded ring, its indices starting anywhere. */
    static Ring bounded(int capacity, long start) {
        initialize();
        return new Ring(Ring.checkCapacity(capacity), start);
    }

    static Ring unbounded() {
        initialize();
        return Ring.unbounded();
    }

    static int checkCapacity(int capacity) {
        initialize();
        return Ring.checkCapacity(capacity);
    }

    private static void initialize() {
        if (!initialized) {
            FirstUse.prepare();
            Contents[] contents = RingCollection.contentsOf(new Ring[]{new Ring(1, 0)});
            contents[0].clear();
            Waiters.initialize();
            initialized = true;
        }
    }
}
