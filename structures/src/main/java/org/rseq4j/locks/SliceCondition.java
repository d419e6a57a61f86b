// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import org.rseq4j.internal.thread.Threads;

/**
 * Waiters in order of arrival, touched by the lock's holder only. A signal moves the first one to the lock's queue,
 * where it goes on sleeping until its turn; which of a signal, an interrupt and the end of a wait came first is decided
 * by one compare-and-set. The stores of a move stand together without a call, so no error loses a waiter.
 */
final class SliceCondition implements Condition {
    private final SliceLock lock;
    private Waiter first;
    private Waiter last;

    SliceCondition(SliceLock lock) {
        this.lock = lock;
    }

    boolean isOf(SliceLock owner) {
        return lock == owner;
    }

    /**
     * Waits until signalled (true), interrupted or the deadline; holds the lock again on return, whatever is thrown.
     */
    private boolean sleep(boolean interruptibly, boolean timed, long deadline) {
        StackReserve.ensure(); // what begins now ends with the lock
        var waiter = new Waiter(Waiter.ON_CONDITION);
        long id = Threads.id(waiter.thread);
        int formerHolds = lock.holds;
        append(waiter);
        boolean interrupted = false;
        RuntimeException refused = null;
        Error failed = null;
        try {
            lock.holds = 0;
            lock.virtualOwner = null;
            lock.release(id);
            interrupted = park(waiter, interruptibly, timed, deadline);
        } catch (RuntimeException e) {
            refused = e;
        } catch (Error e) {
            failed = e;
        }
        boolean cancelled = lock.cancel(waiter);
        lock.takeBack(waiter);
        if (cancelled) {
            remove(waiter);
        }
        lock.holds = formerHolds;
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (cancelled && failed != null) {
            throw failed;
        }
        if (cancelled && refused != null) {
            throw refused;
        }
        return !cancelled;
    }

    /** Returns whether an interrupt came that is to be set again. */
    private boolean park(Waiter waiter, boolean interruptibly, boolean timed, long deadline) {
        boolean interrupted = false;
        long sleep = Parking.FIRST_SLEEP;
        while (waiter.place == Waiter.ON_CONDITION && !Parking.isOver(interruptibly, timed, deadline)) {
            interrupted |= Parking.park(this, sleep, interruptibly, timed, deadline);
            sleep = Parking.longer(sleep);
        }
        return interrupted;
    }

    private void append(Waiter waiter) {
        Waiter before = last;
        last = waiter;
        if (before == null) {
            first = waiter;
        } else {
            before.nextOnCondition = waiter;
        }
    }

    private void remove(Waiter waiter) {
        Waiter before = null;
        for (Waiter here = first; here != null; here = here.nextOnCondition) {
            if (here == waiter) {
                unlink(before, here);
                return;
            }
            before = here;
        }
    }

    private void unlink(Waiter before, Waiter waiter) {
        Waiter after = waiter.nextOnCondition;
        if (before == null) {
            first = after;
        } else {
            before.nextOnCondition = after;
        }
        if (after == null) {
            last = before;
        }
    }

    private boolean sleepInterruptibly(boolean timed, long deadline) throws InterruptedException {
        lock.checkHeld();
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        boolean signalled = sleep(true, timed, deadline);
        if (!signalled && Thread.interrupted()) {
            throw new InterruptedException();
        }
        return signalled;
    }

    @Override
    public void await() throws InterruptedException {
        sleepInterruptibly(false, 0);
    }

    @Override
    public void awaitUninterruptibly() {
        lock.checkHeld();
        sleep(false, false, 0);
    }

    @Override
    public long awaitNanos(long nanos) throws InterruptedException {
        long deadline = System.nanoTime() + Math.max(nanos, 0);
        sleepInterruptibly(true, deadline);
        return deadline - System.nanoTime();
    }

    @Override
    public boolean await(long time, TimeUnit unit) throws InterruptedException {
        return sleepInterruptibly(true, System.nanoTime() + Math.max(unit.toNanos(time), 0));
    }

    @Override
    public boolean awaitUntil(Date deadline) throws InterruptedException {
        long now = System.currentTimeMillis();
        long until = deadline.getTime();
        long millis = until <= now ? 0 : until - now; // from now on it does not overflow: now is positive
        return sleepInterruptibly(true, System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis));
    }

    @Override
    public void signal() {
        lock.checkHeld();
        boolean moved = false;
        while (!moved && first != null) {
            // It cannot get the lock before: the signaller holds it.
            moved = lock.join(first, Waiter.ON_CONDITION, false, false, 0);
            unlink(null, first);
        }
    }

    @Override
    public void signalAll() {
        lock.checkHeld();
        while (first != null) {
            lock.join(first, Waiter.ON_CONDITION, false, false, 0);
            unlink(null, first);
        }
    }

    /** With the lock. */
    int length() {
        int length = 0;
        for (Waiter waiter = first; waiter != null; waiter = waiter.nextOnCondition) {
            length += waiter.place == Waiter.ON_CONDITION ? 1 : 0;
        }
        return length;
    }

    /** With the lock. */
    Collection<Thread> threads() {
        List<Thread> threads = new ArrayList<>();
        for (Waiter waiter = first; waiter != null; waiter = waiter.nextOnCondition) {
            if (waiter.place == Waiter.ON_CONDITION) {
                threads.add(waiter.thread);
            }
        }
        return Collections.unmodifiableList(threads);
    }
}
