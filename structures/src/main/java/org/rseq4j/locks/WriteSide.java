// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import java.lang.invoke.VarHandle;
import java.util.Date;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.rseq4j.internal.thread.Membarrier;
import org.rseq4j.internal.thread.Threads;

/**
 * The write lock of a PerCpuReadWriteLock: a SliceLock, whose holder closes the gate and waits for the readers inside.
 */
final class WriteSide implements Lock {
    /** Readers use their words for so many times as long as their stores took to be made visible. */
    private static final int INHIBITION = 9;
    private static final int SPINS = 200;

    static {
        How.valueOf("TRY"); // initialized before the first operation, which may find no stack for that
    }

    private final SliceLock writers;
    private final Readers readers;
    private final ReadSide gate;

    WriteSide(SliceLock writers, Readers readers, ReadSide gate) {
        this.writers = writers;
        this.readers = readers;
        this.gate = gate;
    }

    // ---- With the writers' lock ----

    /** Nobody comes in from here on, and whoever is inside can be seen. */
    private void raise() {
        if (gate.raise()) { // no call in between: an error must not keep the next writer from looking at them
            readers.slotsMayHold = true;
        }
        VarHandle.storeStoreFence(); // what is written comes behind the gate; pairs with ReadSide.validate
        if (readers.slotsMayHold && ReaderSlots.USED) {
            long begun = System.nanoTime();
            makeVisible();
            long now = System.nanoTime();
            gate.inhibitSlots(now + (now - begun) * INHIBITION);
        }
    }

    private static void makeVisible() {
        try {
            Membarrier.barrier();
        } catch (IllegalStateException refused) { // by a filter that was installed meanwhile
            Membarrier.handshake();
        }
    }

    /** Opens the gate again; in the fair form not to those who come after others that wait. */
    private void lower(boolean written) {
        gate.lower(lowered(written));
    }

    private long lowered(boolean written) {
        long count = gate.gate & ~ReaderGate.FLAGS;
        return count + (written ? ReaderGate.ONE_WRITE : 0) | ReaderGate.UNBIASED
                | (writers.isFair() && writers.first != null ? ReaderGate.CLOSED : 0);
    }

    /** Closes the gate to readers; whether none is inside. */
    private boolean tryExclude() {
        raise();
        return readers.isEmpty();
    }

    /** Closes the gate and waits for the readers inside; false at an interrupt (still set) or the deadline. */
    private boolean exclude(boolean interruptibly, boolean timed, long deadline) {
        raise();
        for (int i = 0; i < SPINS; i++) {
            if (readers.isEmpty()) {
                return true;
            }
            Thread.onSpinWait();
        }
        // before the words are read: pairs with the end of a reader's hold
        readers.waitingWriter = Thread.currentThread();
        try {
            return sleep(interruptibly, timed, deadline);
        } finally {
            readers.waitingWriter = null;
        }
    }

    private boolean sleep(boolean interruptibly, boolean timed, long deadline) {
        boolean interrupted = false;
        boolean empty;
        long sleep = Parking.FIRST_SLEEP;
        while (!(empty = readers.isEmpty()) && !Parking.isOver(interruptibly, timed, deadline)) {
            interrupted |= Parking.park(this, sleep, interruptibly, timed, deadline);
            sleep = Parking.longer(sleep);
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return empty;
    }

    private enum How {
        TRY, WAIT, WAIT_INTERRUPTIBLY, WAIT_UNTIL
    }

    private boolean acquire(How how, long nanos) throws InterruptedException {
        boolean timed = how == How.WAIT_UNTIL;
        long deadline = timed ? System.nanoTime() + nanos : 0;
        switch (how) {
            case TRY -> {
                if (!writers.tryLock()) {
                    return false;
                }
            }
            case WAIT -> writers.lock();
            case WAIT_INTERRUPTIBLY -> writers.lockInterruptibly();
            default -> {
                if (!writers.tryLock(nanos, TimeUnit.NANOSECONDS)) {
                    return false;
                }
            }
        }
        if (writers.holds > 0) {
            return true;
        }
        long owner = writers.state >>> LockWord.OWNER;
        try {
            boolean exclusive = how == How.TRY ? tryExclude() : exclude(how != How.WAIT, timed, deadline);
            if (!exclusive) {
                abandon();
            }
            return exclusive;
        } catch (Throwable e) {
            try {
                if (writers.state >>> LockWord.OWNER == owner) {
                    abandon();
                }
            } catch (Throwable ignored) {
                // No stack for that; what follows calls nothing.
            }
            if (writers.state >>> LockWord.OWNER == owner) {
                long seen = gate.gate;
                if ((seen & ReaderGate.WRITER) != 0) {
                    gate.gate = seen & ~ReaderGate.FLAGS | ReaderGate.UNBIASED;
                }
                writers.virtualOwner = null;
                writers.state = 0;
            }
            throw e;
        }
    }

    /** Lets the others go on, without a write. */
    private void abandon() {
        if ((gate.gate & ReaderGate.WRITER) != 0) {
            lower(false);
        }
        writers.unlock();
    }

    // ---- Lock ----

    @Override
    public void lock() {
        try {
            acquire(How.WAIT, 0);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void lockInterruptibly() throws InterruptedException {
        if (!acquire(How.WAIT_INTERRUPTIBLY, 0)) {
            Thread.interrupted();
            throw new InterruptedException();
        }
    }

    @Override
    public boolean tryLock() {
        try {
            return acquire(How.TRY, 0);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public boolean tryLock(long time, TimeUnit unit) throws InterruptedException {
        long nanos = unit.toNanos(time);
        if (acquire(How.WAIT_UNTIL, Math.max(nanos, 0))) {
            return true;
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        return false;
    }

    @Override
    public void unlock() {
        long owner = Threads.currentId();
        if (writers.state >>> LockWord.OWNER != owner) {
            throw notHeld();
        }
        if (writers.holds > 0) {
            writers.holds--;
            return;
        }
        try {
            lower(true);
            writers.unlock();
        } catch (Throwable e) { // no finally, as in SliceLock.unlock
            if (writers.state >>> LockWord.OWNER == owner) { // no stack for that; what follows calls nothing
                long seen = gate.gate;
                if ((seen & ReaderGate.WRITER) != 0) {
                    gate.gate = (seen & ~ReaderGate.FLAGS) + ReaderGate.ONE_WRITE | ReaderGate.UNBIASED;
                }
                writers.virtualOwner = null;
                writers.state = 0;
            }
            throw e;
        }
    }

    private IllegalMonitorStateException notHeld() {
        return new IllegalMonitorStateException("the thread does not hold this write lock: " + this);
    }

    private void checkHeld() {
        if (!writers.isHeldByCurrentThread()) {
            throw notHeld();
        }
    }

    @Override
    public Condition newCondition() {
        return new WriteCondition(writers.newCondition());
    }

    /** The writers' condition behind one of the write lock; what is not one of these as it is. */
    static Condition unwrap(Condition condition) {
        return condition instanceof WriteCondition own ? own.condition : condition;
    }

    /** {@return the lock's identity and its owner's name, as ReentrantReadWriteLock's} */
    @Override
    public String toString() {
        return super.toString() + (gate.isWritten() ? SliceLock.ownerText(writers) : "[Unlocked]");
    }

    /** One of the writers' lock, whose waiter lets readers in meanwhile. */
    @SuppressWarnings("WaitNotInLoop") // the caller's loop
    private final class WriteCondition implements Condition {
        private final Condition condition;

        WriteCondition(Condition condition) {
            this.condition = condition;
        }

        private void leave() {
            checkHeld();
            StackReserve.ensure(); // so that the way back does not end half-way
            lower(true);
        }

        /** With the writers' lock again. */
        private void reacquire() {
            IllegalMonitorStateException misused = null;
            boolean exclusive = false;
            while (!exclusive) {
                try {
                    exclusive = exclude(false, false, 0);
                } catch (IllegalMonitorStateException e) {
                    misused = e;
                } catch (OutOfMemoryError e) {
                    // a virtual thread that cannot park: again, as it must not go on beside readers
                    Thread.onSpinWait();
                }
            }
            if (misused != null) {
                throw misused;
            }
        }

        @Override
        public void await() throws InterruptedException {
            leave();
            try {
                condition.await();
            } finally {
                reacquire();
            }
        }

        @Override
        public void awaitUninterruptibly() {
            leave();
            try {
                condition.awaitUninterruptibly();
            } finally {
                reacquire();
            }
        }

        @Override
        public long awaitNanos(long nanos) throws InterruptedException {
            long deadline = System.nanoTime() + Math.max(nanos, 0);
            leave();
            try {
                condition.awaitNanos(nanos);
            } finally {
                reacquire();
            }
            return deadline - System.nanoTime();
        }

        @Override
        public boolean await(long time, TimeUnit unit) throws InterruptedException {
            long nanos = unit.toNanos(time);
            leave();
            try {
                return condition.await(nanos, TimeUnit.NANOSECONDS);
            } finally {
                reacquire();
            }
        }

        @Override
        public boolean awaitUntil(Date deadline) throws InterruptedException {
            Date until = (Date) deadline.clone();
            leave();
            try {
                return condition.awaitUntil(until);
            } finally {
                reacquire();
            }
        }

        @Override
        public void signal() {
            condition.signal();
        }

        @Override
        public void signalAll() {
            condition.signalAll();
        }
    }
}
