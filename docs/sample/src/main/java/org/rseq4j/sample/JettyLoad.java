package org.rseq4j.sample;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.HdrHistogram.Histogram;
import org.rseq4j.sample.JettyServer.Parts;

/**
 * The same load on each kind of server in turn, several rounds of it, and a table: {@code JettyLoad [ROUNDS [SECONDS
 * [CONNECTIONS]]]}. Clients and server share this machine and this JVM, so only the difference between rows means something.
 */
public final class JettyLoad {
    private static final byte[] REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

    private record Round(long requests, double seconds, Histogram micros) {
        double rate() {
            return requests / seconds;
        }
    }

    public static void main(String[] arguments) throws Exception {
        int rounds = argument(arguments, 0, 5);
        int seconds = argument(arguments, 1, 3);
        int connections = argument(arguments, 2, 128);
        System.out.println(org.rseq4j.Rseq.status());
        Map<Parts, List<Round>> results = new EnumMap<>(Parts.class);
        Map<Parts, String> statistics = new EnumMap<>(Parts.class);
        for (int round = -1; round < rounds; round++) { // the first one warms up
            for (Parts parts : Parts.values()) {
                try (JettyServer server = new JettyServer(parts)) {
                    Round result = run(server, seconds, connections);
                    server.awaitRequests(result.requests);
                    if (round >= 0) {
                        results.computeIfAbsent(parts, p -> new ArrayList<>()).add(result);
                        statistics.put(parts, server.statistics());
                    }
                }
            }
        }
        System.out.printf("%n%d rounds of %d s, %d connections, %d threads; each row: median of the rounds, lowest, highest%n%n",
                rounds, seconds, connections, JettyServer.THREADS);
        System.out.printf("| server | requests/s | lowest | highest | p50 us | p99 us | p99.9 us |%n");
        System.out.printf("| --- | --- | --- | --- | --- | --- | --- |%n");
        results.forEach((parts, list) -> {
            double[] rates = list.stream().mapToDouble(Round::rate).sorted().toArray();
            System.out.printf("| %s | %.0f | %.0f | %.0f | %d | %d | %d |%n", name(parts), median(rates), rates[0],
                    rates[rates.length - 1], percentile(list, 50), percentile(list, 99), percentile(list, 99.9));
        });
        statistics.forEach((parts, text) -> {
            if (!text.isEmpty()) {
                System.out.println(name(parts) + ", last round: " + text);
            }
        });
    }

    private static String name(Parts parts) {
        return switch (parts) {
            case JETTY -> "Jetty as it comes";
            case RSEQ4J -> "with a buffer pool on PerCpuPool";
        };
    }

    private static int argument(String[] arguments, int index, int otherwise) {
        return arguments.length > index ? Integer.parseInt(arguments[index]) : otherwise;
    }

    private static double median(double[] sorted) {
        return sorted.length % 2 == 1
                ? sorted[sorted.length / 2]
                : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
    }

    private static long percentile(List<Round> rounds, double percentile) {
        long[] values = rounds.stream().mapToLong(r -> r.micros.getValueAtPercentile(percentile)).sorted().toArray();
        return (long) median(Arrays.stream(values).asDoubleStream().toArray());
    }

    private static Round run(JettyServer server, int seconds, int connections)
            throws InterruptedException, ExecutionException {
        long begun = System.nanoTime();
        long end = begun + seconds * 1_000_000_000L;
        Histogram all = new Histogram(60_000_000, 3);
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Histogram>> parts = new ArrayList<>();
            for (int i = 0; i < connections; i++) {
                parts.add(clients.submit(() -> client(server, end)));
            }
            for (Future<Histogram> part : parts) {
                all.add(part.get());
            }
        }
        return new Round(all.getTotalCount(), (System.nanoTime() - begun) / 1e9, all);
    }

    /** One connection: a request, its answer, the next request. */
    private static Histogram client(JettyServer server, long end) throws IOException {
        Histogram micros = new Histogram(60_000_000, 3);
        byte[] buffer = new byte[JettyServer.ANSWER + 1024];
        try (Socket socket = new Socket(server.address().getAddress(), server.address().getPort())) {
            socket.setTcpNoDelay(true);
            InputStream in = socket.getInputStream();
            while (System.nanoTime() < end) {
                long begun = System.nanoTime();
                socket.getOutputStream().write(REQUEST);
                readAnswer(in, buffer);
                micros.recordValue((System.nanoTime() - begun) / 1000);
            }
        }
        return micros;
    }

    /** Reads the header up to the empty line, and then as many bytes as an answer has. */
    private static void readAnswer(InputStream in, byte[] buffer) throws IOException {
        int filled = 0;
        int body = -1;
        while (body < 0 || filled < body + JettyServer.ANSWER) {
            int n = in.read(buffer, filled, buffer.length - filled);
            if (n < 0) {
                throw new EOFException("the server closed the connection");
            }
            for (int i = Math.max(filled, 3); body < 0 && i < filled + n; i++) {
                if (buffer[i] == '\n' && buffer[i - 1] == '\r' && buffer[i - 2] == '\n' && buffer[i - 3] == '\r') {
                    body = i + 1;
                }
            }
            filled += n;
        }
        if (buffer[9] != '2') {
            throw new IOException("not a status of 200: " + new String(buffer, 0, body, StandardCharsets.US_ASCII));
        }
    }
}
