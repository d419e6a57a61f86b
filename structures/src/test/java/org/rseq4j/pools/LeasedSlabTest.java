// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.internal.thread.Threads;
import org.rseq4j.stress.ChildJvm;
import org.rseq4j.stress.TestThreads;

/** What is special about pools that keep objects by lease. */
class LeasedSlabTest {
    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);

    /**
     * A pool whose one object is in the leased slab of this thread; null when another thread of the process got the
     * lease.
     */
    private static <T> PerCpuPool<T> withOneLeased(PerCpuPool.Builder<T> builder) {
        assumeTrue(LeasedSlabs.COUNT > 0, "no leased slabs here: no membarrier");
        for (long end = System.nanoTime() + MINUTE; System.nanoTime() < end;) {
            var pool = builder.build();
            for (int i = 0; i < 100_000 && pool.leasedObjects() == 0; i++) {
                pool.release(pool.acquire());
            }
            if (pool.leasedObjects() == 1 && pool.size() == 1) {
                return pool;
            }
        }
        throw new AssertionError("this thread got no lease");
    }

    private static <T> T onAnotherThread(java.util.concurrent.Callable<T> action) throws Exception {
        var task = new FutureTask<>(action);
        TestThreads.start(task);
        return task.get();
    }

    /** Leases are taken by one thread at a time; whoever does so meanwhile is done soon. */
    private static <T> T tryAcquire(PerCpuPool<T> pool) {
        T object = pool.tryAcquire();
        for (long end = System.nanoTime() + MINUTE; object == null && System.nanoTime() < end;) {
            Thread.yield();
            object = pool.tryAcquire();
        }
        return object;
    }

    @Test
    void anotherThreadFindsTheObject() throws Exception {
        var pool = withOneLeased(PerCpuPool.builder(Object::new));
        long steals = pool.statistics().steals();
        Object found = onAnotherThread(() -> tryAcquire(pool));
        assertNotNull(found);
        assertEquals(0, pool.leasedObjects());
        assertEquals(steals + 1, pool.statistics().steals());
        assertNull(pool.tryAcquire());
        pool.release(found);
        assertSame(found, pool.acquire());
    }

    @Test
    void theStrictFormFindsTheObjectWithoutMakingAnother() throws Exception {
        var pool = withOneLeased(PerCpuPool.builder(Object::new).maxSize(1));
        assertNotNull(onAnotherThread(pool::acquire));
        assertEquals(1, pool.existing());
        assertEquals(0, pool.leasedObjects());
    }

    @Test
    void closeAndTrimFindTheObject() throws Exception {
        var discarded = new AtomicInteger();
        var builder = PerCpuPool.builder(Object::new).discard(o -> discarded.incrementAndGet());
        var closed = withOneLeased(builder);
        onAnotherThread(() -> {
            closed.close();
            return null;
        });
        assertEquals(1, discarded.get());
        assertEquals(0, closed.size());

        var trimmed = withOneLeased(builder);
        trimmed.trim();
        assertEquals(1, trimmed.size());
        trimmed.trim();
        assertEquals(0, trimmed.size());
        assertEquals(0, trimmed.leasedObjects());
        assertEquals(2, discarded.get());
        trimmed.release(trimmed.acquire());
        assertEquals(1, trimmed.size());
    }

    @Test
    void countsEachAcquire() {
        var pool = withOneLeased(PerCpuPool.builder(Object::new));
        PoolStatistics before = pool.statistics();
        for (int i = 0; i < 1000; i++) {
            pool.release(pool.acquire());
        }
        PoolStatistics after = pool.statistics();
        assertEquals(1000, after.hits() + after.misses() - before.hits() - before.misses());
    }

    @Test
    void whoOnlyReleasesOrOnlyAcquiresUsesItsLeaseToo() {
        assumeTrue(LeasedSlabs.COUNT > 0, "no leased slabs here: no membarrier");
        var discarded = new AtomicInteger();
        var pool = PerCpuPool.builder(Object::new).discard(o -> discarded.incrementAndGet()).build();
        int released = 0;
        int acquired = 0;
        boolean kept = false;
        boolean flushed = false;
        boolean refilled = false;
        for (long end = System.nanoTime() + MINUTE; !(flushed && refilled) && System.nanoTime() < end;) {
            for (int i = 0; i < 200; i++) {
                int before = pool.leasedObjects();
                pool.release(new Object());
                kept |= pool.leasedObjects() == before + 1;
                flushed |= before > 1 && pool.leasedObjects() == 1;
                released++;
            }
            assertEquals(released - acquired, pool.size() + discarded.get());
            while (pool.size() > 32) {
                int before = pool.leasedObjects();
                pool.acquire();
                refilled |= pool.leasedObjects() > before + 1;
                acquired++;
            }
            assertEquals(released - acquired, pool.size() + discarded.get());
        }
        assertTrue(kept, "kept");
        assertTrue(flushed, "flushed");
        assertTrue(refilled, "refilled");
        PoolStatistics all = pool.statistics();
        assertEquals(acquired, all.hits());
        assertEquals(0, all.misses());
    }

    /** Else whoever closes would look at it again and again, for ever. */
    @Test
    void aSlabThatIsOpenedAsThePoolIsShutIsNobodysAfterwards() {
        assumeTrue(LeasedSlabs.COUNT > 0, "no leased slabs here: no membarrier");
        var slabs = new LeasedSlabs(2);
        slabs.shut();
        slabs.openFor(LeasedSlabs.owner(), false); // by a thread that had seen it open
        assertTrue(slabs.mine().revoked);
        assertFalse(slabs.isStuck());
        assertNull(slabs.tryPop());
        assertNull(slabs.mine());
    }

    /** Else its objects would be in a closed pool for ever. */
    @Test
    void aSlabThatIsTakenOverAsThePoolIsShutIsNobodysAfterwards() {
        assumeTrue(LeasedSlabs.COUNT > 0, "no leased slabs here: no membarrier");
        var slabs = new LeasedSlabs(2);
        slabs.open(false);
        Object object = new Object();
        assertTrue(slabs.mine().put(object));
        slabs.shut();
        slabs.openFor(LeasedSlabs.owner(), true);
        assertFalse(slabs.isStuck());
        assertSame(object, slabs.tryPop());
        assertEquals(0, slabs.objects());
    }

    /** A thread that only releases takes nothing, but uses its slab. */
    @Test
    void aSlabIsTakenOverOnlyWhenItsOwnerDoesNotUseIt() throws Exception {
        assumeTrue(LeasedSlabs.COUNT > 0, "no leased slabs here: no membarrier");
        var slabs = new LeasedSlabs(4);
        slabs.open(false);
        LeasedSlab mine = slabs.mine();
        assertNotNull(mine);
        for (int i = 0; i < 3; i++) {
            assertTrue(mine.put(new Object()));
            onAThreadOfTheSamePlace(() -> slabs.open(true));
            assertSame(mine, slabs.mine());
            assertFalse(mine.revoked);
        }
        onAThreadOfTheSamePlace(() -> slabs.open(true));
        assertTrue(mine.revoked);
        assertNull(slabs.mine());
        assertEquals(3, slabs.objects());
    }

    private static void onAThreadOfTheSamePlace(Runnable task) throws InterruptedException {
        long place = Threads.currentId() & LeasedSlabs.COUNT - 1;
        var ran = new AtomicBoolean();
        while (!ran.get()) {
            TestThreads.start(() -> {
                if ((Threads.currentId() & LeasedSlabs.COUNT - 1) == place) {
                    task.run();
                    ran.set(true);
                }
            }).join();
        }
    }

    @Test
    void smallPoolsHaveNone() {
        assertEquals(0, LeasedSlabs.depth(3, 1 << 20));
        int places = LeasedSlabs.COUNT;
        assertEquals(0, LeasedSlabs.depth(64, 2 * places - 1));
        assertEquals(places == 0 ? 0 : 1, LeasedSlabs.depth(64, 2 * places));
        assertEquals(places == 0 ? 0 : 16, LeasedSlabs.depth(64, 1 << 20));
        assertTrue(LeasedSlabs.share(LeasedSlabs.depth(64, 5 * places)) <= 5 * places / 2);
    }

    /** Else nobody could ever take away what is in the slab. */
    @Test
    @Tag("jvm")
    void aStackThatEndsLeavesNoOwnerBusy() throws Exception {
        ChildJvm.run("passed", Map.of(), List.of("-Xint"), Owners.class);
    }

    /** Owners whose stack ends in each call, until one has room. */
    static final class Owners {
        private Owners() {
        }

        public static void main(String[] arguments) throws Exception {
            int[] overflows = new int[1];
            for (int i = 0; i < 37; i++) {
                int shift = i;
                var slab = new LeasedSlab(1, 2);
                Object object = new Object();
                var thread = new Thread(null, () -> {
                    overflow(shift, () -> slab.put(object), overflows);
                    check(slab, 1);
                    overflow(shift, slab::take, overflows);
                    check(slab, 0);
                }, "owner", 300_000);
                thread.setUncaughtExceptionHandler((who, e) -> {
                    e.printStackTrace();
                    System.exit(1);
                });
                thread.start();
                thread.join();
            }
            if (overflows[0] < 2 * 37) {
                throw new AssertionError("no stack ended");
            }
            System.out.println("passed");
        }

        private static void check(LeasedSlab slab, int objects) {
            if ((slab.word & 1) != 0 || slab.objects() != objects) {
                throw new AssertionError(Long.toHexString(slab.word));
            }
        }

        /** The end of the stack is met at all offsets. */
        private static void overflow(long shift, Runnable call, int[] overflows) {
            if (shift > 0) {
                overflow(shift - 1, call, overflows);
            } else {
                descend(call, overflows);
            }
        }

        /** Calls it on the way up, until it returns; whether it has. */
        private static boolean descend(Runnable call, int[] overflows) {
            boolean called = false;
            try {
                called = descend(call, overflows);
                if (!called) {
                    call.run();
                }
                return true;
            } catch (StackOverflowError e) {
                overflows[0]++;
                return called;
            }
        }
    }

    /** In a process whose threads take leases from one another all the time. */
    @Test
    @Tag("platform")
    void nothingIsLostBetweenThreadsThatTakeLeasesFromOneAnother() throws Exception {
        assumeTrue(LeasedSlabs.COUNT > 0, "no leased slabs here: no membarrier");
        ChildJvm.run("exact", Map.of(), List.of("-Drseq4j.debug.revocationNanos=64"), Takers.class);
    }

    static final class Takers {
        private final AtomicReference<Throwable> failure = new AtomicReference<>();
        private final AtomicInteger made = new AtomicInteger();
        private final AtomicInteger discarded = new AtomicInteger();
        private final PerCpuPool<AtomicReference<Thread>> pool;
        private int leased;

        private Takers(int maxSize) {
            var builder = PerCpuPool.<AtomicReference<Thread>>builder(() -> {
                made.incrementAndGet();
                return new AtomicReference<>();
            }).discard(object -> {
                own(object); // forever
                discarded.incrementAndGet();
            });
            pool = (maxSize > 0 ? builder.maxSize(maxSize) : builder).build();
        }

        public static void main(String[] arguments) throws Exception {
            int leased = new Takers(0).run(Thread::new, 16, 20_000)
                    + new Takers(6).run(Thread::new, 8, 10_000)
                    + new Takers(0).run(TestThreads.virtualIfAny(), 100, 3_000)
                    + new Takers(0).runOneWay(6, 30_000) + new Takers(40).runOneWay(6, 10_000);
            if (leased == 0) {
                throw new AssertionError("no object was ever seen in a leased slab");
            }
            System.out.println("exact");
        }

        private static void own(AtomicReference<Thread> object) {
            if (!object.compareAndSet(null, Thread.currentThread())) {
                throw new AssertionError("two owners: " + object + " and " + Thread.currentThread());
            }
        }

        private static void disown(AtomicReference<Thread> object) {
            if (!object.compareAndSet(Thread.currentThread(), null)) {
                throw new AssertionError("taken from its owner by " + object);
            }
        }

        private int run(ThreadFactory factory, int threads, int operations) throws Exception {
            var done = new AtomicBoolean();
            Thread taker = start(Thread::new, () -> {
                while (!done.get()) {
                    leased = Math.max(leased, pool.leasedObjects());
                    pool.trim();
                    Thread.sleep(1);
                }
            });
            List<Thread> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                boolean late = i % 2 == 0;
                running.add(start(factory, () -> {
                    for (int j = 0; j < operations && failure.get() == null; j++) {
                        AtomicReference<Thread> one = pool.acquire();
                        own(one);
                        AtomicReference<Thread> two = j % 8 == 0 ? pool.tryAcquire() : null;
                        if (two != null) {
                            own(two);
                        }
                        if (j % 500 == 0) {
                            Thread.yield();
                        }
                        disown(one);
                        pool.release(one);
                        if (two != null) {
                            disown(two);
                            pool.release(two);
                        }
                    }
                    if (late && pool.size() > 3) {
                        Thread.sleep(1); // others come to what this thread keeps
                    }
                }));
            }
            return end(running, done, taker);
        }

        /** Every other thread only acquires, and hands what it has to the next one, which only releases. */
        private int runOneWay(int pairs, int operations) throws Exception {
            var done = new AtomicBoolean();
            Thread watcher = start(Thread::new, () -> {
                while (!done.get()) {
                    leased = Math.max(leased, pool.leasedObjects());
                    Thread.sleep(1);
                }
            });
            List<Thread> running = new ArrayList<>();
            for (int i = 0; i < pairs; i++) {
                var handed = new ArrayBlockingQueue<AtomicReference<Thread>>(64);
                running.add(start(Thread::new, () -> {
                    for (int j = 0; j < operations && failure.get() == null; j++) {
                        AtomicReference<Thread> one = pool.acquire();
                        own(one);
                        disown(one);
                        while (!handed.offer(one, 1, TimeUnit.SECONDS) && failure.get() == null) {
                            Thread.onSpinWait();
                        }
                    }
                }));
                running.add(start(Thread::new, () -> {
                    for (int j = 0; j < operations && failure.get() == null;) {
                        AtomicReference<Thread> one = handed.poll(1, TimeUnit.SECONDS);
                        if (one != null) {
                            own(one);
                            disown(one);
                            pool.release(one);
                            j++;
                        }
                    }
                }));
            }
            return end(running, done, watcher);
        }

        private int end(List<Thread> running, AtomicBoolean done, Thread other) throws Exception {
            for (Thread thread : running) {
                thread.join();
            }
            done.set(true);
            other.join();
            if (failure.get() != null) {
                throw new AssertionError(failure.get());
            }
            check(made.get() == pool.size() + discarded.get(), "before close");
            pool.close();
            check(pool.size() == 0 && made.get() == discarded.get(), "after close");
            return leased;
        }

        private void check(boolean holds, String when) {
            if (!holds) {
                throw new AssertionError(
                        when + ": " + made + " made, " + discarded + " discarded, " + pool.size() + " pooled");
            }
        }

        private interface Work {
            void run() throws Exception;
        }

        private Thread start(ThreadFactory factory, Work work) {
            Thread thread = factory.newThread(() -> {
                try {
                    work.run();
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                }
            });
            thread.start();
            return thread;
        }
    }
}
