// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.rseq4j.internal.thread.FirstUse;

/**
 * A pool of reusable objects, a few for each CPU: what one request releases, the next request on that CPU acquires,
 * whatever the number of threads.
 *
 * <p>
 * <b>It guarantees</b> that an object has one owner at a time, and that no more than {@link Builder#maxPooled} objects
 * are kept. With {@link Builder#maxSize} no more than that exist, and {@code acquire} waits for one, in the order of
 * arrival. Otherwise nobody waits.
 *
 * <p>
 * <b>What it does not guarantee:</b> without {@code maxSize} an acquire may call the factory although an object is in
 * the pool, as it never waits for the place where that is. The pool may go on referring to objects that were acquired,
 * at most as many as it has room for.
 *
 * <p>
 * <b>Hooks</b> are called outside of all locks, on the acquiring or releasing thread where nothing else is said. When
 * the factory throws, the pool is as it was. When reset or validation throws, the object is discarded and the caller
 * gets the exception.
 *
 * <p>
 * <b>Errors:</b> an operation that throws a StackOverflowError or OutOfMemoryError may have lost the one object in
 * hand. Bounds hold and other objects are kept, whatever is thrown: an acquire that threw has no permit of
 * {@code maxSize}, and a release that threw has given its object back.
 *
 * <p>
 * <b>Happens-before:</b> what a thread does before it releases an object happens before what the next one does that
 * acquires it.
 *
 * <p>
 * <b>Cost:</b> threads that use a pool much have a small stack of their own in it, used by plain loads and stores; the
 * others use their CPU's, by one atomic instruction. Nothing is allocated, except by a thread that waits. A thread that
 * finds nothing may take objects from other threads' stacks, which costs a membarrier, some tens of microseconds, at
 * most once in 10 ms before the factory is called. Without rseq a stripe of the thread stands in for its CPU.
 *
 * @param <T> the type of the pooled objects
 * @since 0.1.0
 */
public final class PerCpuPool<T> implements AutoCloseable {
    /*
     * Source: the overflow, shared between CPUs in batches, is TCMalloc's transfer cache ("TCMalloc: Design").
     *
     * The tiers, from the quickest to the slowest; Tiers has the first four, Supply the factory, WaitingRoom the line:
     *
     *   leased slab   a thread's own, up to 16 objects; eight such slabs for each available CPU
     *   slab          a CPU's, a stack under a lock that is tried and never waited for
     *   overflow      shared, exchanged with slabs in batches
     *   other slabs   half of what one has; leased ones only after a membarrier
     *   factory       or, with maxSize reached or makeOn, the line
     *
     * A leased slab belongs to a platform thread, of virtual ones to their carrier. Small pools (maxPooled below 16 for
     * each available CPU, or capacityPerCpu below 4) have none, nor has a process with -Drseq4j.leases=off or without
     * membarrier. tryAcquire takes leased slabs away from their owners at once; acquire before anybody waits, and at
     * most once in 10 ms before the factory is called.
     *
     * Where the kernel grants time slice extensions, one is requested for the few nanoseconds in which a CPU's slab is
     * held.
     */
    private static final int DEFAULT_CAPACITY = 64;
    private static final int LARGEST_CAPACITY = 1 << 20;

    private static boolean initialized;

    final Tiers tiers;
    private final Supply<T> supply;
    /** Null where nothing has to be known of each object. */
    final Roster<T> roster;
    private final Consumer<? super T> reset;
    /** Null without a maximum size. */
    final WaitingRoom room;
    /** Null where threads make objects themselves. */
    private final Makings makings;
    private final Upkeep<T> upkeep;
    /** Objects that a release could not give to anybody else. */
    final Losses losses = new Losses();

    /**
     * Makes a pool with other than the default properties.
     *
     * @param <T> the type of the pooled objects
     * @since 0.1.0
     */
    public static final class Builder<T> {
        private final Supplier<? extends T> factory;
        private Consumer<? super T> reset;
        private Consumer<? super T> discard;
        private int capacityPerCpu = DEFAULT_CAPACITY;
        private int overflow = -1;
        private int maxPooled = Integer.MAX_VALUE;
        private int maxSize;
        private int minIdle;
        private long idleNanos;
        private long lifetime;
        private long jitter;
        private Predicate<? super T> validation;
        private Executor discardExecutor;
        private Executor makeExecutor;
        private Consumer<? super PoolMisuse> misuseHook;

        private Builder(Supplier<? extends T> factory) {
            this.factory = Objects.requireNonNull(factory, "factory");
        }

        /**
         * Sets what each object is given to when it is released, before it is pooled.
         *
         * @param hook is called on the releasing thread
         * @return this
         */
        public Builder<T> reset(Consumer<? super T> hook) {
            reset = Objects.requireNonNull(hook, "reset");
            return this;
        }

        /**
         * Sets what each object is given to that leaves the pool for good: because the pool is full, closed or idle, or
         * by {@link PerCpuPool#discard}.
         *
         * @param hook is called once for each such object
         * @return this
         */
        public Builder<T> discard(Consumer<? super T> hook) {
            discard = Objects.requireNonNull(hook, "discard");
            return this;
        }

        /**
         * Sets how many objects the slab of each CPU keeps at most, 64 by default: a part of what
         * {@link PerCpuPool#maxPooled} says for the whole pool.
         *
         * @param objects from 1 to 2<sup>20</sup>
         * @return this
         * @throws IllegalArgumentException when it is out of range
         */
        public Builder<T> capacityPerCpu(int objects) {
            capacityPerCpu = inRange("capacityPerCpu", objects, 1, LARGEST_CAPACITY);
            return this;
        }

        /**
         * Sets how many objects the overflow keeps at most, which all CPUs share; by default as many as four slabs.
         *
         * @param objects from 0 to 2<sup>20</sup>
         * @return this
         * @throws IllegalArgumentException when it is out of range
         */
        public Builder<T> overflow(int objects) {
            overflow = inRange("overflow", objects, 0, LARGEST_CAPACITY);
            return this;
        }

        /**
         * Sets how many objects are kept in all at most, in all places together; by default what the slabs and the
         * overflow have room for, which is also the most that this can be.
         *
         * @param objects at least 1
         * @return this
         * @throws IllegalArgumentException when it is not positive
         */
        public Builder<T> maxPooled(int objects) {
            maxPooled = inRange("maxPooled", objects, 1, Integer.MAX_VALUE);
            return this;
        }

        /**
         * Asks for the strict form: at most this number of objects exists, in the pool and acquired together. Then
         * {@link PerCpuPool#acquire()} and {@link PerCpuPool#acquire(Duration)} wait where no object is free. As long
         * as the pool can keep them all ({@link PerCpuPool#maxPooled}), a released object is discarded only when it is
         * too old or the pool closed; so where that many exist, none is made for it either. While fewer exist, an
         * acquire may make one although another is in a slab that somebody is just using.
         *
         * @param objects at least 1
         * @return this
         * @throws IllegalArgumentException when it is not positive
         */
        public Builder<T> maxSize(int objects) {
            maxSize = inRange("maxSize", objects, 1, Integer.MAX_VALUE);
            return this;
        }

        /**
         * Sets how long a CPU's objects stay when none of them is acquired; they are discarded when between once and
         * twice this time has passed, on a virtual thread of the pool's own. By default they stay. Costs a daemon
         * thread that looks at the clock each time that the age is over, or each second.
         *
         * @param age at least a millisecond
         * @return this
         * @throws IllegalArgumentException when it is shorter
         */
        public Builder<T> maxIdleAge(Duration age) {
            idleNanos = atLeastAMillisecond("maxIdleAge", age);
            return this;
        }

        /**
         * Asks for objects in stock: every tenth of a second as many are made on a virtual thread of the pool's own as
         * are missing in the pool, if {@link #maxSize} allows, also after {@link #maxIdleAge} has had its way; no more
         * than find room, which may be as few as half of {@link PerCpuPool#maxPooled}. When the factory throws, that is
         * logged, and it is tried again the next time. Costs a daemon thread, the same as for the idle age.
         *
         * @param objects at least 0
         * @return this
         * @throws IllegalArgumentException when it is negative
         */
        public Builder<T> minIdle(int objects) {
            minIdle = inRange("minIdle", objects, 0, LARGEST_CAPACITY);
            return this;
        }

        /**
         * Sets what says whether a pooled object may be handed out. One that may not, or whose validation throws, is
         * discarded; in the first case another is taken, in the second the acquire throws the same. An object that the
         * acquire itself made is not asked about. Costs a look-up in a map for each acquire besides.
         *
         * @param hook is called on the acquiring thread
         * @return this
         */
        public Builder<T> validate(Predicate<? super T> hook) {
            validation = Objects.requireNonNull(hook, "validate");
            return this;
        }

        /**
         * Sets for how long an object is handed out after its making. An older one is discarded when it is released, or
         * when it would be acquired. The jitter keeps objects that were made together from ending together. Costs a
         * look-up in a map and a look at the clock for each acquire and release.
         *
         * @param age at least a millisecond
         * @param jitter each object's age is shorter by a random part of this; at least 0 and shorter than the age
         * @return this
         * @throws IllegalArgumentException when one is out of range
         */
        public Builder<T> maxLifetime(Duration age, Duration jitter) {
            lifetime = atLeastAMillisecond("maxLifetime", age);
            if (jitter.isNegative() || jitter.compareTo(age) >= 0) {
                throw new IllegalArgumentException("jitter must be at least 0 and shorter than " + age + ": " + jitter);
            }
            this.jitter = Durations.nanos(jitter);
            return this;
        }

        /**
         * Has the discard hook called by an executor, so that one that blocks delays no acquire, release, trim or
         * close. With {@link #maxSize} another object may be made when the hook has returned. Where the executor
         * refuses or throws before the hook has begun, the hook is called on the calling thread, and what is thrown,
         * but a RejectedExecutionException, is thrown on afterwards. The hook is called once, also by an executor that
         * runs a task twice, or one that it refused. For a task that it drops without a word the pool goes on waiting,
         * with one object less.
         *
         * @param executor runs the hook
         * @return this
         */
        public Builder<T> discardOn(Executor executor) {
            discardExecutor = Objects.requireNonNull(executor, "executor");
            return this;
        }

        /**
         * Has objects made by an executor, so that a factory that blocks delays no timed acquire: a thread waits for
         * what is made as for what is released, in the order of arrival, and no longer than its time. At most as many
         * are being made as wait, and those of {@link #minIdle}. What is made when nobody waits any more goes into the
         * pool.
         *
         * <p>
         * What the factory throws is thrown by the acquire that asked for the object, if it still waits; what was
         * thrown last is the cause of TimeoutExceptions until an object is made. When the executor refuses or throws,
         * the acquire throws the same, and nothing is made. For a task that the executor drops without a word, as at
         * {@code shutdownNow}, the pool goes on waiting, with one object less: close the pool first. An executor that
         * runs tasks on the calling thread makes timed acquires wait for the factory.
         *
         * <p>
         * Made objects are {@linkplain #validate validated} before they are handed out. Costs waiting acquires an
         * allocation, and while objects are missing the slabs of threads are out of use. Needs {@link #maxSize}.
         *
         * <p>
         * The acquiring thread calls {@code execute}. A StackOverflowError in there can break the executor, as those of
         * the JDK may then keep a lock for ever: do not acquire at the end of a deep recursion.
         *
         * @param executor runs the factory; its {@code execute} is called by acquiring threads and must not block
         * @return this
         */
        public Builder<T> makeOn(Executor executor) {
            makeExecutor = Objects.requireNonNull(executor, "executor");
            return this;
        }

        /**
         * Looks for double releases, releases of foreign objects (both throw, and do not harm the pool), and objects
         * that became unreachable while they were acquired. Each is told to the hook and, as the event
         * {@code org.rseq4j.PoolMisuse}, to the Flight Recorder. Makes each operation slower by a stack walk: for tests
         * and for the search after a leak. The system property {@code rseq4j.pools.detectMisuse=true} does this for
         * every pool, with a hook that logs.
         *
         * @param hook what to tell
         * @return this
         */
        public Builder<T> detectMisuse(Consumer<? super PoolMisuse> hook) {
            misuseHook = Objects.requireNonNull(hook, "hook");
            return this;
        }

        /**
         * {@return the pool}
         *
         * @throws IllegalStateException when there is a {@link #makeOn}, but no {@link #maxSize}
         */
        public PerCpuPool<T> build() {
            if (makeExecutor != null && maxSize == 0) {
                throw new IllegalStateException("makeOn needs maxSize, as nobody waits without");
            }
            return new PerCpuPool<>(this);
        }

        private static long atLeastAMillisecond(String name, Duration duration) {
            if (duration.compareTo(Duration.ofMillis(1)) < 0) {
                throw new IllegalArgumentException(name + " must be at least a millisecond: " + duration);
            }
            return Durations.nanos(duration);
        }

        private static int inRange(String name, int value, int least, int most) {
            if (value < least || value > most) {
                throw new IllegalArgumentException(name + " must be from " + least + " to " + most + ": " + value);
            }
            return value;
        }
    }

    /**
     * A pool with 64 objects kept for each CPU.
     *
     * @param <T> the type of the pooled objects
     * @param factory makes an object when none is pooled; must not return null
     * @return the pool
     */
    public static <T> PerCpuPool<T> of(Supplier<? extends T> factory) {
        return new Builder<T>(factory).build();
    }

    /**
     * Begins a pool with other than the default properties.
     *
     * @param <T> the type of the pooled objects
     * @param factory makes an object when none is pooled; must not return null
     * @return a builder
     */
    public static <T> Builder<T> builder(Supplier<? extends T> factory) {
        return new Builder<>(factory);
    }

    /**
     * A pool.
     *
     * @param factory makes an object when none is pooled; must not return null
     * @param reset is given each object that is released, before it is pooled
     * @param capacityPerCpu how many objects are kept for each CPU at most
     * @throws IllegalArgumentException when the capacity is out of range
     */
    public PerCpuPool(Supplier<? extends T> factory, Consumer<? super T> reset, int capacityPerCpu) {
        this(new Builder<T>(factory).reset(reset).capacityPerCpu(capacityPerCpu));
    }

    private PerCpuPool(Builder<T> builder) {
        if (!initialized) {
            initialize();
        }
        Consumer<? super PoolMisuse> hook = builder.misuseHook;
        if (hook == null && Boolean.getBoolean("rseq4j.pools.detectMisuse")) {
            hook = misuse -> System.getLogger(PerCpuPool.class.getName()).log(System.Logger.Level.WARNING,
                    misuse.kind() + ": " + misuse.object(), misuse.acquired());
        }
        roster = hook == null && builder.validation == null && builder.lifetime == 0
                ? null
                : new Roster<>(builder.validation, builder.lifetime, builder.jitter, hook);
        int overflow = builder.overflow >= 0
                ? builder.overflow
                : Math.min(LARGEST_CAPACITY, 4 * builder.capacityPerCpu);
        tiers = new Tiers(builder.capacityPerCpu, overflow, builder.maxPooled, hook != null);
        supply = new Supply<>(builder.factory, builder.discard, builder.discardExecutor, roster, losses);
        makings = builder.makeExecutor == null
                ? null
                : new Makings(builder.makeExecutor, supply::makeForAnybody, tiers);
        room = builder.maxSize == 0
                ? null
                : new WaitingRoom(tiers, builder.maxSize, losses, supply::discardLeft,
                        hook == null ? null : this::sweep, makings);
        supply.room = room;
        if (makings != null) {
            makings.room = room;
        }
        reset = builder.reset;
        upkeep = new Upkeep<>(builder.minIdle, builder.idleNanos, losses, tiers, supply, roster, room, makings);
    }

    private void sweep() {
        upkeep.sweep();
    }

    /** What pools of each form are made of. */
    private static void initialize() {
        FirstUse.prepare();
        Tiers.initialize();
        WaitingRoom.initialize();
        Making.initialize();
        Objects.requireNonNull(PoolMisuse.Kind.values());
        initialized = true;
    }

    /**
     * Takes an object: from the current CPU's slab, the overflow, another CPU's slab, or the factory. With
     * {@link Builder#maxSize} it waits for one where as many exist, with {@link Builder#makeOn} also while one is made,
     * without regard to interrupts.
     *
     * @return an object that nobody else holds
     * @throws NullPointerException when the factory returns null
     * @throws IllegalStateException when the pool is closed, also while waiting
     */
    public T acquire() {
        Object found = roster == null ? tiers.take() : null;
        if (found == null) {
            found = acquireSlowly();
        }
        @SuppressWarnings("unchecked")
        T object = (T) found;
        return object;
    }

    private Object acquireSlowly() {
        try {
            return roster == null ? miss(null, null) : takeFit(true, null);
        } catch (InterruptedException | TimeoutException e) {
            throwAsItIs(e); // a hook's, as nothing here is timed
            throw new AssertionError(e);
        }
    }

    /**
     * As {@link #acquire()}, but waits no longer than this, and ends when the thread is interrupted. Only a pool with
     * {@link Builder#maxSize} waits. The factory and validation take what they take, as they run on this thread; with
     * {@link Builder#makeOn} the factory does not.
     *
     * @param timeout how long to wait at most; nothing is waited when it is not positive
     * @return an object that nobody else holds
     * @throws TimeoutException when no object was released, or made by an executor, in time
     * @throws InterruptedException when the thread is interrupted before it has an object
     * @throws NullPointerException when the factory returns null
     * @throws IllegalStateException when the pool is closed, also while waiting
     */
    public T acquire(Duration timeout) throws InterruptedException, TimeoutException {
        Objects.requireNonNull(timeout, "timeout");
        Object found = roster == null ? tiers.take() : null;
        if (found == null) {
            found = roster == null ? miss(timeout, null) : takeFit(true, timeout);
        }
        @SuppressWarnings("unchecked")
        T object = (T) found;
        return object;
    }

    /**
     * Takes an object that is in the pool; never calls the factory and never waits.
     *
     * @return an object that nobody else holds, or null when none is found
     * @throws IllegalStateException when the pool is closed
     */
    public T tryAcquire() {
        Object found;
        try {
            found = roster == null ? poll() : takeFit(false, null);
        } catch (InterruptedException | TimeoutException e) {
            throwAsItIs(e); // the validation's
            throw new AssertionError(e);
        }
        if (found == null) {
            supply.countMiss();
        }
        @SuppressWarnings("unchecked")
        T object = (T) found;
        return object;
    }

    /**
     * An object that may be handed out; null when none is in the pool, and none is to be made. What may not is
     * discarded, and its permit comes back whatever is thrown.
     *
     * @param makes whether an object is made, or waited for, when none is in the pool
     * @param timeout null for as long as it takes
     */
    private Object takeFit(boolean makes, Duration timeout) throws InterruptedException, TimeoutException {
        long deadline = timeout == null ? 0 : System.nanoTime() + Durations.nanos(timeout);
        Duration left = timeout;
        while (true) {
            Object found = makes ? tiers.take() : poll();
            Making making = null;
            if (found == null && makes) {
                making = newMaking();
                found = miss(left, making);
            }
            if (found == null) {
                return null;
            }
            @SuppressWarnings("unchecked")
            T object = (T) found;
            boolean fit = false;
            Throwable failure = null;
            try {
                fit = roster.isFit(object);
            } catch (Throwable e) {
                failure = e;
            }
            if (fit) {
                return found;
            }
            try {
                if (making == null || !making.asked) { // else it is counted already
                    tiers.countRemoved();
                }
                Throwable other = supply.discard(object);
                failure = failure == null ? other : failure;
            } catch (Throwable e) { // it did not begin
                synchronized (losses) {
                    try {
                        losses.objects++;
                    } catch (Throwable onEntry) {
                        losses.objects++;
                    }
                }
                throw e;
            }
            if (failure != null) {
                throwAsItIs(failure);
            }
            left = timeout == null ? null : Duration.ofNanos(deadline - System.nanoTime());
        }
    }

    /** An object that is in the pool, or null. */
    private Object poll() {
        Object found = tiers.take();
        if (found == null) {
            found = tiers.takeSlowly();
        }
        if (found == null) {
            found = tiers.steal(true);
        }
        if (found == null) {
            if (supply.isClosed()) {
                throw closed();
            }
            found = room == null ? null : room.poll();
        }
        return found;
    }

    /**
     * Where the thread and its CPU have no object.
     *
     * @param offered what an executor may make, for a caller that asks later whether it was asked to; else null
     */
    private Object miss(Duration timeout, Making offered) throws InterruptedException, TimeoutException {
        Object found = tiers.takeSlowly();
        if (found == null) {
            found = tiers.steal(false);
        }
        if (found != null) {
            return found;
        }
        if (supply.isClosed()) {
            throw closed();
        }
        sweep();
        Object event = PoolEvents.acquiring();
        try {
            found = room == null ? supply.make(true) : makeOrWait(timeout, offered == null ? newMaking() : offered);
        } finally {
            if (found == null && event != null) {
                PoolEvents.acquired(event, false);
            }
        }
        if (found == null) {
            throw closed();
        }
        if (event != null) {
            try {
                PoolEvents.acquired(event, true);
            } catch (Throwable e) {
                return found; // it is the caller's already
            }
        }
        return found;
    }

    private Object makeOrWait(Duration timeout, Making making) throws InterruptedException, TimeoutException {
        Object given;
        try {
            given = room.acquire(timeout, making);
        } catch (Throwable e) {
            if (e instanceof TimeoutException || making != null && making.asked) {
                supply.countMiss();
            }
            throw e;
        }
        if (given instanceof Ticket ticket) {
            try {
                return supply.make(ticket, true);
            } catch (Throwable e) {
                if (ticket.outcome == Ticket.IN_PROGRESS) { // there was no stack for the call
                    ticket.outcome = Ticket.GONE;
                    room.unswept = true;
                    room.unserved = true;
                }
                throw e;
            }
        }
        if (making != null && making.asked) { // the pool had none, though it was taken out of the pool at last
            try {
                supply.countMiss();
                tiers.countRemoved();
            } catch (Throwable e) {
                // No stack to count it; the object is the caller's.
            }
        }
        return given;
    }

    /** What an executor may make for the running thread; null where there is none. */
    private Making newMaking() {
        return makings == null ? null : new Making(makings, Thread.currentThread());
    }

    static IllegalStateException closed() {
        return new IllegalStateException("this pool is closed");
    }

    /**
     * {@return an object as {@link #acquire()} takes it, which the lease's close releases}
     *
     * @throws NullPointerException when the factory returns null
     * @throws IllegalStateException when the pool is closed, also while waiting
     */
    public Lease<T> lease() {
        Lease<T> lease = new Lease<>(this);
        lease.object = acquire();
        return lease;
    }

    /**
     * Gives an object back. It is discarded when the pool is full or closed, or the object too old; without
     * {@link Builder#maxSize} also when all places that it could be put in are just used by others.
     *
     * <p>
     * When this throws anything but what stands below, an error or what a hook threw, the object has been given back
     * nevertheless: it is discarded, or lost, and with {@code maxSize} another may be made for it.
     *
     * @param object an object that was acquired from this pool, and that the caller will not use again
     * @throws NullPointerException when the object is null
     * @throws IllegalStateException when misuse is looked for, and the object is not acquired
     * @throws IllegalArgumentException when misuse is looked for, and the object is not this pool's
     */
    public void release(T object) {
        if (object == null) {
            throw new NullPointerException("object");
        }
        if (roster != null && roster.hook != null) {
            roster.endLoan(object);
        }
        Throwable failure;
        try {
            failure = give(object);
        } catch (Throwable e) { // it did not begin
            synchronized (losses) {
                try {
                    losses.objects++;
                } catch (Throwable onEntry) {
                    losses.objects++;
                }
            }
            throw e;
        }
        if (failure != null) {
            throwAsItIs(failure);
        }
    }

    /**
     * Gives an object back, and returns what was thrown then. It throws itself only where there was no stack to begin;
     * then the caller counts the object among the {@link Losses}.
     */
    Throwable give(T object) {
        boolean kept = false;
        Throwable failure = null;
        try {
            if (roster == null || !roster.isTooOld(object)) {
                if (reset != null) {
                    reset.accept(object);
                }
                kept = tiers.put(object) || tiers.putSlowly(object);
                if (!kept && room != null) {
                    kept = room.release(object);
                    if (kept && supply.isClosed()) {
                        upkeep.discardAll(null); // it came when all others had been taken out
                    }
                }
            }
        } catch (Throwable e) {
            failure = e;
        }
        if (!kept) {
            try {
                Throwable other = supply.discard(object);
                failure = failure == null ? other : failure;
            } catch (Throwable e) { // it did not begin
                synchronized (losses) {
                    try {
                        losses.objects++;
                    } catch (Throwable onEntry) {
                        losses.objects++;
                    }
                }
                failure = e;
            }
        }
        return failure;
    }

    /**
     * Gives up an acquired object that is not fit for use any more: it goes to the discard hook, and with
     * {@link Builder#maxSize} another may be made for it, also when this throws anything but what stands below.
     *
     * @param object an object that was acquired from this pool
     * @throws NullPointerException when the object is null
     * @throws IllegalStateException when misuse is looked for, and the object is not acquired
     * @throws IllegalArgumentException when misuse is looked for, and the object is not this pool's
     */
    public void discard(T object) {
        if (object == null) {
            throw new NullPointerException("object");
        }
        if (roster != null && roster.hook != null) {
            roster.endLoan(object);
        }
        Throwable failure;
        try {
            failure = supply.discard(object);
        } catch (Throwable e) { // it did not begin
            synchronized (losses) {
                try {
                    losses.objects++;
                } catch (Throwable onEntry) {
                    losses.objects++;
                }
            }
            throw e;
        }
        if (failure != null) {
            throwAsItIs(failure);
        }
    }

    /**
     * Discards the objects of each slab from which nothing was taken since the last call. With
     * {@link Builder#maxIdleAge} it is called once in that time. What is in use at the moment is left out.
     */
    public void trim() {
        upkeep.discardIdle();
    }

    /** A hook can throw checked exceptions as well. */
    @SuppressWarnings("unchecked")
    static <E extends Throwable> void throwAsItIs(Throwable failure) throws E {
        throw (E) failure;
    }

    /**
     * Discards the objects in the pool, and wakes those that wait for one: they, and all later acquires, get an
     * IllegalStateException. Objects that are released later are discarded. When the hook throws, the others are
     * discarded nevertheless, and the first exception is thrown at the end. Closing again has no effect, unless objects
     * are left because an error came between. An object in a place that another thread was stopped in at this moment is
     * discarded when that goes on.
     */
    @Override
    public void close() {
        upkeep.close();
    }

    /**
     * Closes, and waits until all objects that were acquired, or are being made, are back or discarded. One that nobody
     * will release, as it was lost, is waited for in vain, unless misuse is looked for: then until it is found. What
     * the discard hook throws is thrown at the end of that wait.
     *
     * @param timeout how long to wait at most; nothing is waited when it is not positive
     * @return whether none is left
     * @throws InterruptedException when the thread is interrupted while it waits; the pool is closed then
     */
    public boolean close(Duration timeout) throws InterruptedException {
        return upkeep.close(timeout);
    }

    /** {@return whether the pool is closed} */
    public boolean isClosed() {
        return supply.isClosed();
    }

    /** {@return how many objects are in the pool; exact while nobody uses it} */
    public int size() {
        return tiers.objects();
    }

    /**
     * {@return how many objects the pool keeps at most, in all its places together} What some threads keep for
     * themselves is part of it, up to half; so others may find the pool full before it is.
     */
    public int maxPooled() {
        return tiers.bound();
    }

    /** Those of {@link #size()} that are kept in leased slabs. */
    int leasedObjects() {
        return tiers.leasedObjects();
    }

    /** {@return what the pool has done so far} */
    public PoolStatistics statistics() {
        sweep();
        return new PoolStatistics(tiers.taken(), supply.misses(), tiers.steals(), supply.drops(), size(),
                supply.existing(), room == null ? 0 : room.waiting());
    }

    /** How many threads wait, of a pool with a maximum size. */
    int waiting() {
        return room.waiting();
    }

    /** The objects that exist, of a pool with a maximum size. */
    int existing() {
        return room.existing();
    }
}
