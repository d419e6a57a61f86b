// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.LongStream;

/** Connections that send one request after another, each as soon as the last was answered. */
interface Load {
    /** Requests that were answered, the seconds that it took, percentiles of the time to an answer in microseconds. */
    record Round(long requests, double seconds, double p50, double p99, double p999) {
        double rate() {
            return requests / seconds;
        }
    }

    /** Whether requests may be under way when a round ends, which the server then counts and the round does not. */
    boolean leavesRequests();

    Round run(int port, int seconds, int connections) throws IOException, InterruptedException, ExecutionException;

    /** wrk where it is installed. */
    static Load wrkOrJava() {
        try {
            Process wrk = new ProcessBuilder("wrk", "-v").redirectErrorStream(true).start();
            wrk.getInputStream().readAllBytes();
            wrk.waitFor();
            return new Wrk();
        } catch (IOException e) {
            return new Java();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** wrk, <a href="https://github.com/wg/wrk">github.com/wg/wrk</a>, with one thread. */
    final class Wrk implements Load {
        /** Its default report has no p99.9. */
        private static final String SCRIPT = """
                done = function(summary, latency, requests)
                  local e = summary.errors
                  io.write(string.format("result %d %d %d %d %d %d\\n", summary.requests, summary.duration,
                    e.connect + e.read + e.write + e.status + e.timeout,
                    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
                end
                """;

        @Override
        public String toString() {
            return "wrk";
        }

        @Override
        public boolean leavesRequests() {
            return true;
        }

        @Override
        public Round run(int port, int seconds, int connections) throws IOException, InterruptedException {
            Path script = Files.createTempFile("load", ".lua");
            try {
                Files.writeString(script, SCRIPT);
                Process wrk = new ProcessBuilder("wrk", "-t", "1", "-c", Integer.toString(connections), "-d", seconds + "s",
                        "--timeout", "60s", "-s", script.toString(), "http://127.0.0.1:" + port + "/")
                        .redirectErrorStream(true).start();
                String output = new String(wrk.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                int status = wrk.waitFor();
                String result = output.lines().filter(line -> line.startsWith("result ")).findFirst().orElse(null);
                if (status != 0 || result == null) {
                    throw new IOException("wrk ended with status " + status + ":\n" + output);
                }
                String[] words = result.split(" ");
                if (!words[3].equals("0")) {
                    throw new IOException(words[3] + " requests failed:\n" + output);
                }
                return new Round(Long.parseLong(words[1]), Long.parseLong(words[2]) / 1e6, Long.parseLong(words[4]),
                        Long.parseLong(words[5]), Long.parseLong(words[6]));
            } finally {
                Files.deleteIfExists(script);
            }
        }
    }

    /** Virtual threads of this JVM, which is not the server's. */
    final class Java implements Load {
        private static final byte[] REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

        @Override
        public String toString() {
            return "virtual threads, as there is no wrk";
        }

        @Override
        public boolean leavesRequests() {
            return false;
        }

        @Override
        public Round run(int port, int seconds, int connections) throws InterruptedException, ExecutionException {
            long begun = System.nanoTime();
            long end = begun + seconds * 1_000_000_000L;
            List<long[]> all = new ArrayList<>();
            try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
                List<Future<long[]>> parts = new ArrayList<>();
                for (int i = 0; i < connections; i++) {
                    parts.add(clients.submit(() -> client(port, end)));
                }
                for (Future<long[]> part : parts) {
                    all.add(part.get());
                }
            }
            double elapsed = (System.nanoTime() - begun) / 1e9;
            long[] micros = all.stream().flatMapToLong(LongStream::of).sorted().toArray();
            return new Round(micros.length, elapsed, percentile(micros, 50), percentile(micros, 99),
                    percentile(micros, 99.9));
        }

        private static double percentile(long[] sorted, double percent) {
            return sorted[Math.min(sorted.length - 1, (int) (sorted.length * percent / 100))];
        }

        /** The times to the answers, in microseconds. */
        private static long[] client(int port, long end) throws IOException {
            LongStream.Builder micros = LongStream.builder();
            byte[] buffer = new byte[JettyServer.ANSWER + 1024];
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                socket.setTcpNoDelay(true);
                InputStream in = socket.getInputStream();
                while (System.nanoTime() < end) {
                    long begun = System.nanoTime();
                    socket.getOutputStream().write(REQUEST);
                    readAnswer(in, buffer);
                    micros.add((System.nanoTime() - begun) / 1000);
                }
            }
            return micros.build().toArray();
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
}
