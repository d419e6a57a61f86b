// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.stress.Stress;
import org.rseq4j.stress.TestThreads;

/**
 * For the time of {@link Stress} each, and one for rseq4j.test.operations (default one million; the long form is
 * 100,000,000); every object's owner mark is set and cleared by CAS.
 */
class PerCpuPoolStressTest {
    private static final long OPERATIONS = Long.getLong("rseq4j.test.operations", 1_000_000);

    private final Stress stress = new Stress();
    private final AtomicInteger made = new AtomicInteger();
    private final AtomicInteger discarded = new AtomicInteger();

    /** A pooled object that knows its owner. */
    private static final class Marked extends AtomicReference<Thread> {
        private static final long serialVersionUID = 1;

        void own() {
            if (!compareAndSet(null, Thread.currentThread())) {
                throw new AssertionError("two owners: " + get() + " and " + Thread.currentThread());
            }
        }

        /** By another thread than its owner. */
        void disownBy() {
            if (getAndSet(null) == null) {
                throw new AssertionError("had no owner");
            }
        }

        void disown() {
            if (!compareAndSet(Thread.currentThread(), null)) {
                throw new AssertionError("taken from its owner by " + get());
            }
        }
    }

    private PerCpuPool.Builder<Marked> builder() {
        return PerCpuPool.<Marked>builder(() -> {
            made.incrementAndGet();
            return new Marked();
        }).discard(object -> {
            object.own(); // forever
            discarded.incrementAndGet();
        });
    }

    private void passAround(PerCpuPool<Marked> pool, long deadline) {
        var held = new ArrayList<Marked>();
        do {
            for (int i = 0; i < 100; i++) {
                int n = ThreadLocalRandom.current().nextInt(4);
                for (int j = 0; j < n; j++) {
                    Marked object = pool.acquire();
                    object.own();
                    held.add(object);
                }
                if (i % 16 == 0) {
                    Thread.yield();
                }
                for (Marked object : held) {
                    object.disown();
                    pool.release(object);
                }
                held.clear();
            }
        } while (stress.goesOn(deadline));
    }

    /** Who waits looks around now and then. */
    private static boolean isWaiting(Thread thread) {
        return thread.getState() == Thread.State.TIMED_WAITING;
    }

    private void allAreBack(PerCpuPool<Marked> pool) {
        assertEquals(made.get(), pool.size() + discarded.get());
        pool.close();
        assertEquals(made.get(), discarded.get());
        assertEquals(0, pool.size());
    }

    @Test
    void noObjectHasTwoOwnersWithManyMoreThreadsThanCpus() throws Exception {
        var pool = builder().capacityPerCpu(4).overflow(5).build();
        stress.onThreads(Thread::new, 32, deadline -> passAround(pool, deadline));
        allAreBack(pool);
    }

    /** As fast as it goes: no randomness, one object at a time, with a second one now and then. */
    private void passOn(PerCpuPool<Marked> pool, long operations) {
        for (long i = 0; i < operations && !stress.hasFailed(); i++) {
            Marked object = pool.acquire();
            object.own();
            if (i % 64 == 0) {
                Marked second = pool.acquire();
                second.own();
                Thread.yield();
                second.disown();
                pool.release(second);
                i++;
            }
            object.disown();
            pool.release(object);
        }
    }

    @Test
    void noObjectHasTwoOwnersInMillionsOfOperations() throws Exception {
        int threads = 16;
        var pool = builder().build();
        stress.onThreads(Thread::new, threads, deadline -> passOn(pool, OPERATIONS / threads));
        PoolStatistics statistics = pool.statistics();
        assertEquals(made.get(), statistics.misses());
        assertTrue(statistics.hits() + statistics.misses() >= OPERATIONS / threads * threads, statistics::toString);
        assertTrue(statistics.hits() + statistics.misses() <= OPERATIONS + threads, statistics::toString);
        allAreBack(pool);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 128}) // without leased slabs, and with
    void noObjectHasTwoOwnersInAMigrationStorm(int capacity) throws Exception {
        var pool = builder().capacityPerCpu(capacity).overflow(3).build();
        stress.inAMigrationStorm(8, deadline -> {
            do {
                passOn(pool, 1000);
            } while (stress.goesOn(deadline));
        });
        allAreBack(pool);
    }

    @Test
    void noObjectHasTwoOwnersWhileItIsTrimmedAndTheBoundIsOne() throws Exception {
        var pool = builder().capacityPerCpu(1).overflow(0).maxPooled(1).build();
        stress.onThreads(Thread::new, 4, deadline -> {
            do {
                passOn(pool, 500);
                pool.trim();
            } while (stress.goesOn(deadline));
        });
        assertTrue(pool.size() <= 1, "" + pool.size());
        allAreBack(pool);
    }

    @Test
    void nothingIsLostWhenThePoolIsClosedMeanwhile() throws Exception {
        for (int round = 0; round < 20; round++) {
            made.set(0);
            discarded.set(0);
            var pool = round % 2 == 0 ? builder().build() : builder().maxSize(3).build();
            var closers = new AtomicInteger();
            stress.onThreads(Thread::new, 4, deadline -> {
                try {
                    for (int i = 0; true; i++) {
                        Marked object = pool.acquire();
                        object.own();
                        object.disown();
                        pool.release(object);
                        if (i == 200 && closers.incrementAndGet() == 2) {
                            pool.close();
                        }
                    }
                } catch (IllegalStateException e) {
                    assertEquals("this pool is closed", e.getMessage());
                }
            });
            // What is in a place that a thread was stopped in is discarded when that goes on; what is lost hangs here.
            while (made.get() != discarded.get()) {
                Thread.sleep(1);
            }
            assertEquals(made.get(), discarded.get());
            assertEquals(0, pool.size());
        }
    }

    @Test
    void noObjectHasTwoOwnersOnVirtualThreads() throws Exception {
        var pool = builder().build();
        stress.onThreads(TestThreads.virtual(), 1000, deadline -> passAround(pool, deadline));
        allAreBack(pool);
    }

    @Test
    void theTotalBoundIsNeverExceeded() throws Exception {
        int bound = 7;
        var pool = builder().capacityPerCpu(4).overflow(8).maxPooled(bound).build();
        stress.onThreads(Thread::new, 8, deadline -> passAround(pool, deadline));
        assertTrue(pool.size() <= bound, "" + pool.size());
        allAreBack(pool);
    }

    @Test
    void nothingIsLostWhenTrimmedMeanwhile() throws Exception {
        var pool = builder().capacityPerCpu(8).maxIdleAge(Duration.ofMillis(1)).build();
        stress.onThreads(Thread::new, 8, deadline -> passAround(pool, deadline));
        // A trim empties the slabs first and calls the hook afterwards: what is lost hangs here.
        while (made.get() != discarded.get()) {
            Thread.sleep(1);
        }
        assertEquals(0, pool.size());
        pool.close();
        assertEquals(made.get(), discarded.get());
    }

    @Test
    void nothingIsLostWhenThreadsDieAllTheTime() throws Exception {
        var pool = builder().build();
        stress.onThreads(Thread::new, 4, deadline -> {
            do {
                Thread mortal = new Thread(() -> passAround(pool, 0));
                mortal.start();
                mortal.join();
            } while (stress.goesOn(deadline));
        });
        allAreBack(pool);
    }

    @Test
    void nothingIsLostWhenHooksThrow() throws Exception {
        hooksThrow(false);
    }

    @Test
    void nothingIsLostWhenHooksOfTheStrictFormThrow() throws Exception {
        hooksThrow(true);
    }

    private void hooksThrow(boolean strict) throws Exception {
        var builder = PerCpuPool.<Marked>builder(() -> {
            if (ThreadLocalRandom.current().nextInt(3) == 0) {
                throw new IllegalStateException("factory");
            }
            made.incrementAndGet();
            return new Marked();
        }).reset(object -> {
            if (ThreadLocalRandom.current().nextInt(50) == 0) {
                throw new IllegalStateException("reset");
            }
        }).discard(object -> {
            object.own();
            discarded.incrementAndGet();
            throw new IllegalArgumentException("discard");
        });
        var pool = (strict ? builder.maxSize(5) : builder.capacityPerCpu(1).overflow(0)).build();
        stress.onThreads(Thread::new, 8, deadline -> {
            do {
                try {
                    Marked object = pool.acquire();
                    object.own();
                    object.disown();
                    pool.release(object);
                } catch (IllegalStateException | IllegalArgumentException e) {
                    assertTrue(List.of("factory", "reset", "discard").contains(e.getMessage()), e::toString);
                }
            } while (stress.goesOn(deadline));
        });
        assertEquals(made.get(), pool.size() + discarded.get());
        if (strict) {
            assertEquals(pool.existing(), pool.size());
        }
    }

    @Test
    void oneWayFlowReusesTheObjects() throws Exception {
        var pool = builder().build();
        var queue = new ArrayBlockingQueue<Marked>(16);
        var consumed = new AtomicInteger();
        stress.onThreads(Thread::new, 1, deadline -> {
            var releaser = new Thread(() -> {
                try {
                    for (Marked object; (object = queue.take()).get() != Thread.currentThread();) {
                        object.disownBy();
                        pool.release(object);
                        consumed.incrementAndGet();
                    }
                } catch (Throwable e) {
                    stress.fail(e);
                }
            });
            releaser.start();
            do {
                Marked object = pool.acquire();
                object.own();
                queue.put(object);
                // and on, where all of the time went by before the other thread ran
            } while (stress.goesOn(deadline) || made.get() >= consumed.get() && !stress.hasFailed());
            var last = new Marked();
            last.set(releaser);
            queue.put(last);
            releaser.join();
        });
        allAreBack(pool);
        assertTrue(made.get() < consumed.get(), made + " made for " + consumed);
    }

    @Test
    void theStrictFormNeverExceedsItsSizeAndLosesNoWakeUp() throws Exception {
        strict(Thread::new, 16, 3);
    }

    @Test
    void theStrictFormServesVirtualThreads() throws Exception {
        strict(TestThreads.virtual(), 500, 8);
    }

    private void strict(ThreadFactory factory, int threads, int size) throws Exception {
        var pool = builder().maxSize(size).build();
        var out = new AtomicInteger();
        stress.onThreads(factory, threads, deadline -> {
            do {
                Marked object = ThreadLocalRandom.current().nextBoolean()
                        ? pool.acquire()
                        : pool.acquire(Duration.ofDays(1));
                object.own();
                assertTrue(out.incrementAndGet() <= size);
                if (ThreadLocalRandom.current().nextInt(8) == 0) {
                    Thread.yield();
                }
                out.decrementAndGet();
                object.disown();
                pool.release(object);
            } while (stress.goesOn(deadline));
        });
        assertTrue(made.get() <= size, "" + made);
        allAreBack(pool);
    }

    @Test
    void theStrictFormSurvivesTimeoutsAndInterrupts() throws Exception {
        var pool = builder().maxSize(2).build();
        stress.onThreads(Thread::new, 8, deadline -> {
            do {
                try {
                    if (ThreadLocalRandom.current().nextInt(10) == 0) {
                        Thread.currentThread().interrupt();
                    }
                    Marked object = pool.acquire(Duration.ofNanos(ThreadLocalRandom.current().nextInt(50_000)));
                    object.own();
                    Thread.yield();
                    object.disown();
                    pool.release(object);
                } catch (TimeoutException | InterruptedException e) {
                    Thread.interrupted();
                }
            } while (stress.goesOn(deadline));
        });
        assertEquals(made.get(), pool.size());
        allAreBack(pool);
    }

    @Test
    void theStrictFormServesWaitersInTheOrderOfTheirArrival() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(1).build();
        Object held = pool.acquire();
        var served = new ConcurrentLinkedQueue<Integer>();
        var threads = new ArrayList<Thread>();
        for (int i = 0; i < 20; i++) {
            int number = i;
            Thread thread = new Thread(() -> {
                Object object = pool.acquire();
                served.add(number);
                pool.release(object);
            });
            threads.add(thread);
            thread.start();
            while (pool.waiting() != number + 1) {
                Thread.sleep(1);
            }
        }
        pool.release(held);
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(java.util.stream.IntStream.range(0, 20).boxed().toList(), List.copyOf(served));
    }

    /** The bound of the strict form's fairness is none at all, whoever tries and however. */
    @Test
    void nobodyOvertakesAWaiterOfTheStrictForm() throws Exception {
        for (int round = 0; round < 10; round++) {
            var pool = PerCpuPool.builder(Object::new).maxSize(1).build();
            Object held = pool.acquire();
            var overtaken = new AtomicInteger();
            var others = new AtomicInteger();
            var served = new CountDownLatch(1);
            Thread waiter = TestThreads.start(() -> {
                Object object = pool.acquire();
                overtaken.set(others.get());
                served.countDown();
                pool.release(object);
            });
            while (!isWaiting(waiter)) {
                Thread.sleep(1);
            }
            var trying = new CountDownLatch(4);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int kind = i;
                threads.add(TestThreads.start(() -> {
                    trying.countDown();
                    do {
                        Object object = null;
                        try {
                            object = switch (kind) {
                                case 0 -> pool.acquire();
                                case 1 -> pool.acquire(Duration.ZERO);
                                case 2 -> pool.acquire(Duration.ofNanos(50_000));
                                default -> pool.tryAcquire();
                            };
                        } catch (TimeoutException e) {
                            // and again
                        } catch (InterruptedException e) {
                            stress.fail(e);
                        }
                        if (object != null) {
                            others.incrementAndGet();
                            pool.release(object);
                        }
                    } while (served.getCount() > 0);
                }));
            }
            trying.await();
            pool.release(held);
            waiter.join();
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(0, overtaken.get());
            assertTrue(!stress.hasFailed());
            assertEquals(1, pool.existing());
            pool.close();
            assertEquals(0, pool.existing());
        }
    }

    @Test
    void theStrictFormTimesOutAndIsWokenByClose() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(1).build();
        Object held = pool.acquire();
        assertNull(pool.tryAcquire());
        assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ofMillis(5)));
        var woken = new AtomicReference<Throwable>();
        Thread waiter = TestThreads.startVirtual(() -> {
            try {
                pool.acquire();
            } catch (Throwable e) {
                woken.set(e);
            }
        });
        while (!isWaiting(waiter)) {
            Thread.sleep(1);
        }
        pool.close();
        waiter.join();
        assertEquals(IllegalStateException.class, woken.get().getClass());
        pool.release(held);
        assertEquals(0, pool.existing());
    }
}
