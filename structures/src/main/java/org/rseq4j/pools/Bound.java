// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * How many objects a pool keeps at most, dealt out in shares: what is free here, the limits of all slabs, and what is
 * reserved for leased slabs sum up to it. A share is taken first and then added to a limit by an assignment, and is
 * given back before the limit is lowered, by the thread inside of the slab; so none is lost, whatever is thrown.
 */
final class Bound {
    private final int total;
    private final AtomicInteger free;

    /** Of the total so many are dealt out already. */
    Bound(int total, int reserved) {
        this.total = total;
        free = new AtomicInteger(total - reserved);
    }

    int total() {
        return total;
    }

    /** What is dealt out to nobody. */
    int free() {
        return free.get();
    }

    /** What is granted of that; nothing between the compare-and-set and the return can fail. */
    int take(int wanted) {
        for (int left = free.get(); left > 0; left = free.get()) {
            int granted = Math.min(left, wanted);
            if (free.compareAndSet(left, left - granted)) {
                return granted;
            }
        }
        return 0;
    }

    void give(int share) {
        free.addAndGet(share);
    }

    /** Raises the limit of a slab, from inside of it: from what is free, else from what another slab does not use. */
    void raise(Slab slab, int most, Slab[] all) {
        int wanted = Math.min(most, slab.capacity() - slab.limit);
        if (wanted <= 0) {
            return;
        }
        int granted = take(wanted);
        slab.limit += granted;
        for (int i = 0; granted == 0 && i < all.length; i++) {
            granted = all[i] == slab ? 0 : takeUnused(all[i], slab, wanted);
        }
    }

    private static int takeUnused(Slab from, Slab to, int wanted) {
        int granted = 0;
        if (from.tryLock()) {
            try {
                granted = Math.min(wanted, (from.limit - from.size + 1) / 2);
                from.limit -= granted;
                to.limit += granted;
            } finally {
                from.locked = 0;
            }
        }
        return granted;
    }

    /** Gives back what a slab does not use, if nobody is inside. */
    void reclaim(Slab slab) {
        if (slab.tryLock()) {
            try {
                int unused = slab.limit - slab.size;
                give(unused);
                slab.limit -= unused;
            } finally {
                slab.locked = 0;
            }
        }
    }
}
