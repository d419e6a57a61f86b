package org.rseq4j.demo;

import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.pools.PerCpuPool;
import org.rseq4j.queues.PerCpuQueue;

/** What the server is built from: statistics, a pool of buffers and a queue of access records. */
interface Structures {
    /** Records that may wait for the writers. */
    int QUEUE_CAPACITY = 8192;

    String name();

    void count(int bytesRead, int bytesSent);

    long requests();

    long bytesRead();

    long bytesSent();

    Buffer acquire();

    void release(Buffer buffer);

    long poolHits();

    long poolMisses();

    /** Buffers that were made and are neither in the pool nor discarded; 0 when nobody uses one. */
    long buffersOut();

    boolean offer(AccessRecord accessRecord);

    AccessRecord poll();

    int depth();

    /** On this library. */
    final class PerCpu implements Structures {
        private final PerCpuCounter requests = new PerCpuCounter();
        private final PerCpuCounter bytesRead = new PerCpuCounter();
        private final PerCpuCounter bytesSent = new PerCpuCounter();
        private final AtomicLong made = new AtomicLong();
        private final AtomicLong discarded = new AtomicLong();
        private final PerCpuPool<Buffer> pool = PerCpuPool.builder(() -> {
            made.incrementAndGet();
            return new Buffer();
        }).discard(buffer -> discarded.incrementAndGet()).build();
        private final PerCpuQueue<AccessRecord> queue = new PerCpuQueue<>(QUEUE_CAPACITY);

        @Override
        public String name() {
            return "rseq4j";
        }

        @Override
        public void count(int read, int sent) {
            requests.increment();
            bytesRead.add(read);
            bytesSent.add(sent);
        }

        @Override
        public long requests() {
            return requests.sum();
        }

        @Override
        public long bytesRead() {
            return bytesRead.sum();
        }

        @Override
        public long bytesSent() {
            return bytesSent.sum();
        }

        @Override
        public Buffer acquire() {
            return pool.acquire().take();
        }

        @Override
        public void release(Buffer buffer) {
            pool.release(buffer.giveUp());
        }

        @Override
        public long poolHits() {
            return pool.statistics().hits();
        }

        @Override
        public long poolMisses() {
            return pool.statistics().misses();
        }

        @Override
        public long buffersOut() {
            return made.get() - discarded.get() - pool.size();
        }

        @Override
        public boolean offer(AccessRecord accessRecord) {
            return queue.offer(accessRecord);
        }

        @Override
        public AccessRecord poll() {
            return queue.poll();
        }

        @Override
        public int depth() {
            return queue.size();
        }
    }

    /** On java.util.concurrent. */
    final class Jdk implements Structures {
        private final LongAdder requests = new LongAdder();
        private final LongAdder bytesRead = new LongAdder();
        private final LongAdder bytesSent = new LongAdder();
        private final LongAdder hits = new LongAdder();
        private final LongAdder made = new LongAdder();
        private final ConcurrentLinkedDeque<Buffer> pool = new ConcurrentLinkedDeque<>();
        private final Queue<AccessRecord> queue = new ArrayBlockingQueue<>(QUEUE_CAPACITY);

        @Override
        public String name() {
            return "JDK";
        }

        @Override
        public void count(int read, int sent) {
            requests.increment();
            bytesRead.add(read);
            bytesSent.add(sent);
        }

        @Override
        public long requests() {
            return requests.sum();
        }

        @Override
        public long bytesRead() {
            return bytesRead.sum();
        }

        @Override
        public long bytesSent() {
            return bytesSent.sum();
        }

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
        public long poolHits() {
            return hits.sum();
        }

        @Override
        public long poolMisses() {
            return made.sum();
        }

        @Override
        public long buffersOut() {
            return made.sum() - pool.size();
        }

        @Override
        public boolean offer(AccessRecord accessRecord) {
            return queue.offer(accessRecord);
        }

        @Override
        public AccessRecord poll() {
            return queue.poll();
        }

        @Override
        public int depth() {
            return queue.size();
        }
    }
}
