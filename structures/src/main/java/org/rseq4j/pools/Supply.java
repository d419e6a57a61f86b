// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.rseq4j.counters.PerCpuCounter;

/**
 * Where objects come from, and where they go: the factory, the discard hook, and how often each was called.
 *
 * @param <T> the type of the pooled objects
 */
final class Supply<T> {
    private final Supplier<? extends T> factory;
    private final Consumer<? super T> hook;
    private final Executor executor;
    private final Roster<T> roster;
    private final PerCpuCounter misses = new PerCpuCounter();
    private final PerCpuCounter drops = new PerCpuCounter();
    /** Objects that were or are being made, and whose hook has not returned. */
    private final AtomicLong existing = new AtomicLong();
    /**
     * Those of them that ended where there was no stack for a call, or became unreachable; changed under the monitor of
     * that number.
     */
    private volatile long uncounted;
    /** What gives permits; null without a maximum size. Set by the pool as it is made. */
    WaitingRoom room;

    /** Whether the pool is closed. */
    private final BooleanSupplier closed;

    Supply(Supplier<? extends T> factory, Consumer<? super T> hook, Executor executor, Roster<T> roster,
            BooleanSupplier closed) {
        this.factory = factory;
        this.hook = hook;
        this.executor = executor;
        this.roster = roster;
        this.closed = closed;
    }

    /** The hook's call by the executor, if that has not failed before. */
    private final class Later implements Runnable {
        private final T object;
        private final Ticket ticket;
        /** Whether the hook is somebody's to call already; guarded by this, which calls nothing. */
        private boolean taken;

        Later(T object, Ticket ticket) {
            this.object = object;
            this.ticket = ticket;
        }

        @Override
        public void run() {
            synchronized (this) {
                if (taken) {
                    return;
                }
                taken = true;
            }
            try {
                callHook(object);
            } finally {
                if (ticket != null) {
                    ticket.outcome = Ticket.GONE;
                    room.unswept = true;
                    room.unserved = true;
                    room.serveAtLast();
                }
            }
        }
    }

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
            if (!closed.getAsBoolean()) {
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
                            uncounted++;
                        }
                    }
                }
            }
        }
        return object;
    }

    /** The object leaves for good, and with it its permit, which comes back whatever is thrown. */
    void discard(T object) {
        Ticket ticket = null;
        try {
            ticket = room == null ? null : room.leaving();
            discard(object, ticket);
        } finally {
            if (room != null && (ticket == null || !ticket.handedOn)) {
                if (ticket == null) {
                    synchronized (room.head) { // as forget, but calls nothing
                        room.forgotten++;
                    }
                } else {
                    ticket.outcome = Ticket.GONE;
                }
                room.unswept = true;
                room.unserved = true;
                room.serveAtLast();
            }
        }
    }

    /** As {@link #discard(Object)}, but the caller says that it has gone unless the ticket is handed on. */
    void discard(T object, Ticket ticket) {
        drops.increment();
        if (roster != null) {
            roster.discarded(object);
        }
        if (executor == null || hook == null) {
            callHook(object);
        } else {
            handOn(object, ticket);
        }
    }

    private void callHook(T object) {
        try {
            if (hook != null) {
                hook.accept(object);
            }
        } finally {
            boolean counted = false;
            try {
                existing.getAndDecrement();
                counted = true;
            } finally {
                if (!counted) {
                    synchronized (existing) { // calls nothing
                        uncounted++;
                    }
                }
            }
        }
    }

    /** Has the executor call the hook; where that fails before it has begun, this thread does. */
    private void handOn(T object, Ticket ticket) {
        var later = new Later(object, ticket);
        if (ticket != null) {
            ticket.handedOn = true;
        }
        try {
            executor.execute(later);
        } catch (Throwable e) {
            boolean ours;
            synchronized (later) { // an executor may have queued what it refuses
                ours = !later.taken;
                later.taken = true;
            }
            if (ours) {
                if (ticket != null) {
                    ticket.handedOn = false;
                }
                callHook(object);
            }
            if (!ours || !(e instanceof RejectedExecutionException)) {
                throw e; // the executor's, or the hook's, which was called then
            }
        }
    }

    /** An object that has no permit any more. Nobody is to blame for what its hook throws. */
    void discardUnbound(Object object) {
        try {
            @SuppressWarnings("unchecked")
            T discarded = (T) object;
            discard(discarded, null);
        } catch (Throwable e) {
            System.getLogger(PerCpuPool.class.getName()).log(System.Logger.Level.WARNING, "the discard hook failed", e);
        }
    }

    /** So many objects became unreachable while they were in use. */
    void forget(int objects) {
        synchronized (existing) {
            uncounted += objects;
        }
    }

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

    /** Objects that were or are being made, and whose discarding has not ended; also those that an error lost. */
    long existing() {
        return existing.get() - uncounted;
    }
}
