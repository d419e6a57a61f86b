package org.rseq4j.sample;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
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
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.rseq4j.counters.PerCpuSummary;

/**
 * A Jetty, as it comes or with a buffer pool of this library's at its own extension point. Both keep statistics in a
 * PerCpuSummary, so that this is no difference between them. The handler answers with 4 KiB.
 */
final class JettyServer implements AutoCloseable {
    /** Whose buffer pool it has. */
    enum Parts {
        JETTY, RSEQ4J
    }

    static final int THREADS = 64;
    static final int ANSWER = 4096;
    private static final byte[] TEXT = "x".repeat(ANSWER).getBytes(StandardCharsets.US_ASCII);

    private final Server server;
    private final ServerConnector connector;
    private final ByteBufferPool buffers;
    private final PerCpuSummary nanos = new PerCpuSummary();

    JettyServer(Parts parts) throws Exception {
        QueuedThreadPool threads = new QueuedThreadPool(THREADS, THREADS);
        buffers = parts == Parts.RSEQ4J ? new PerCpuBuffers() : new ArrayByteBufferPool();
        server = new Server(threads, null, buffers);
        connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory());
        connector.setHost(InetAddress.getLoopbackAddress().getHostAddress());
        connector.setAcceptQueueSize(1024);
        server.addConnector(connector);
        server.setHandler(new Answer());
        server.start();
    }

    InetSocketAddress address() {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), connector.getLocalPort());
    }

    /** Checks that the handler answered this many requests; the last ones may still be on their way to the statistics. */
    void awaitRequests(long expected) throws InterruptedException {
        long patience = System.nanoTime() + 60_000_000_000L;
        while (nanos.snapshot().count() < expected && System.nanoTime() < patience) {
            Thread.sleep(1);
        }
        long requests = nanos.snapshot().count();
        if (requests != expected) {
            throw new AssertionError(expected + " answers, " + requests + " requests in the statistics");
        }
    }

    String statistics() {
        return buffers instanceof PerCpuBuffers ours ? ours.statistics() : "";
    }

    @Override
    public void close() {
        try {
            server.stop();
        } catch (Exception e) {
            throw new IllegalStateException("Jetty did not stop", e);
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
