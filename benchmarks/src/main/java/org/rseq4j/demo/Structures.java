package org.rseq4j.demo;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuHistogram;
import org.rseq4j.counters.PerCpuMetrics;
import org.rseq4j.pools.PerCpuPool;
import org.rseq4j.queues.PerCpuQueue;

/** What the server is built from: statistics, a pool of buffers and a queue of access records. */
interface Structures {
    String REQUESTS = "rseq4j.demo.requests";
    String READ_BYTES = "rseq4j.demo.read.bytes";
    String SENT_BYTES = "rseq4j.demo.sent.bytes";
    String LATENCY = "rseq4j.demo.latency";
    long MAX_LATENCY_MICROS = 60_000_000;

    /** Records that may wait for the writers. */
    int QUEUE_CAPACITY = 8192;

    String name();

    void count(int bytesRead, int bytesSent, long nanos);

    /** Shows what was counted to a registry of metrics. */
    void bindTo(MeterRegistry registry);

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
        private final CounterFile file;
        private final PerCpuCounter requests;
        private final PerCpuCounter bytesRead;
        private final PerCpuCounter bytesSent;
        private final PerCpuHistogram latency;
        private final AtomicLong made = new AtomicLong();
        private final AtomicLong discarded = new AtomicLong();
        private final PerCpuPool<Buffer> pool = PerCpuPool.builder(() -> {
            made.incrementAndGet();
            return new Buffer();
        }).discard(buffer -> discarded.incrementAndGet()).build();
        private final PerCpuQueue<AccessRecord> queue = new PerCpuQueue<>(QUEUE_CAPACITY);

        /** Counts in a file, which bin/stat shows. */
        PerCpu(Path counters) throws IOException {
            file = CounterFile.create(counters, 8, 32768);
            requests = file.counter(REQUESTS, "Requests answered.");
            bytesRead = file.counter(READ_BYTES, "Bytes of text read.");
            bytesSent = file.counter(SENT_BYTES, "Bytes of answers sent.");
            latency = file.histogram(LATENCY, "Time to answer a request, in microseconds.", MAX_LATENCY_MICROS, 2);
        }

        @Override
        public String name() {
            return "rseq4j";
        }

        @Override
        public void count(int read, int sent, long nanos) {
            requests.increment();
            bytesRead.add(read);
            bytesSent.add(sent);
            latency.record(Math.min(nanos / 1000, MAX_LATENCY_MICROS));
        }

        @Override
        public void bindTo(MeterRegistry registry) {
            PerCpuMetrics.file(file, name -> name.equals(LATENCY) ? TimeUnit.MICROSECONDS : null,
                    Tag.of("structures", name())).bindTo(registry);
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
        private final ConcurrentHistogram latency = new ConcurrentHistogram(MAX_LATENCY_MICROS, 2);
        private final LongAdder hits = new LongAdder();
        private final LongAdder made = new LongAdder();
        private final ConcurrentLinkedDeque<Buffer> pool = new ConcurrentLinkedDeque<>();
        private final Queue<AccessRecord> queue = new ArrayBlockingQueue<>(QUEUE_CAPACITY);

        @Override
        public String name() {
            return "JDK";
        }

        @Override
        public void count(int read, int sent, long nanos) {
            requests.increment();
            bytesRead.add(read);
            bytesSent.add(sent);
            latency.recordValue(Math.min(nanos / 1000, MAX_LATENCY_MICROS));
        }

        @Override
        public void bindTo(MeterRegistry registry) {
            counter(registry, REQUESTS, "Requests answered.", requests);
            counter(registry, READ_BYTES, "Bytes of text read.", bytesRead);
            counter(registry, SENT_BYTES, "Bytes of answers sent.", bytesSent);
            FunctionTimer.builder(LATENCY, latency, Histogram::getTotalCount, h -> h.getMean() * h.getTotalCount(),
                    TimeUnit.MICROSECONDS).tag("structures", name()).register(registry);
        }

        private void counter(MeterRegistry registry, String name, String description, LongAdder adder) {
            FunctionCounter.builder(name, adder, LongAdder::sum).description(description).tag("structures", name())
                    .register(registry);
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
