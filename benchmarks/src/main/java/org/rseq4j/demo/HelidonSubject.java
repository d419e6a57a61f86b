// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import io.helidon.http.HeaderNames;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * Helidon, whose virtual threads hand the work of each request to an executor of 200 platform threads and wait for it;
 * the side chooses the executor.
 */
final class HelidonSubject implements Subject {
    private static final int THREADS = 200;

    private final String name;
    private final ExecutorService executor;
    private final WebServer server;
    private final LongAdder requests = new LongAdder();
    private final LongAdder tasks = new LongAdder();

    private HelidonSubject(String name, ExecutorService executor) {
        this.name = name;
        this.executor = executor;
        server = WebServer.builder().host("127.0.0.1").port(0).shutdownHook(false)
                .routing(routing -> routing.post("/text", this::text)).build().start();
    }

    static Subject rseq4j() {
        return new HelidonSubject("rseq4j", org.rseq4j.executors.Executors.newFixedThreadPool(THREADS));
    }

    static Subject jdk() {
        return new HelidonSubject("jdk", Executors.newFixedThreadPool(THREADS));
    }

    private void text(ServerRequest request, ServerResponse response) throws InterruptedException, ExecutionException {
        byte[] text = request.content().as(byte[].class);
        byte[] answer = executor.submit(() -> {
            tasks.increment();
            return OtherServers.answer(text);
        }).get();
        requests.increment();
        response.header(HeaderNames.CONTENT_TYPE, "application/json");
        response.send(answer);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int port() {
        return server.port();
    }

    @Override
    public void stop() throws InterruptedException {
        server.stop();
        executor.shutdown();
        executor.awaitTermination(1, TimeUnit.MINUTES);
    }

    @Override
    public List<Check> checks(long answered) {
        return List.of(OtherServers.counted(requests, answered),
                new Check("everyTaskRanOnce", "tasks", tasks.sum(), "requests", requests.sum()));
    }
}
