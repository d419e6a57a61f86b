// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.VarHandle;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
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
    private final PerCpuCounter made = new PerCpuCounter();
    private final PerCpuCounter drops = new PerCpuCounter();
    private final PerCpuCounter ended = new PerCpuCounter();
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

    /** The hook's call by the executor. */
    private final class Later implements Runnable {
        private final T object;
        private final Ticket ticket;
        private volatile boolean begun;

        Later(T object, Ticket ticket) {
            this.object = object;
            this.ticket = ticket;
        }

        @Override
        public void run() {
            begun = true;
            try {
                callHook(object);
            } finally {
                if (ticket != null) {
                    end(ticket);
                }
            }
        }
    }

    /**
     * A new object; null when the pool is closed. It is counted before it is made: who closes the pool waits for it, or
     * it is not made.
     *
     * @param missed whether it is for an acquire that found none
     */
    T make(boolean missed) {
        if (missed) {
            misses.increment();
        }
        made.increment();
        T object = null;
        try {
            VarHandle.fullFence(); // pairs with the one in existing
            if (!closed.getAsBoolean()) {
                object = Objects.requireNonNull(factory.get(), "the factory returned null");
            }
        } finally {
            if (object == null) {
                ended.increment();
            }
        }
        return object;
    }

    /** The object leaves for good, and with it its permit. */
    void discard(T object) {
        Ticket ticket = room == null ? null : room.leaving();
        try {
            discard(object, ticket);
        } finally {
            if (ticket != null && !ticket.handedOn) {
                end(ticket);
            }
        }
    }

    private void end(Ticket ticket) {
        // once, also for an executor that failed and called the hook all the same
        if (ticket.outcome == Ticket.IN_PROGRESS) {
            ticket.outcome = Ticket.GONE;
        }
        room.unswept = true;
        room.unserved = true;
        room.serveAtLast();
    }

    /** As {@link #discard(Object)}, but the caller says that it has gone unless the ticket is handed on. */
    void discard(T object, Ticket ticket) {
        drops.increment();
        if (roster != null) {
            roster.discarded(object);
        }
        if (executor == null || hook == null || !handOn(object, ticket)) {
            callHook(object);
        }
    }

    private void callHook(T object) {
        try {
            if (hook != null) {
                hook.accept(object);
            }
        } finally {
            ended.increment();
        }
    }

    /** False when the executor refused. */
    private boolean handOn(T object, Ticket ticket) {
        var later = new Later(object, ticket);
        try {
            if (ticket != null) {
                ticket.handedOn = true;
            }
            executor.execute(later);
            return true;
        } catch (Throwable e) {
            if (ticket != null && !later.begun) {
                ticket.handedOn = false;
            }
            if (!later.begun && e instanceof RejectedExecutionException) {
                return false;
            }
            throw e; // the executor's, or the hook's, which was called then
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
        VarHandle.fullFence();
        return made.sum() - ended.sum();
    }
}
