package org.rseq4j.pools;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The strict form's bound and its waiters.
 *
 * <p>
 * While nobody waits, objects go through the slabs and this class is not touched. The first thread that finds neither an
 * object nor the right to make one shuts the slabs: it takes each one's lock, takes what is there, and leaves a limit that
 * refuses every push. From then on each release and each acquire fails at its slab and comes here, where objects are handed
 * to the waiters in the order of their arrival. So no release can miss a waiter (its push was either before the shutting,
 * and is found, or is refused), nobody overtakes, and the quick path pays nothing for it. When a number of calls in a row
 * have met no waiter, the slabs are opened again.
 *
 * <p>
 * Under the lock always: when somebody waits, the slabs are shut, {@code spare} is empty and {@code existing} is the
 * maximum.
 */
final class WaitingRoom<T> {
    private static final int QUIET_CALLS = 64;
    private static final Object CREATE = new Object();
    private static final Object CLOSED = new Object();

    private final PerCpuPool<T> pool;
    private final int maximum;
    private final ReentrantLock lock = new ReentrantLock();
    private final ArrayDeque<Object> spare = new ArrayDeque<>();
    private final LinkedHashSet<Waiter> waiters = new LinkedHashSet<>();
    private int existing;
    private boolean shut;
    private boolean closed;
    private int quiet;
    private long taken;
    private long takenBefore;

    private static final class Waiter {
        final Thread thread = Thread.currentThread();
        volatile Object given;

        void give(Object what) {
            given = what;
            LockSupport.unpark(thread);
        }
    }

    WaitingRoom(PerCpuPool<T> pool, int maximum) {
        this.pool = pool;
        this.maximum = maximum;
    }

    /** An object that the slabs do not have, or null; never waits and never creates. */
    @SuppressWarnings("unchecked")
    T poll() {
        lock.lock();
        try {
            return (T) takeSpare();
        } finally {
            lock.unlock();
        }
    }

    private Object takeSpare() {
        Object object = spare.poll();
        if (object != null) {
            taken++;
            calmDown();
        }
        return object;
    }

    T acquireUninterruptibly() {
        try {
            return acquire(false, 0, null);
        } catch (InterruptedException | TimeoutException e) {
            throw new AssertionError(e);
        }
    }

    T acquire(Duration timeout) throws InterruptedException, TimeoutException {
        long nanos;
        try {
            nanos = timeout.toNanos();
        } catch (ArithmeticException e) {
            nanos = Long.MAX_VALUE; // 292 years
        }
        return acquire(true, nanos, timeout);
    }

    @SuppressWarnings("unchecked")
    private T acquire(boolean interruptible, long nanos, Duration timeout)
            throws InterruptedException, TimeoutException {
        if (interruptible && Thread.interrupted()) {
            throw new InterruptedException();
        }
        Waiter waiter = null;
        lock.lock();
        try {
            if (closed) {
                throw PerCpuPool.closed();
            }
            Object object = takeSpare();
            if (object == null && existing == maximum && !shut) {
                shut = true;
                quiet = 0;
                pool.shut(spare);
                object = takeSpare();
            }
            if (object != null) {
                return (T) object;
            }
            if (existing < maximum) {
                existing++;
            } else {
                waiter = new Waiter();
                waiters.add(waiter);
            }
        } finally {
            lock.unlock();
        }
        Object given = waiter == null ? CREATE : await(waiter, interruptible, nanos, timeout);
        if (given == CLOSED) {
            throw PerCpuPool.closed();
        }
        return given == CREATE ? create() : (T) given;
    }

    private Object await(Waiter waiter, boolean interruptible, long nanos, Duration timeout)
            throws InterruptedException, TimeoutException {
        long begun = System.nanoTime();
        boolean interrupted = false;
        try {
            while (waiter.given == null) {
                if (timeout == null) {
                    LockSupport.park(this);
                } else {
                    long left = nanos - (System.nanoTime() - begun);
                    if (left <= 0) {
                        if (leave(waiter)) {
                            throw new TimeoutException("no object was released in " + timeout);
                        }
                        break;
                    }
                    LockSupport.parkNanos(this, left);
                }
                if (Thread.interrupted()) {
                    if (interruptible && leave(waiter)) {
                        throw new InterruptedException();
                    }
                    interrupted = true; // given meanwhile, or not asked
                }
            }
            return waiter.given;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** False when it was given something already. */
    private boolean leave(Waiter waiter) {
        lock.lock();
        try {
            return waiters.remove(waiter);
        } finally {
            lock.unlock();
        }
    }

    private T create() {
        T made = null;
        try {
            made = pool.make();
            return made;
        } finally {
            if (made == null) {
                forget(1);
            }
        }
    }

    /** Takes an object that its slab refused; false when the pool is closed. */
    boolean release(Object object) {
        lock.lock();
        try {
            if (closed) {
                return false;
            }
            Waiter first = first();
            if (first != null) {
                taken++;
                first.give(object);
            } else {
                spare.push(object);
                calmDown();
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Objects are gone: as many others may be made. */
    void forget(int n) {
        lock.lock();
        try {
            existing -= n;
            for (Waiter first; existing < maximum && (first = first()) != null;) {
                existing++;
                first.give(CREATE);
            }
        } finally {
            lock.unlock();
        }
    }

    private Waiter first() {
        var order = waiters.iterator();
        if (!order.hasNext()) {
            return null;
        }
        quiet = 0;
        Waiter first = order.next();
        order.remove();
        return first;
    }

    private void calmDown() {
        if (shut && !closed && waiters.isEmpty() && ++quiet > QUIET_CALLS) {
            shut = false;
            pool.open();
        }
    }

    /** Takes what is spare when none was taken since the last call. */
    void trim(List<Object> to) {
        lock.lock();
        try {
            if (taken == takenBefore) {
                to.addAll(spare);
                spare.clear();
            }
            takenBefore = taken;
        } finally {
            lock.unlock();
        }
    }

    /** Shuts for good; wakes the waiters; takes all objects out. */
    List<Object> close() {
        lock.lock();
        try {
            closed = true;
            shut = true;
            pool.shut(spare);
            var all = new ArrayList<>(spare);
            spare.clear();
            waiters.forEach(waiter -> waiter.give(CLOSED));
            waiters.clear();
            return all;
        } finally {
            lock.unlock();
        }
    }

    int size() {
        lock.lock();
        try {
            return spare.size();
        } finally {
            lock.unlock();
        }
    }

    long taken() {
        lock.lock();
        try {
            return taken;
        } finally {
            lock.unlock();
        }
    }

    int existing() {
        lock.lock();
        try {
            return existing;
        } finally {
            lock.unlock();
        }
    }
}
