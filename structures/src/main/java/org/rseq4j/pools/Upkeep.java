// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.time.Duration;
import org.rseq4j.internal.thread.Threads;

/**
 * What a pool does besides acquires and releases: it looks for leaks, discards what is idle, makes objects ahead, and
 * at its end takes out what is left.
 *
 * @param <T> the type of the pooled objects
 */
final class Upkeep<T> implements Trimmer.Trimmed {
    /** How often it is looked whether there are as many objects as asked for. */
    private static final long STOCK_NANOS = 100_000_000;
    /** How often closing looks again at places that somebody is inside of. */
    private static final int SPINS = 100;

    private final Tiers tiers;
    private final Supply<T> supply;
    private final Roster<T> roster;
    private final WaitingRoom room;
    private final Makings makings;
    private final Losses losses;
    private final int minIdle;
    private final long idleNanos;
    private long trimmedAt = System.nanoTime();
    /** What calls {@link #trim} again and again; null where nothing is asked for. */
    private final Trimmer visits;

    /**
     * That of a pool of these parts, of which the last three may be null.
     *
     * @param minIdle how many objects are to be in the pool
     * @param idleNanos for how long an object stays that is not used; 0 for ever
     */
    Upkeep(int minIdle, long idleNanos, Losses losses, Tiers tiers, Supply<T> supply, Roster<T> roster,
            WaitingRoom room, Makings makings) {
        this.tiers = tiers;
        this.supply = supply;
        this.roster = roster;
        this.room = room;
        this.makings = makings;
        this.losses = losses;
        this.minIdle = minIdle;
        this.idleNanos = idleNanos;
        long period = minIdle == 0 ? idleNanos : idleNanos == 0 ? STOCK_NANOS : Math.min(STOCK_NANOS, idleNanos);
        visits = period == 0 ? null : Trimmer.schedule(this, period);
    }

    /** A visit. */
    @Override
    public void trim() {
        if (room != null) {
            room.serveAtLast(); // an error may have kept somebody from it, and perhaps nobody comes
        }
        long now = System.nanoTime();
        if (idleNanos > 0 && (minIdle == 0 || now - trimmedAt >= idleNanos)) {
            trimmedAt = now;
            discardIdle();
        }
        int missing = minIdle - tiers.objects() - (makings == null ? 0 : makings.inProgress());
        if (room == null || !room.keepsAll()) {
            missing = Math.min(missing, tiers.room());
        }
        while (missing > 0 && stock()) {
            missing--;
        }
    }

    /** Makes an object ahead, if there may be one more. */
    private boolean stock() {
        if (makings != null) {
            var making = new Making(makings, null);
            return room.trySubmit(making) && making.failure == null;
        }
        Ticket ticket = room == null ? null : room.tryCreate();
        T made = room == null ? supply.make(false) : ticket == null ? null : supply.make(ticket, false);
        if (made == null) {
            return false;
        }
        boolean kept = false;
        Throwable failure = null;
        try {
            if (roster != null) {
                roster.stocked(made);
            }
            kept = tiers.put(made) || tiers.putSlowly(made) || room != null && room.release(made);
        } finally {
            if (!kept) {
                failure = supply.discard(made);
            }
        }
        if (failure != null) {
            PerCpuPool.throwAsItIs(failure);
        }
        if (room != null && supply.isClosed()) {
            discardAll(null); // it came when all others had been taken out
        }
        return true;
    }

    /** Looks for objects that became unreachable while they were in use. */
    void sweep() {
        int leaked = roster == null ? 0 : roster.sweep();
        if (leaked > 0) {
            synchronized (losses) {
                try {
                    losses.objects += leaked;
                } catch (Throwable onEntry) {
                    losses.objects += leaked;
                }
            }
            if (room != null) {
                room.serveAtLast();
            }
        }
    }

    /** Discards the objects of each place from which nothing was taken since the last call. */
    void discardIdle() {
        boolean[] idle = tiers.findIdle();
        sweep();
        discardAll(idle);
    }

    /** Those of places that are idle, or null: shut; one at a time, and all of them, whatever a hook throws. */
    void discardAll(boolean[] idle) {
        Throwable failure = discardAll(idle, null);
        if (failure != null) {
            PerCpuPool.throwAsItIs(failure);
        }
    }

    /** As {@link #discardAll(boolean[])}, but returns what was thrown, now or before. */
    private Throwable discardAll(boolean[] idle, Throwable before) {
        Throwable failure = before;
        Object object;
        do {
            object = idle == null ? tiers.tryPopShut() : tiers.tryPopIdle(idle);
            if (object != null) {
                Throwable thrown;
                try {
                    tiers.countRemoved();
                    @SuppressWarnings("unchecked")
                    T discarded = (T) object;
                    thrown = supply.discard(discarded);
                } catch (Throwable e) { // it did not begin
                    synchronized (losses) {
                        try {
                            losses.objects++;
                        } catch (Throwable onEntry) {
                            losses.objects++;
                        }
                    }
                    thrown = e;
                }
                failure = thrown == null ? failure : first(failure, thrown);
            }
        } while (object != null);
        return failure;
    }

    @SuppressWarnings("ReferenceEquality") // no exception suppresses itself
    private static Throwable first(Throwable before, Throwable next) {
        if (before == null) {
            return next;
        }
        if (before != next) {
            before.addSuppressed(next);
        }
        return before;
    }

    // ---- Closing. ----

    /** Ends everything; see {@link PerCpuPool#close()}. */
    void close() {
        supply.close();
        if (visits != null) {
            visits.cancel();
        }
        if (room != null) {
            room.close();
        } else {
            tiers.shut();
        }
        Throwable failure = discardAll(null, null);
        for (int i = 0; i < SPINS && tiers.isStuck(); i++) {
            Thread.yield();
            failure = discardAll(null, failure);
        }
        if (tiers.isStuck()) {
            Threads.startUnattached(this::discardTheRest);
        }
        if (failure != null) {
            PerCpuPool.throwAsItIs(failure);
        }
    }

    private void discardTheRest() {
        do {
            try {
                Thread.sleep(1);
                discardAll(null);
            } catch (Throwable e) {
                Supply.log(e);
            }
        } while (tiers.isStuck());
    }

    /** Closes, and waits until no object exists; whether that came in time. What a hook threw comes at the end. */
    boolean close(Duration timeout) throws InterruptedException {
        long begun = System.nanoTime();
        long nanos = Durations.nanos(timeout);
        Throwable failure = null;
        try {
            close();
        } catch (Throwable e) {
            failure = e;
        }
        boolean over = false;
        while (supply.existing() > 0 && !over) {
            sweep();
            if (room != null) { // as in a visit: an error may have kept somebody from it
                room.serveAtLast();
            }
            failure = discardAll(null, failure);
            over = System.nanoTime() - begun >= nanos;
            if (!over) {
                Thread.sleep(1);
            }
        }
        if (failure != null) {
            PerCpuPool.throwAsItIs(failure);
        }
        return !over;
    }
}
