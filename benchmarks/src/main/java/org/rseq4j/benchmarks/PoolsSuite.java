// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.core.util.RecyclerPool;
import io.netty.util.Recycler;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.commons.pool2.BasePooledObjectFactory;
import org.apache.commons.pool2.PooledObject;
import org.apache.commons.pool2.impl.DefaultPooledObject;
import org.apache.commons.pool2.impl.GenericObjectPool;
import org.apache.commons.pool2.impl.GenericObjectPoolConfig;
import org.jctools.queues.MpmcArrayQueue;
import org.jctools.queues.SpscArrayQueue;
import org.rseq4j.pools.PerCpuPool;
import stormpot.Allocator;
import stormpot.Pool;
import stormpot.Poolable;
import stormpot.Slot;
import stormpot.Timeout;

/**
 * Acquire and release of an object with a buffer of 8 KiB, which is written to in between; the number of operations is
 * that of pairs. Plain; or every 16th time with a yield while it is held; or one way: each even thread only acquires,
 * and hands the objects to the next one, which only releases, 64 at a time: by a queue of single objects both threads
 * would write to one cache line of it for each object, or not, as it happens. What this costs is in the contender "the
 * queue alone".
 */
final class PoolsSuite implements Suite {
    private static final int SIZE = 1024;

    /** What is pooled: worth it, else who finds the pool empty and makes a new one would win. */
    private static class Item implements RecyclerPool.WithPool<Item> {
        private final byte[] buffer = new byte[8192];

        final void use() {
            buffer[0]++;
        }

        @Override
        public Item withPool(RecyclerPool<Item> pool) {
            return this;
        }

        @Override
        public void releaseToPool() {
        }
    }

    private static final class SlotItem extends Item implements Poolable {
        private final Slot slot;

        SlotItem(Slot slot) {
            this.slot = slot;
        }

        @Override
        public void release() {
            slot.release(this);
        }
    }

    private static final class RecycledItem extends Item {
        private final Recycler.Handle<RecycledItem> handle;

        RecycledItem(Recycler.Handle<RecycledItem> handle) {
            this.handle = handle;
        }
    }

    /** How acquires and releases follow one another. */
    enum Pattern {
        PLAIN("pools"), YIELD("pools-yield"), ONE_WAY("pools-one-way");

        private final String suite;

        Pattern(String suite) {
            this.suite = suite;
        }
    }

    private final Pattern pattern;
    private final boolean yields;

    PoolsSuite(Pattern pattern) {
        this.pattern = pattern;
        yields = pattern == Pattern.YIELD;
    }

    @Override
    public String name() {
        return pattern.suite;
    }

    @Override
    public List<Integer> threads() {
        return pattern == Pattern.ONE_WAY ? List.of(2, 8, 32) : List.of(1, 2, 16, 64);
    }

    private <T extends Item> Contender pool(int threads, Supplier<T> acquire, Consumer<T> release) {
        return pattern == Pattern.ONE_WAY ? oneWay(threads, acquire, release) : pairs(acquire, release);
    }

    private static <T extends Item> Contender oneWay(int threads, Supplier<T> acquire, Consumer<T> release) {
        List<Belt> belts = new ArrayList<>();
        for (int i = 0; i < threads / 2; i++) {
            belts.add(new Belt(Math.min(64, SIZE / (threads / 2 * Belt.TRAYS))));
        }
        if (belts.isEmpty()) {
            throw new IllegalArgumentException("one way needs two threads");
        }
        return (thread, round) -> {
            if (thread / 2 >= belts.size()) {
                return 0;
            }
            Belt belt = belts.get(thread / 2);
            return thread % 2 == 0
                    ? -acquireOnly(belt, acquire, round)
                    : releaseOnly(belt, release, round);
        };
    }

    /**
     * Trays with objects one way, and empty ones back. All trays of all belts have room for no more objects than a pool
     * keeps: with more, pools would make and drop objects, and one with a bound would wait for ever for the trays that
     * are left full at the end of a round.
     */
    private static final class Belt {
        static final int TRAYS = 4;
        final SpscArrayQueue<Object[]> full = new SpscArrayQueue<>(TRAYS);
        final SpscArrayQueue<Object[]> empty = new SpscArrayQueue<>(TRAYS);

        Belt(int tray) {
            for (int i = 0; i < TRAYS; i++) {
                empty.offer(new Object[tray]);
            }
        }

        /** The next tray, null at the end of the round. */
        static Object[] next(SpscArrayQueue<Object[]> queue, Round round) {
            Object[] tray = queue.relaxedPoll();
            for (int spins = 0; tray == null && round.running(); spins++) {
                pause(spins);
                tray = queue.relaxedPoll();
            }
            return tray;
        }
    }

    private static <T extends Item> long acquireOnly(Belt belt, Supplier<T> acquire, Round round) {
        long operations = 0;
        for (Object[] tray = Belt.next(belt.empty, round); tray != null; tray = Belt.next(belt.empty, round)) {
            for (int i = 0; i < tray.length; i++) {
                T item = acquire.get();
                item.use();
                tray[i] = item;
            }
            belt.full.offer(tray);
            operations += tray.length;
        }
        return operations;
    }

    @SuppressWarnings("unchecked")
    private static <T extends Item> long releaseOnly(Belt belt, Consumer<T> release, Round round) {
        long operations = 0;
        for (Object[] tray = Belt.next(belt.full, round); tray != null; tray = Belt.next(belt.full, round)) {
            for (Object item : tray) {
                release.accept((T) item);
            }
            belt.empty.offer(tray);
            operations += tray.length;
        }
        return operations;
    }

    private static void pause(int spins) {
        if (spins < 100) {
            Thread.onSpinWait();
        } else {
            Thread.yield();
        }
    }

    private <T extends Item> Contender pairs(Supplier<T> acquire, Consumer<T> release) {
        return (thread, round) -> {
            long operations = 0;
            while (round.running()) {
                for (int i = 0; i < 1024; i++) {
                    T item = acquire.get();
                    item.use();
                    if (yields && (i & 15) == 0) {
                        Thread.yield();
                    }
                    release.accept(item);
                }
                operations += 1024;
            }
            return operations;
        };
    }

    /** As many objects as the others keep; the default is 64 for each CPU and four times as many in the overflow. */
    private static PerCpuPool.Builder<Item> ours() {
        return PerCpuPool.builder(Item::new).capacityPerCpu(SIZE / 4).maxPooled(SIZE);
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        contenders.put("rseq4j PerCpuPool", threads -> {
            var pool = ours().build();
            return pool(threads, pool::acquire, pool::release);
        });
        contenders.put("rseq4j PerCpuPool lease", threads -> {
            var pool = ours().build();
            if (pattern == Pattern.ONE_WAY) {
                return pool(threads, pool::acquire, pool::release); // a lease stays in its try statement
            }
            return (thread, round) -> {
                long operations = 0;
                while (round.running()) {
                    for (int i = 0; i < 1024; i++) {
                        try (var lease = pool.lease()) {
                            lease.get().use();
                            if (yields && (i & 15) == 0) {
                                Thread.yield();
                            }
                        }
                    }
                    operations += 1024;
                }
                return operations;
            };
        });
        contenders.put("rseq4j PerCpuPool strict", threads -> {
            var pool = ours().maxSize(SIZE).build();
            return pool(threads, pool::acquire, pool::release);
        });
        contenders.put("ConcurrentLinkedDeque", threads -> {
            var deque = new ConcurrentLinkedDeque<Item>();
            return pool(threads, () -> {
                Item item = deque.pollFirst();
                return item == null ? new Item() : item;
            }, deque::offerFirst);
        });
        contenders.put("MpmcArrayQueue strict", threads -> {
            var queue = new MpmcArrayQueue<Item>(SIZE);
            return pool(threads, () -> {
                Item item = queue.poll();
                return item == null ? new Item() : item;
            }, queue::offer);
        });
        contenders.put("MpmcArrayQueue relaxed", threads -> {
            var queue = new MpmcArrayQueue<Item>(SIZE);
            return pool(threads, () -> {
                Item item = queue.relaxedPoll();
                return item == null ? new Item() : item;
            }, queue::relaxedOffer);
        });
        contenders.put("ArrayBlockingQueue", threads -> {
            var queue = new ArrayBlockingQueue<Item>(SIZE);
            return pool(threads, () -> {
                Item item = queue.poll();
                return item == null ? new Item() : item;
            }, queue::offer);
        });
        contenders.put("Jackson BoundedPoolBase", threads -> {
            var pool = new RecyclerPool.BoundedPoolBase<Item>(SIZE) {
                private static final long serialVersionUID = 1;

                @Override
                public Item createPooled() {
                    return new Item();
                }
            };
            return pool(threads, pool::acquirePooled, pool::releasePooled);
        });
        contenders.put("Jackson ConcurrentDequePoolBase", threads -> {
            var pool = new RecyclerPool.ConcurrentDequePoolBase<Item>(0) {
                private static final long serialVersionUID = 1;

                @Override
                public Item createPooled() {
                    return new Item();
                }
            };
            return pool(threads, pool::acquirePooled, pool::releasePooled);
        });
        contenders.put("commons-pool2", threads -> {
            var config = new GenericObjectPoolConfig<Item>();
            config.setMaxTotal(SIZE);
            config.setMaxIdle(SIZE);
            config.setJmxEnabled(false);
            var pool = new GenericObjectPool<Item>(new BasePooledObjectFactory<Item>() {
                @Override
                public Item create() {
                    return new Item();
                }

                @Override
                public PooledObject<Item> wrap(Item item) {
                    return new DefaultPooledObject<>(item);
                }
            }, config);
            return pool(threads, () -> {
                try {
                    return pool.borrowObject();
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }, pool::returnObject);
        });
        contenders.put("Netty Recycler", threads -> {
            var recycler = new Recycler<RecycledItem>() {
                @Override
                protected RecycledItem newObject(Handle<RecycledItem> handle) {
                    return new RecycledItem(handle);
                }
            };
            return BuffersSuite.withFastThreadLocals(
                    pool(threads, recycler::get, item -> item.handle.recycle(item)));
        });
        contenders.put("Stormpot", threads -> new Stormpot().contender(threads));
        if (pattern == Pattern.ONE_WAY) {
            contenders.put("the queue alone", threads -> {
                var item = new Item();
                return pool(threads, () -> item, returned -> {});
            });
            return contenders; // the others keep nothing that another thread could use
        }
        contenders.put("ThreadLocal", threads -> {
            ThreadLocal<Item> local = ThreadLocal.withInitial(Item::new);
            return pool(threads, local::get, item -> {});
        });
        contenders.put("fresh byte[8192]", threads -> (thread, round) -> {
            long operations = 0;
            byte[][] sink = new byte[1][];
            while (round.running()) {
                for (int i = 0; i < 1024; i++) {
                    sink[0] = new byte[8192];
                    if (yields && (i & 15) == 0) {
                        Thread.yield();
                    }
                }
                operations += 1024;
            }
            return operations;
        });
        return contenders;
    }

    /** Apart, so that the others run on Java 17, too. */
    private final class Stormpot {
        Contender contender(int threads) {
            Pool<SlotItem> pool = Pool.fromInline(new Allocator<SlotItem>() {
                @Override
                public SlotItem allocate(Slot slot) {
                    return new SlotItem(slot);
                }

                @Override
                public void deallocate(SlotItem item) {
                }
            }).setSize(SIZE).build();
            var timeout = new Timeout(10, TimeUnit.SECONDS);
            if (pattern == Pattern.ONE_WAY) {
                return pool(threads, () -> {
                    try {
                        return pool.claim(timeout);
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                }, SlotItem::release);
            }
            return (thread, round) -> {
                var tap = Thread.currentThread().isVirtual()
                        ? pool.getVirtualThreadSafeTap()
                        : pool.getSingleThreadedTap();
                return pool(threads, () -> {
                    try {
                        return tap.claim(timeout);
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                }, SlotItem::release).work(thread, round);
            };
        }
    }
}
