package org.rseq4j.demo;

import io.helidon.http.HeaderNames;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToLongFunction;

/** The HTTP server: one virtual thread a request, statistics over the text that is posted to /text. */
final class Server {
    /** A server's structures and the log that they feed. */
    record Backend(Structures structures, AccessLog log) {
    }

    private final List<Backend> backends;
    private final WebServer server;
    private volatile Backend current;

    Server(List<Backend> backends, int port) {
        this.backends = backends;
        this.current = backends.getFirst();
        this.server = WebServer.builder().host("127.0.0.1").port(port).shutdownHook(false)
                .routing(routing -> routing.post("/text", this::text).get("/metrics", this::metrics).get("/",
                        Server::page))
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
        Buffer buffer = backend.structures.acquire();
        try {
            int length;
            try (InputStream body = request.content().inputStream()) {
                length = body.readNBytes(buffer.text, 0, Buffer.SIZE);
            }
            byte[] answer = render(buffer, length);
            backend.structures.count(length, answer.length);
            backend.log.add(
                    new AccessRecord(System.currentTimeMillis(), length, answer.length, System.nanoTime() - start));
            response.header(HeaderNames.CONTENT_TYPE, "application/json");
            response.send(answer);
        } finally {
            backend.structures.release(buffer);
        }
    }

    /** Lines, words, the longest word and how often each letter occurs. */
    private static byte[] render(Buffer buffer, int length) {
        int lines = 0;
        int words = 0;
        int longest = 0;
        int word = 0;
        Arrays.fill(buffer.letters, 0);
        for (int i = 0; i < length; i++) {
            int lower = buffer.text[i] | 0x20;
            if (lower >= 'a' && lower <= 'z') {
                buffer.letters[lower - 'a']++;
                if (word++ == 0) {
                    words++;
                }
                longest = Math.max(longest, word);
            } else {
                word = 0;
                if (buffer.text[i] == '\n') {
                    lines++;
                }
            }
        }
        StringBuilder answer = buffer.answer;
        answer.setLength(0);
        answer.append("{\"bytes\":").append(length).append(",\"lines\":").append(lines).append(",\"words\":")
                .append(words)
                .append(",\"longest\":").append(longest).append(",\"letters\":{");
        for (int i = 0; i < buffer.letters.length; i++) {
            answer.append(i == 0 ? "\"" : ",\"").append((char) ('a' + i)).append("\":").append(buffer.letters[i]);
        }
        return answer.append("}}\n").toString().getBytes(StandardCharsets.US_ASCII);
    }

    private void metrics(ServerRequest request, ServerResponse response) throws IOException {
        MetricSnapshots snapshots = MetricSnapshots.of(
                counter("rseq4j_demo_requests", "Requests answered.", b -> b.structures.requests()),
                counter("rseq4j_demo_read_bytes", "Bytes of text read.", b -> b.structures.bytesRead()),
                counter("rseq4j_demo_sent_bytes", "Bytes of answers sent.", b -> b.structures.bytesSent()),
                counter("rseq4j_demo_pool_hits", "Buffers taken from the pool.", b -> b.structures.poolHits()),
                counter("rseq4j_demo_pool_misses", "Buffers made.", b -> b.structures.poolMisses()),
                counter("rseq4j_demo_log_records", "Access records queued.", b -> b.log.queued()),
                gauge("rseq4j_demo_queue_depth", "Access records that wait for a writer.", b -> b.structures.depth()),
                gauge("rseq4j_demo_buffers_in_use", "Buffers that a request has.", b -> b.structures.buffersOut()));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        PrometheusTextFormatWriter writer = PrometheusTextFormatWriter.create();
        writer.write(out, snapshots);
        response.header(HeaderNames.CONTENT_TYPE, writer.getContentType());
        response.send(out.toByteArray());
    }

    private MetricSnapshot counter(String name, String help, ToLongFunction<Backend> value) {
        CounterSnapshot.Builder snapshot = CounterSnapshot.builder().name(name).help(help);
        for (Backend backend : backends) {
            snapshot.dataPoint(CounterSnapshot.CounterDataPointSnapshot.builder().labels(labels(backend))
                    .value(value.applyAsLong(backend)).build());
        }
        return snapshot.build();
    }

    private MetricSnapshot gauge(String name, String help, ToLongFunction<Backend> value) {
        GaugeSnapshot.Builder snapshot = GaugeSnapshot.builder().name(name).help(help);
        for (Backend backend : backends) {
            snapshot.dataPoint(
                    GaugeSnapshot.GaugeDataPointSnapshot.builder().labels(labels(backend))
                            .value(value.applyAsLong(backend)).build());
        }
        return snapshot.build();
    }

    private static Labels labels(Backend backend) {
        return Labels.of("structures", backend.structures.name());
    }

    private static void page(ServerRequest request, ServerResponse response) throws IOException {
        try (InputStream page = Server.class.getResourceAsStream("index.html")) {
            response.header(HeaderNames.CONTENT_TYPE, "text/html; charset=utf-8");
            response.send(page.readAllBytes());
        }
    }
}
