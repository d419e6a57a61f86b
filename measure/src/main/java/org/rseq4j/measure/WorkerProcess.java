// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** The other end of a {@link Worker}: starts it, orders rounds and reads their samples. */
final class WorkerProcess implements AutoCloseable {
    /** How much longer than it should a round may take, on a busy machine. */
    private static final long GRACE_MILLIS = 60_000;
    private static final String PREFIX = "rseq4j.";

    private final Contender contender;
    private final Process process;
    private final Writer orders;
    private final BufferedReader answers;

    /** @param options for the JVM, beside this one's own properties of the library */
    WorkerProcess(Contender contender, List<String> options) throws IOException {
        this.contender = contender;
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-Xms64m", "-Xmx192m", "-XX:+UseSerialGC"));
        if (Runtime.version().feature() >= 23) {
            command.add("--sun-misc-unsafe-memory-access=allow"); // JCTools
        }
        System.getProperties().stringPropertyNames().stream().filter(name -> name.startsWith(PREFIX))
                .forEach(name -> command.add("-D" + name + "=" + System.getProperty(name)));
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Worker.class.getName(),
                contender.name()));
        process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        orders = process.outputWriter(StandardCharsets.US_ASCII);
        answers = process.inputReader(StandardCharsets.US_ASCII);
    }

    Sample round(int threads, long millis) throws IOException {
        var late = CompletableFuture.runAsync(process::destroyForcibly,
                CompletableFuture.delayedExecutor(millis + GRACE_MILLIS, TimeUnit.MILLISECONDS));
        String answer;
        try {
            orders.write(threads + " " + millis + "\n");
            orders.flush();
            answer = answers.readLine();
        } finally {
            late.cancel(false);
        }
        if (answer == null || answer.startsWith(Worker.FAILED)) {
            throw new IOException(contender.title + " with " + threads + " threads: "
                    + (answer == null ? "its JVM ended, or did not answer in time" : answer));
        }
        return Sample.ofLine(answer);
    }

    @Override
    public void close() {
        process.destroy();
    }
}
