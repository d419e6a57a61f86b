// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.rseq4j.Rseq;
import org.rseq4j.pools.PoolMisuse.Kind;
import org.rseq4j.stress.Allocated;
import org.rseq4j.stress.TestThreads;

class PerCpuPoolTest {
    @Test
    void acquiresWhatWasReleased() {
        var pool = PerCpuPool.of(Object::new);
        Object first = pool.acquire();
        pool.release(first);
        assertEquals(1, pool.size());
        assertSame(first, pool.acquire());
        assertEquals(0, pool.size());
        assertNull(pool.tryAcquire());
    }

    @Test
    void aPairAllocatesNothing() throws Exception {
        for (boolean strict : new boolean[]{false, true}) {
            var builder = PerCpuPool.builder(Object::new).reset(object -> {});
            var pool = (strict ? builder.maxSize(3) : builder).build();
            long bytes = Allocated.by(20_000, () -> {
                Object one = pool.acquire();
                Object two = pool.acquire();
                pool.release(one);
                pool.release(two);
            });
            assertTrue(bytes < 20_000, () -> bytes + " bytes in 20,000 rounds");
        }
    }

    @Test
    void givesNestedHoldersTheSameObjectsAgain() {
        var pool = PerCpuPool.of(Object::new);
        var seen = new HashSet<Object>();
        for (int i = 0; i < 1000; i++) {
            Object one = pool.acquire();
            Object two = pool.acquire();
            assertNotSame(one, two);
            seen.addAll(List.of(one, two));
            pool.release(i % 2 == 0 ? one : two);
            pool.release(i % 2 == 0 ? two : one);
        }
        assertEquals(2, seen.size());
        assertEquals(2, pool.size());
    }

    @Test
    void findsTheObjectThatAnotherCpuKeepsForItself() {
        var pool = PerCpuPool.builder(Object::new).capacityPerCpu(2).overflow(0).build();
        Object only = pool.acquire();
        pool.release(only);
        // Whichever CPU this thread is on by now.
        assertSame(only, pool.acquire());
        pool.release(only);
        assertSame(only, pool.tryAcquire());
    }

    @Test
    void handsOutEachObjectOnceUntilItIsReleased() {
        var pool = PerCpuPool.of(Object::new);
        var held = new HashSet<Object>();
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 500; i++) {
                assertTrue(held.add(pool.acquire()));
            }
            held.forEach(pool::release);
            held.clear();
        }
    }

    @Test
    void keepsNoMoreThanSlabsAndOverflowHold() {
        var dropped = new AtomicInteger();
        var pool = PerCpuPool.builder(Object::new).capacityPerCpu(4).overflow(6).discard(o -> dropped.incrementAndGet())
                .build();
        var held = new ArrayList<Object>();
        int count = 4 * Rseq.cpuCount() + 100;
        for (int i = 0; i < count; i++) {
            held.add(pool.acquire());
        }
        held.forEach(pool::release);
        assertTrue(pool.size() >= 4 && pool.size() <= 4 * Rseq.cpuCount() + 6, "" + pool.size());
        assertEquals(count, pool.size() + dropped.get());
        assertEquals(dropped.get(), pool.statistics().drops());
    }

    @Test
    void keepsNoMoreThanTheTotalBound() {
        for (int bound : new int[]{1, 3, 10, 50}) {
            var pool = PerCpuPool.builder(Object::new).capacityPerCpu(8).maxPooled(bound).build();
            for (int round = 0; round < 5; round++) {
                var held = new ArrayList<Object>();
                for (int i = 0; i < 100; i++) {
                    held.add(pool.acquire());
                }
                held.forEach(pool::release);
                assertTrue(pool.size() > 0 && pool.size() <= bound, bound + ": " + pool.size());
            }
        }
    }

    @Test
    void findsObjectsThatWereReleasedOnAnyCpu() {
        var pool = PerCpuPool.builder(Object::new).capacityPerCpu(16).build();
        var held = new ArrayList<Object>();
        for (int i = 0; i < 40; i++) {
            held.add(pool.acquire());
        }
        held.forEach(pool::release);
        int pooled = pool.size();
        for (int i = 0; i < pooled; i++) {
            assertNotNull(pool.tryAcquire(), "object " + i + " of " + pooled);
        }
        assertNull(pool.tryAcquire());
    }

    @Test
    void refusesBadInputByName() {
        var pool = PerCpuPool.of(Object::new);
        assertTrue(assertThrows(NullPointerException.class, () -> pool.release(null)).getMessage().contains("object"));
        var broken = PerCpuPool.of(() -> null);
        assertTrue(assertThrows(NullPointerException.class, broken::acquire).getMessage().contains("factory"));
        var builder = PerCpuPool.builder(Object::new);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> builder.capacityPerCpu(0)).getMessage()
                .contains("capacityPerCpu"));
        assertThrows(IllegalArgumentException.class, () -> builder.capacityPerCpu(Integer.MAX_VALUE));
        assertThrows(IllegalArgumentException.class, () -> builder.overflow(-1));
        assertThrows(IllegalArgumentException.class, () -> builder.maxPooled(0));
        assertThrows(IllegalArgumentException.class, () -> builder.maxSize(0));
        assertThrows(IllegalArgumentException.class, () -> builder.maxIdleAge(Duration.ZERO));
        assertThrows(NullPointerException.class, () -> PerCpuPool.of(null));
    }

    @Test
    void refusesToAcquireWhenClosedAndDiscardsWhatComesBack() {
        var discarded = new ArrayList<Object>();
        var pool = PerCpuPool.builder(Object::new).discard(discarded::add).build();
        Object one = pool.acquire();
        Object two = pool.acquire();
        pool.release(one);
        pool.close();
        pool.close();
        assertEquals(List.of(one), discarded);
        assertThrows(IllegalStateException.class, pool::acquire);
        assertThrows(IllegalStateException.class, pool::tryAcquire);
        pool.release(two);
        assertEquals(List.of(one, two), discarded);
        assertEquals(0, pool.size());
    }

    @Test
    void staysAsItWasWhenTheFactoryThrows() {
        var fails = new boolean[]{true};
        var pool = PerCpuPool.builder(() -> {
            if (fails[0]) {
                throw new IllegalArgumentException("no");
            }
            return new Object();
        }).maxSize(1).build();
        for (int i = 0; i < 3; i++) {
            assertThrows(IllegalArgumentException.class, pool::acquire);
            assertEquals(0, pool.existing());
        }
        fails[0] = false;
        assertNotNull(pool.acquire());
    }

    @Test
    void discardsAnObjectWhoseResetThrows() {
        var discarded = new ArrayList<Object>();
        var pool = PerCpuPool.builder(Object::new).maxSize(1).discard(discarded::add).reset(o -> {
            throw new IllegalArgumentException("no");
        }).build();
        Object first = pool.acquire();
        assertThrows(IllegalArgumentException.class, () -> pool.release(first));
        assertEquals(List.of(first), discarded);
        assertEquals(0, pool.existing());
        assertNotSame(first, pool.acquire());
    }

    @Test
    void closesCompletelyWhenTheDiscardHookThrows() {
        var calls = new AtomicInteger();
        var pool = PerCpuPool.builder(Object::new).discard(o -> {
            calls.incrementAndGet();
            throw new IllegalArgumentException("no");
        }).build();
        var held = List.of(pool.acquire(), pool.acquire(), pool.acquire());
        held.forEach(pool::release);
        assertThrows(IllegalArgumentException.class, pool::close);
        assertEquals(3, calls.get());
        assertEquals(0, pool.size());
    }

    @Test
    void releasesALeaseOnceHoweverOftenItIsClosed() {
        var pool = PerCpuPool.of(Object::new);
        Lease<Object> lease = pool.lease();
        assertNotNull(lease.get());
        lease.close();
        lease.close();
        assertEquals(1, pool.size());
        assertThrows(IllegalStateException.class, lease::get);
    }

    @Test
    void givesIdleObjectsBackAtTheSecondTrim() {
        var discarded = new AtomicInteger();
        var pool = PerCpuPool.builder(Object::new).discard(o -> discarded.incrementAndGet()).build();
        pool.release(pool.acquire());
        pool.release(pool.acquire());
        pool.trim(); // something was acquired before
        assertEquals(1, pool.size());
        pool.trim();
        assertEquals(0, pool.size());
        assertEquals(1, discarded.get());
    }

    @Test
    void givesIdleObjectsBackByItself() throws InterruptedException {
        var pool = PerCpuPool.builder(Object::new).maxIdleAge(Duration.ofMillis(20)).build();
        pool.release(pool.acquire());
        // A drop is counted a moment after the object has left: waiting for the size would be a race.
        while (pool.statistics().drops() == 0) {
            Thread.sleep(5);
        }
        assertEquals(0, pool.size());
        pool.close();
        assertEquals(1, pool.statistics().drops());
    }

    @Test
    void countsHitsAndMisses() {
        var pool = PerCpuPool.of(Object::new);
        for (int i = 0; i < 10; i++) {
            pool.release(pool.acquire());
        }
        PoolStatistics statistics = pool.statistics();
        assertEquals(10, statistics.hits() + statistics.misses());
        assertTrue(statistics.misses() >= 1);
        assertEquals(statistics.misses(), statistics.pooled());
    }

    @Test
    void detectsDoubleAndForeignReleases() {
        var found = new ConcurrentLinkedQueue<PoolMisuse>();
        var pool = PerCpuPool.builder(Object::new).detectMisuse(found::add).build();
        Object object = pool.acquire();
        pool.release(object);
        assertThrows(IllegalStateException.class, () -> pool.release(object));
        assertEquals(Kind.RELEASED_TWICE, found.remove().kind());
        assertThrows(IllegalArgumentException.class, () -> pool.release(new Object()));
        assertEquals(Kind.FOREIGN, found.remove().kind());
        assertEquals(1, pool.size());
    }

    @Test
    void detectsLeaksWithTheStackOfTheAcquire() throws InterruptedException {
        var found = new ConcurrentLinkedQueue<PoolMisuse>();
        var pool = PerCpuPool.builder(Object::new).maxSize(1).detectMisuse(found::add).build();
        leak(pool);
        while (found.isEmpty()) {
            System.gc();
            Thread.sleep(5);
            pool.statistics();
        }
        PoolMisuse leak = found.remove();
        assertEquals(Kind.LEAKED, leak.kind());
        assertTrue(List.of(leak.acquired().getStackTrace()).stream().anyMatch(f -> f.getMethodName().equals("leak")));
        assertNotNull(pool.acquire()); // its place is free
        assertFalse(pool.existing() > 1);
    }

    @Test
    void aWaitingAcquireFindsThePlaceOfALeakedObject() throws Exception {
        for (boolean makesOnExecutor : new boolean[]{false, true}) {
            var builder = PerCpuPool.builder(Object::new).maxSize(1).detectMisuse(misuse -> {});
            var pool = (makesOnExecutor ? builder.makeOn(Runnable::run) : builder).build();
            leak(pool);
            var collecting = new AtomicBoolean(true);
            Thread collector = TestThreads.start(() -> {
                while (collecting.get()) {
                    System.gc();
                }
            });
            assertNotNull(pool.acquire(Duration.ofMinutes(5)));
            collecting.set(false);
            collector.join();
        }
    }

    @Test
    void theStrictFormKeepsWhatIsReleasedWhileSomebodyIsInsideOfEveryPlace() {
        var discarded = new ArrayList<Object>();
        var pool = PerCpuPool.builder(Object::new).capacityPerCpu(2).maxSize(2).discard(discarded::add).build();
        Object first = pool.acquire();
        Object second = pool.acquire();
        whileSomebodyIsInsideOfEveryPlace(pool, () -> {
            pool.release(first);
            pool.release(second);
        });
        assertEquals(List.of(), discarded);
        assertEquals(2, pool.size());
        assertEquals(Set.of(first, second), Set.of(pool.acquire(), pool.tryAcquire()));
        assertEquals(2, pool.existing());
        assertEquals(2, pool.statistics().misses());
        assertEquals(2, pool.statistics().hits());
    }

    @Test
    void whatWasReleasedWhileSomebodyWasInsideOfEveryPlaceIsTrimmedAndClosed() {
        var discarded = new ArrayList<Object>();
        var pool = PerCpuPool.builder(Object::new).capacityPerCpu(2).maxSize(2).discard(discarded::add).build();
        Object first = pool.acquire();
        Object second = pool.acquire();
        whileSomebodyIsInsideOfEveryPlace(pool, () -> pool.release(first));
        pool.trim();
        assertEquals(1, pool.size());
        pool.trim();
        assertEquals(List.of(first), discarded);
        whileSomebodyIsInsideOfEveryPlace(pool, () -> pool.release(second));
        pool.close();
        assertEquals(List.of(first, second), discarded);
        assertEquals(0, pool.size());
    }

    private static void whileSomebodyIsInsideOfEveryPlace(PerCpuPool<Object> pool, Runnable action) {
        for (Slab slab : pool.tiers.all) {
            assertTrue(slab.tryLock());
        }
        try {
            action.run();
        } finally {
            for (Slab slab : pool.tiers.all) {
                slab.locked = 0;
            }
        }
    }

    @Test
    void handsOutOnlyWhatIsValid() {
        var discarded = new ArrayList<Object>();
        var broken = new HashSet<Object>();
        var pool = PerCpuPool.builder(Object::new).maxSize(2).validate(o -> !broken.contains(o))
                .discard(discarded::add).build();
        Object first = pool.acquire();
        pool.release(first);
        assertSame(first, pool.acquire());
        pool.release(first);
        broken.add(first);
        assertNotSame(first, pool.acquire());
        assertEquals(List.of(first), discarded);
        assertNotNull(pool.acquire());
    }

    @Test
    void discardsWhatIsTooOld() throws InterruptedException {
        var discarded = new ArrayList<Object>();
        var pool = PerCpuPool.builder(Object::new).maxLifetime(Duration.ofMillis(2), Duration.ofMillis(1))
                .discard(discarded::add).build();
        Object first = pool.acquire();
        Thread.sleep(3);
        pool.release(first);
        assertEquals(List.of(first), discarded);
        assertEquals(0, pool.size());
    }

    @Test
    void makesAheadWhatIsAskedFor() throws InterruptedException {
        var pool = PerCpuPool.builder(Object::new).maxSize(5).minIdle(3).build();
        while (pool.size() < 3) {
            Thread.sleep(1);
        }
        assertEquals(3, pool.existing());
        pool.close();
    }

    /** What was made ahead may be as old, or as broken, as what was released. */
    @Test
    void validatesWhatItMadeAheadAndLetsItAge() throws InterruptedException {
        var broken = new AtomicBoolean();
        var discarded = new ConcurrentLinkedQueue<Object>();
        var pool = PerCpuPool.builder(Object::new).maxSize(1).minIdle(1).validate(o -> !broken.get())
                .discard(discarded::add).build();
        awaitObjects(pool, 1);
        broken.set(true);
        assertNotNull(pool.acquire());
        assertFalse(discarded.isEmpty()); // more than one, when others are made ahead meanwhile
        pool.close();

        var aging = PerCpuPool.builder(Object::new).maxSize(1).minIdle(1)
                .maxLifetime(Duration.ofMillis(2), Duration.ZERO).discard(discarded::add).build();
        discarded.clear();
        awaitObjects(aging, 1);
        Thread.sleep(3);
        assertNotNull(aging.acquire());
        assertFalse(discarded.isEmpty());
        aging.close();
    }

    @Test
    void whatIsMadeAheadIsNoMissAndWhatIsUnfitNoHit() throws InterruptedException {
        var pool = PerCpuPool.builder(Object::new).maxSize(3).minIdle(3).validate(o -> false).build();
        awaitObjects(pool, 3);
        assertEquals(0, pool.statistics().misses());
        assertNotNull(pool.acquire());
        PoolStatistics statistics = pool.statistics();
        assertEquals(0, statistics.hits());
        assertEquals(1, statistics.misses());
        assertTrue(statistics.drops() >= 3, statistics::toString);
        pool.close();
    }

    private static void awaitObjects(PerCpuPool<Object> pool, int objects) throws InterruptedException {
        while (pool.size() < objects) {
            Thread.sleep(1);
        }
    }

    @Test
    void aTrimLeavesWhatWasTakenAwayFromAThreadThatUsesIt() {
        assumeTrue(LeasedSlabs.COUNT > 0, "needs slabs of threads, which need membarrier");
        var pool = PerCpuPool.builder(Object::new).build();
        while (pool.leasedObjects() < 2) {
            Object one = pool.acquire();
            Object two = pool.acquire();
            pool.release(one);
            pool.release(two);
        }
        pool.trim();
        pool.release(pool.acquire());
        Object stolen = pool.tiers.steal(true);
        int left = pool.leasedObjects();
        assertTrue(left > 0);
        pool.trim(); // something was acquired since the last one
        assertEquals(left, pool.leasedObjects());
        pool.trim();
        assertEquals(0, pool.size());
        pool.release(stolen);
    }

    @Test
    void findsALeakOfWhatWasReleasedWhileSomebodyWasInsideOfEveryPlace() throws Exception {
        var found = new ConcurrentLinkedQueue<PoolMisuse>();
        var pool = PerCpuPool.builder(Object::new).capacityPerCpu(2).maxSize(2).detectMisuse(found::add).build();
        releaseToNoPlaceAndLeak(pool);
        while (found.isEmpty()) {
            System.gc();
            Thread.sleep(5);
            pool.statistics();
        }
        assertEquals(Kind.LEAKED, found.remove().kind());
    }

    private static void releaseToNoPlaceAndLeak(PerCpuPool<Object> pool) {
        Object object = pool.acquire();
        whileSomebodyIsInsideOfEveryPlace(pool, () -> pool.release(object));
        pool.trim();
        assertSame(object, pool.acquire());
    }

    /** Those that are found near the end of a stack are not forgotten. */
    @Test
    void leakedObjectsGiveTheirPlacesBackWhateverIsThrown() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(20).detectMisuse(misuse -> {
            throw new StackOverflowError("hook");
        }).build();
        for (int i = 0; i < 20; i++) {
            pool.acquire();
        }
        // What is initialized for the first time where the stack ends is of no use for ever.
        assertThrows(IllegalArgumentException.class, () -> pool.release(new Object()));
        pool.statistics();
        System.gc();
        Thread.sleep(20);
        Thread deep = new Thread(null, () -> sweepOnTheWayUp(pool), "deep", 300_000);
        deep.start();
        deep.join();
        while (pool.existing() > 0) {
            System.gc();
            Thread.sleep(5);
            pool.statistics();
        }
        assertNotNull(pool.acquire());
    }

    private static void sweepOnTheWayUp(PerCpuPool<Object> pool) {
        try {
            sweepOnTheWayUp(pool);
        } catch (StackOverflowError e) {
            // here
        }
        try {
            pool.statistics();
        } catch (StackOverflowError e) {
            // and with a little more stack
        }
    }

    /** An executor that is the caller itself, and a hook that needs one which is shut down. */
    @Test
    void callsADiscardHookOnceWhateverItThrowsThroughTheExecutor() throws Exception {
        var calls = new AtomicInteger();
        var pool = PerCpuPool.builder(Object::new).maxSize(2).discardOn(Runnable::run).discard(object -> {
            calls.incrementAndGet();
            throw new RejectedExecutionException("hook");
        }).build();
        Object kept = pool.acquire();
        Object object = pool.acquire();
        assertEquals("hook", assertThrows(RejectedExecutionException.class, () -> pool.discard(object)).getMessage());
        assertEquals(1, calls.get());
        assertEquals(1, pool.existing());
        assertFalse(pool.close(Duration.ZERO));
        assertThrows(RejectedExecutionException.class, () -> pool.release(kept));
        assertEquals(2, calls.get());
        assertTrue(pool.close(Duration.ZERO));
    }

    @Test
    void closingWithATimeWaitsForWhatIsBeingMade() throws Exception {
        for (int maximum = 0; maximum < 2; maximum++) {
            var making = new CountDownLatch(1);
            var goOn = new CountDownLatch(1);
            var builder = PerCpuPool.builder(() -> {
                making.countDown();
                try {
                    goOn.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                return new Object();
            });
            var pool = (maximum == 0 ? builder : builder.maxSize(maximum)).build();
            Thread acquirer = TestThreads.start(() -> pool.release(pool.acquire()));
            making.await();
            assertFalse(pool.close(Duration.ZERO));
            goOn.countDown();
            assertTrue(pool.close(Duration.ofMinutes(5)));
            acquirer.join();
            assertThrows(IllegalStateException.class, pool::acquire);
            assertTrue(pool.close(Duration.ZERO));
        }
    }

    @Test
    void discardsOnTheExecutor() throws Exception {
        var tasks = new java.util.ArrayDeque<Runnable>();
        var discarded = new ArrayList<Object>();
        var pool = PerCpuPool.builder(Object::new).maxSize(1).discard(discarded::add).discardOn(tasks::add).build();
        Object first = pool.acquire();
        pool.discard(first);
        assertEquals(1, pool.existing());
        assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ZERO));
        tasks.remove().run();
        assertEquals(List.of(first), discarded);
        assertEquals(0, pool.existing());
        assertNotNull(pool.acquire());
    }

    @Test
    void closesWithATime() throws Exception {
        var pool = PerCpuPool.of(Object::new);
        Object held = pool.acquire();
        assertFalse(pool.close(Duration.ofMillis(2)));
        Thread releaser = TestThreads.start(() -> pool.release(held));
        assertTrue(pool.close(Duration.ofMinutes(1)));
        releaser.join();
        assertTrue(pool.isClosed());
    }

    @Test
    void saysHowManyItKeeps() {
        var pool = PerCpuPool.builder(Object::new).capacityPerCpu(4).overflow(6).build();
        assertEquals(4 * Rseq.cpuCount() + 6, pool.maxPooled());
        assertEquals(3, PerCpuPool.builder(Object::new).maxPooled(3).build().maxPooled());
    }

    /** The forms that keep objects in other places than usual, or may have more than they keep. */
    private static List<PerCpuPool<Object>> forms(int bound) {
        Supplier<PerCpuPool.Builder<Object>> any = () -> PerCpuPool.builder(Object::new).maxPooled(bound);
        Supplier<PerCpuPool.Builder<Object>> strict = () -> any.get().maxSize(2000);
        return List.of(any.get().build(), any.get().capacityPerCpu(2).overflow(0).build(),
                any.get().capacityPerCpu(1).overflow(1000).build(), any.get().capacityPerCpu(1000).build(),
                any.get().minIdle(2000).build(), any.get().validate(object -> true).build(),
                any.get().detectMisuse(misuse -> {}).build(), any.get().discardOn(Runnable::run).build(),
                any.get().maxSize(bound).build(), any.get().maxSize(bound).minIdle(bound).build(),
                strict.get().build(), strict.get().makeOn(Runnable::run).build(), strict.get().minIdle(2000).build(),
                strict.get().minIdle(2000).makeOn(Runnable::run).build(),
                strict.get().detectMisuse(misuse -> {}).build());
    }

    @Test
    void maxPooledHoldsWhateverTheForm() throws Exception {
        for (int bound : new int[]{1, 2, 7, 40, 500}) {
            int number = 0;
            for (PerCpuPool<Object> pool : forms(bound)) {
                List<Thread> threads = new ArrayList<>();
                for (int i = 0; i < 4; i++) {
                    threads.add(TestThreads.start(() -> acquireAndReleaseMany(pool)));
                }
                for (Thread thread : threads) {
                    thread.join();
                }
                String form = bound + ", form " + number++;
                assertTrue(pool.maxPooled() <= bound, form);
                int pooled = pool.size();
                for (int i = 0; i < 1000 && pooled > pool.maxPooled(); i++) { // what is just moved may count twice
                    Thread.yield();
                    pooled = pool.size();
                }
                assertTrue(pooled > 0 && pooled <= pool.maxPooled(), form + ": " + pooled);
                pool.close();
                assertEquals(0, pool.size(), form);
            }
        }
    }

    private static void acquireAndReleaseMany(PerCpuPool<Object> pool) {
        for (int round = 0; round < 3; round++) {
            var held = new ArrayList<Object>();
            try {
                while (held.size() < 400) {
                    held.add(pool.acquire(Duration.ZERO));
                }
            } catch (TimeoutException e) {
                // all that may exist do
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            held.forEach(pool::release);
        }
    }

    /** What finds no room would be made and discarded again and again. */
    @Test
    void makesNoMoreAheadThanThePoolKeeps() throws InterruptedException {
        Supplier<PerCpuPool.Builder<Object>> any = () -> PerCpuPool.builder(Object::new).minIdle(10_000);
        for (PerCpuPool<Object> pool : List.of(any.get().build(), any.get().maxSize(10_000).build(),
                any.get().maxSize(10_000).makeOn(Runnable::run).build(), any.get().maxPooled(1).build())) {
            awaitObjects(pool, 1);
            Thread.sleep(350); // meanwhile it is looked at least twice whether there are enough
            assertEquals(0, pool.statistics().drops());
            assertTrue(pool.size() <= pool.maxPooled());
            assertEquals(pool.size(), pool.statistics().existing());
            pool.close();
        }
    }

    @Test
    void aWaitThatIsServedIsAHitAndOneInVainAMiss() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(1).build();
        Object held = pool.acquire();
        for (int i = 0; i < 5; i++) {
            assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ZERO));
        }
        assertEquals(new PoolStatistics(0, 6, 0, 0, 0, 1, 0), pool.statistics());
        Thread waiter = TestThreads.start(() -> pool.release(pool.acquire()));
        while (pool.statistics().waiting() == 0) {
            Thread.yield();
        }
        pool.release(held);
        waiter.join();
        PoolStatistics statistics = pool.statistics();
        assertEquals(new PoolStatistics(1, 6, 0, 0, 1, 1, 0), statistics);
        pool.close();
        assertEquals(new PoolStatistics(1, 6, 0, 1, 0, 0, 0), pool.statistics());
    }

    @Test
    void closingWithATimeWaitsForALostObjectUntilItIsFound() throws Exception {
        for (int maximum = 0; maximum < 2; maximum++) {
            var builder = PerCpuPool.builder(Object::new).detectMisuse(misuse -> {});
            var pool = (maximum == 0 ? builder : builder.maxSize(maximum)).build();
            leak(pool);
            assertFalse(pool.close(Duration.ZERO));
            var collecting = new AtomicBoolean(true);
            Thread collector = TestThreads.start(() -> {
                while (collecting.get()) {
                    System.gc();
                }
            });
            assertTrue(pool.close(Duration.ofMinutes(5)));
            collecting.set(false);
            collector.join();
            assertEquals(0, pool.statistics().existing());
        }
    }

    private static void leak(PerCpuPool<Object> pool) {
        pool.release(pool.acquire());
        pool.acquire();
    }

    @Test
    void aWaiterThatIsGivenSomethingAsItsTimeEndsKeepsIt() {
        WaitingRoom room = PerCpuPool.builder(Object::new).maxSize(1).build().room;
        var given = new Ticket(Thread.currentThread());
        assertTrue(given.give(new Object()));
        assertFalse(room.leave(given));
        var waits = new Ticket(Thread.currentThread());
        assertTrue(room.leave(waits));
        assertFalse(waits.give(new Object()), "it has left");
    }
}
