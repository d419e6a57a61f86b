// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Objects that are made by an executor. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PerCpuPoolMakeOnTest {
    private static final Duration LONG = Duration.ofMinutes(5);
    private static final Duration SHORT = Duration.ofMillis(5);

    /** Tasks wait in it until the test runs them. */
    private final BlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>();

    private static Executor newThreads() {
        return task -> {
            var thread = new Thread(task);
            thread.setDaemon(true);
            thread.start();
        };
    }

    private static <V> FutureTask<V> inThread(Callable<V> task) {
        var future = new FutureTask<>(task);
        newThreads().execute(future);
        return future;
    }

    private static void awaitWaiting(PerCpuPool<?> pool, int threads) {
        while (pool.waiting() != threads) {
            Thread.yield();
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void sneak(Throwable thrown) throws E {
        throw (E) thrown;
    }

    @Test
    void needsAMaximumSize() {
        var builder = PerCpuPool.builder(Object::new).makeOn(Runnable::run);
        assertThrows(IllegalStateException.class, builder::build);
        assertThrows(NullPointerException.class, () -> PerCpuPool.builder(Object::new).makeOn(null));
    }

    @Test
    void aTimedAcquireKeepsItsTimeWhileTheFactoryBlocks() throws Exception {
        var blocks = new SynchronousQueue<String>();
        var pool = PerCpuPool.builder(() -> take(blocks)).maxSize(3).makeOn(newThreads()).build();
        for (int i = 0; i < 3; i++) {
            assertThrows(TimeoutException.class, () -> pool.acquire(SHORT));
            assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ZERO));
        }
        assertEquals(1, pool.existing(), "one at a time waits, so one is made");
        blocks.put("made");
        assertEquals("made", pool.acquire(LONG));
        pool.close();
    }

    private static <V> V take(BlockingQueue<V> queue) {
        try {
            return queue.take();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void anInterruptEndsTheWaitForWhatIsMade() throws Exception {
        var pool = PerCpuPool.builder(() -> "made").maxSize(1).makeOn(tasks::add).build();
        var interrupted = new CountDownLatch(1);
        var thread = new Thread(() -> {
            assertThrows(InterruptedException.class, () -> pool.acquire(LONG));
            interrupted.countDown();
        });
        thread.start();
        Runnable task = tasks.take();
        thread.interrupt();
        interrupted.await();
        task.run();
        assertEquals("made", pool.tryAcquire());
    }

    @Test
    void whatFindsNoPlaceExistsUntilItsHookHasReturned() throws Exception {
        noMoreThanTwoExist(builder -> builder);
        noMoreThanTwoExist(builder -> builder.discardOn(newThreads()));
    }

    private void noMoreThanTwoExist(UnaryOperator<PerCpuPool.Builder<Integer>> form) throws Exception {
        var discarding = new CountDownLatch(1);
        var discarded = new CountDownLatch(1);
        var pool = form.apply(PerCpuPool.builder(new AtomicInteger()::incrementAndGet).discard(object -> {
            discarding.countDown();
            try {
                discarded.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }).maxSize(2).maxPooled(1).makeOn(tasks::add)).build();
        var askers = List.of(interruptedAcquire(pool), interruptedAcquire(pool));
        Runnable first = tasks.take();
        Runnable second = tasks.take();
        for (Thread asker : askers) {
            asker.interrupt();
            asker.join();
        }
        newThreads().execute(() -> {
            first.run();
            second.run(); // the only place is taken
        });
        discarding.await();
        Integer kept = pool.tryAcquire();
        assertEquals(2, pool.existing());
        assertThrows(TimeoutException.class, () -> pool.acquire(SHORT));
        assertNull(tasks.poll(), "a third one is made while two exist");
        discarded.countDown();
        var third = inThread(() -> pool.acquire(LONG));
        tasks.take().run();
        assertEquals(3, third.get());
        pool.release(kept);
        pool.release(third.get());
        assertTrue(pool.close(LONG));
    }

    private static Thread interruptedAcquire(PerCpuPool<?> pool) {
        var thread = new Thread(() -> assertThrows(InterruptedException.class, () -> pool.acquire(LONG)));
        thread.start();
        return thread;
    }

    @Test
    void whatIsReadyFirstGoesToWhoCameFirst() throws Exception {
        var pool = PerCpuPool.builder(new AtomicInteger()::incrementAndGet).maxSize(2).makeOn(tasks::add).build();
        var first = inThread(pool::acquire);
        Runnable firsts = tasks.take();
        awaitWaiting(pool, 1);
        var second = inThread(() -> pool.acquire(LONG));
        tasks.take().run();
        assertEquals(1, first.get());
        assertFalse(second.isDone());
        firsts.run();
        assertEquals(2, second.get());
    }

    @Test
    void whatIsReleasedEndsTheWaitTooAndWhatIsMadeIsPooled() throws Exception {
        var pool = PerCpuPool.builder(new AtomicInteger()::incrementAndGet).maxSize(2).makeOn(tasks::add).build();
        var first = inThread(pool::acquire);
        tasks.take().run();
        assertEquals(1, first.get());
        var second = inThread(pool::acquire);
        Runnable seconds = tasks.take();
        pool.release(1);
        assertEquals(1, second.get());
        seconds.run();
        assertEquals(2, pool.existing());
        assertEquals(2, pool.acquire(LONG));
    }

    @Test
    void anotherIsMadeForWhoeverStillWaits() throws Exception {
        var fails = new AtomicBoolean(true);
        var pool = PerCpuPool.builder(() -> {
            if (fails.get()) {
                throw new IllegalStateException("away");
            }
            return "made";
        }).maxSize(1).makeOn(tasks::add).build();
        var first = inThread(pool::acquire);
        Runnable failing = tasks.take();
        var second = inThread(pool::acquire);
        awaitWaiting(pool, 2);
        failing.run();
        Throwable thrown = assertThrows(ExecutionException.class, first::get).getCause();
        assertEquals("away", thrown.getMessage());
        fails.set(false);
        tasks.take().run();
        assertEquals("made", second.get());
    }

    @Test
    void aDiscardedObjectIsMadeAgainForWhoWaits() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(1).makeOn(newThreads()).build();
        Object first = pool.acquire();
        var second = inThread(() -> pool.acquire(LONG));
        awaitWaiting(pool, 1);
        pool.discard(first);
        assertNotSame(first, second.get());
        assertEquals(1, pool.existing());
    }

    @Test
    void theLastFailureIsTheCauseOfTimeouts() throws Exception {
        var away = new IllegalStateException("away");
        var fails = new AtomicBoolean(true);
        var pool = PerCpuPool.builder(() -> {
            if (fails.get()) {
                throw away;
            }
            return "made";
        }).maxSize(2).makeOn(tasks::add).build();
        assertNull(assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ZERO)).getCause());
        tasks.take().run();
        assertSame(away, assertThrows(TimeoutException.class, () -> pool.acquire(SHORT)).getCause());
        fails.set(false);
        tasks.take().run();
        assertEquals("made", pool.acquire(SHORT));
        assertNull(assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ZERO)).getCause());
    }

    /** What an executor may do, beside running its tasks. */
    private enum Refusal {
        BEFORE, AFTER_QUEUING, AFTER_RUNNING, IN_THE_FACTORY
    }

    private static List<Throwable> throwables() {
        return List.of(new IllegalStateException("thrown"), new RejectedExecutionException("thrown"),
                new AssertionError("thrown"), new StackOverflowError("thrown"), new OutOfMemoryError("thrown"),
                new Exception("thrown"), new InterruptedException("thrown"), new TimeoutException("thrown"));
    }

    @Test
    void noPermitIsLostWhateverIsThrown() throws Exception {
        for (Throwable thrown : throwables()) {
            for (Refusal refusal : Refusal.values()) {
                noPermitIsLost(thrown, refusal);
            }
        }
    }

    private void noPermitIsLost(Throwable thrown, Refusal refusal) throws Exception {
        var throwing = new AtomicBoolean();
        Executor executor = task -> {
            boolean refuses = throwing.get();
            if (refuses && refusal == Refusal.AFTER_QUEUING) {
                tasks.add(task);
            } else if (!refuses || refusal != Refusal.BEFORE) {
                task.run();
                task.run(); // once more, which does nothing
            }
            if (refuses && refusal != Refusal.IN_THE_FACTORY) {
                PerCpuPoolMakeOnTest.<RuntimeException>sneak(thrown);
            }
        };
        var pool = PerCpuPool.builder(() -> {
            if (throwing.get() && refusal == Refusal.IN_THE_FACTORY) {
                PerCpuPoolMakeOnTest.<RuntimeException>sneak(thrown);
            }
            return new Object();
        }).maxSize(3).makeOn(executor).build();
        for (int round = 0; round < 6; round++) {
            throwing.set(true);
            boolean timed = round % 2 == 0;
            Throwable seen = null;
            try {
                pool.discard(timed ? pool.acquire(LONG) : pool.acquire());
            } catch (Throwable e) {
                seen = e;
            }
            assertSame(refusal == Refusal.AFTER_RUNNING ? null : thrown, seen);
            throwing.set(false);
            tasks.forEach(Runnable::run); // too late: it was refused
            tasks.clear();
            assertEquals(0, pool.size());
            Set<Object> all = new HashSet<>(List.of(pool.acquire(LONG), pool.acquire(), pool.acquire(LONG)));
            assertEquals(3, all.size());
            assertEquals(3, pool.existing());
            assertThrows(TimeoutException.class, () -> pool.acquire(SHORT));
            all.forEach(pool::discard);
            assertEquals(0, pool.existing());
        }
        assertTrue(pool.close(Duration.ZERO));
    }

    @Test
    void aTaskThatTheExecutorDropsCostsOneObjectUntilSomebodyRunsIt() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(2).makeOn(tasks::add).build();
        assertThrows(TimeoutException.class, () -> pool.acquire(SHORT));
        Runnable dropped = tasks.take();
        var acquired = inThread(() -> pool.acquire(LONG));
        awaitWaiting(pool, 1);
        var other = inThread(() -> pool.acquire(LONG));
        tasks.take().run();
        pool.release(acquired.get());
        Object only = other.get();
        assertThrows(TimeoutException.class, () -> pool.acquire(SHORT));
        assertTrue(tasks.isEmpty());
        assertEquals(2, pool.existing());
        dropped.run();
        assertNotSame(only, pool.acquire(LONG));
    }

    @Test
    void closingEndsTheWaitAndDiscardsWhatIsMadeLater() throws Exception {
        var blocks = new SynchronousQueue<String>();
        var begun = new CountDownLatch(2);
        List<Object> discarded = Collections.synchronizedList(new ArrayList<>());
        var pool = PerCpuPool.builder(() -> {
            begun.countDown();
            return take(blocks);
        }).maxSize(2).discard(discarded::add).makeOn(newThreads()).build();
        List<Future<String>> waiting = List.of(inThread(pool::acquire), inThread(() -> pool.acquire(LONG)),
                inThread(pool::acquire));
        begun.await();
        awaitWaiting(pool, 3);
        assertFalse(pool.close(SHORT), "two are being made");
        for (Future<String> each : waiting) {
            Throwable thrown = assertThrows(ExecutionException.class, each::get).getCause();
            assertEquals(IllegalStateException.class, thrown.getClass());
        }
        blocks.put("one");
        blocks.put("two");
        assertTrue(pool.close(LONG));
        assertEquals(Set.of("one", "two"), Set.copyOf(discarded));
        assertEquals(2, discarded.size());
        assertEquals(0, pool.existing());
    }

    @Test
    void whatIsSubmittedButNotBegunWhenThePoolClosesIsNotMade() throws Exception {
        var pool = PerCpuPool.builder(() -> {
            throw new AssertionError("made");
        }).maxSize(1).makeOn(tasks::add).build();
        assertThrows(TimeoutException.class, () -> pool.acquire(SHORT));
        assertTrue(pool.close(Duration.ZERO));
        tasks.take().run();
        assertEquals(0, pool.existing());
    }

    @Test
    void makesAheadByTheExecutor() throws Exception {
        var fails = new AtomicBoolean(true);
        var pool = PerCpuPool.builder(() -> {
            if (fails.get()) {
                throw new IllegalStateException("away");
            }
            return new Object();
        }).maxSize(5).minIdle(3).makeOn(tasks::add).build();
        List<Runnable> ahead = List.of(tasks.take(), tasks.take(), tasks.take());
        assertNull(tasks.poll(300, TimeUnit.MILLISECONDS), "so many are being made already");
        ahead.forEach(Runnable::run);
        fails.set(false);
        ahead = List.of(tasks.take(), tasks.take(), tasks.take());
        ahead.forEach(Runnable::run);
        while (pool.size() < 3) {
            Thread.sleep(1); // the pool's own thread may be just about to take them in
        }
        assertEquals(3, pool.existing());
        assertEquals(0, pool.statistics().misses());
        pool.close();
    }

    /** Who has the lock as an object is ready would take it into the pool, but for an error. */
    @Test
    void takesIntoThePoolWhatAnErrorKeptOutOfIt() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(1).minIdle(1).makeOn(tasks::add).build();
        Runnable ahead = tasks.take();
        while (!pool.room.tryLock()) {
            Thread.onSpinWait();
        }
        ahead.run();
        assertEquals(0, pool.size());
        pool.room.locked = 0;
        while (pool.size() == 0) {
            Thread.sleep(1);
        }
        assertTrue(pool.close(Duration.ofMinutes(1)));
    }

    /** Who has the lock as the object is ready would discard it, but for an error. */
    @Test
    void closingWithATimeDiscardsWhatAnErrorKeptFromThat() throws Exception {
        var begun = new CountDownLatch(1);
        var blocks = new SynchronousQueue<String>();
        var pool = PerCpuPool.builder(() -> {
            begun.countDown();
            return take(blocks);
        }).maxSize(1).makeOn(tasks::add).build();
        assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ZERO));
        var making = inThread(Executors.callable(tasks.take()));
        begun.await();
        var closing = inThread(() -> pool.close(Duration.ofMinutes(1)));
        while (!pool.room.isClosed() || !pool.room.tryLock()) {
            Thread.onSpinWait();
        }
        blocks.put("made");
        making.get();
        pool.room.locked = 0;
        assertTrue(closing.get());
    }

    /** They are ready as somebody has the lock, so that they come into the pool together. */
    @Test
    void whatIsMadeForThoseWhoWaitIsTheirsThoughThePoolKeepsFewer() throws Exception {
        List<Object> discarded = Collections.synchronizedList(new ArrayList<>());
        var pool = PerCpuPool.builder(Object::new).maxPooled(1).maxSize(3).discard(discarded::add).makeOn(tasks::add)
                .build();
        List<Future<Object>> waiting = List.of(inThread(pool::acquire), inThread(pool::acquire),
                inThread(pool::acquire));
        List<Runnable> all = List.of(tasks.take(), tasks.take(), tasks.take());
        while (!pool.room.tryLock()) {
            Thread.onSpinWait();
        }
        all.forEach(Runnable::run);
        pool.room.locked = 0;
        pool.room.serveAtLast();
        for (Future<Object> each : waiting) {
            pool.discard(each.get(1, TimeUnit.MINUTES));
        }
        assertEquals(3, discarded.size());
        assertTrue(tasks.isEmpty(), "made again");
        pool.close();
    }

    @Test
    void goesOnMakingAheadWhenTheExecutorHasRefused() throws Exception {
        var refuses = new AtomicInteger(2);
        var pool = PerCpuPool.builder(Object::new).maxSize(1).minIdle(1).makeOn(task -> {
            if (refuses.getAndDecrement() > 0) {
                throw new RejectedExecutionException("full");
            }
            task.run();
        }).build();
        while (pool.size() == 0) {
            Thread.sleep(1);
        }
        assertEquals(1, pool.existing());
        pool.close();
    }

    @Test
    void countsWhatIsMadeForAnAcquireAsItsMiss() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(2).makeOn(Runnable::run).build();
        List<Object> both = List.of(pool.acquire(), pool.acquire(LONG));
        assertThrows(TimeoutException.class, () -> pool.acquire(SHORT));
        both.forEach(pool::release);
        both.forEach(object -> assertTrue(both.contains(pool.acquire())));
        assertEquals(3, pool.statistics().misses());
        assertEquals(2, pool.statistics().hits());
    }

    @Test
    void validatesWhatWasMade() throws Exception {
        var made = new AtomicInteger();
        var pool = PerCpuPool.builder(made::incrementAndGet).maxSize(1).validate(object -> object > 2)
                .makeOn(newThreads()).build();
        assertEquals(3, pool.acquire(LONG));
        assertEquals(1, pool.existing());
        assertEquals(0, pool.statistics().hits(), "none had been pooled");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 4})
    void neverMoreThanTheMaximumAndNoneLostAmongFailuresAndTimeouts(int maximum) throws Exception {
        var living = new AtomicInteger();
        var lent = new AtomicInteger();
        ExecutorService makers = Executors.newFixedThreadPool(3);
        Executor executor = task -> {
            int kind = ThreadLocalRandom.current().nextInt(8);
            if (kind == 0) {
                throw new RejectedExecutionException("full");
            }
            makers.execute(task);
            if (kind == 1) {
                throw new OutOfMemoryError("a thread was queued for, but not started");
            }
        };
        var pool = PerCpuPool.builder(() -> {
            if (ThreadLocalRandom.current().nextInt(4) == 0) {
                throw new IllegalStateException("away");
            }
            Thread.yield();
            if (living.incrementAndGet() > maximum) {
                throw new AssertionError("too many exist");
            }
            return new AtomicBoolean();
        }).discard(object -> living.decrementAndGet()).maxSize(maximum).makeOn(executor).build();
        List<Future<Integer>> threads = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            threads.add(inThread(() -> {
                int acquired = 0;
                for (int round = 0; round < 2_000; round++) {
                    int kind = ThreadLocalRandom.current().nextInt(16);
                    try {
                        AtomicBoolean object = kind < 4
                                ? pool.acquire(Duration.ofNanos(kind * 20_000L))
                                : kind < 8 ? pool.acquire() : pool.acquire(LONG);
                        acquired++;
                        assertTrue(object.compareAndSet(false, true), "lent twice");
                        assertTrue(lent.incrementAndGet() <= maximum, "too many are lent");
                        Thread.yield();
                        lent.decrementAndGet();
                        object.set(false);
                        if (kind % 4 == 0) {
                            pool.discard(object);
                        } else {
                            pool.release(object);
                        }
                    } catch (TimeoutException | RejectedExecutionException | OutOfMemoryError e) {
                        // as it is made to be
                    } catch (IllegalStateException e) {
                        assertEquals("away", e.getMessage());
                    }
                }
                return acquired;
            }));
        }
        for (Future<Integer> each : threads) {
            assertTrue(each.get() > 0);
        }
        List<AtomicBoolean> all = new ArrayList<>();
        while (all.size() < maximum) {
            try {
                all.add(pool.acquire(LONG));
            } catch (RejectedExecutionException | IllegalStateException | OutOfMemoryError e) {
                // again
            }
        }
        makers.shutdown();
        assertTrue(makers.awaitTermination(5, TimeUnit.MINUTES)); // they may be just about to count
        assertEquals(maximum, pool.existing());
        assertEquals(maximum, living.get());
        all.forEach(pool::release);
        assertTrue(pool.close(LONG));
        assertEquals(0, living.get());
        assertEquals(0, pool.existing());
    }
}
