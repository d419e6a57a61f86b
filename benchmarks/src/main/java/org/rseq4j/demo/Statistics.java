// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuHistogram;
import org.rseq4j.counters.PerCpuMetrics;

/** What is counted of each request. */
interface Statistics {
    String REQUESTS = "rseq4j.demo.requests";
    String READ_BYTES = "rseq4j.demo.read.bytes";
    String SENT_BYTES = "rseq4j.demo.sent.bytes";
    String LATENCY = "rseq4j.demo.latency";
    long MAX_LATENCY_MICROS = 60_000_000;

    void count(int bytesRead, int bytesSent, long nanos);

    /** Shows what was counted to a registry of metrics, with the name of the side as a tag. */
    void bindTo(MeterRegistry registry, String side);

    long requests();

    /** On this library, in a file that bin/stat shows. */
    final class PerCpu implements Statistics {
        private final CounterFile file;
        private final PerCpuCounter requests;
        private final PerCpuCounter bytesRead;
        private final PerCpuCounter bytesSent;
        private final PerCpuHistogram latency;

        PerCpu(Path counters) throws IOException {
            file = CounterFile.create(counters, 8, 32768);
            requests = file.counter(REQUESTS, "Requests answered.");
            bytesRead = file.counter(READ_BYTES, "Bytes of text read.");
            bytesSent = file.counter(SENT_BYTES, "Bytes of answers sent.");
            latency = file.histogram(LATENCY, "Time to answer a request, in microseconds.", MAX_LATENCY_MICROS, 2);
        }

        @Override
        public void count(int read, int sent, long nanos) {
            requests.increment();
            bytesRead.add(read);
            bytesSent.add(sent);
            latency.record(Math.min(nanos / 1000, MAX_LATENCY_MICROS));
        }

        @Override
        public void bindTo(MeterRegistry registry, String side) {
            PerCpuMetrics.file(file, name -> name.equals(LATENCY) ? TimeUnit.MICROSECONDS : null,
                    Tag.of("structures", side)).bindTo(registry);
        }

        @Override
        public long requests() {
            return requests.sum();
        }
    }

    /** On java.util.concurrent and HdrHistogram. */
    final class Jdk implements Statistics {
        private final LongAdder requests = new LongAdder();
        private final LongAdder bytesRead = new LongAdder();
        private final LongAdder bytesSent = new LongAdder();
        private final ConcurrentHistogram latency = new ConcurrentHistogram(MAX_LATENCY_MICROS, 2);

        @Override
        public void count(int read, int sent, long nanos) {
            requests.increment();
            bytesRead.add(read);
            bytesSent.add(sent);
            latency.recordValue(Math.min(nanos / 1000, MAX_LATENCY_MICROS));
        }

        @Override
        public void bindTo(MeterRegistry registry, String side) {
            counter(registry, REQUESTS, "Requests answered.", requests, side);
            counter(registry, READ_BYTES, "Bytes of text read.", bytesRead, side);
            counter(registry, SENT_BYTES, "Bytes of answers sent.", bytesSent, side);
            FunctionTimer.builder(LATENCY, latency, Histogram::getTotalCount, h -> h.getMean() * h.getTotalCount(),
                    TimeUnit.MICROSECONDS).tag("structures", side).register(registry);
        }

        private static void counter(MeterRegistry registry, String name, String description, LongAdder adder,
                String side) {
            FunctionCounter.builder(name, adder, LongAdder::sum).description(description).tag("structures", side)
                    .register(registry);
        }

        @Override
        public long requests() {
            return requests.sum();
        }
    }
}
