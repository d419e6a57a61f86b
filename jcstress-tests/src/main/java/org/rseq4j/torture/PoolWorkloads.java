// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.rseq4j.pools.BufferPoolStatistics;
import org.rseq4j.pools.Lease;
import org.rseq4j.pools.PerCpuBufferPool;
import org.rseq4j.pools.PerCpuPool;

/** Pools, relaxed and strict. */
final class PoolWorkloads {
    private PoolWorkloads() {
    }

    static List<Workload> all() {
        return List.of(new Pool("PerCpuPool", 0), new Pool("PerCpuPool with maxSize", 6), new Buffers());
    }

    private static final class Item {
        final AtomicInteger owners = new AtomicInteger();
        /** Plain: the pool publishes it. */
        long writes;
        volatile boolean discarded;
    }

    private static final class Pool extends Workload {
        private final LongAdder made = new LongAdder();
        private final LongAdder discarded = new LongAdder();
        private final AtomicInteger existing = new AtomicInteger();
        private final LongAdder written = new LongAdder();
        private final LongAdder seen = new LongAdder();
        private final int maxSize;
        private final PerCpuPool<Item> pool;

        Pool(String name, int maxSize) {
            super(name);
            this.maxSize = maxSize;
            PerCpuPool.Builder<Item> builder = PerCpuPool.builder(this::make).capacityPerCpu(4).overflow(6)
                    .discard(this::discard);
            if (maxSize > 0) {
                builder.maxSize(maxSize);
            }
            pool = builder.build();
        }

        private Item make() {
            made.increment();
            if (existing.incrementAndGet() > maxSize && maxSize > 0) {
                violation("more objects exist than may");
            }
            return new Item();
        }

        private void discard(Item item) {
            if (item.discarded) {
                violation("an object was discarded twice");
            }
            if (item.owners.get() != 0) {
                violation("an object was discarded while somebody had it");
            }
            item.discarded = true;
            seen.add(item.writes);
            discarded.increment();
            existing.decrementAndGet();
        }

        private void use(Item item) {
            if (item.owners.incrementAndGet() != 1) {
                violation("two have one object");
            }
            if (item.discarded) {
                violation("a discarded object was handed out");
            }
            item.writes++;
            written.increment();
            item.owners.decrementAndGet();
        }

        @Override
        void step(SplittableRandom random) throws InterruptedException {
            int kind = random.nextInt(64);
            if (kind < 8) {
                Item item = pool.tryAcquire();
                if (item != null) {
                    use(item);
                    pool.release(item);
                }
            } else if (kind < 40) {
                try {
                    Item item = pool.acquire(Duration.ofMillis(20));
                    use(item);
                    pool.release(item);
                } catch (TimeoutException e) {
                    if (maxSize == 0) {
                        violation("a pool without maxSize timed out");
                    }
                }
            } else if (kind < 44) {
                Item item = pool.tryAcquire();
                if (item != null) {
                    use(item);
                    pool.discard(item);
                }
            } else if (kind < 52 && maxSize == 0) { // two at once: beyond what the slabs hold, in the end
                Item one = pool.acquire();
                Item two = pool.acquire();
                use(one);
                use(two);
                pool.release(one);
                pool.release(two);
            } else if (kind == 63 && random.nextInt(32) == 0) {
                pool.trim();
            } else {
                try (Lease<Item> lease = pool.lease()) {
                    use(lease.get());
                }
            }
        }

        @Override
        void check() {
            equal("the objects in the pool", made.sum() - discarded.sum(), pool.size());
            pool.close();
            equal("the objects discarded at the end", made.sum(), discarded.sum());
            equal("the writes to all objects", written.sum(), seen.sum());
        }
    }

    /** Buffers of all sizes: nobody else writes to one, and in the end none is missing. */
    private static final class Buffers extends Workload {
        private final PerCpuBufferPool pool = PerCpuBufferPool.builder().maxBytes(1 << 22).build();

        Buffers() {
            super("PerCpuBufferPool");
        }

        @Override
        void step(SplittableRandom random) {
            ByteBuffer[] held = new ByteBuffer[random.nextInt(1, 6)];
            long[] marks = new long[held.length];
            for (int i = 0; i < held.length; i++) {
                int bytes = random.nextInt(8) == 0 ? random.nextInt(1, 60_000) : random.nextInt(1, 1_000);
                held[i] = pool.acquireByteBuffer(bytes);
                marks[i] = random.nextLong();
                write(held[i], marks[i]);
            }
            for (int i = 0; i < held.length; i++) {
                if (held[i].getLong(0) != marks[i] || held[i].getLong(held[i].capacity() - 8) != marks[i]) {
                    violation("somebody else wrote to a buffer");
                }
                pool.release(held[i]);
            }
            if (random.nextInt(2_000) == 0) {
                pool.trim();
            }
        }

        private static void write(ByteBuffer buffer, long mark) {
            buffer.putLong(0, mark);
            buffer.putLong(buffer.capacity() - 8, mark);
        }

        @Override
        void check() {
            BufferPoolStatistics all = pool.statistics();
            equal("the bytes that are free", all.spanBytes(), all.freeBytes());
            pool.trim();
            equal("the bytes outside of the pool", 0, pool.statistics().unpooledBytes());
            pool.close();
        }
    }
}
