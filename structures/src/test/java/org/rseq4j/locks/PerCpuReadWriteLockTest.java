// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.stress.Stress;
import org.rseq4j.stress.TestThreads;

@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@SuppressWarnings({"LockNotBeforeTry", "WaitNotInLoop"}) // what the tests are about
class PerCpuReadWriteLockTest {
    /** On a slow machine a while passes without so many holds, and shows nothing. */
    private static final int FEW = 20;

    private final PerCpuReadWriteLock lock = new PerCpuReadWriteLock();
    private final Lock read = lock.readLock();
    private final Lock write = lock.writeLock();

    private static <T> FutureTask<T> start(Callable<T> action) {
        var task = new FutureTask<>(action);
        TestThreads.startDaemon(task);
        return task;
    }

    private boolean canTry(Lock side) throws Exception {
        FutureTask<Boolean> task = start(() -> {
            boolean taken = side.tryLock();
            if (taken) {
                side.unlock();
            }
            return taken;
        });
        return task.get();
    }

    @Test
    void readersNeverSeeAHalfWrittenPairWhateverTheyUseToComeIn() throws Exception {
        long[] pair = new long[2];
        long end = System.nanoTime() + 2 * Stress.NANOS;
        List<FutureTask<Long>> writers = new ArrayList<>();
        List<FutureTask<Long>> readers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int kind = i;
            writers.add(start(() -> {
                long written = 0;
                while (System.nanoTime() - end < 0 || kind == 0 && written < FEW) {
                    boolean held = true;
                    switch (kind) {
                        case 0 -> write.lock();
                        case 1 -> held = write.tryLock(100, TimeUnit.MICROSECONDS);
                        default -> held = write.tryLock();
                    }
                    if (held) {
                        pair[0]++;
                        Thread.onSpinWait();
                        pair[1]++;
                        write.unlock();
                        written++;
                    }
                }
                return written;
            }));
        }
        for (int i = 0; i < 9; i++) {
            int kind = i % 3;
            readers.add(start(() -> {
                long seen = 0;
                while (System.nanoTime() - end < 0 || kind == 0 && seen < FEW) {
                    boolean held = true;
                    switch (kind) {
                        case 0 -> read.lock();
                        case 1 -> held = read.tryLock(100, TimeUnit.MICROSECONDS);
                        default -> held = read.tryLock();
                    }
                    if (held) {
                        long first = pair[0];
                        if ((seen & 255) == 0) {
                            Thread.yield(); // comes back on another CPU, now and then
                        }
                        assertEquals(first, pair[1]);
                        assertEquals(first, pair[0]);
                        read.unlock();
                        seen++;
                    }
                }
                return seen;
            }));
        }
        long written = 0;
        for (FutureTask<Long> task : writers) {
            written += task.get();
        }
        for (FutureTask<Long> task : readers) {
            task.get();
        }
        assertEquals(written, pair[0]);
        assertEquals(0, lock.getReadLockCount());
        assertFalse(lock.isWriteLocked());
        assertFalse(lock.hasQueuedThreads());
    }

    @Test
    void readersByTheirSlotsNeverSeeAHalfWrittenPair() throws Exception {
        long[] pair = new long[2];
        long end = System.nanoTime() + 2 * Stress.NANOS;
        var over = new AtomicBoolean();
        var bySlot = new AtomicInteger();
        List<FutureTask<Long>> tasks = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            tasks.add(start(() -> {
                long wrong = 0;
                while (!over.get()) {
                    for (int n = 0; n < 1000; n++) {
                        read.lock();
                        long first = pair[0];
                        wrong += first == pair[1] ? 0 : 1;
                        read.unlock();
                    }
                }
                return wrong;
            }));
        }
        FutureTask<Long> writer = start(() -> {
            try {
                long written = 0;
                while (System.nanoTime() - end < 0 || written < FEW) {
                    bySlot.addAndGet(slots(lock));
                    if (write.tryLock() || write.tryLock(1, TimeUnit.MILLISECONDS)) {
                        pair[0]++;
                        Thread.onSpinWait();
                        pair[1]++;
                        write.unlock();
                        written++;
                    }
                    // Long enough for the readers to come back to their slots, most of the time.
                    LockSupport.parkNanos(ThreadLocalRandom.current().nextInt(200_000));
                }
                return written;
            } finally {
                over.set(true);
            }
        });
        for (FutureTask<Long> task : tasks) {
            assertEquals(0, task.get());
        }
        assertEquals(writer.get(), pair[0]);
        assertEquals(0, lock.getReadLockCount());
        System.out.println("readers seen in slots " + bySlot + " times in " + pair[0] + " writes");
    }

    /** All go on until each has had the lock ten times: one that the others starve never ends. */
    @Test
    void neitherSideStarvesTheOther() throws Exception {
        var hungry = new AtomicInteger(8);
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            Lock side = i < 3 ? write : read;
            tasks.add(start(() -> {
                for (int n = 1; n <= 10 || hungry.get() > 0; n++) {
                    side.lock();
                    side.unlock();
                    if (n == 10) {
                        hungry.decrementAndGet();
                    }
                }
                return null;
            }));
        }
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
    }

    /** A lost wake-up never ends; a hold that was given up half-way keeps the last lines out. */
    @Test
    void timeoutsAndInterruptsLoseNoWakeUpAndLeaveNoHold() throws Exception {
        long[] count = new long[1];
        long end = System.nanoTime() + Stress.NANOS;
        List<Thread> threads = new ArrayList<>();
        List<FutureTask<Long>> tasks = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            boolean writes = i < 4;
            Lock side = writes ? write : read;
            int kind = i % 4;
            var task = new FutureTask<Long>(() -> {
                long written = 0;
                while (System.nanoTime() - end < 0) {
                    boolean held = true;
                    try {
                        switch (kind) {
                            case 0 -> side.lock();
                            case 1 -> side.lockInterruptibly();
                            case 2 -> held = side.tryLock(ThreadLocalRandom.current().nextInt(200),
                                    TimeUnit.MICROSECONDS);
                            default -> held = side.tryLock();
                        }
                    } catch (InterruptedException e) {
                        held = false;
                    }
                    if (held) {
                        if (writes) {
                            count[0]++;
                            written++;
                        }
                        if (ThreadLocalRandom.current().nextInt(64) == 0) {
                            Thread.yield(); // a hold that lasts, so that the others go to sleep
                        }
                        side.unlock();
                    }
                }
                return written;
            });
            tasks.add(task);
            threads.add(TestThreads.startDaemon(task));
        }
        while (System.nanoTime() - end < 0) {
            threads.get(ThreadLocalRandom.current().nextInt(threads.size())).interrupt();
            Thread.sleep(0, 100_000);
        }
        long written = 0;
        for (FutureTask<Long> task : tasks) {
            written += task.get();
        }
        assertEquals(written, count[0]);
        assertTrue(write.tryLock());
        write.unlock();
        assertEquals(0, lock.getReadLockCount());
        assertFalse(lock.hasQueuedThreads());
    }

    @Test
    void aHolderThatDiesWithAnExceptionLeavesTheLockFree() throws Exception {
        for (Lock side : List.of(read, write)) {
            FutureTask<Void> dying = start(() -> {
                side.lock();
                try {
                    throw new IllegalArgumentException("inside");
                } finally {
                    side.unlock();
                }
            });
            assertThrows(ExecutionException.class, dying::get);
            assertTrue(canTry(write));
        }
    }

    private static int slots(PerCpuReadWriteLock lock) {
        return ReaderSlots.count(((ReaderGate) lock.readLock()).id, new int[0]);
    }

    @Test
    void aPlatformThreadReadsByItsSlotUntilSomebodyWrites() throws Exception {
        assumeTrue(ReaderSlots.USED, "needs membarrier");
        start(() -> {
            // Not on a thread whose row a living one has.
            read.lock();
            int before = slots(lock);
            read.unlock();
            if (before == 1) {
                assertTrue(canTry(write));
                read.lock();
                while (slots(lock) == 0) { // by a word, until the pause after a write is over
                    read.unlock();
                    read.lock();
                }
                assertFalse(canTry(write));
                assertEquals(1, lock.getReadLockCount());
                read.unlock();
            }
            return null;
        }).get();
    }

    @Test
    void aThreadMayReadMoreLocksThanItHasSlots() throws Exception {
        List<PerCpuReadWriteLock> locks = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            locks.add(new PerCpuReadWriteLock());
            locks.get(i).readLock().lock();
            locks.get(i).readLock().lock();
        }
        for (PerCpuReadWriteLock one : locks) {
            assertEquals(2, one.getReadLockCount());
            assertFalse(canTry(one.writeLock()));
            one.readLock().unlock();
            assertFalse(canTry(one.writeLock()));
            one.readLock().unlock();
            assertTrue(canTry(one.writeLock()));
            assertEquals(0, one.getReadLockCount());
        }
    }

    @Test
    void theReadLockOfAThreadThatEndedIsHeldUntilAnotherGivesItBack() throws Exception {
        for (int i = 0; i < 3000; i++) { // more than there are rows: they are taken over
            boolean checked = i % 500 == 0;
            FutureTask<Boolean> reader = start(() -> {
                read.lock();
                if (!checked) {
                    read.unlock();
                }
                return true;
            });
            assertTrue(reader.get());
            if (checked) {
                assertFalse(canTry(write));
                read.unlock();
                assertTrue(canTry(write));
            }
        }
        assertEquals(0, lock.getReadLockCount());
    }

    @Test
    void virtualThreadsMoveBetweenCarriersWhileTheyRead() throws Exception {
        int[] word = new int[1];
        var wrong = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            boolean writes = i % 500 == 0;
            threads.add(TestThreads.startVirtual(() -> {
                Lock side = writes ? write : read;
                side.lock();
                int before = word[0];
                Thread.yield();
                if (writes) {
                    word[0] = before + 1;
                } else if (word[0] != before) {
                    wrong.incrementAndGet();
                }
                side.unlock();
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(0, wrong.get());
        assertEquals(20, word[0]);
        assertEquals(0, lock.getReadLockCount());
    }

    @Test
    void readersShareAndExcludeWriters() throws Exception {
        read.lock();
        assertTrue(canTry(read));
        assertFalse(canTry(write));
        FutureTask<Boolean> timed = start(() -> write.tryLock(1, TimeUnit.MILLISECONDS));
        assertFalse(timed.get());
        assertEquals(1, lock.getReadLockCount());
        read.unlock();
        assertTrue(canTry(write));
        write.lock();
        assertFalse(canTry(read));
        assertFalse(canTry(write));
        FutureTask<Boolean> timedRead = start(() -> read.tryLock(1, TimeUnit.MILLISECONDS));
        assertFalse(timedRead.get());
        write.unlock();
        assertTrue(canTry(read));
    }

    @Test
    void aWriterThatWaitsKeepsNewReadersOutAndIsWokenByTheLastInside() throws Exception {
        read.lock();
        FutureTask<Boolean> writer = start(() -> {
            write.lock();
            boolean alone = lock.isWriteLockedByCurrentThread();
            write.unlock();
            return alone;
        });
        while (!lock.hasQueuedThreads()) {
            Thread.sleep(1);
        }
        assertFalse(canTry(read));
        FutureTask<Void> lateReader = start(() -> {
            read.lock();
            read.unlock();
            return null;
        });
        assertFalse(writer.isDone());
        read.unlock();
        assertTrue(writer.get());
        lateReader.get();
    }

    @Test
    void aReadLockMayBeGivenBackByAnotherThread() throws Exception {
        read.lock();
        start(() -> {
            read.unlock();
            return null;
        }).get();
        assertTrue(write.tryLock());
        write.unlock();
    }

    @Test
    void aWriterMayReadAndKeepReadingAfterIt() throws Exception {
        write.lock();
        read.lock();
        assertTrue(read.tryLock());
        write.unlock();
        assertTrue(canTry(read));
        assertFalse(canTry(write));
        read.unlock();
        read.unlock();
        assertTrue(canTry(write));
    }

    @Test
    void aWriterThatWaitsForReadersIsAmongThoseThatWaitAndOwnsNothingYet() throws Exception {
        for (var form : List.of(new PerCpuReadWriteLock(), PerCpuReadWriteLock.builder().fair().build())) {
            form.readLock().lock();
            var inside = new CountDownLatch(1);
            var over = new CountDownLatch(1);
            var task = new FutureTask<Void>(() -> {
                form.writeLock().lock();
                inside.countDown();
                over.await();
                form.writeLock().unlock();
                return null;
            });
            Thread writer = TestThreads.startDaemon(task);
            while (!form.hasQueuedThread(writer)) {
                Thread.sleep(1);
            }
            assertEquals(1, form.getQueueLength());
            assertEquals(List.of(writer), List.copyOf(form.getQueuedThreads()));
            assertFalse(form.isWriteLocked());
            assertNull(form.getOwner());
            assertTrue(form.toString().endsWith("[Write locks = 0, Read locks = 1]"), form.toString());
            assertTrue(form.writeLock().toString().endsWith("[Unlocked]"));
            assertFalse(canTry(form.readLock()));
            form.readLock().unlock();
            inside.await();
            assertTrue(form.isWriteLocked());
            assertSame(writer, form.getOwner());
            assertFalse(form.hasQueuedThreads());
            assertTrue(form.toString().endsWith("[Write locks = 1, Read locks = 0]"), form.toString());
            over.countDown();
            task.get();
            assertFalse(form.isWriteLocked());
        }
    }

    @Test
    void anInterruptEndsAWritersWaitForReaders() throws Exception {
        read.lock();
        var task = new FutureTask<Void>(() -> {
            assertThrows(InterruptedException.class, write::lockInterruptibly);
            return null;
        });
        Thread thread = TestThreads.startDaemon(task);
        while (!lock.hasQueuedThreads()) {
            Thread.sleep(1);
        }
        thread.interrupt();
        task.get();
        assertFalse(lock.isWriteLocked());
        assertTrue(canTry(read));
        read.unlock();
    }

    @Test
    void misuseGivesTheExceptionsThatAreDocumented() throws Exception {
        assertThrows(IllegalMonitorStateException.class, write::unlock);
        write.lock();
        start(() -> {
            assertThrows(IllegalMonitorStateException.class, write::unlock);
            return null;
        }).get();
        assertThrows(IllegalStateException.class, write::lock);
        write.unlock();
        assertThrows(UnsupportedOperationException.class, read::newCondition);
        assertThrows(UnsupportedOperationException.class, lock::getReadHoldCount);
    }

    @Test
    void aReadLockThatIsGivenBackTooOftenIsToldOnceAndThenTheLockIsWhole() throws Exception {
        for (int strays = 1; strays < 4; strays++) {
            var broken = new PerCpuReadWriteLock();
            for (int i = 0; i < strays; i++) {
                broken.readLock().unlock();
            }
            assertThrows(IllegalMonitorStateException.class, broken.writeLock()::lock);
            assertFalse(broken.isWriteLocked());
            broken.writeLock().lock();
            assertFalse(canTry(broken.readLock()));
            broken.writeLock().unlock();
            broken.readLock().lock();
            assertFalse(canTry(broken.writeLock()));
            broken.readLock().unlock();
            assertTrue(canTry(broken.writeLock()));
            assertEquals(0, broken.getReadLockCount());
        }
    }

    /** Else each write would pay for membarrier, and the thread's slots would be used up. */
    @Test
    void readLocksThatOthersGaveBackLeaveNothingBehind() throws Exception {
        assumeTrue(ReaderSlots.USED, "needs membarrier");
        start(() -> {
            for (int i = 0; i < 20; i++) {
                var one = new PerCpuReadWriteLock();
                one.readLock().lock();
                start(() -> {
                    one.readLock().unlock();
                    return null;
                }).get();
                if (i % 2 == 0) {
                    one.writeLock().lock();
                    one.writeLock().unlock();
                    assertEquals(0, slots(one));
                }
                assertEquals(0, one.getReadLockCount());
            }
            var last = new PerCpuReadWriteLock();
            int bySlot = 0;
            for (int i = 0; i < 3; i++) {
                last.readLock().lock();
                bySlot += slots(last);
                last.readLock().unlock();
            }
            read.lock();
            boolean hasRow = slots(lock) == 1;
            read.unlock();
            assertTrue(bySlot > 0 || !hasRow, "the thread's slots are used up");
            return null;
        }).get();
    }

    @Test
    void anOptimisticReadIsValidUntilSomebodyWrites() throws Exception {
        long stamp = lock.tryOptimisticRead();
        assertTrue(lock.validate(stamp));
        read.lock();
        read.unlock();
        assertTrue(lock.validate(stamp));
        write.lock();
        assertFalse(lock.validate(stamp));
        assertEquals(0, lock.tryOptimisticRead());
        assertFalse(lock.validate(0));
        write.unlock();
        assertFalse(lock.validate(stamp));
        long later = lock.tryOptimisticRead();
        assertTrue(lock.validate(later));
        read.lock();
        assertFalse(canTry(write)); // gave up: nothing was written
        read.unlock();
        assertTrue(lock.validate(later));
    }

    @Test
    void validatedReadsAreOfOneWrite() throws Exception {
        long[] pair = new long[2];
        long end = System.nanoTime() + Stress.NANOS;
        FutureTask<Long> writer = start(() -> {
            long written = 0;
            while (System.nanoTime() - end < 0 || written < FEW) {
                write.lock();
                pair[0]++;
                Thread.onSpinWait();
                pair[1]++;
                write.unlock();
                written++;
            }
            return written;
        });
        long valid = 0;
        while (!writer.isDone() || valid == 0) {
            long stamp = lock.tryOptimisticRead();
            long first = pair[0];
            long second = pair[1];
            if (lock.validate(stamp)) {
                assertEquals(first, second);
                valid++;
            }
        }
        assertEquals(writer.get(), pair[0]);
    }

    @Test
    void theWriteLockHasConditionsThatLetReadersInMeanwhile() throws Exception {
        var filled = lock.writeLock().newCondition();
        assertThrows(IllegalMonitorStateException.class, filled::await);
        assertThrows(IllegalMonitorStateException.class, filled::signal);
        int[] value = new int[1];
        FutureTask<Integer> waiter = start(() -> {
            write.lock();
            try {
                while (value[0] == 0) {
                    filled.await();
                }
                assertTrue(lock.isWriteLockedByCurrentThread());
                assertFalse(canTry(read));
                return value[0];
            } finally {
                write.unlock();
            }
        });
        boolean waits = false;
        while (!waits) {
            write.lock();
            waits = lock.hasWaiters(filled);
            write.unlock();
        }
        assertTrue(canTry(read));
        read.lock();
        FutureTask<Void> setter = start(() -> {
            write.lock();
            value[0] = 7;
            filled.signalAll();
            write.unlock();
            return null;
        });
        assertFalse(waiter.isDone());
        read.unlock();
        setter.get();
        assertEquals(7, waiter.get());
        write.lock();
        assertFalse(filled.await(1, TimeUnit.MILLISECONDS));
        assertTrue(filled.awaitNanos(1) <= 0);
        assertFalse(filled.awaitUntil(new java.util.Date(0)));
        assertTrue(lock.isWriteLockedByCurrentThread());
        write.unlock();
        assertTrue(canTry(write));
    }

    @Test
    void theReentrantFormCountsHoldsAndRefusesStrays() throws Exception {
        for (var form : List.of(PerCpuReadWriteLock.builder().reentrant().build(),
                PerCpuReadWriteLock.builder().reentrant().fair().build())) {
            Lock reads = form.readLock();
            Lock writes = form.writeLock();
            assertThrows(IllegalMonitorStateException.class, reads::unlock);
            reads.lock();
            assertTrue(reads.tryLock());
            reads.lockInterruptibly();
            assertTrue(reads.tryLock(1, TimeUnit.SECONDS));
            assertEquals(4, form.getReadHoldCount());
            start(() -> {
                assertEquals(0, form.getReadHoldCount());
                assertThrows(IllegalMonitorStateException.class, reads::unlock);
                return null;
            }).get();
            FutureTask<Void> writer = start(() -> {
                writes.lock();
                writes.unlock();
                return null;
            });
            while (!form.hasQueuedThreads()) { // it waits for us
                Thread.sleep(1);
            }
            reads.lock(); // in again past it
            for (int i = 0; i < 5; i++) {
                assertFalse(writer.isDone());
                reads.unlock();
            }
            writer.get();
            assertThrows(IllegalMonitorStateException.class, reads::unlock);
            writes.lock();
            writes.lock();
            reads.lock();
            assertEquals(2, form.getWriteHoldCount());
            writes.unlock();
            assertFalse(canTry(writes));
            assertFalse(canTry(reads));
            writes.unlock();
            assertTrue(canTry(reads));
            assertFalse(canTry(writes));
            reads.unlock();
            assertTrue(canTry(writes));
        }
    }

    @Test
    void theFairFormServesInTheOrderOfArrival() throws Exception {
        var form = PerCpuReadWriteLock.builder().fair().build();
        var order = new java.util.concurrent.ConcurrentLinkedQueue<Integer>();
        List<FutureTask<Void>> tasks = new ArrayList<>();
        form.writeLock().lock();
        for (int i = 0; i < 8; i++) {
            int number = i;
            Lock side = i % 2 == 0 ? form.writeLock() : form.readLock();
            tasks.add(start(() -> {
                side.lock();
                // a reader lets the next writer in only when it left, so pairs keep their order
                order.add(number / 2 * 2);
                side.unlock();
                return null;
            }));
            while (form.getQueueLength() != number + 1) {
                Thread.sleep(1);
            }
        }
        form.writeLock().unlock();
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        assertEquals(List.of(0, 0, 2, 2, 4, 4, 6, 6), List.copyOf(order));
        for (int i = 0; i < 2; i++) { // whoever arrives later finds it open again
            assertTrue(canTry(form.readLock()));
            form.readLock().lock();
            form.readLock().unlock();
            assertTrue(canTry(form.writeLock()));
        }
    }

    @Test
    void textIsAsReentrantReadWriteLocks() {
        assertTrue(lock.toString().endsWith("[Write locks = 0, Read locks = 0]"), lock.toString());
        assertTrue(read.toString().endsWith("[Read locks = 0]"), read.toString());
        assertTrue(write.toString().endsWith("[Unlocked]"), write.toString());
        write.lock();
        assertTrue(lock.toString().endsWith("[Write locks = 1, Read locks = 0]"), lock.toString());
        assertTrue(write.toString().endsWith("[Locked by thread " + Thread.currentThread().getName() + "]"),
                write.toString());
        write.unlock();
    }

    @Test
    void aSerializedLockComesBackUnlockedInItsForm() throws Exception {
        for (boolean fair : new boolean[]{false, true}) {
            for (boolean reentrant : new boolean[]{false, true}) {
                var builder = PerCpuReadWriteLock.builder();
                builder = fair ? builder.fair() : builder;
                builder = reentrant ? builder.reentrant() : builder;
                PerCpuReadWriteLock made = builder.build();
                made.writeLock().lock();
                made.readLock().lock();
                var bytes = new ByteArrayOutputStream();
                new ObjectOutputStream(bytes).writeObject(made);
                made.readLock().unlock();
                made.writeLock().unlock();
                var copy = (PerCpuReadWriteLock) new ObjectInputStream(
                        new ByteArrayInputStream(bytes.toByteArray())).readObject();
                assertEquals(fair, copy.isFair());
                assertEquals(reentrant, copy.isReentrant());
                assertFalse(copy.isWriteLocked());
                assertEquals(0, copy.getReadLockCount());
                assertTrue(copy.writeLock().tryLock());
                copy.writeLock().unlock();
            }
        }
    }

    /** Where one of two threads waits for the other. */
    private static void meet(AtomicInteger mine, AtomicInteger others) {
        int place = mine.incrementAndGet();
        for (int tries = 1; others.get() < place; tries++) {
            if (tries % 10_000 == 0) {
                Thread.yield();
            } else {
                Thread.onSpinWait();
            }
        }
    }

    /**
     * A reader's store to its slot, which no fence follows, waits behind stores that miss the caches; the writer has to
     * see it all the same. Both try at about the same time, again and again.
     */
    @Test
    void aReaderWhoseStoreIsStillOnItsWayKeepsTheWriterOut() throws Exception {
        assumeTrue(ReaderSlots.USED, "needs membarrier");
        assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "needs two CPUs");
        long[] cold = new long[1 << 22]; // more than the nearer caches hold
        var reader = new AtomicInteger();
        var writer = new AtomicInteger();
        boolean[] inside = new boolean[2];
        long end = System.nanoTime() + 3 * Stress.NANOS;
        var over = new AtomicBoolean();
        FutureTask<Integer> reading = start(() -> {
            int both = 0;
            for (int n = 1; !over.get(); n++) {
                boolean bySlot = false;
                for (int tries = 0; tries < 1000 && !bySlot; tries++) { // until the pause after a write is over
                    read.lock();
                    bySlot = slots(lock) == 1;
                    read.unlock();
                }
                meet(reader, writer);
                int place = n * 0x9E3779B1;
                for (int i = 0; i < 24; i++) {
                    place = place * 0x01000193 + 0x7F4A7C15;
                    cold[place >>> 10] = n;
                }
                inside[0] = read.tryLock();
                meet(reader, writer);
                both += inside[0] && inside[1] ? 1 : 0;
                if (inside[0]) {
                    read.unlock();
                }
                meet(reader, writer);
            }
            return both;
        });
        for (int n = 0; !over.get(); n++) {
            meet(writer, reader);
            for (int i = n % 40; i > 0; i--) {
                Thread.onSpinWait();
            }
            inside[1] = write.tryLock();
            meet(writer, reader);
            if (inside[1]) {
                write.unlock();
            }
            over.set(System.nanoTime() - end > 0);
            meet(writer, reader);
        }
        assertEquals(0, reading.get());
    }
}
