// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import org.rseq4j.locks.PerCpuReadWriteLock;

/** A read-write lock anew each time: while it is read nobody writes, whatever became of those who tried. */
final class BothSidesSubject extends Subject {
    private PerCpuReadWriteLock lock = new PerCpuReadWriteLock();
    private boolean reads;
    /** Whether an unlock threw, which may have given the lock back or not; a new lock is made then. */
    private boolean inDoubt;
    private boolean wrote;
    private boolean stayedLocked;

    BothSidesSubject() {
        super("read anew", "write tryLock", "read anew", "write tryLock", "timed write tryLock", "read unlock");
    }

    @Override
    void run(int operation) throws Exception {
        switch (operation(operation)) {
            case "read anew" -> readAnew();
            case "read unlock" -> unlockToRead();
            default -> write(operation(operation).startsWith("timed"));
        }
    }

    private void readAnew() {
        var next = new PerCpuReadWriteLock();
        next.readLock().lock();
        lock = next;
        reads = true;
        inDoubt = false;
    }

    private void unlockToRead() {
        if (reads && !inDoubt) {
            inDoubt = true;
            try {
                lock.readLock().unlock();
            } catch (StackOverflowError e) {
                if (Points.isMade(e)) { // so unlock was called, and has done it all the same
                    reads = false;
                    inDoubt = false;
                }
                throw e;
            }
            reads = false;
            inDoubt = false;
        }
    }

    private void write(boolean timed) throws InterruptedException {
        if (inDoubt) {
            return; // it may write already
        }
        Lock toWrite = lock.writeLock();
        if (timed ? toWrite.tryLock(1, TimeUnit.NANOSECONDS) : toWrite.tryLock()) {
            wrote |= reads;
            inDoubt = true;
            toWrite.unlock();
            inDoubt = false;
        } else if (!reads) {
            stayedLocked = true;
        }
    }

    @Override
    String check() throws Exception {
        if (wrote) {
            return "written while it was read";
        }
        if (stayedLocked) {
            return "nobody had it, and it could not be written";
        }
        boolean writes = lock.writeLock().tryLock();
        if (writes) {
            lock.writeLock().unlock();
        }
        if (!inDoubt && writes == reads) {
            return reads ? "another one could write while it was read" : "still locked";
        }
        return null;
    }
}
