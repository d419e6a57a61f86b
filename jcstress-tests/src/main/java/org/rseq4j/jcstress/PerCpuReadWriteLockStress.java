// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;
import org.rseq4j.locks.PerCpuReadWriteLock;

/** {@link PerCpuReadWriteLock}; what it guards is plain. A reader says 10 times the first value plus the second. */
@SuppressWarnings("LockNotBeforeTry")
public class PerCpuReadWriteLockStress {
    /** What all states have: two values that only differ inside a writer. */
    static class Guarded {
        final PerCpuReadWriteLock lock;
        final Lock reading;
        final Lock writing;
        int first;
        int second;

        Guarded() {
            this(new PerCpuReadWriteLock());
        }

        Guarded(PerCpuReadWriteLock lock) {
            this.lock = lock;
            reading = lock.readLock();
            writing = lock.writeLock();
        }

        int read() {
            return first * 10 + second;
        }

        void write() {
            first++;
            second++;
        }

        final int lockedRead() {
            reading.lock();
            try {
                return read();
            } finally {
                reading.unlock();
            }
        }

        final void lockedWrite() {
            writing.lock();
            try {
                write();
            } finally {
                writing.unlock();
            }
        }

        /** The values when nobody is inside and nobody waits. */
        int rest() {
            return lock.isWriteLocked() || lock.getReadLockCount() != 0 || lock.hasQueuedThreads() ? -1 : read();
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 0, 11", "0, 11, 11", "11, 0, 11",
            "11, 11, 11"}, expect = ACCEPTABLE, desc = "each reader before or"
                    + " after the writer")
    @Outcome(expect = FORBIDDEN, desc = "a reader was inside with the writer, or did not see its writes")
    @State
    public static class ReadReadWrite extends Guarded {
        @Actor
        public void reader(III_Result r) {
            r.r1 = lockedRead();
        }

        @Actor
        public void otherReader(III_Result r) {
            Checked.run(() -> {
                reading.lockInterruptibly();
                try {
                    r.r2 = read();
                } finally {
                    reading.unlock();
                }
            });
        }

        @Actor
        public void writer() {
            lockedWrite();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 22", "11, 22",
            "22, 22"}, expect = ACCEPTABLE, desc = "the reader before, between or after the writers")
    @Outcome(expect = FORBIDDEN, desc = "two writers were inside at once, or a reader with one of them")
    @State
    public static class WriteWriteRead extends Guarded {
        @Actor
        public void writer() {
            lockedWrite();
        }

        @Actor
        public void otherWriter() {
            Checked.run(() -> {
                writing.lockInterruptibly();
                try {
                    write();
                } finally {
                    writing.unlock();
                }
            });
        }

        @Actor
        public void reader(II_Result r) {
            r.r1 = lockedRead();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 1, 11", "11, 1, 11", "-1, 1, 11", "0, 0, 0",
            "-1, 0, 0"}, expect = ACCEPTABLE, desc = "a try failed"
                    + " (-1, 0), or one was after the other")
    @Outcome(expect = FORBIDDEN, desc = "both tries succeeded at once, or a failed one left its mark")
    @State
    public static class TryReadTryWrite extends Guarded {
        @Actor
        public void reader(III_Result r) {
            r.r1 = -1;
            if (reading.tryLock()) {
                try {
                    r.r1 = read();
                } finally {
                    reading.unlock();
                }
            }
        }

        @Actor
        public void writer(III_Result r) {
            if (writing.tryLock()) {
                try {
                    write();
                    r.r2 = 1;
                } finally {
                    writing.unlock();
                }
            }
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = {"true, false",
            "false, true"}, expect = ACCEPTABLE, desc = "who came first is inside, the other is not")
    @Outcome(id = "false, false", expect = ACCEPTABLE, desc = "each saw the other on its way")
    @Outcome(id = "true, true", expect = FORBIDDEN, desc = "neither saw the other: the reader's mark was not visible")
    @State
    public static class TryReadTryWriteAndStay {
        private final PerCpuReadWriteLock lock = new PerCpuReadWriteLock();
        private final Lock reading = lock.readLock();
        private final Lock writing = lock.writeLock();
        private volatile boolean readerTried;
        private volatile boolean writerTried;

        @Actor
        public void reader(ZZ_Result r) {
            r.r1 = reading.tryLock();
            readerTried = true;
            while (!writerTried) {
                Thread.onSpinWait();
            }
            if (r.r1) {
                reading.unlock();
            }
        }

        @Actor
        public void writer(ZZ_Result r) {
            r.r2 = writing.tryLock();
            writerTried = true;
            while (!readerTried) {
                Thread.onSpinWait();
            }
            if (r.r2) {
                writing.unlock();
            }
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 1, 22", "11, 1, 22", "22, 1, 22", "-1, 1, 22", "0, 0, 11", "11, 0, 11",
            "-1, 0, 11"}, expect = ACCEPTABLE, desc = "a wait was too short (-1, 0), or one was after the other")
    @Outcome(expect = FORBIDDEN, desc = "who gave up waiting left the lock closed, or two were inside at once")
    @State
    public static class TimedReadTimedWriteWrite extends Guarded {
        @Actor
        public void reader(III_Result r) {
            Checked.run(() -> {
                r.r1 = -1;
                if (reading.tryLock(500, TimeUnit.NANOSECONDS)) {
                    try {
                        r.r1 = read();
                    } finally {
                        reading.unlock();
                    }
                }
            });
        }

        @Actor
        public void timedWriter(III_Result r) {
            Checked.run(() -> {
                if (writing.tryLock(500, TimeUnit.NANOSECONDS)) {
                    try {
                        write();
                        r.r2 = 1;
                    } finally {
                        writing.unlock();
                    }
                }
            });
        }

        @Actor
        public void writer() {
            lockedWrite();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = {"11", "22"}, expect = ACCEPTABLE, desc = "the writer's own read, before or after the other writer")
    @Outcome(expect = FORBIDDEN, desc = "a writer that went on as a reader let the other in before it was done")
    @State
    public static class Downgrade extends Guarded {
        @Actor
        public void writerThenReader(I_Result r) {
            writing.lock();
            write();
            reading.lock();
            writing.unlock();
            r.r1 = read();
            reading.unlock();
        }

        @Actor
        public void writer() {
            lockedWrite();
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 11", "11, 11"}, expect = ACCEPTABLE, desc = "the read is of before or after the write")
    @Outcome(id = "-1, 11", expect = ACCEPTABLE, desc = "the writer came in between, and the read is not valid")
    @Outcome(expect = FORBIDDEN, desc = "a read that was valid is of two writes")
    @State
    public static class OptimisticReadWrite extends Guarded {
        @Actor
        public void reader(II_Result r) {
            long stamp = lock.tryOptimisticRead();
            int read = read();
            r.r1 = lock.validate(stamp) ? read : -1;
        }

        @Actor
        public void writer() {
            lockedWrite();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 22", "11, 22", "22, 22"}, expect = ACCEPTABLE, desc = "one after the other, nested holds as one")
    @Outcome(expect = FORBIDDEN, desc = "a nested hold let another in, or was left")
    @State
    public static class FairReentrant extends Guarded {
        public FairReentrant() {
            super(PerCpuReadWriteLock.builder().fair().reentrant().build());
        }

        private void writeNested() {
            writing.lock();
            first++;
            writing.lock();
            second++;
            writing.unlock();
            writing.unlock();
        }

        @Actor
        public void reader(II_Result r) {
            reading.lock();
            int before = lockedRead();
            r.r1 = before == read() ? before : -1;
            reading.unlock();
        }

        @Actor
        public void writer() {
            writeNested();
        }

        @Actor
        public void otherWriter() {
            writeNested();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 11",
            "11, 11"}, expect = ACCEPTABLE, desc = "signalled, or came later; the reader before or after")
    @Outcome(expect = FORBIDDEN, desc = "the waiter went on beside the reader, or slept on")
    @State
    public static class WriteAwaitSignal extends Guarded {
        private final Condition written = writing.newCondition();

        @Actor
        public void waiter() {
            writing.lock();
            try {
                while (first == 0) {
                    written.awaitUninterruptibly();
                }
                second++;
            } finally {
                writing.unlock();
            }
        }

        @Actor
        public void signaller() {
            writing.lock();
            try {
                first++;
                written.signal();
            } finally {
                writing.unlock();
            }
        }

        @Actor
        public void reader(II_Result r) {
            int read = lockedRead();
            r.r1 = read == 10 ? 11 : read; // between signal and waiter
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = "11, 11", expect = ACCEPTABLE, desc = "the writer waited for the other thread, or came later")
    @Outcome(expect = FORBIDDEN, desc = "the writer was inside with the reader, or the hold was left")
    @State
    public static class ReadLockGivenBackByAnother extends Guarded {
        private volatile boolean taken;
        private volatile boolean given;

        @Actor
        public void taker() {
            while (!given && !reading.tryLock()) {
                Thread.onSpinWait();
            }
            taken = true;
        }

        @Actor
        public void giver() {
            while (!taken) {
                Thread.onSpinWait();
            }
            given = true;
            reading.unlock();
        }

        @Actor
        public void writer(II_Result r) {
            lockedWrite();
            r.r1 = 11;
        }

        @Arbiter
        public void after(II_Result r) {
            lockedWrite(); // settles what is left in the taker's slot
            first--;
            second--;
            r.r2 = rest();
        }
    }
}
