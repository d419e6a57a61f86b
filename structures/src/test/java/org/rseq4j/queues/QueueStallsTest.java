// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.rseq4j.SliceExtension;

/**
 * With one CPU, JVMs with the extension and without, in turn: how often a consumer finds an offer that was scheduled
 * out between its claim and its publication, how often that lasts longer than a millisecond, and p99.9 of the time in
 * the queue.
 */
@org.junit.jupiter.api.Tag("grants")
@Timeout(value = 900, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@EnabledIfEnvironmentVariable(named = "RSEQ4J_VM", matches = "1", disabledReason = "needs the test kernel: bin/vm run --cpus 1")
class QueueStallsTest {
    private static final int FORKS = Integer.getInteger("rseq4j.test.forks", 2);
    private static final String MILLIS = System.getProperty("rseq4j.test.stallMillis", "6000");

    private static final class Result {
        long transfers;
        long unfinished;
        long stalls;
        long worst;
    }

    @Test
    void offersAreNotScheduledOutBeforeTheyArePublished() throws Exception {
        assumeTrue(SliceExtension.isSupported(), "needs the time slice extension");
        assertEquals(1, Runtime.getRuntime().availableProcessors(), "needs one CPU: bin/vm run --cpus 1");
        Map<String, Result> with = new TreeMap<>();
        Map<String, Result> without = new TreeMap<>();
        for (int i = 0; i < FORKS; i++) {
            run(without, false);
            run(with, true);
        }
        System.out.printf("%-12s %-10s %12s %12s %12s %14s%n", "threads", "extension", "transfers", "unfinished",
                "over 1 ms", "p99.9 us");
        print("off", without);
        print("on", with);
        double rateWith = rate(with);
        double rateWithout = rate(without);
        long seen = without.values().stream().mapToLong(result -> result.unfinished).sum();
        if (seen <= 20) {
            String few = "only " + seen + " offers were scheduled out without the extension";
            System.out.println("NOT CHECKED: " + few);
            assumeTrue(false, few);
        }
        assertTrue(rateWith * 5 <= rateWithout,
                "unfinished offers seen a transfer fell only from " + rateWithout + " to " + rateWith);
    }

    private static void print(String extension, Map<String, Result> results) {
        results.forEach((n, result) -> System.out.printf("%-12s %-10s %12d %12d %12d %14d%n", n + "+" + n, extension,
                result.transfers, result.unfinished, result.stalls, result.worst / 1000));
    }

    private static double rate(Map<String, Result> results) {
        return results.values().stream().mapToLong(result -> result.unfinished).sum()
                / (double) results.values().stream().mapToLong(result -> result.transfers).sum();
    }

    private static void run(Map<String, Result> results, boolean extension) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED", "-XX:-BackgroundCompilation", "-Xmx300m", "-cp",
                        System.getProperty("java.class.path")));
        if (!extension) {
            command.add("-Drseq4j.sliceExtension=off");
        }
        command.addAll(List.of(QueueStalls.class.getName(), MILLIS, MILLIS, "2", "8"));
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        int lines = 0;
        try (var output = process.inputReader()) {
            for (String line; (line = output.readLine()) != null;) {
                String[] words = line.split(" ", -1);
                if (words[0].equals("stalls")) {
                    assertEquals(extension, Boolean.parseBoolean(words[2]));
                    Result result = results.computeIfAbsent(words[1], n -> new Result());
                    result.transfers += Long.parseLong(words[3]);
                    result.unfinished += Long.parseLong(words[4]);
                    result.stalls += Long.parseLong(words[5]);
                    result.worst = Math.max(result.worst, Long.parseLong(words[6]));
                    lines++;
                }
            }
        }
        assertEquals(0, process.waitFor());
        assertEquals(2, lines);
    }
}
