// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.rseq4j.counters.PerCpuCounter;

/**
 * Where objects come from, and where they go: the factory, the discard hook, how often each was called, and what that
 * means for the permits of a pool with a maximum size.
 *
 * @param <T> the type of the pooled objects
 */
final class Supply<T> {
    private final Supplier<? extends T> factory;
    private final Consumer<? super T> hook;
    private final Executor executor;
    private final Roster<T> roster;
    private final Losses losses;
    private final PerCpuCounter misses = new PerCpuCounter();
    private final PerCpuCounter drops = new PerCpuCounter();
    /** Objects that were or are being made, and whose hook has not returned; also those that were lost. */
    private final AtomicLong existing = new AtomicLong();
    /** Those of them that ended where there was no stack to count down; changed under the monitor of that number. */
    private volatile long uncounted;
    /** What gives permits; null without a maximum size. Set by the pool as it is made. */
    WaitingRoom room;
    private volatile boolean closed;

    Supply(Supplier<? extends T> factory, Consumer<? super T> hook, Executor executor, Roster<T> roster,
            Losses losses) {
        this.factory = factory;
        this.hook = hook;
        this.executor = executor;
        this.roster = roster;
        this.losses = losses;
    }

    // ---- Making. ----

    /**
     * A new object; null when the pool is closed. It is counted before it is asked whether that is so: who closes the
     * pool waits for it, or it is not made.
     *
     * @param missed whether it is for an acquire that found none
     */
    T make(boolean missed) {
        if (missed) {
            misses.increment();
        }
        existing.getAndIncrement();
        T object = null;
        try {
            if (!closed) {
                object = Objects.requireNonNull(factory.get(), "the factory returned null");
            }
        } finally {
            if (object == null) {
                boolean counted = false;
                try {
                    existing.getAndDecrement();
                    counted = true;
                } finally {
                    if (!counted) {
                        synchronized (existing) { // calls nothing
                            try {
                                uncounted++;
                            } catch (Throwable onEntry) {
                                uncounted++;
                            }
                        }
                    }
                }
            }
        }
        return object;
    }

    /** By a permit, which comes back whatever is thrown; null when the pool is closed. */
    T make(Ticket ticket, boolean missed) {
        T made = null;
        try {
            made = make(missed);
        } finally {
            ticket.outcome = made == null ? Ticket.GONE : Ticket.KEPT;
            if (made == null) {
                room.unswept = true;
                room.unserved = true;
                room.serveAtLast();
            }
        }
        return made;
    }

    /** By an executor. */
    T makeForAnybody() {
        T made = make(false);
        if (made != null && roster != null) {
            try {
                roster.stocked(made);
            } catch (Throwable e) {
                // No stack, or no memory: its age counts from when it is first acquired.
            }
        }
        return made;
    }

    // ---- Discarding. ----

    /** The hook's call by the executor, if that has not failed before. */
    private final class Later implements Runnable {
        private final T object;
        private final Ticket ticket;
        /** Whether the hook is somebody's to call already; guarded by this, which calls nothing. */
        private boolean taken;
        /** What the hook threw, for a thread that runs this as it hands it on. */
        private Throwable thrown;

        Later(T object, Ticket ticket) {
            this.object = object;
            this.ticket = ticket;
        }

        @Override
        public void run() {
            boolean others;
            synchronized (this) {
                try {
                    others = taken;
                    taken = true;
                } catch (Throwable onEntry) {
                    others = taken;
                    taken = true;
                }
            }
            if (others) {
                return;
            }
            Throwable failure = null;
            boolean begun = false;
            try {
                failure = callHook(object);
                begun = true;
            } finally {
                if (!begun) {
                    synchronized (existing) { // calls nothing
                        try {
                            uncounted++;
                        } catch (Throwable onEntry) {
                            uncounted++;
                        }
                    }
                }
                if (ticket != null) {
                    ticket.outcome = Ticket.GONE;
                    room.unswept = true;
                    room.unserved = true;
                    room.serveAtLast();
                }
            }
            if (failure != null) {
                thrown = failure;
                PerCpuPool.throwAsItIs(failure);
            }
        }
    }

    /**
     * An object that is nobody's now leaves for good, and with it its permit. Returns what was thrown then. It throws
     * itself only where there was no stack to begin; then the caller counts the object among the {@link Losses}.
     */
    Throwable discard(T object) {
        Throwable failure = discardUnserved(object);
        if (room != null && room.unserved) {
            try {
                room.serveAtLast();
            } catch (Throwable e) {
                // No stack: who waits looks for itself.
            }
        }
        return failure;
    }

    /** As {@link #discard}, for who serves the room then, whatever was thrown. Nobody is to blame for the hook. */
    void discardLeft(Object object) {
        @SuppressWarnings("unchecked")
        T discarded = (T) object;
        Throwable failure = discardUnserved(discarded);
        if (failure != null) {
            try {
                log(failure);
            } catch (Throwable e) {
                // There was no stack or no memory to tell of it.
            }
        }
    }

    private Throwable discardUnserved(T object) {
        Ticket ticket = null;
        boolean begun = false;
        Throwable failure;
        try {
            ticket = room == null ? null : room.leaving();
            failure = discard(object, ticket);
            begun = true;
        } catch (Throwable e) {
            failure = e;
        }
        if (!begun) {
            synchronized (losses) {
                try {
                    losses.objects++;
                } catch (Throwable onEntry) {
                    losses.objects++;
                }
            }
        }
        if (ticket != null && !ticket.handedOn) {
            ticket.outcome = begun ? Ticket.GONE : Ticket.KEPT; // else its permit is that of the loss
            room.unswept = true;
        }
        if (room != null) {
            room.unserved = true;
        }
        return failure;
    }

    /** As {@link #discardUnserved}, but the caller frees the permit, unless the ticket is handed on. */
    private Throwable discard(T object, Ticket ticket) {
        Throwable failure;
        boolean begun = false;
        try {
            drops.increment();
            if (roster != null) {
                roster.discarded(object);
            }
            failure = executor == null || hook == null ? callHook(object) : handOn(object, ticket);
            begun = true;
        } catch (Throwable e) {
            failure = e;
        }
        if (!begun) {
            synchronized (existing) { // calls nothing
                try {
                    uncounted++;
                } catch (Throwable onEntry) {
                    uncounted++;
                }
            }
        }
        return failure;
    }

    /** What the hook threw. The object does not exist any more. */
    private Throwable callHook(T object) {
        Throwable failure = null;
        try {
            if (hook != null) {
                hook.accept(object);
            }
        } catch (Throwable e) {
            failure = e;
        }
        boolean counted = false;
        try {
            existing.getAndDecrement();
            counted = true;
        } catch (Throwable e) {
            failure = failure == null ? e : failure;
        }
        if (!counted) {
            synchronized (existing) { // calls nothing
                try {
                    uncounted++;
                } catch (Throwable onEntry) {
                    uncounted++;
                }
            }
        }
        return failure;
    }

    /** Has the executor call the hook; where that fails before it has begun, this thread does. What was thrown. */
    @SuppressWarnings("ReferenceEquality") // the same one, and no call
    private Throwable handOn(T object, Ticket ticket) {
        var later = new Later(object, ticket);
        if (ticket != null) {
            ticket.handedOn = true;
        }
        Throwable failure;
        try {
            executor.execute(later);
            return null;
        } catch (Throwable e) {
            failure = e;
        }
        boolean taken;
        synchronized (later) { // an executor may have queued what it refuses
            try {
                taken = later.taken;
                later.taken = true;
            } catch (Throwable onEntry) {
                taken = later.taken;
                later.taken = true;
            }
        }
        if (taken) {
            return failure instanceof RejectedExecutionException && failure != later.thrown ? null : failure;
        }
        if (ticket != null) {
            ticket.handedOn = false;
        }
        Throwable thrown = callHook(object);
        return thrown != null || failure instanceof RejectedExecutionException ? thrown : failure;
    }

    /** For what a hook threw where nobody waits for it. */
    static void log(Throwable failure) {
        System.getLogger(PerCpuPool.class.getName()).log(System.Logger.Level.WARNING, "the discard hook failed",
                failure);
    }

    // ---- Closing. ----

    /** From now on nothing is made. */
    void close() {
        closed = true;
    }

    boolean isClosed() {
        return closed;
    }

    // ---- Counts. ----

    void countMiss() {
        misses.increment();
    }

    /** Acquires that found no pooled object. */
    long misses() {
        return misses.sum();
    }

    long drops() {
        return drops.sum();
    }

    /** Objects that were or are being made, and whose discarding has not ended. */
    long existing() {
        return existing.get() - uncounted - losses.objects;
    }
}
