package org.rseq4j.queues;

import java.util.concurrent.locks.LockSupport;

/**
 * The threads that wait at one end of a {@link SliceBlockingQueue}, in order of arrival.
 *
 * <p>
 * All of it is guarded by the ring's lock of the <em>other</em> end: whoever joins has looked, under the lock that offers
 * hold, that there is no element (or, under the consumers' lock, that there is no room). So an offer that finds nobody
 * waiting when it has unlocked had its element seen by whoever came later, and costs no fence and no atomic instruction.
 *
 * <p>
 * One waiter at a time is awake, the heir: called by an operation of the other end, or by the heir before it that succeeded
 * and left something. While there is one nobody calls another, however many operations pass. An heir that finds nothing,
 * because those that never waited are faster, looks again after a rest, from 20 us to 250 us; when nothing happened meanwhile
 * it becomes the first waiter again. After 10 ms in vain the gate is closed: newcomers join the queue behind it, so it is
 * next. In a fair queue the gate is closed as long as anybody waits.
 */
final class Waiters {
    private static final int SPINS = 64;
    private static final int YIELDS = 4;
    private static final long REST_LEAST = 20_000;
    private static final long REST_MOST = 250_000;
    private static final long PATIENCE = 10_000_000;

    private final Ring ring;
    private final Turns turns;
    private final boolean takers;
    private final boolean fair;
    private Waiter first;
    private Waiter last;
    private Waiter heir;
    private boolean insists;

    private static final class Waiter {
        final Thread thread = Thread.currentThread();
        Waiter before;
        Waiter after;
        /** Set under the lock: this is the heir. */
        volatile boolean called;
    }

    /** Takers wait for elements, the others for room. */
    Waiters(Ring ring, Turns turns, boolean takers, boolean fair) {
        this.ring = ring;
        this.turns = turns;
        this.takers = takers;
        this.fair = fair;
    }

    private long lock() {
        return takers ? ring.lockTail() : ring.lockHead();
    }

    /** Publishes what operations look at, and unlocks. */
    private void unlock(long index) {
        boolean call = first != null && heir == null;
        boolean gate = insists || fair && (first != null || heir != null);
        if (takers) {
            ring.takersWait = call;
            ring.takersGate = gate;
            ring.unlockTail(index);
        } else {
            ring.puttersWait = call;
            ring.puttersGate = gate;
            ring.unlockHead(index);
        }
    }

    /** Whether there is something to wait for; under the lock a false stays false. */
    private boolean isReady() {
        return takers ? !ring.isEmpty() : ring.free() > 0;
    }

    private boolean gateIsClosed() {
        return takers ? ring.takersGate : ring.puttersGate;
    }

    /** The index that moves when something comes that is waited for. */
    private long progress() {
        return takers ? ring.tailNow() & -2 : ring.headNow() & -2;
    }

    /** Takes an element, or adds the given one and returns it; null when that cannot be done now. */
    private Object attempt(Object element) {
        if (takers) {
            return turns.poll();
        }
        return turns.offer(element) ? element : null;
    }

    /** Calls the first waiter; after an operation of the other end that saw it waiting. */
    void call() {
        long index = lock();
        Waiter next = next();
        unlock(index);
        wake(next);
    }

    private Waiter next() {
        if (first == null || heir != null || !isReady()) {
            return null;
        }
        Waiter next = first;
        unlink(next);
        heir = next;
        next.called = true;
        return next;
    }

    private static void wake(Waiter next) {
        if (next != null) {
            LockSupport.unpark(next.thread);
        }
    }

    private void unlink(Waiter waiter) {
        if (waiter.before == null) {
            first = waiter.after;
        } else {
            waiter.before.after = waiter.after;
        }
        if (waiter.after == null) {
            last = waiter.before;
        } else {
            waiter.after.before = waiter.before;
        }
        waiter.before = null;
        waiter.after = null;
    }

    private void leave(Waiter waiter) {
        long index = lock();
        if (heir == waiter) {
            heir = null;
            insists = false;
        } else {
            unlink(waiter);
        }
        Waiter next = next();
        unlock(index);
        wake(next);
    }

    /** Whether the waiter joined: false when there is something now. */
    private boolean join(Waiter waiter) {
        long index = lock();
        boolean joins = !isReady() || (fair || insists) && (first != null || heir != null);
        Waiter next = null;
        if (joins) {
            waiter.before = last;
            if (last == null) {
                first = waiter;
            } else {
                last.after = waiter;
            }
            last = waiter;
            next = next(); // it may be the waiter itself
        }
        unlock(index);
        if (next != waiter) {
            wake(next);
        }
        return joins;
    }

    /** The heir becomes the first waiter again, unless there is something now. */
    private void stepBack(Waiter waiter) {
        long index = lock();
        if (!isReady()) {
            heir = null;
            insists = false;
            waiter.called = false;
            waiter.after = first;
            if (first == null) {
                last = waiter;
            } else {
                first.before = waiter;
            }
            first = waiter;
        }
        unlock(index);
    }

    private void insist() {
        long index = lock();
        insists = true;
        unlock(index);
    }

    /**
     * Waits until the attempt succeeds or nanos have passed; no end when they are {@code Long.MAX_VALUE}.
     *
     * @return what the attempt returned; null when the time was over
     */
    Object await(Object element, long nanos) throws InterruptedException {
        long begun = nanos == Long.MAX_VALUE ? 0 : System.nanoTime();
        for (int i = 0; i < SPINS + YIELDS; i++) {
            if (i < SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
            Object result = gateIsClosed() ? null : attempt(element);
            if (result != null) {
                return result;
            }
        }
        var waiter = new Waiter();
        while (!join(waiter)) {
            Object result = attempt(element);
            if (result != null) {
                return result;
            }
        }
        boolean left = false;
        try {
            while (true) {
                long over = nanos == Long.MAX_VALUE ? nanos : nanos - (System.nanoTime() - begun);
                if (waiter.called) {
                    Object result = inherit(waiter, element, over);
                    if (result != null) {
                        left = true;
                        leave(waiter);
                        return result;
                    }
                } else if (Thread.interrupted()) {
                    throw new InterruptedException();
                } else if (over <= 0) {
                    return null;
                } else if (over == Long.MAX_VALUE) {
                    LockSupport.park(this);
                } else {
                    LockSupport.parkNanos(this, over);
                }
            }
        } finally {
            if (!left) {
                leave(waiter);
            }
        }
    }

    /** As the heir: null when it is the heir no more, or the time is over. */
    private Object inherit(Waiter waiter, Object element, long nanos) throws InterruptedException {
        long begun = System.nanoTime();
        long rest = REST_LEAST;
        boolean insisting = false;
        while (true) {
            long seen = progress();
            Object result = attempt(element);
            if (result != null) {
                return result;
            }
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            long passed = System.nanoTime() - begun;
            if (nanos - passed <= 0) {
                stepBack(waiter);
                if (!waiter.called) {
                    return null;
                }
                continue;
            }
            if (!insisting && passed > PATIENCE) {
                insist();
                insisting = true;
            }
            LockSupport.parkNanos(this, Math.min(rest, nanos - passed));
            rest = Math.min(rest * 2, REST_MOST);
            if (progress() == seen) {
                stepBack(waiter);
                if (!waiter.called) {
                    return null;
                }
            }
        }
    }

    /** How many wait; for tests. */
    int count() {
        long index = lock();
        int count = heir == null ? 0 : 1;
        for (Waiter waiter = first; waiter != null; waiter = waiter.after) {
            count++;
        }
        unlock(index);
        return count;
    }
}
