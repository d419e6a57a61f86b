// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;

/** The client's process, which drives the server for a round at a time; see LoadClient. */
final class Load implements AutoCloseable {
    static final String LINE = "The quick brown fox jumps over the lazy dog, and the scheduler lets it finish its jump.";
    static final int LINES = 16;

    /**
     * What the client saw: requests answered, those that failed, seconds of load, latencies in nanoseconds, and of an
     * open loop whose server tells its steps the slowest one in ten thousand.
     */
    record Round(long answered, long failed, double seconds, Histogram latency, List<Trip> slowest) {
        double rate() {
            return answered / seconds;
        }
    }

    private final Process process;
    private final Writer commands;
    private final BufferedReader results;
    private final Live live;

    Load(int port, int connections, Live live) throws IOException {
        this.live = live;
        // A session of its own: Ctrl-C in the terminal must not stop it in the middle of requests.
        process = new ProcessBuilder(List.of("setsid",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx128m", "-XX:+UseSerialGC",
                "-cp", System.getProperty("java.class.path"), LoadClient.class.getName(),
                Integer.toString(port), Integer.toString(connections)))
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        commands = process.outputWriter(StandardCharsets.US_ASCII);
        results = process.inputReader(StandardCharsets.US_ASCII);
    }

    /** As many requests as the server answers. */
    Round closed(long millis) throws IOException {
        return run("closed " + millis);
    }

    /** Requests that arrive at a rate, the same ones for the same seed. */
    Round open(long millis, double rate, long seed) throws IOException {
        return run("open " + millis + " " + rate + " " + seed);
    }

    private Round run(String command) throws IOException {
        commands.write(command + "\n");
        commands.flush();
        String[] words = read();
        while (words[0].equals("tick")) {
            live.add(Double.parseDouble(words[1]), Long.parseLong(words[2]), Long.parseLong(words[3]),
                    Long.parseLong(words[4]));
            words = read();
        }
        try {
            return new Round(Long.parseLong(words[0]), Long.parseLong(words[1]), Double.parseDouble(words[2]),
                    Histogram.decodeFromCompressedByteBuffer(ByteBuffer.wrap(Base64.getDecoder().decode(words[3])),
                            LoadClient.MAX_LATENCY_NANOS),
                    Trip.read(words[4]));
        } catch (DataFormatException e) {
            throw new IOException(e);
        }
    }

    private String[] read() throws IOException {
        String line = results.readLine();
        if (line == null) {
            throw new IOException("the client's process ended");
        }
        return line.split(" ");
    }

    @Override
    public void close() throws IOException {
        commands.close();
        process.destroy();
    }
}
