// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.rseq4j.stress.TestThreads;

/** Whatever hooks throw, or how long they block: no permit is lost, no object left, no other pool held up. */
class PoolThrowsTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);

    /** What a hook can throw, also without declaring it. */
    private static List<Throwable> throwables() {
        return List.of(new IllegalStateException("hook"), new AssertionError("hook"), new StackOverflowError("hook"),
                new OutOfMemoryError("hook"), new Exception("hook"));
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void sneak(Throwable thrown) throws E {
        throw (E) thrown;
    }

    @Test
    void whatAFactoryThrowsComesAsItIs() {
        for (Throwable thrown : List.of(new InterruptedException("hook"), new TimeoutException("hook"))) {
            var pool = PerCpuPool.builder(() -> hook("factory", "factory", new AtomicInteger(1), thrown)).build();
            assertSame(thrown, assertThrows(Throwable.class, pool::acquire));
            assertSame(thrown, assertThrows(Throwable.class, pool::lease));
        }
    }

    @Test
    void noPermitIsLostWhenAHookThrowsAnything() throws Exception {
        for (Throwable thrown : throwables()) {
            for (String hook : List.of("factory", "reset", "discard", "validate")) {
                var throwing = new AtomicInteger();
                var pool = PerCpuPool.builder(() -> hook("factory", hook, throwing, thrown))
                        .reset(object -> hook("reset", hook, throwing, thrown))
                        .discard(object -> hook("discard", hook, throwing, thrown))
                        .validate(object -> hook("validate", hook, throwing, thrown) != null)
                        .maxSize(3).build();
                for (int round = 0; round < 20; round++) {
                    throwing.set(1);
                    try {
                        Object object = pool.acquire(MINUTE);
                        if (hook.equals("discard")) {
                            pool.discard(object);
                        } else {
                            pool.release(object);
                        }
                    } catch (Throwable e) {
                        assertEquals(thrown, e);
                    }
                    throwing.set(0);
                    List<Object> all = List.of(pool.acquire(MINUTE), pool.acquire(MINUTE), pool.acquire(MINUTE));
                    assertEquals(3, pool.existing());
                    all.forEach(pool::release);
                }
                throwing.set(1);
                if (hook.equals("discard")) {
                    assertEquals(thrown, assertThrows(Throwable.class, pool::close));
                } else {
                    pool.close();
                }
                assertEquals(0, pool.size());
                assertEquals(0, pool.existing());
                assertEquals(true, pool.close(Duration.ZERO));
            }
        }
    }

    private static Object hook(String here, String which, AtomicInteger throwing, Throwable thrown) {
        if (here.equals(which) && throwing.get() > 0) {
            PoolThrowsTest.<RuntimeException>sneak(thrown);
        }
        return new Object();
    }

    @Test
    void aDiscardThatBlocksHoldsUpNobody() throws Exception {
        var blocks = new CountDownLatch(1);
        var blocked = new CountDownLatch(1);
        var pool = PerCpuPool.builder(Object::new).maxIdleAge(Duration.ofMillis(1)).discard(object -> {
            blocked.countDown();
            try {
                blocks.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }).build();
        pool.release(pool.acquire());
        assertTrue(blocked.await(60, TimeUnit.SECONDS));
        var discarded = new CountDownLatch(1);
        var other = PerCpuPool.builder(Object::new).maxIdleAge(Duration.ofMillis(1))
                .discard(object -> discarded.countDown()).build();
        other.release(other.acquire());
        assertTrue(discarded.await(60, TimeUnit.SECONDS), "another pool's idle age");
        assertNotNull(pool.acquire());
        blocks.countDown();
        pool.close();
        other.close();
    }

    /** This thread stands for one that was stopped as it gave to those who wait. */
    @Test
    void aTimedAcquireKeepsItsTimeAndAReleaseWaitsForNobodyThoughAThreadWasStopped() throws Exception {
        try (var pool = PerCpuPool.builder(Object::new).maxSize(1).build()) {
            Object only = pool.acquire();
            assertTrue(pool.room.tryLock());
            assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ofMillis(1)));
            pool.release(only);
            pool.room.locked = 0;
            assertSame(only, pool.acquire(MINUTE));
            pool.release(only);
        }
    }

    @Test
    void closeDiscardsAllWhateverTheHookThrows() {
        for (Throwable thrown : throwables()) {
            var calls = new AtomicInteger();
            var pool = PerCpuPool.builder(Object::new).discard(object -> {
                calls.incrementAndGet();
                PoolThrowsTest.<RuntimeException>sneak(thrown);
            }).build();
            List<Object> held = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                held.add(pool.acquire());
            }
            held.forEach(pool::release);
            assertEquals(thrown, assertThrows(Throwable.class, pool::close));
            assertEquals(8, calls.get());
        }
    }

    /** This thread stands for one that was stopped inside of a place as the pool was closed. */
    @Test
    void closeDiscardsAlsoWhatSomebodyIsInsideOfWhateverTheHookThrows() throws Exception {
        var discarded = Collections.synchronizedSet(new HashSet<>());
        var pool = PerCpuPool.builder(Object::new).capacityPerCpu(2).discard(object -> { // too few for slabs of threads
            discarded.add(object);
            throw new IllegalStateException("on purpose");
        }).build();
        List<Object> both = List.of(pool.acquire(), pool.acquire());
        pool.release(both.get(0));
        Slab inside = Arrays.stream(pool.tiers.all).filter(slab -> !slab.looksEmpty()).findAny().orElseThrow();
        assertTrue(inside.tryLock());
        pool.release(both.get(1));
        assertThrows(IllegalStateException.class, pool::close);
        assertEquals(Set.of(both.get(1)), discarded);
        inside.locked = 0;
        while (discarded.size() < 2) {
            Thread.sleep(1);
        }
        assertTrue(pool.close(MINUTE));
    }

    /** This thread stands for one that an error hit as it had released, when the pool was closed already. */
    @Test
    void closingWithATimeDiscardsWhatAnErrorLeftInThePool() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(1).build();
        Object held = pool.acquire();
        var closed = new AtomicBoolean();
        Thread closing = TestThreads.start(() -> closed.set(close(pool)));
        while (closing.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        assertTrue(pool.tiers.keep(held, true));
        closing.join();
        assertTrue(closed.get());
    }

    private static boolean close(PerCpuPool<?> pool) {
        try {
            return pool.close(MINUTE);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** This thread stands for one that was stopped as it gave to those who wait. */
    @Test
    void anInterruptEndsATimedAcquireThoughAThreadWasStopped() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(1).build();
        assertTrue(pool.room.tryLock());
        var ended = new CountDownLatch(1);
        Thread waiter = TestThreads.start(() -> {
            assertThrows(InterruptedException.class, () -> pool.acquire(Duration.ofDays(1)));
            ended.countDown();
        });
        while (waiter.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        waiter.interrupt();
        ended.await();
        pool.room.locked = 0;
        assertTrue(pool.close(MINUTE));
    }

    /** This thread stands for one that was stopped as it gave to those who wait. */
    @Test
    void closeEndsAnAcquireThoughAThreadWasStopped() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(1).build();
        assertTrue(pool.room.tryLock());
        Thread waiter = TestThreads.start(() -> assertThrows(IllegalStateException.class, pool::acquire));
        while (waiter.getState() != Thread.State.TIMED_WAITING) {
            Thread.onSpinWait();
        }
        pool.close();
        waiter.join();
        pool.room.locked = 0;
        assertTrue(pool.close(MINUTE));
    }

    /** This thread stands for one that was stopped as it gave to those who wait. */
    @Test
    void whoSeesForItselfThatThePoolIsClosedDoesNotCountAsWaiting() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(1).build();
        Object held = pool.acquire();
        Thread waiter = TestThreads.start(() -> assertThrows(IllegalStateException.class, pool::acquire));
        while (pool.statistics().waiting() == 0 || !pool.room.tryLock()) {
            Thread.onSpinWait();
        }
        pool.close();
        LockSupport.unpark(waiter);
        waiter.join();
        pool.room.locked = 0;
        pool.room.serveAtLast();
        assertEquals(0, pool.statistics().waiting());
        pool.release(held);
        assertEquals(0, pool.statistics().existing());
    }

    @Test
    void closingWithATimeWaitsAlsoWhenTheHookThrows() throws Exception {
        var pool = PerCpuPool.builder(Object::new).discard(object -> {
            throw new IllegalStateException("on purpose");
        }).build();
        Object held = pool.acquire();
        pool.release(pool.acquire());
        var released = new AtomicBoolean();
        Thread holder = TestThreads.start(() -> {
            while (!pool.isClosed()) {
                Thread.onSpinWait();
            }
            LockSupport.parkNanos(20_000_000);
            released.set(true);
            assertThrows(IllegalStateException.class, () -> pool.release(held));
        });
        assertThrows(IllegalStateException.class, () -> pool.close(MINUTE));
        assertTrue(released.get(), "it did not wait");
        holder.join();
        assertTrue(pool.close(Duration.ZERO));
    }

    /** What an executor can do to a discard, besides running it once. */
    private enum Discarding {
        TWICE, REFUSED_AND_RUN_LATER, RUN_AND_REFUSED, THROWN_AND_RUN_LATER, RUN_AND_THROWN, REFUSED, THROWN
    }

    @ParameterizedTest
    @EnumSource
    void aDiscardHookIsCalledOnceWhateverTheExecutorDoes(Discarding how) throws Exception {
        var late = new ArrayDeque<Runnable>();
        Map<Object, Integer> calls = new IdentityHashMap<>();
        var pool = PerCpuPool.builder(Object::new).maxSize(2).discard(object -> calls.merge(object, 1, Integer::sum))
                .discardOn(task -> {
                    if (how == Discarding.TWICE || how.name().startsWith("RUN_")) {
                        task.run();
                    }
                    late.add(task);
                    if (how.name().contains("REFUSED")) {
                        throw new RejectedExecutionException("full");
                    }
                    if (how != Discarding.TWICE) {
                        throw new OutOfMemoryError("no thread");
                    }
                }).build();
        boolean throwing = how.name().contains("THROWN");
        for (int i = 0; i < 3; i++) {
            List<Object> both = List.of(pool.acquire(MINUTE), pool.acquire(MINUTE));
            for (Object object : both) {
                if (throwing) {
                    assertThrows(OutOfMemoryError.class, () -> pool.discard(object));
                } else {
                    pool.discard(object);
                }
                assertEquals(1, calls.get(object));
            }
            assertEquals(0, pool.existing());
            if (how != Discarding.REFUSED && how != Discarding.THROWN) {
                late.forEach(Runnable::run);
            }
            late.clear();
            both.forEach(object -> assertEquals(1, calls.get(object)));
            assertEquals(0, pool.existing());
        }
        Object held = pool.acquire(MINUTE);
        assertFalse(pool.close(Duration.ZERO), "one is in use");
        if (throwing) {
            assertThrows(OutOfMemoryError.class, () -> pool.release(held));
        } else {
            pool.release(held);
        }
        assertTrue(pool.close(Duration.ZERO));
        assertEquals(7, calls.size());
    }
}
