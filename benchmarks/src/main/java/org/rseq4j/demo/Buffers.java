// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.rseq4j.pools.PerCpuPool;

/** A pool of buffers. */
interface Buffers {
    Buffer acquire();

    void release(Buffer buffer);

    long hits();

    long misses();

    /** Buffers that were made and are neither in the pool nor discarded; 0 when nobody uses one. */
    long out();

    /** On this library. */
    final class PerCpu implements Buffers {
        private final AtomicLong made = new AtomicLong();
        private final AtomicLong discarded = new AtomicLong();
        private final PerCpuPool<Buffer> pool = PerCpuPool.builder(() -> {
            made.incrementAndGet();
            return new Buffer();
        }).discard(buffer -> discarded.incrementAndGet()).build();

        @Override
        public Buffer acquire() {
            return pool.acquire().take();
        }

        @Override
        public void release(Buffer buffer) {
            pool.release(buffer.giveUp());
        }

        @Override
        public long hits() {
            return pool.statistics().hits();
        }

        @Override
        public long misses() {
            return pool.statistics().misses();
        }

        @Override
        public long out() {
            return made.get() - discarded.get() - pool.size();
        }
    }

    /** A concurrent deque as a stack, as most pools of one's own are. */
    final class Jdk implements Buffers {
        private final LongAdder hits = new LongAdder();
        private final LongAdder made = new LongAdder();
        private final ConcurrentLinkedDeque<Buffer> pool = new ConcurrentLinkedDeque<>();

        @Override
        public Buffer acquire() {
            Buffer buffer = pool.pollFirst();
            if (buffer == null) {
                made.increment();
                return new Buffer().take();
            }
            hits.increment();
            return buffer.take();
        }

        @Override
        public void release(Buffer buffer) {
            pool.addFirst(buffer.giveUp());
        }

        @Override
        public long hits() {
            return hits.sum();
        }

        @Override
        public long misses() {
            return made.sum();
        }

        @Override
        public long out() {
            return made.sum() - pool.size();
        }
    }
}
