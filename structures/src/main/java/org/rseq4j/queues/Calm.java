// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.concurrent.atomic.AtomicReference;

/**
 * A time in which no elements are moved between the rings of a queue, so that a thread that goes from ring to ring
 * passes none over. It is ended by one store of a field, which cannot fail.
 */
final class Calm {
    volatile boolean over;
    private Calm before;

    /** Those that last, and some that are over. */
    static final class Calms {
        private final AtomicReference<Calm> last = new AtomicReference<>();

        /** Whether nothing may be moved; asked with the ring locked from which elements would be moved. */
        boolean isCalm() {
            for (Calm calm = last.get(); calm != null; calm = calm.before) {
                if (!calm.over) {
                    return true;
                }
            }
            return false;
        }

        /** Begins one; moves that are under way in these rings are over when this returns. */
        Calm begin(Ring[] rings) {
            var calm = new Calm();
            Calm before;
            do {
                before = last.get();
                calm.before = before;
                while (calm.before != null && calm.before.over) {
                    calm.before = calm.before.before;
                }
            } while (!last.compareAndSet(before, calm));
            boolean done = false;
            try {
                for (Ring ring : rings) {
                    ring.awaitHeadUnlocked();
                }
                done = true;
            } finally {
                calm.over = !done;
            }
            return calm;
        }
    }
}
