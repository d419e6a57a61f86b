// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.ArrayByteBufferPool;
import org.eclipse.jetty.io.ByteBufferPool;
import org.eclipse.jetty.io.RetainableByteBuffer;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BlockingArrayQueue;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuSummary;
import org.rseq4j.queues.SliceBlockingQueue;

/**
 * A Jetty, as it comes or with parts of this library at its own extension points. All else is the same, statistics
 * included. The handler answers with 4 KiB from a pooled buffer.
 */
final class JettyServer implements AutoCloseable {
    /** What is replaced. */
    enum Part {
        /** The buffer pool, by {@link PerCpuBuffers}. */
        BUFFERS,
        /** The queue of the thread pool, by a {@link SliceBlockingQueue}. */
        QUEUE
    }

    static final int ANSWER = 4096;
    private static final int QUEUE_CAPACITY = 1 << 14;
    private static final byte[] TEXT = "x".repeat(ANSWER).getBytes(StandardCharsets.US_ASCII);

    private final Server server;
    private final ServerConnector connector;
    private final ByteBufferPool buffers;
    private final PerCpuSummary nanos = new PerCpuSummary();
    private final PerCpuCounter queued = new PerCpuCounter();
    private final PerCpuCounter handedOver = new PerCpuCounter();

    /**
     * Starts it.
     *
     * @param reserved how many threads Jetty keeps for itself to hand tasks to without the queue; -1: as many as it
     *             thinks best
     */
    JettyServer(Set<Part> parts, int threads, int reserved) throws Exception {
        QueuedThreadPool pool = new CountingPool(threads,
                parts.contains(Part.QUEUE) ? new SliceBlockingQueue<>(QUEUE_CAPACITY) : new BlockingArrayQueue<>());
        pool.setReservedThreads(reserved);
        buffers = parts.contains(Part.BUFFERS) ? new PerCpuBuffers() : new ArrayByteBufferPool();
        server = new Server(pool, null, buffers);
        connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory());
        connector.setHost(InetAddress.getLoopbackAddress().getHostAddress());
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        server.setHandler(new Answer());
        server.start();
    }

    int port() {
        return connector.getLocalPort();
    }

    /** Requests answered, tasks that went through the queue, tasks handed to a thread without it, buffers made. */
    String statistics() {
        return nanos.snapshot().count() + " " + queued.sum() + " " + handedOver.sum() + " "
                + (buffers instanceof PerCpuBuffers ours ? ours.made() : -1);
    }

    @Override
    public void close() {
        try {
            server.stop();
        } catch (Exception e) {
            throw new IllegalStateException("Jetty did not stop", e);
        }
    }

    /**
     * A process of its own: says its port, then its statistics for each line that it reads, and stops at the end of
     * these.
     */
    public static void main(String[] arguments) throws Exception {
        Set<Part> parts = EnumSet.noneOf(Part.class);
        for (int i = 2; i < arguments.length; i++) {
            parts.add(Part.valueOf(arguments[i]));
        }
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        try (JettyServer server = new JettyServer(parts, Integer.parseInt(arguments[0]),
                Integer.parseInt(arguments[1]))) {
            System.out.println(server.port());
            while (in.readLine() != null) {
                System.out.println(server.statistics());
            }
        }
    }

    /** Counts which way tasks go. */
    private final class CountingPool extends QueuedThreadPool {
        CountingPool(int threads, BlockingQueue<Runnable> queue) {
            super(threads, threads, queue);
        }

        @Override
        public void execute(Runnable task) {
            queued.increment();
            super.execute(task);
        }

        @Override
        public boolean tryExecute(Runnable task) {
            boolean taken = super.tryExecute(task);
            if (taken) {
                handedOver.increment();
            }
            return taken;
        }
    }

    private final class Answer extends Handler.Abstract {
        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            long begun = System.nanoTime();
            RetainableByteBuffer.Mutable buffer = request.getComponents().getByteBufferPool().acquire(ANSWER, true);
            ByteBuffer bytes = buffer.getByteBuffer();
            bytes.clear().put(TEXT).flip();
            response.getHeaders().put(HttpHeader.CONTENT_LENGTH, ANSWER);
            response.write(true, bytes, Callback.from(() -> {
                buffer.release();
                nanos.record(System.nanoTime() - begun);
            }, callback));
            return true;
        }
    }
}
