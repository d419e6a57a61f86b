// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.LongAdder;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BlockingArrayQueue;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.rseq4j.queues.SliceBlockingQueue;

/** Jetty with 64 platform threads; the side chooses the queue that its tasks wait in. */
final class JettySubject implements Subject {
    private static final int THREADS = 64;
    private static final int QUEUE_CAPACITY = 1 << 14;
    /** A side is idle while the other one has its turn. */
    private static final long IDLE_MILLIS = 86_400_000;
    private static final long STOP_MILLIS = 1_000;

    private final String name;
    private final Server server;
    private final ServerConnector connector;
    private final LongAdder requests = new LongAdder();

    private JettySubject(String name, BlockingQueue<Runnable> queue) throws Exception {
        this.name = name;
        var threads = new QueuedThreadPool(THREADS, THREADS, queue);
        threads.setStopTimeout(STOP_MILLIS);
        server = new Server(threads);
        connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory());
        connector.setHost("127.0.0.1");
        connector.setIdleTimeout(IDLE_MILLIS);
        server.addConnector(connector);
        server.setHandler(new Text());
        server.start();
    }

    static Subject rseq4j() throws Exception {
        return new JettySubject("rseq4j", new SliceBlockingQueue<>(QUEUE_CAPACITY));
    }

    static Subject jetty() throws Exception {
        return new JettySubject("jetty", new BlockingArrayQueue<>());
    }

    private final class Text extends Handler.Abstract {
        @Override
        public boolean handle(Request request, Response response, Callback callback) throws Exception {
            byte[] text;
            try (InputStream body = Content.Source.asInputStream(request)) {
                text = body.readAllBytes();
            }
            byte[] answer = OtherServers.answer(text);
            requests.increment();
            response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
            response.getHeaders().put(HttpHeader.CONTENT_LENGTH, answer.length);
            response.write(true, ByteBuffer.wrap(answer), callback);
            return true;
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int port() {
        return connector.getLocalPort();
    }

    @Override
    public void stop() throws Exception {
        server.stop();
    }

    @Override
    public List<Check> checks(long answered) {
        return List.of(OtherServers.counted(requests, answered));
    }
}
