// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.zip.DataFormatException;
import org.HdrHistogram.Histogram;

/** The other end of a {@link ContenderJvm}: starts it, gives orders and reads the answers. */
final class ContenderProcess implements AutoCloseable {
    private final String name;
    private final Process process;
    private final PrintWriter orders;
    private final BufferedReader answers;
    private final long timeoutMillis;
    private volatile boolean tooLate;
    private JsonNode environment;

    /** {@return the Java that contenders run on: bin/bench says when it is another one} */
    static Path java() {
        return Path.of(System.getProperty("rseq4j.bench.java.home", System.getProperty("java.home")), "bin", "java");
    }

    /** {@return its version} */
    static int javaVersion() {
        return Integer.getInteger("rseq4j.bench.java.version", Runtime.version().feature());
    }

    /** What an order was answered with. */
    private static final class Answer {
        Sample sample;
        final Map<String, Double> counts = new LinkedHashMap<>();
        final Map<String, Histogram> histograms = new LinkedHashMap<>();
    }

    /**
     * @param suite where the contender is
     * @param contender its name
     * @param options the kind of threads and the noise
     * @param arguments for the JVM
     * @param timeoutMillis how much longer than a round an answer may take
     */
    ContenderProcess(Suite suite, String contender, RunOptions options, List<String> arguments, long timeoutMillis)
            throws IOException {
        name = contender;
        this.timeoutMillis = timeoutMillis;
        List<String> command = new ArrayList<>();
        command.add(java().toString());
        command.addAll(arguments);
        command.addAll(List.of("-Drseq4j.bench.root=" + Environment.root(),
                "-Drseq4j.bench.commit=" + System.getProperty("rseq4j.bench.commit", "unknown"), "-cp",
                System.getProperty("rseq4j.bench.java.classes", System.getProperty("java.class.path")),
                ContenderJvm.class.getName(), suite.name(), contender,
                options.virtual ? "virtual" : "platform", "" + options.noise,
                "" + (options.cpuTime && !options.virtual)));
        process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        orders = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
        answers = process.inputReader(StandardCharsets.UTF_8);
        Thread watch = new Thread(this::killWhenLate, "watch");
        watch.setDaemon(true);
        watch.start();
    }

    private volatile long deadline;

    /** Ends the process when an answer is overdue: the reader then finds the end of the stream. */
    private void killWhenLate() {
        try {
            while (!process.waitFor(1, TimeUnit.SECONDS)) {
                long until = deadline;
                if (until != 0 && System.nanoTime() - until > 0) {
                    tooLate = true;
                    process.destroyForcibly();
                    return;
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Answer order(String order, long millis) throws IOException {
        deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis + timeoutMillis) | 1;
        orders.println(order);
        var answer = new Answer();
        for (String line = answers.readLine(); line != null; line = answers.readLine()) {
            if (line.equals("done")) {
                deadline = 0;
                return answer;
            }
            String[] words = line.split(" ", 3);
            switch (words[0]) {
                case "environment" -> environment = new ObjectMapper().readTree(line.substring(words[0].length()));
                case "sample" -> {
                    String[] rest = words[2].split(" ", -1);
                    answer.sample = new Sample(Double.parseDouble(words[1]), Double.parseDouble(rest[0]),
                            Long.parseLong(rest[1]), Double.parseDouble(rest[2]), Long.parseLong(rest[3]));
                }
                case "count" -> answer.counts.put(words[2], Double.parseDouble(words[1]));
                case "histogram" -> answer.histograms.put(words[2], decode(words[1]));
                default -> System.err.println(line);
            }
        }
        throw new IOException(name + (tooLate ? " did not answer in time to: " : " failed at: ") + order);
    }

    private static Histogram decode(String text) throws IOException {
        try {
            return Histogram.decodeFromCompressedByteBuffer(ByteBuffer.wrap(Base64.getDecoder().decode(text)), 0);
        } catch (DataFormatException e) {
            throw new IOException("a histogram cannot be read", e);
        }
    }

    void make(int threads) throws IOException {
        order("make " + threads, 0);
    }

    /** {@return one round, what was counted in it going to the second argument} */
    Sample run(long millis, Map<String, Double> counts) throws IOException {
        Answer answer = order("run " + millis, millis);
        counts.putAll(answer.counts);
        if (answer.sample == null) {
            throw new IOException(name + " gave no sample");
        }
        return answer.sample;
    }

    Map<String, Histogram> latencies() throws IOException {
        return order("latencies", 0).histograms;
    }

    /** {@return the environment that the JVM found; after the first order} */
    JsonNode environment() {
        return environment;
    }

    @Override
    public void close() throws IOException {
        orders.close();
        try {
            if (!process.waitFor(60, TimeUnit.SECONDS)) {
                throw new IOException(name + " did not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            process.destroyForcibly();
        }
    }
}
