// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;
import org.openjdk.jcstress.infra.results.L_Result;
import org.rseq4j.pools.Lease;
import org.rseq4j.pools.PerCpuPool;

/** {@link PerCpuPool} and {@link Lease}, relaxed and strict. */
public class PerCpuPoolStress {
    /** Long enough that only a lost wake-up ends it. */
    private static final Duration FOREVER = Duration.ofSeconds(60);

    /** An object whose fields are plain: the pool has to publish them. */
    static final class Item {
        int owners;
        int value;
        int discards;

        /** Taken by one more owner; how many there are then, which is 1 unless two have it. */
        int enter() {
            return ++owners;
        }

        void leave() {
            owners--;
        }
    }

    /** What all states have: a small pool that counts what it makes and discards. */
    static class Pooled {
        final AtomicInteger made = new AtomicInteger();
        final AtomicInteger discarded = new AtomicInteger();
        final PerCpuPool<Item> pool;

        Pooled(int pooled, int maxSize) {
            this(2, pooled, maxSize);
        }

        Pooled(int capacity, int pooled, int maxSize) {
            this(capacity, pooled, maxSize, null);
        }

        Pooled(int capacity, int pooled, int maxSize, Executor makers) {
            PerCpuPool.Builder<Item> builder = PerCpuPool.builder(() -> {
                made.incrementAndGet();
                return new Item();
            }).capacityPerCpu(capacity).overflow(1).discard(item -> discarded.addAndGet(++item.discards));
            if (maxSize > 0) {
                builder.maxSize(maxSize);
            }
            if (makers != null) {
                builder.makeOn(makers);
            }
            pool = builder.build();
            Item[] items = new Item[pooled];
            for (int i = 0; i < pooled; i++) {
                items[i] = pool.acquire();
            }
            for (Item item : items) {
                pool.release(item);
            }
        }

        /**
         * How many objects of a closed pool were not discarded, when none is held: 0. What was in a place that a thread
         * was just stopped in is discarded a moment later, and what is lost never.
         */
        int left() {
            for (int i = 0; i < 1000 && made.get() != discarded.get(); i++) {
                try {
                    Thread.sleep(1);
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
            return made.get() - discarded.get();
        }

        /** The number of objects that nobody knows of, when none is held: 0. */
        int missing() {
            int missing = made.get() - discarded.get() - pool.size();
            pool.close();
            return missing;
        }
    }

    @JCStressTest
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "each has an object of its own, in any order, and both are back")
    @Outcome(id = {"2, 1, 0", "1, 2, 0"}, expect = FORBIDDEN, desc = "one object was handed to two")
    @Outcome(expect = FORBIDDEN, desc = "an object was handed to two, or is lost")
    @State
    public static class AcquireReleaseTwice extends Pooled {
        public AcquireReleaseTwice() {
            super(1, 0);
        }

        private int use() {
            Item item = pool.acquire();
            int owners = item.enter();
            item.leave();
            pool.release(item);
            return owners;
        }

        @Actor
        public void one(III_Result r) {
            r.r1 = use();
        }

        @Actor
        public void two(III_Result r) {
            r.r2 = use();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = missing();
        }
    }

    @JCStressTest
    @Outcome(id = "-1", expect = ACCEPTABLE, desc = "tryAcquire -> release")
    @Outcome(id = "42", expect = ACCEPTABLE, desc = "release -> tryAcquire")
    @Outcome(id = "0", expect = FORBIDDEN, desc = "the object was published before what its last owner wrote to it")
    @State
    public static class ReleasePublishes extends Pooled {
        private final Item held;

        public ReleasePublishes() {
            super(0, 0);
            held = pool.acquire();
        }

        @Actor
        public void releaser() {
            held.value = 42;
            pool.release(held);
        }

        @Actor
        public void acquirer(I_Result r) {
            Item item = pool.tryAcquire();
            r.r1 = item == null ? -1 : item.value;
        }

        @Arbiter
        public void after() {
            pool.close();
        }
    }

    @JCStressTest
    @Outcome(id = {"1, 1", "1, 0", "0, 1",
            "0, 0"}, expect = ACCEPTABLE, desc = "each has another of both objects, or passed by"
                    + " a slab that the other held")
    @Outcome(expect = FORBIDDEN, desc = "one object was handed to two")
    @State
    public static class TryAcquireTwice extends Pooled {
        public TryAcquireTwice() {
            super(2, 0);
        }

        private int take() {
            Item item = pool.tryAcquire();
            return item == null ? 0 : item.enter();
        }

        @Actor
        public void one(II_Result r) {
            r.r1 = take();
        }

        @Actor
        public void two(II_Result r) {
            r.r2 = take();
        }

        @Arbiter
        public void after() {
            pool.close();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "each has two of four objects")
    @Outcome(expect = FORBIDDEN, desc = "one object was handed to two, or two at once took from one stack")
    @State
    public static class AcquireTwiceAtOnce extends Pooled {
        public AcquireTwiceAtOnce() {
            super(4, 4, 0);
        }

        /** Two, so that one comes from the stack, of which the hot place is none. */
        private int take() {
            Item first = pool.acquire();
            Item second = pool.acquire();
            return Math.max(first.enter(), second.enter());
        }

        @Actor
        public void one(II_Result r) {
            r.r1 = take();
        }

        @Actor
        public void two(II_Result r) {
            r.r2 = take();
        }

        @Arbiter
        public void after() {
            pool.close();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "each object is in the pool or was discarded once")
    @Outcome(expect = FORBIDDEN, desc = "an object is lost, or was discarded and kept")
    @State
    public static class ReleaseBeyondTheCapacity extends Pooled {
        private final Item[] held = new Item[8];

        public ReleaseBeyondTheCapacity() {
            super(0, 0);
            for (int i = 0; i < held.length; i++) {
                held[i] = pool.acquire();
            }
        }

        private void release(int from) {
            for (int i = from; i < from + 4; i++) {
                pool.release(held[i]);
            }
        }

        @Actor
        public void one() {
            release(0);
        }

        @Actor
        public void two() {
            release(4);
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = missing();
        }
    }

    @JCStressTest
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "each object was acquired, discarded or kept, once")
    @Outcome(expect = FORBIDDEN, desc = "an object was trimmed and handed out, or is lost")
    @State
    public static class AcquireReleaseTrim extends Pooled {
        public AcquireReleaseTrim() {
            super(2, 0);
            pool.trim();
        }

        @Actor
        public void user(II_Result r) {
            Item item = pool.acquire();
            r.r1 = item.enter() + item.discards;
            item.leave();
            pool.release(item);
        }

        @Actor
        public void trimmer() {
            pool.trim();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = missing();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "each object was discarded once: by close, or by its release after that")
    @Outcome(expect = FORBIDDEN, desc = "an object stayed in a closed pool, or was discarded twice")
    @State
    public static class ReleaseClose extends Pooled {
        private final Item held;

        public ReleaseClose() {
            super(2, 0);
            held = pool.acquire();
        }

        @Actor
        public void releaser() {
            pool.release(held);
        }

        @Actor
        public void closer() {
            pool.close();
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = left();
        }
    }

    @JCStressTest
    @Outcome(id = {"true, 0",
            "false, 0"}, expect = ACCEPTABLE, desc = "the release came in time for the close that waits, or not")
    @Outcome(expect = FORBIDDEN, desc = "an object stayed in a closed pool, or was discarded twice")
    @State
    public static class ReleaseCloseThatWaits extends Pooled {
        private final Item held;

        public ReleaseCloseThatWaits() {
            super(1, 0);
            held = pool.acquire();
        }

        @Actor
        public void releaser() {
            pool.release(held);
        }

        @Actor
        public void closer(org.openjdk.jcstress.infra.results.ZI_Result r) {
            Checked.run(() -> r.r1 = pool.close(Duration.ZERO));
        }

        @Arbiter
        public void after(org.openjdk.jcstress.infra.results.ZI_Result r) {
            r.r2 = left();
        }
    }

    /** Where there are leases, the one object is most likely kept by that of the thread that makes the state. */
    static class KeptByLease extends Pooled {
        KeptByLease() {
            super(64, 0, 0);
            for (int i = 0; i < 80; i++) {
                pool.release(pool.acquire());
            }
        }

        int use() {
            Item item = pool.acquire();
            int owners = item.enter() + item.discards;
            item.leave();
            pool.release(item);
            return owners;
        }
    }

    @JCStressTest
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "each has an object of its own, in any order, and both are back")
    @Outcome(expect = FORBIDDEN, desc = "an object was handed to two, or is lost")
    @State
    public static class LeasedAcquireReleaseTwice extends KeptByLease {
        @Actor
        public void one(III_Result r) {
            r.r1 = use();
        }

        @Actor
        public void two(III_Result r) {
            r.r2 = use();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = missing();
        }
    }

    @JCStressTest
    @Outcome(id = {"1, 0", "0, 0"}, expect = ACCEPTABLE, desc = "used before the end of the pool, or not")
    @Outcome(expect = FORBIDDEN, desc = "an object was discarded while it was used, or is lost")
    @State
    public static class LeasedAcquireReleaseClose extends KeptByLease {
        @Actor
        public void user(II_Result r) {
            try {
                r.r1 = use();
            } catch (IllegalStateException closed) {
                r.r1 = 0;
            }
        }

        @Actor
        public void closer() {
            pool.close();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = left();
        }
    }

    @JCStressTest
    @Outcome(id = {"leased, 0",
            "closed, 0"}, expect = ACCEPTABLE, desc = "lease -> close, or close -> lease, which throws")
    @Outcome(expect = FORBIDDEN, desc = "an object is lost, or was discarded while it was leased")
    @State
    public static class LeaseClose extends Pooled {
        public LeaseClose() {
            super(1, 0);
        }

        @Actor
        public void user(org.openjdk.jcstress.infra.results.LI_Result r) {
            try (Lease<Item> lease = pool.lease()) {
                r.r1 = lease.get().discards == 0 ? "leased" : "leased a discarded object";
            } catch (IllegalStateException closed) {
                r.r1 = "closed";
            }
        }

        @Actor
        public void closer() {
            pool.close();
        }

        @Arbiter
        public void after(org.openjdk.jcstress.infra.results.LI_Result r) {
            r.r2 = left();
        }
    }

    /**
     * That no second object is made follows from two rules. As many objects may exist as one: who first enters the
     * waiting room gets the right to make it, and another right comes only from a discard. And a release discards
     * nothing of an open pool that has room for all objects: when the other thread is inside of both places (it moves
     * objects from the overflow to its slab), or shuts or opens them between two tries, the object goes to the spare
     * ones. So there is no discard before the arbiter's close, and the uses have an order: the one that made the
     * object, then the one that waited for its release or found it.
     */
    @JCStressTest
    @Outcome(id = "1, 1, 0", expect = ACCEPTABLE, desc = "one owner at a time, and no more than one object at a time")
    @Outcome(expect = FORBIDDEN, desc = "the one object was handed to two, a second was made, or one is lost")
    @State
    public static class StrictAcquireReleaseTwice extends Pooled {
        public StrictAcquireReleaseTwice() {
            super(0, 1);
        }

        private int use() throws InterruptedException, TimeoutException {
            Item item = pool.acquire(FOREVER);
            int owners = item.enter();
            item.leave();
            pool.release(item);
            return owners;
        }

        @Actor
        public void one(III_Result r) {
            Checked.run(() -> {
                r.r1 = use();
            });
        }

        @Actor
        public void two(III_Result r) {
            Checked.run(() -> {
                r.r2 = use();
            });
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = made.get() - 1 + missing();
        }
    }

    @JCStressTest
    @Outcome(id = "2, 0", expect = ACCEPTABLE, desc = "who waits gets one made for what was given up")
    @Outcome(expect = FORBIDDEN, desc = "the place of a discarded object is lost, or was given to two")
    @State
    public static class StrictDiscardAcquire extends Pooled {
        private final Item held;

        public StrictDiscardAcquire() {
            super(0, 1);
            held = pool.acquire();
        }

        @Actor
        public void discarder() {
            pool.discard(held);
        }

        @Actor
        public void waiter() {
            pool.release(pool.acquire());
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = made.get();
            r.r2 = missing();
        }
    }

    @JCStressTest
    @Outcome(id = {"got, 0",
            "timed out, 0"}, expect = ACCEPTABLE, desc = "the release was in time for the waiter, or was not")
    @Outcome(expect = FORBIDDEN, desc = "an object was handed to a waiter that had gone, and is lost")
    @State
    public static class StrictTimeout extends Pooled {
        private final Item held;

        public StrictTimeout() {
            super(0, 1);
            held = pool.acquire();
        }

        @Actor
        public void releaser() {
            pool.release(held);
        }

        @Actor
        public void waiter(org.openjdk.jcstress.infra.results.LI_Result r) {
            Checked.run(() -> {
                try {
                    pool.release(pool.acquire(Duration.ofNanos(2_000)));
                    r.r1 = "got";
                } catch (TimeoutException e) {
                    r.r1 = "timed out";
                }
            });
        }

        @Arbiter
        public void after(org.openjdk.jcstress.infra.results.LI_Result r) {
            r.r2 = made.get() - 1 + missing();
        }
    }

    @JCStressTest
    @Outcome(id = {"got",
            "closed"}, expect = ACCEPTABLE, desc = "the object came before the end of the pool, or did not")
    @Outcome(expect = FORBIDDEN, desc = "a waiter slept on in a closed pool, or an object is lost")
    @State
    public static class StrictCloseWhileWaiting extends Pooled {
        private final Item held;

        public StrictCloseWhileWaiting() {
            super(0, 1);
            held = pool.acquire();
        }

        @Actor
        public void releaser() {
            pool.release(held);
        }

        @Actor
        public void closer() {
            pool.close();
        }

        @Actor
        public void waiter(L_Result r) {
            Checked.run(() -> {
                try {
                    pool.release(pool.acquire(FOREVER));
                    r.r1 = "got";
                } catch (IllegalStateException closed) {
                    r.r1 = "closed";
                } catch (TimeoutException e) {
                    r.r1 = "slept on";
                }
            });
        }

        @Arbiter
        public void after(L_Result r) {
            if (left() != 0) {
                r.r1 = r.r1 + ", made " + made.get() + ", discarded " + discarded.get();
            }
        }
    }

    /** An executor that keeps its task for another actor. */
    static final class Makers implements Executor {
        final AtomicReference<Runnable> task = new AtomicReference<>();
        volatile boolean direct;

        @Override
        public void execute(Runnable given) {
            if (direct) {
                given.run();
            } else {
                task.set(given);
            }
        }

        boolean runTask() {
            Runnable given = task.getAndSet(null);
            if (given != null) {
                given.run();
            }
            return given != null;
        }
    }

    @JCStressTest
    @Outcome(id = {"got, 0",
            "timed out, 0"}, expect = ACCEPTABLE, desc = "the object was made in time for the waiter, or was not")
    @Outcome(expect = FORBIDDEN, desc = "what was made for a waiter that had gone is lost, or its place")
    @State
    public static class StrictMadeWhileTimingOut extends Pooled {
        private final Makers makers;

        public StrictMadeWhileTimingOut() {
            this(new Makers());
        }

        private StrictMadeWhileTimingOut(Makers makers) {
            super(2, 0, 1, makers);
            this.makers = makers;
        }

        @Actor
        public void maker() {
            for (int i = 0; i < 100 && !makers.runTask(); i++) {
                Thread.onSpinWait();
            }
        }

        @Actor
        public void waiter(org.openjdk.jcstress.infra.results.LI_Result r) {
            Checked.run(() -> {
                try {
                    pool.release(pool.acquire(Duration.ofNanos(2_000)));
                    r.r1 = "got";
                } catch (TimeoutException e) {
                    r.r1 = "timed out";
                }
            });
        }

        @Arbiter
        public void after(org.openjdk.jcstress.infra.results.LI_Result r) {
            makers.direct = true;
            makers.runTask();
            Checked.run(() -> pool.release(pool.acquire(FOREVER)));
            r.r2 = made.get() - 1 + missing();
        }
    }
}
