package org.rseq4j.pools;

import java.lang.ref.WeakReference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import org.rseq4j.Rseq;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.internal.Ids;
import org.rseq4j.internal.Section;
import org.rseq4j.internal.ThreadArea;

/**
 * A pool of reusable objects with one small stack, a slab, for each CPU: what one request releases, the next request on that
 * CPU acquires, whatever the number of threads.
 *
 * <p>
 * An object has one owner at a time. The number of objects that are kept never exceeds
 * {@linkplain Builder#maxPooled the bound}; with {@link Builder#maxSize} the number of objects that exist does not exceed it
 * either, and {@link #acquire(Duration)} waits for one, in the order of arrival.
 *
 * <p>
 * Without {@code maxSize} it is not promised that an acquire finds an object that is in the pool: nobody ever waits for a
 * slab, so an object in one whose holder was just scheduled out is passed by, and the factory makes another. It also makes
 * one where a CPU only acquires and would find but a few of another CPU's, up to as many as travel in batches. A slab may
 * also go on referring to objects that were acquired from it, at most one more than its capacity and 8 for each lease, until
 * other objects take their places.
 *
 * <p>
 * Cost: an acquire or a release is one atomic instruction on memory of the current CPU, plus the look-up of the CPU (about a
 * nanosecond on a platform thread, a native call on a virtual one, see {@link Rseq}). A thread (of virtual ones their carrier) that
 * acquires or releases often gets a lease, of which there are up to eight for each available CPU: up to 8 objects
 * are then its own to acquire and release by plain loads and stores. Where other threads find nothing they are taken from it, which
 * costs a membarrier system call, some tens of microseconds: in {@code tryAcquire}, before anybody waits, and at most once
 * in 10 milliseconds before the factory is called. Pools that may keep fewer than 16 objects for each available CPU, or
 * fewer than 8 in the slab of one, have no leases, nor has a process with
 * {@code -Drseq4j.leases=off}, without rseq or without membarrier. Nothing is allocated. Where the kernel
 * grants time slice extensions, one is requested for the few nanoseconds in which a slab's stack is held. Without rseq, slabs are
 * chosen by a stripe of the thread.
 *
 * <p>
 * The hooks are called on the acquiring or releasing thread, outside of all locks. When the factory throws, the pool is as
 * it was; when reset throws, the object is discarded and the exception goes to the releaser.
 *
 * <p>
 * The overflow, shared between CPUs in batches, is that of TCMalloc's transfer cache
 * (<a href="https://google.github.io/tcmalloc/design.html">TCMalloc: Design</a>).
 *
 * @param <T> the type of the pooled objects
 * @since 0.1.0
 */
public final class PerCpuPool<T> implements AutoCloseable, Trimmer.Trimmed {
    /*
     * A slab is entered by a try-lock. A push is refused at the slab's limit, a pop at size 0; whatever is special (closed,
     * somebody waits, over the bound) is made to look like one of these two, so that the quick path checks nothing else.
     *
     * Before a slab's lock comes its hot place, entered by one compare-and-set, which serves most calls (Slab).
     *
     * Before that come the leased slabs, small stacks that the OS thread that has the lease uses by plain loads and
     * stores (LeasedSlab). Their objects are for others, too, but at a price: so they are taken where nothing else is
     * found. A thread that only releases or only acquires exchanges them with its CPU's slab all at once.
     *
     * Limits are shares of the bound: the sum of all limits, of one for each hot place in use, of the leased slabs' limits, and of
     * `budget` is maxPooled. A slab that reaches its limit takes more from the budget, then from what other slabs do not use;
     * objects that move to the overflow or to another slab take their share with them, those that move to a leased slab or from
     * there do not. The limit of the overflow is its size.
     *
     * Where one CPU only acquires and another only releases, few free objects would mean that both meet for each of them. So
     * a CPU that got few from another one's slab, used them up and saw none return, several times in a row, has the factory make one
     * instead of taking few again, until there are so many that they travel in batches by the overflow, as long as nothing is
     * released there.
     *
     * Two slabs may be held at once: all locks but those of lock() are tries, so that cannot deadlock; lock() is called
     * with no slab held.
     */
    private static final int DEFAULT_CAPACITY = 64;
    private static final int LARGEST_CAPACITY = 1 << 20;
    private static final int SHUT = -1;
    /** Threads that are scheduled out while they hold an object would else have it stolen at each switch, and none made. */
    private static final long RARELY = 10_000_000;

    private final Supplier<? extends T> factory;
    private final Consumer<? super T> reset;
    private final Consumer<? super T> discard;
    private final Slab[] slabs;
    private final Slab overflow;
    private final int batch;
    private final AtomicInteger budget;
    private final LeasedSlab[] leasedSlabs;
    /** What each keeps; 0 where there are no leases, or the pool is small, or misuse is looked for. */
    private final int leasedDepth;
    /** How many of them are in use. */
    private final AtomicInteger leasedInUse = new AtomicInteger();
    private final WaitingRoom<T> room;
    private final Loans loans;
    private final ScheduledFuture<?> trimming;
    private final PerCpuCounter misses = new PerCpuCounter();
    private final PerCpuCounter hotSteals = new PerCpuCounter();
    private final PerCpuCounter drops = new PerCpuCounter();
    /** When the last objects were taken from leased slabs for an acquire; a hint. */
    private long stolenAt = System.nanoTime() - RARELY;
    /** What {@code allTaken} of each slab was at the last trim; the last one is the overflow's. */
    private final long[] takenBefore;
    private volatile boolean closed;

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
        private Duration maxIdleAge;
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
         * Sets what each object is given to that leaves the pool for good: because the pool is full, closed or idle, or by
         * {@link PerCpuPool#discard}.
         *
         * @param hook is called once for each such object
         * @return this
         */
        public Builder<T> discard(Consumer<? super T> hook) {
            discard = Objects.requireNonNull(hook, "discard");
            return this;
        }

        /**
         * Sets how many objects are kept for each CPU at most, 64 by default.
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
         * Sets how many objects the overflow keeps, by default as many as four slabs.
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
         * Sets how many objects are kept in all at most; by default what the slabs and the overflow have room for.
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
         * {@link PerCpuPool#acquire()} and {@link PerCpuPool#acquire(Duration)} wait where no object is free.
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
         * Sets how long a CPU's objects stay when none of them is acquired; they are discarded when between once and twice
         * this time has passed. By default they stay.
         *
         * @param age at least a millisecond
         * @return this
         * @throws IllegalArgumentException when it is shorter
         */
        public Builder<T> maxIdleAge(Duration age) {
            if (age.compareTo(Duration.ofMillis(1)) < 0) {
                throw new IllegalArgumentException("maxIdleAge must be at least a millisecond: " + age);
            }
            maxIdleAge = age;
            return this;
        }

        /**
         * Looks for double releases, releases of foreign objects (both throw, and do not harm the pool), and objects that
         * became unreachable while they were acquired. Each is told to the hook and, as the event
         * {@code org.rseq4j.PoolMisuse}, to the Flight Recorder. Makes each operation slower by a stack walk: for tests and
         * for the search after a leak. The system property {@code rseq4j.pools.detectMisuse=true} does this for every pool,
         * with a hook that logs.
         *
         * @param hook what to tell
         * @return this
         */
        public Builder<T> detectMisuse(Consumer<? super PoolMisuse> hook) {
            misuseHook = Objects.requireNonNull(hook, "hook");
            return this;
        }

        /** {@return the pool} */
        public PerCpuPool<T> build() {
            return new PerCpuPool<>(this);
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
        factory = builder.factory;
        reset = builder.reset;
        discard = builder.discard;
        Consumer<? super PoolMisuse> hook = builder.misuseHook;
        if (hook == null && Boolean.getBoolean("rseq4j.pools.detectMisuse")) {
            hook = misuse -> System.getLogger(PerCpuPool.class.getName()).log(System.Logger.Level.WARNING,
                    misuse.kind() + ": " + misuse.object(), misuse.acquired());
        }
        loans = hook == null ? null : new Loans(hook);
        slabs = new Slab[Rseq.cpuCount()];
        for (int i = 0; i < slabs.length; i++) {
            slabs[i] = new Slab(builder.capacityPerCpu, loans != null);
        }
        overflow = new Slab(builder.overflow >= 0
                ? builder.overflow
                : Math.min(LARGEST_CAPACITY, 4 * builder.capacityPerCpu), loans != null);
        batch = Math.min(32, Math.max(1, builder.capacityPerCpu / 2));
        long room = (long) slabs.length * builder.capacityPerCpu + overflow.capacity();
        budget = new AtomicInteger((int) Math.min(builder.maxPooled, room));
        leasedDepth = loans != null ? 0 : LeasedSlab.depth(builder.capacityPerCpu, budget.get());
        leasedSlabs = LeasedSlab.array();
        takenBefore = new long[slabs.length + 1];
        this.room = builder.maxSize > 0 ? new WaitingRoom<>(this, builder.maxSize) : null;
        trimming = builder.maxIdleAge == null
                ? null
                : Trimmer.schedule(new WeakReference<>(this), builder.maxIdleAge.toNanos());
    }

    /**
     * Takes an object: from the current CPU's slab, the overflow, another CPU's slab, or the factory. With
     * {@link Builder#maxSize} it waits for one where as many exist, without regard to interrupts.
     *
     * @return an object that nobody else holds
     * @throws NullPointerException when the factory returns null
     * @throws IllegalStateException when the pool is closed, also while waiting
     */
    public T acquire() {
        T pooled = pop();
        if (pooled == null) {
            pooled = miss();
        }
        if (loans != null) {
            loans.acquired(pooled);
        }
        return pooled;
    }

    /**
     * As {@link #acquire()}, but waits no longer than this, and ends when the thread is interrupted. Only a pool with
     * {@link Builder#maxSize} waits.
     *
     * @param timeout how long to wait at most; nothing is waited when it is not positive
     * @return an object that nobody else holds
     * @throws TimeoutException when no object was released in time
     * @throws InterruptedException when the thread is interrupted before it has an object
     * @throws NullPointerException when the factory returns null
     * @throws IllegalStateException when the pool is closed, also while waiting
     */
    public T acquire(Duration timeout) throws InterruptedException, TimeoutException {
        Objects.requireNonNull(timeout, "timeout");
        if (room == null) {
            return acquire();
        }
        T pooled = tryPop(true);
        if (pooled == null) {
            misses.increment();
            pooled = room.acquire(timeout);
        }
        if (loans != null) {
            loans.acquired(pooled);
        }
        return pooled;
    }

    /**
     * Takes an object that is in the pool; never calls the factory and never waits.
     *
     * @return an object that nobody else holds, or null when none is found
     * @throws IllegalStateException when the pool is closed
     */
    public T tryAcquire() {
        T pooled = tryPop(false);
        if (pooled == null) {
            if (closed) {
                throw closed();
            }
            pooled = room == null ? null : room.poll();
        }
        if (pooled == null) {
            misses.increment();
        } else if (loans != null) {
            loans.acquired(pooled);
        }
        return pooled;
    }

    /**
     * {@return an object as {@link #acquire()} takes it, which the lease's close releases}
     *
     * @throws NullPointerException when the factory returns null
     * @throws IllegalStateException when the pool is closed, also while waiting
     */
    public Lease<T> lease() {
        return new Lease<>(this, acquire());
    }

    /**
     * Gives an object back. It is discarded when the pool is full or closed.
     *
     * @param object an object that was acquired from this pool, and that the caller will not use again
     * @throws NullPointerException when the object is null
     * @throws IllegalStateException when misuse is looked for, and the object is not acquired
     * @throws IllegalArgumentException when misuse is looked for, and the object is not this pool's
     */
    public void release(T object) {
        Objects.requireNonNull(object, "object");
        if (loans != null) {
            loans.released(object);
        }
        if (reset != null) {
            reset(object);
        }
        long record = LeasedSlab.record();
        if (record == 0 || !LeasedSlab.put(leasedSlabs, record, object)) {
            push(record, object);
        }
    }

    private void push(long record, T object) {
        long area = LeasedSlab.area(record);
        Slab slab = slabs[Ids.cpuId(area)];
        if (record != 0 && leasedDepth > 0 && LeasedSlab.missedPut(leasedSlabs, record, leasedDepth)
                && makePlace(record, area, slab)
                && LeasedSlab.put(leasedSlabs, record, object)) {
            return;
        }
        if (!slab.putHot(object)) {
            push(area, slab, object);
        }
    }

    /** Opens the running thread's leased slab, or moves what it has to the slab. */
    private boolean makePlace(long record, long area, Slab slab) {
        boolean made = false;
        long section = Section.begin(area);
        if (slab.tryLock()) {
            if (slab.limit != SHUT && LeasedSlab.isOpen(leasedSlabs, record)) {
                makeRoom(slab, leasedDepth);
                made = LeasedSlab.flush(leasedSlabs, record, slab);
            } else if (slab.limit != SHUT) {
                made = openLeased(record, slab);
            }
            slab.unlock();
        }
        Section.end(section);
        return made;
    }

    private boolean openLeased(long record, Slab slab) {
        if (slab.limit - slab.size <= leasedDepth && slab.limit < slab.room()) {
            slab.limit += share(slab);
        }
        boolean opened = LeasedSlab.open(leasedSlabs, record, slab, leasedDepth);
        if (opened) {
            leasedInUse.incrementAndGet();
        }
        return opened;
    }

    private void push(long area, Slab slab, T object) {
        long section = Section.begin(area);
        boolean kept = slab.replaceHot(object);
        if (!kept && slab.tryLock()) {
            kept = slab.push(object);
            slab.unlock();
        }
        Section.end(section);
        if (!kept) {
            releaseSlowly(area, slab, object);
        }
    }

    /**
     * Gives up an acquired object that is not fit for use any more: it goes to the discard hook, and with
     * {@link Builder#maxSize} another may be made for it.
     *
     * @param object an object that was acquired from this pool
     * @throws NullPointerException when the object is null
     */
    public void discard(T object) {
        Objects.requireNonNull(object, "object");
        if (loans != null) {
            loans.released(object);
        }
        drop(object);
    }

    private T pop() {
        long record = LeasedSlab.record();
        Object found = record == 0 ? null : LeasedSlab.take(leasedSlabs, record);
        if (found == null) {
            found = pop(record);
        }
        @SuppressWarnings("unchecked")
        T object = (T) found;
        return object;
    }

    private Object pop(long record) {
        long area = LeasedSlab.area(record);
        boolean refills = record != 0 && leasedDepth > 0
                && LeasedSlab.missedTake(leasedSlabs, record, leasedDepth);
        Slab slab = slabs[Ids.cpuId(area)];
        Object found = slab.takeHot();
        return found != null ? found : pop(area, slab, refills ? record : 0);
    }

    private Object pop(long area, Slab slab, long refilled) {
        Object found = null;
        long section = Section.begin(area);
        if (slab.tryLock()) {
            found = slab.pop();
            if (refilled != 0 && slab.limit != SHUT
                    && (LeasedSlab.isOpen(leasedSlabs, refilled) || openLeased(refilled, slab))) {
                LeasedSlab.refill(leasedSlabs, refilled, slab);
            }
            slab.unlock();
        }
        Section.end(section);
        return found;
    }

    private T tryPop(boolean rarely) {
        T pooled = pop();
        return pooled != null ? pooled : popSlowly(false, rarely);
    }

    private T popSlowly(boolean mayMake, boolean rarely) {
        long area = ThreadArea.find();
        Slab slab = slabs[Ids.cpuId(area)];
        long section = Section.begin(area);
        Object found = refill(slab, mayMake);
        Section.end(section);
        @SuppressWarnings("unchecked")
        T object = (T) (found != null || leasedInUse.get() == 0 ? found : stealLeased(rarely));
        return object;
    }

    private T miss() {
        T pooled = popSlowly(room == null && loans == null, true);
        if (pooled != null) {
            return pooled;
        }
        misses.increment();
        if (loans != null) {
            sweep();
        }
        if (room != null) {
            return room.acquireUninterruptibly();
        }
        if (closed) {
            throw closed();
        }
        return make();
    }

    T make() {
        return Objects.requireNonNull(factory.get(), "the factory returned null");
    }

    static IllegalStateException closed() {
        return new IllegalStateException("this pool is closed");
    }

    /** Brings a batch to the slab and takes one of it; where the slab is in use or shut, one from elsewhere. */
    private Object refill(Slab slab, boolean mayMake) {
        if (slab.tryLock()) {
            Object found = slab.pop();
            boolean makes = false;
            if (found == null && bringBatchOfOverflow(slab)) {
                found = slab.pop();
            } else if (found == null) {
                makes = mayMake && slab.isStarved();
                if (bringBatchOfOthers(slab, makes ? batch : 1)) {
                    found = slab.pop();
                }
            }
            slab.unlock();
            return found != null || makes ? found : stealHot();
        }
        if (!overflow.looksEmpty() && overflow.tryLock()) {
            Object found = overflow.pop();
            if (found != null && overflow.limit > 0) {
                overflow.limit--;
                budget.incrementAndGet();
            }
            overflow.unlock();
            if (found != null) {
                return found;
            }
        }
        for (Slab victim : slabs) {
            if (!victim.looksEmpty() && victim.tryLock()) {
                Object found = victim.pop();
                if (found != null) {
                    victim.stolen++;
                }
                victim.unlock();
                if (found != null) {
                    return found;
                }
            }
        }
        return stealHot();
    }

    private Object stealHot() {
        for (Slab victim : slabs) {
            Object found = victim.takeHot();
            if (found != null) {
                hotSteals.increment();
                return found;
            }
        }
        return null;
    }

    /** Takes the leases of all leased slabs that have objects, and leaves those slabs out of use for a while. */
    private Object stealLeased(boolean rarely) {
        if (leasedObjects() == 0) {
            return null;
        }
        if (rarely) {
            long now = System.nanoTime();
            if (now - stolenAt < RARELY) {
                return null;
            }
            stolenAt = now;
        }
        List<Object> stolen = takeLeased(i -> leasedSlabs[i].objects() > 0, false, true);
        if (stolen.isEmpty()) {
            return null;
        }
        hotSteals.increment();
        Object found = stolen.removeFirst();
        putBack(stolen, found);
        return found;
    }

    /** The first is for the caller, unless a hook throws. */
    private void putBack(List<Object> stolen, Object first) {
        RuntimeException failure = null;
        for (Object object : stolen) {
            failure = putBack(object, failure);
        }
        if (failure != null) {
            throw putBack(first, failure);
        }
    }

    private RuntimeException putBack(Object stolen, RuntimeException failure) {
        try {
            @SuppressWarnings("unchecked")
            T object = (T) stolen;
            long area = ThreadArea.find();
            releaseSlowly(area, slabs[Ids.cpuId(area)], object);
            return failure;
        } catch (RuntimeException e) {
            if (failure == null) {
                return e;
            }
            failure.addSuppressed(e);
            return failure;
        }
    }

    /** Takes the leases of these of the leased slabs in use, which then are not, and their objects. */
    private List<Object> takeLeased(IntPredicate which, boolean waits, boolean handsOne) {
        var objects = new ArrayList<Object>(leasedSlabs.length * leasedDepth);
        int[] shares = new int[leasedSlabs.length];
        Slab[] homes = new Slab[leasedSlabs.length];
        LeasedSlab.takeLeases(i -> leasedSlabs[i] != null && leasedSlabs[i].isOpen() && which.test(i), waits, i -> {
            LeasedSlab leased = leasedSlabs[i];
            if (handsOne && objects.isEmpty() && leased.objects() > 0) {
                leased.countTaken();
            }
            shares[i] = leased.drainTo(objects);
            homes[i] = leased.home;
        });
        for (int i = 0; i < shares.length; i++) {
            if (shares[i] > 0) {
                leasedInUse.decrementAndGet();
                homes[i].addLeased(-shares[i]);
                budget.addAndGet(shares[i]);
            }
        }
        return objects;
    }

    private boolean bringBatchOfOverflow(Slab slab) {
        if (!overflow.looksEmpty() && overflow.tryLock()) {
            int moved = overflow.moveTo(slab, batch);
            overflow.unlock();
            if (moved > 0) {
                slab.gotBatch(false);
                trimLimit(slab);
                return true;
            }
        }
        return false;
    }

    private boolean bringBatchOfOthers(Slab slab, int least) {
        for (Slab victim : slabs) {
            if (victim != slab && victim.looksLike(least) && victim.tryLock()) {
                int moved = victim.size < least ? 0 : victim.moveTo(slab, Math.min(batch, (victim.size + 1) / 2));
                victim.unlock();
                if (moved > 0) {
                    slab.gotBatch(moved <= batch / 4);
                    slab.stolen += moved;
                    trimLimit(slab);
                    return true;
                }
            }
        }
        return false;
    }

    /** Objects that moved in brought their share of the bound with them. */
    private void trimLimit(Slab slab) {
        int excess = slab.limit - slab.room();
        if (excess > 0) {
            slab.limit -= excess;
            budget.addAndGet(excess);
        }
    }

    private void reset(T object) {
        boolean done = false;
        try {
            reset.accept(object);
            done = true;
        } finally {
            if (!done) {
                drop(object);
            }
        }
    }

    private void releaseSlowly(long area, Slab slab, T object) {
        long section = Section.begin(area);
        boolean kept = keep(slab, object);
        Section.end(section);
        if (!kept && (room == null || !room.release(object))) {
            drop(object);
        }
    }

    private boolean keep(Slab slab, Object object) {
        if (slab.tryLock()) {
            boolean kept = false;
            if (slab.limit != SHUT) {
                makeRoom(slab, 1);
                // Where misuse is looked for, nothing may refer to an object that left: no hot place.
                kept = loans == null && slab.openHot(object) || slab.push(object);
            }
            slab.unlock();
            return kept;
        }
        return keepInOverflow(object) || keepElsewhere(slab, object);
    }

    private boolean keepInOverflow(Object object) {
        if (!overflow.tryLock()) {
            return false;
        }
        if (overflow.limit >= 0 && overflow.limit == overflow.size && overflow.limit < overflow.room()) {
            overflow.limit += shareOfBudget(1);
        }
        boolean kept = overflow.push(object);
        overflow.unlock();
        return kept;
    }

    private boolean keepElsewhere(Slab slab, Object object) {
        for (Slab other : slabs) {
            if (other != slab && other.tryLock()) {
                boolean kept = other.push(object);
                other.unlock();
                if (kept) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Tries to have places for so many objects in a slab, which is not shut and whose lock is held. */
    private void makeRoom(Slab slab, int places) {
        if (slab.room() - slab.size < places && overflow.tryLock()) {
            slab.moveTo(overflow, batch);
            overflow.unlock();
        }
        if (slab.limit - slab.size < places && slab.limit < slab.room()) {
            slab.limit += share(slab);
        }
    }

    private int shareOfBudget(int wanted) {
        for (int left = budget.get(); left > 0; left = budget.get()) {
            int granted = Math.min(left, wanted);
            if (budget.compareAndSet(left, left - granted)) {
                return granted;
            }
        }
        return 0;
    }

    /** A share of the bound for a slab that has used up its own: from the budget, or what another does not use. */
    private int share(Slab slab) {
        int wanted = Math.min(batch, slab.room() - slab.limit);
        int free = shareOfBudget(wanted);
        if (free > 0) {
            return free;
        }
        for (Slab other : slabs) {
            if (other != slab && other.tryLock()) {
                int granted = Math.min(wanted, (other.limit - other.size + 1) / 2);
                if (granted > 0) {
                    other.limit -= granted;
                } else {
                    granted = other.shutEmptyHot();
                }
                other.unlock();
                if (granted > 0) {
                    return granted;
                }
            }
        }
        return 0;
    }

    private void drop(T object) {
        drops.increment();
        if (loans != null) {
            loans.discarded(object);
        }
        try {
            if (discard != null) {
                discard.accept(object);
            }
        } finally {
            if (room != null) {
                room.forget(1);
            }
        }
    }

    /** Takes all objects out, and lets none in. */
    void shut(Collection<Object> to) {
        for (int i = 0; i <= slabs.length; i++) {
            Slab slab = slab(i);
            slab.lock();
            budget.addAndGet(slab.drainTo(to) + Math.max(0, slab.limit));
            slab.limit = SHUT;
            slab.unlock();
        }
        // No leased slab comes into use any more.
        if (leasedInUse.get() > 0) {
            to.addAll(takeLeased(i -> true, true, false));
        }
    }

    void open() {
        for (int i = 0; i <= slabs.length; i++) {
            Slab slab = slab(i);
            slab.lock();
            slab.limit = 0;
            slab.unlock();
        }
    }

    /** The last one is the overflow. */
    private Slab slab(int i) {
        return i < slabs.length ? slabs[i] : overflow;
    }

    /**
     * Discards the objects of each slab from which nothing was taken since the last call. With {@link Builder#maxIdleAge}
     * it is called once in that time.
     */
    @Override
    public void trim() {
        List<Object> idle = new ArrayList<>();
        synchronized (takenBefore) {
            for (int i = 0; i <= slabs.length; i++) {
                Slab slab = slab(i);
                // Allocated before the slab is held.
                var drained = new ArrayList<Object>(slab.capacity() + 1);
                slab.lock();
                if (slab.allTaken() == takenBefore[i]) {
                    budget.addAndGet(slab.drainTo(drained));
                    if (slab.limit != SHUT) {
                        budget.addAndGet(slab.limit);
                        slab.limit = 0;
                    }
                } else {
                    slab.forgetLeft();
                }
                takenBefore[i] = slab.allTaken();
                slab.unlock();
                idle.addAll(drained);
            }
            if (leasedInUse.get() > 0) {
                idle.addAll(idleLeased());
            }
            if (room != null) {
                room.trim(idle);
            }
        }
        if (loans != null) {
            sweep();
        }
        dropAll(idle);
    }

    private List<Object> idleLeased() {
        boolean any = false;
        for (LeasedSlab leased : leasedSlabs) {
            any |= leased != null && leased.isOpen() && leased.taken() == leased.takenBefore;
        }
        List<Object> idle = any
                ? takeLeased(i -> leasedSlabs[i].taken() == leasedSlabs[i].takenBefore, true, false)
                : List.of();
        for (LeasedSlab leased : leasedSlabs) {
            if (leased != null) {
                leased.takenBefore = leased.taken();
            }
        }
        return idle;
    }

    /** A leaked object does not exist any more. */
    private void sweep() {
        int leaked = loans.sweep();
        if (leaked > 0 && room != null) {
            room.forget(leaked);
        }
    }

    /** All of them, also when the hook throws; the first exception is thrown at the end. */
    private void dropAll(List<Object> objects) {
        RuntimeException failure = null;
        for (Object object : objects) {
            try {
                @SuppressWarnings("unchecked")
                T dropped = (T) object;
                drop(dropped);
            } catch (RuntimeException e) {
                if (failure == null) {
                    failure = e;
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    /**
     * Discards the objects in the pool, and wakes those who wait for one: they, and who acquires from now on, get an
     * IllegalStateException. Objects that are released later are discarded. No effect when closed already.
     */
    @Override
    public void close() {
        synchronized (takenBefore) {
            if (closed) {
                return;
            }
            closed = true;
        }
        if (trimming != null) {
            trimming.cancel(false);
        }
        List<Object> all;
        if (room != null) {
            all = room.close();
        } else {
            all = new ArrayList<>();
            shut(all);
        }
        dropAll(all);
    }

    /** {@return how many objects are in the pool; exact while nobody uses it} */
    public int size() {
        int size = room == null ? 0 : room.size();
        for (int i = 0; i <= slabs.length; i++) {
            Slab slab = slab(i);
            slab.lock();
            size += slab.objects();
            slab.unlock();
        }
        return size + leasedObjects();
    }

    /** Those of {@link #size()} that are kept by lease. */
    int leasedObjects() {
        int objects = 0;
        for (LeasedSlab leased : leasedSlabs) {
            objects += leased == null ? 0 : leased.objects();
        }
        return objects;
    }

    /** {@return what the pool has done so far} */
    public PoolStatistics statistics() {
        if (loans != null) {
            sweep();
        }
        long hits = room == null ? 0 : room.taken();
        long steals = hotSteals.sum();
        for (int i = 0; i <= slabs.length; i++) {
            Slab slab = slab(i);
            slab.lock();
            hits += slab.allTaken();
            steals += slab.stolen;
            slab.unlock();
        }
        for (LeasedSlab leased : leasedSlabs) {
            hits += leased == null ? 0 : leased.taken();
        }
        return new PoolStatistics(hits, misses.sum(), steals, drops.sum(), size());
    }

    /** The objects that exist, of a pool with a maximum size. */
    int existing() {
        return room.existing();
    }
}
