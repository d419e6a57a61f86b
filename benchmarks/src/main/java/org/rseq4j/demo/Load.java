package org.rseq4j.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;

/** An HTTP client that drives the server for a round: wrk, or the JDK's. */
interface Load {
    /** What the client saw: requests answered, those that failed, seconds of load, latencies in microseconds. */
    record Round(long answered, long failed, double seconds, Histogram latency) {
    }

    String LINE = "The quick brown fox jumps over the lazy dog, and the scheduler lets it finish its jump.";
    int LINES = 16;
    long MAX_LATENCY_MICROS = 60_000_000;

    String name();

    Round run(int port, int connections, int seconds) throws IOException, InterruptedException;

    /** wrk, https://github.com/wg/wrk. */
    record Wrk(Path folder) implements Load {
        @Override
        public String name() {
            return "wrk";
        }

        @Override
        public Round run(int port, int connections, int seconds) throws IOException, InterruptedException {
            Path script = folder.resolve("load.lua");
            try (InputStream in = Load.class.getResourceAsStream("load.lua")) {
                Files.copy(in, script, StandardCopyOption.REPLACE_EXISTING);
            }
            // A session of its own: Ctrl-C in the terminal must not stop it in the middle of requests.
            Process wrk = new ProcessBuilder("setsid", "wrk", "--threads", connections == 1 ? "1" : "2",
                    "--connections",
                    Integer.toString(connections), "--duration", seconds + "s", "--timeout", "30s", "--script",
                    script.toString(),
                    "http://127.0.0.1:" + port + "/text", "--", Integer.toString(seconds), LINE,
                    Integer.toString(LINES))
                    .redirectErrorStream(true).start();
            Histogram latency = new Histogram(MAX_LATENCY_MICROS, 3);
            StringBuilder other = new StringBuilder();
            long[] total = null;
            try (BufferedReader lines = wrk.inputReader(StandardCharsets.UTF_8)) {
                for (String line; (line = lines.readLine()) != null;) {
                    String[] words = line.split(" ");
                    switch (words[0]) {
                        case "demo-total" -> total = new long[]{Long.parseLong(words[1]), Long.parseLong(words[2]),
                                Long.parseLong(words[3])};
                        case "demo-latency" ->
                            latency.recordValueWithCount(Math.min(Long.parseLong(words[1]), MAX_LATENCY_MICROS),
                                    Long.parseLong(words[2]));
                        default -> other.append("    ").append(line).append('\n');
                    }
                }
            }
            int status = wrk.waitFor();
            if (status != 0 || total == null) {
                throw new IOException("wrk ended with status " + status + ":\n" + other);
            }
            return new Round(total[0], total[2], seconds - 0.5, latency);
        }
    }

    /** The JDK's HttpClient, a virtual thread a connection. */
    record Jdk() implements Load {
        @Override
        public String name() {
            return "java.net.http.HttpClient";
        }

        @Override
        public Round run(int port, int connections, int seconds) throws InterruptedException {
            Histogram latency = new ConcurrentHistogram(MAX_LATENCY_MICROS, 3);
            AtomicLong failed = new AtomicLong();
            HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/text"))
                    .POST(HttpRequest.BodyPublishers.ofString((LINE + "\n").repeat(LINES))).build();
            long start = System.nanoTime();
            long end = start + seconds * 1_000_000_000L;
            try (HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()) {
                List<Thread> threads = new ArrayList<>();
                for (int i = 0; i < connections; i++) {
                    threads.add(Thread.ofVirtual().start(() -> {
                        while (System.nanoTime() < end) {
                            long sent = System.nanoTime();
                            try {
                                if (client.send(request, HttpResponse.BodyHandlers.ofByteArray()).statusCode() != 200) {
                                    failed.incrementAndGet();
                                }
                                latency.recordValue(Math.min((System.nanoTime() - sent) / 1000, MAX_LATENCY_MICROS));
                            } catch (IOException e) {
                                failed.incrementAndGet();
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                                return;
                            }
                        }
                    }));
                }
                for (Thread thread : threads) {
                    thread.join();
                }
            }
            return new Round(latency.getTotalCount(), failed.get(), (System.nanoTime() - start) / 1e9, latency);
        }
    }
}
