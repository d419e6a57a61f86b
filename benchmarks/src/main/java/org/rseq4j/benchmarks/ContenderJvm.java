// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.ThreadMXBean;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.LongStream;
import java.util.zip.Deflater;
import org.HdrHistogram.Histogram;

/**
 * A JVM for one contender. It does what it is told line by line: {@code make THREADS}, {@code run MILLISECONDS},
 * {@code latencies}; and answers in lines that {@link ContenderProcess} reads. Between two orders it does nothing, so
 * that several of them can take turns.
 */
final class ContenderJvm {
    /** How long a worker may take to see that the round is over. */
    private static final long TIMEOUT_MILLIS = 120_000;
    private static final CompilationMXBean COMPILERS = ManagementFactory.getCompilationMXBean();
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final Suite suite;
    private final Contender.Factory factory;
    private final boolean virtual;
    private final int noise;
    private final boolean cpuTime;
    private final PrintStream out;
    private Contender contender;
    private int workers;
    /** Milliseconds that the JIT took up to the end of the last round. */
    private long compiled;
    /** CPU time of the workers for each operation in the last round. */
    private double nanosAnOperation;

    private ContenderJvm(Suite suite, String contender, boolean virtual, int noise, boolean cpuTime, PrintStream out) {
        this.suite = suite;
        factory = suite.contenders().get(contender);
        this.virtual = virtual;
        this.noise = noise;
        this.cpuTime = cpuTime;
        this.out = out;
    }

    /** Arguments: suite, contender, kind of thread, noise, whether CPU time is counted. */
    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        System.setOut(System.err); // what a contender prints is no answer
        var jvm = new ContenderJvm(Suites.named(arguments[0]), arguments[1], arguments[2].equals("virtual"),
                Integer.parseInt(arguments[3]), Boolean.parseBoolean(arguments[4]), answers);
        answers.println("environment " + new ObjectMapper().writeValueAsString(Environment.here()));
        try (var orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String order = orders.readLine(); order != null; order = orders.readLine()) {
                jvm.follow(order.split(" ", -1));
                answers.println("done");
            }
        }
        jvm.close();
        System.exit(0);
    }

    private void follow(String[] order) throws Exception {
        switch (order[0]) {
            case "make" -> {
                close();
                int threads = Integer.parseInt(order[1]);
                workers = suite.workers(threads);
                contender = factory.make(threads);
            }
            case "run" -> {
                Sample sample = run(Long.parseLong(order[1]));
                out.println("sample " + sample.rate() + " " + sample.slowest() + " " + sample.interval() + " "
                        + sample.allocated() + " " + sample.compiled());
                if (cpuTime) {
                    out.println("count " + nanosAnOperation + " ns of CPU time an operation");
                }
                contender.counts().forEach((name, value) -> out.println("count " + value + " " + name));
            }
            case "latencies" -> {
                for (Map.Entry<String, Histogram> entry : contender.latencies().entrySet()) {
                    out.println("histogram " + encode(entry.getValue()) + " " + entry.getKey());
                }
            }
            default -> throw new IllegalArgumentException(order[0]);
        }
    }

    private void close() {
        if (contender != null) {
            contender.close();
        }
        contender = null;
    }

    private Sample run(long length) throws Exception {
        var round = new Round();
        // The time is taken as the last one arrives: this thread may get its CPU long after the workers did. It waits
        // beside the barrier: there it would need the lock back, behind virtual threads that get no carrier before the
        // round is over.
        long[] begun = new long[1];
        long[] allocated = new long[1];
        var started = new CountDownLatch(1);
        var start = new CyclicBarrier(workers, () -> {
            allocated[0] = allocatedBytes();
            begun[0] = System.nanoTime();
            started.countDown();
        });
        long[] operations = new long[workers * 16];
        long[] cpuNanos = new long[workers * 16];
        Throwable[] failure = new Throwable[1];
        Thread[] all = new Thread[workers];
        for (int i = 0; i < workers; i++) {
            int thread = i;
            all[i] = start(virtual, () -> {
                try {
                    start.await();
                    long before = cpuTime ? THREADS.getCurrentThreadCpuTime() : 0;
                    operations[thread * 16] = contender.work(thread, round);
                    cpuNanos[thread * 16] = cpuTime ? THREADS.getCurrentThreadCpuTime() - before : 0;
                } catch (Throwable e) {
                    failure[0] = e;
                }
            });
        }
        for (int i = 0; i < noise; i++) {
            start(false, () -> makeNoise(round));
        }
        started.await();
        Thread.sleep(length);
        round.end();
        for (Thread worker : all) {
            worker.join(TIMEOUT_MILLIS);
            if (worker.isAlive()) {
                throw new IllegalStateException("a worker did not end");
            }
        }
        long nanos = System.nanoTime() - begun[0];
        long bytes = allocatedBytes() - allocated[0];
        if (failure[0] != null) {
            throw new IllegalStateException("a worker failed", failure[0]);
        }
        long[] done = new long[workers];
        for (int i = 0; i < workers; i++) {
            done[i] = operations[i * 16];
        }
        nanosAnOperation = LongStream.of(cpuNanos).sum()
                / (double) Math.max(1, LongStream.of(done).filter(n -> n > 0).sum());
        long before = compiled;
        compiled = COMPILERS.getTotalCompilationTime();
        return sample(done, nanos, bytes, compiled - before);
    }

    /**
     * {@return what the workers did, as {@link Contender#work} says it, in so much time, allocating and compiling so
     * much}
     */
    static Sample sample(long[] operations, long nanos, long bytes, long compiled) {
        long[] counted = LongStream.of(operations).filter(n -> n >= 0).toArray();
        long[] partners = LongStream.of(operations).filter(n -> n < 0).map(n -> -n).toArray();
        long sum = LongStream.of(counted).sum();
        return new Sample(sum * 1e9 / nanos, Math.min(slowest(counted), partners.length == 0 ? 1 : slowest(partners)),
                sum == 0 ? 0 : (long) (nanos * (double) counted.length / sum), sum == 0 ? 0 : (double) bytes / sum,
                compiled);
    }

    /** {@return the least as a share of the mean} */
    private static double slowest(long[] operations) {
        long sum = LongStream.of(operations).sum();
        return sum == 0 ? 0 : LongStream.of(operations).min().getAsLong() * (double) operations.length / sum;
    }

    private static Thread start(boolean virtual, Runnable task) {
        if (virtual) {
            return Thread.startVirtualThread(task);
        }
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    /** {@return what all threads allocated so far; before Java 21 nobody knows} */
    private static long allocatedBytes() {
        return Runtime.version().feature() >= 21 ? THREADS.getTotalThreadAllocatedBytes() : 0;
    }

    /** A thread that wants its CPU for itself. */
    private static void makeNoise(Round round) {
        long value = 1;
        while (round.running() && value != 0) {
            value = Calibrated.multiply(value, 1000) | 1;
        }
    }

    private static String encode(Histogram histogram) {
        ByteBuffer buffer = ByteBuffer.allocate(histogram.getNeededByteBufferCapacity());
        int length = histogram.encodeIntoCompressedByteBuffer(buffer, Deflater.DEFAULT_COMPRESSION);
        return Base64.getEncoder().encodeToString(java.util.Arrays.copyOf(buffer.array(), length));
    }
}
