// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** The HTTP server: one virtual thread a request, statistics over the text that is posted to /text. */
final class Server {
    /** A server's structures and the log that they feed. */
    record Backend(Structures structures, AccessLog log) {
    }

    private static final String CHARTS = "/META-INF/resources/webjars/uplot/1.6.30/dist/uPlot";

    private static final HeaderName STEPS = HeaderNames.create(Trip.HEADER);

    @SuppressWarnings("UnusedVariable") // the registry refers to them weakly
    private final List<Backend> backends;
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final WebServer server;
    private final Live live;
    private final boolean tracing;
    private volatile Backend current;

    /** The server, which tells its steps in a header of each answer where it is tracing. */
    Server(List<Backend> backends, Live live, int port, boolean tracing) {
        this.tracing = tracing;
        this.live = live;
        this.backends = backends;
        this.current = backends.getFirst();
        backends.forEach(backend -> bind(backend, registry));
        this.server = WebServer.builder().host("127.0.0.1").port(port).shutdownHook(false)
                .routing(routing -> routing.post("/text", this::text).get("/metrics", this::metrics)
                        .get("/live", this::live)
                        .get("/", (request, response) -> send(response, "text/html", "index.html"))
                        .get("/chart.js",
                                (request, response) -> send(response, "text/javascript", CHARTS + ".iife.min.js"))
                        .get("/chart.css", (request, response) -> send(response, "text/css", CHARTS + ".min.css")))
                .build()
                .start();
    }

    int port() {
        return server.port();
    }

    /** Requests that arrive from now on are answered by these structures. */
    void use(Backend backend) {
        current = backend;
    }

    void stop() {
        server.stop();
    }

    private void text(ServerRequest request, ServerResponse response) throws IOException {
        long start = System.nanoTime();
        Backend backend = current;
        Trip.Steps steps = tracing ? new Trip.Steps() : null;
        passed(steps);
        Buffer buffer = backend.structures.buffers().acquire();
        passed(steps);
        try {
            int length;
            try (InputStream body = request.content().inputStream()) {
                length = body.readNBytes(buffer.text, 0, Buffer.SIZE);
            }
            byte[] answer = buffer.render(length);
            passed(steps);
            backend.structures.statistics().count(length, answer.length, System.nanoTime() - start);
            passed(steps);
            backend.log.add(
                    new AccessRecord(System.currentTimeMillis(), length, answer.length, System.nanoTime() - start));
            passed(steps);
            if (tracing) {
                response.header(STEPS, steps.toString());
            }
            response.header(HeaderNames.CONTENT_TYPE, "application/json");
            response.send(answer);
        } finally {
            backend.structures.buffers().release(buffer);
        }
    }

    private static void passed(Trip.Steps steps) {
        if (steps != null) {
            steps.passed();
        }
    }

    private void metrics(ServerRequest request, ServerResponse response) {
        response.header(HeaderNames.CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
        response.send(registry.scrape());
    }

    private static void bind(Backend backend, MeterRegistry registry) {
        backend.structures.statistics().bindTo(registry, backend.structures.name());
        counter(registry, "rseq4j.demo.pool.hits", "Buffers taken from the pool.", backend,
                b -> b.structures.buffers().hits());
        counter(registry, "rseq4j.demo.pool.misses", "Buffers made.", backend, b -> b.structures.buffers().misses());
        counter(registry, "rseq4j.demo.log.records", "Access records queued.", backend, b -> b.log.queued());
        gauge(registry, "rseq4j.demo.queue.depth", "Access records that wait for a writer.", backend,
                b -> b.structures.queue().size());
        gauge(registry, "rseq4j.demo.buffers.in.use", "Buffers that a request has.", backend,
                b -> b.structures.buffers().out());
    }

    private static void counter(MeterRegistry registry, String name, String help, Backend backend,
            ToDoubleFunction<Backend> value) {
        FunctionCounter.builder(name, backend, value).description(help).tag("structures", backend.structures.name())
                .register(registry);
    }

    private static void gauge(MeterRegistry registry, String name, String help, Backend backend,
            ToDoubleFunction<Backend> value) {
        Gauge.builder(name, backend, value).description(help).tag("structures", backend.structures.name())
                .register(registry);
    }

    private void live(ServerRequest request, ServerResponse response) throws IOException {
        response.header(HeaderNames.CONTENT_TYPE, "application/json");
        response.send(live.json(request.query().first("from").map(Integer::parseInt).orElse(0)));
    }

    private static void send(ServerResponse response, String type, String resource) throws IOException {
        try (InputStream in = Server.class.getResourceAsStream(resource)) {
            response.header(HeaderNames.CONTENT_TYPE, type + "; charset=utf-8");
            response.send(in.readAllBytes());
        }
    }
}
