// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Runs suites in the test kernel, by {@code bin/vm}. */
final class TestKernel {
    /** For the machine's start and end, and the round that the limit falls into. */
    private static final int SECONDS_BESIDE = 300;

    private TestKernel() {
    }

    /**
     * Runs the suites, one after the other, each in a machine of its own.
     *
     * @param mixes whether those with a target for more work outside the lock run with that as well
     * @return the exit status
     */
    static int run(List<String> suites, boolean mixes, RunOptions options, boolean quick, boolean full, int cpus,
            Path json) throws IOException, InterruptedException {
        int status = 0;
        int outside = Integer.getInteger("rseq4j.bench.outside", 100);
        for (String suite : suites) {
            status = Math.max(status, run(suite, outside, options, quick, full, cpus, json));
            if (mixes && suite.equals("global-lock")) {
                status = Math.max(status, run(suite, 8 * outside, options, quick, full, cpus, json));
            }
        }
        return status;
    }

    private static int run(String suite, int outside, RunOptions options, boolean quick, boolean full, int cpus,
            Path json) throws IOException, InterruptedException {
        Path file = json != null
                ? json.toAbsolutePath()
                : Bench.results().resolve("vm-" + suite + "-"
                        + LocalDateTime.now().format(DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT))
                        + ".json");
        Files.createDirectories(file.getParent());
        return new ProcessBuilder(command(suite, outside, options, quick, full, cpus, file)).inheritIO().start()
                .waitFor();
    }

    private static List<String> command(String suite, int outside, RunOptions options, boolean quick, boolean full,
            int cpus,
            Path file) throws IOException {
        List<String> command = new ArrayList<>(List.of(Environment.root().resolve("bin/vm").toString(), "run", "--cpus",
                "" + cpus, "--timeout", "" + (options.limit + SECONDS_BESIDE), "--out",
                file.getParent().toRealPath().toString(), "--",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx128m", "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED", "-Drseq4j.bench.root=" + Environment.root(),
                "-Drseq4j.bench.commit=" + Environment.commit()));
        // A busy host must not make grants run out. Several CPUs take turns by that clock, too.
        command.addAll(2, List.of("--accel", "tcg-icount"));
        // By number, not by time: 50 multiplications, some microseconds where a processor is emulated.
        command.add("-Drseq4j.bench.hundred=50");
        command.add("-Drseq4j.bench.inside=" + Integer.getInteger("rseq4j.bench.inside", 100));
        command.add("-Drseq4j.bench.outside=" + outside);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Bench.class.getName(), "--in-vm", suite,
                "--json", file.getParent().toRealPath().resolve(file.getFileName()).toString()));
        if (quick) {
            command.add("--quick");
        }
        if (full) {
            command.add("--full");
        }
        command.addAll(options.arguments());
        return command;
    }
}
