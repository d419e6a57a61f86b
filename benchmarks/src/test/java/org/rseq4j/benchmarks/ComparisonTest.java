// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Short real runs in JVMs of their own: that everything arrives, not how fast anything is. */
class ComparisonTest {
    @TempDir
    private Path folder;

    private static RunOptions options(List<String> only, Integer... threads) {
        var options = new RunOptions();
        options.only = only;
        options.threads = List.of(threads);
        options.defaults(1, 1, 2, 20);
        return options;
    }

    @Test
    void eachContenderHasItsSamplesAndItsEnvironment() throws IOException {
        var comparison = new Comparison(Suites.named("counters"),
                options(List.of("rseq4j PerCpuCounter", "LongAdder"), 2));
        int[] told = new int[1];
        comparison.run(_ -> told[0]++);
        assertEquals(2, told[0]);
        assertEquals(List.of("rseq4j PerCpuCounter", "LongAdder"),
                comparison.results().stream().map(Result::contender).toList());
        for (Result result : comparison.results()) {
            assertEquals(2, result.threads());
            assertEquals(2, result.spread().samples());
            assertTrue(result.spread().least() > 0);
            assertTrue(result.run().get("environment").has("rseq"));
            assertTrue(result.secondary().containsKey(Result.SLOWEST));
        }
        var text = new ByteArrayOutputStream();
        try (var out = new PrintStream(text, true, StandardCharsets.UTF_8)) {
            Comparison.print(out, comparison.results());
        }
        assertTrue(text.toString(StandardCharsets.UTF_8).contains("rseq4j PerCpuCounter against LongAdder: 2: "));
    }

    @Test
    void latenciesAreThereRawAndCorrectedAndInALog() throws IOException {
        var comparison = new Comparison(Suites.named("lock-waits"), options(List.of("StampedLock"), 2));
        comparison.run(_ -> {});
        Result result = comparison.results().get(0);
        double raw = result.secondary().get("wait p99.9").spread().median();
        assertTrue(result.secondary().get("wait corrected p99.9").spread().median() >= raw);
        comparison.write(folder.resolve("a.json"));
        assertEquals(comparison.results(), ResultFile.read(folder.resolve("a.json")));
        assertTrue(Files.readString(folder.resolve("a.hlog")).contains("lock_waits_StampedLock_2_wait"));
    }

    @Test
    void oneJvmCanGoThroughAllNumbersOfThreads() throws IOException {
        var options = options(List.of("LongAdder"), 1, 2);
        options.oneJvm = true;
        var comparison = new Comparison(Suites.named("counters"), options);
        int[] told = new int[1];
        comparison.run(_ -> told[0]++);
        assertEquals(1, told[0]);
        assertEquals(List.of(1, 2), comparison.results().stream().map(Result::threads).toList());
        for (Result result : comparison.results()) {
            assertEquals(2, result.spread().samples());
            assertTrue(result.run().get("oneJvm").asBoolean());
            assertTrue(result.secondary().containsKey(Result.ALLOCATED));
        }
    }

    @Test
    void aContenderThatFailsIsLeftOutAndNamed() throws IOException {
        Suite suite = Suites.named("queues");
        var options = options(List.of("ConcurrentLinkedQueue", "ArrayBlockingQueue"), 1);
        options.jvm = List.of("-Drseq4j.bench.waiting=nonsense");
        var comparison = new Comparison(suite, options);
        var error = assertThrows(IOException.class, () -> comparison.run(_ -> {}));
        assertTrue(error.getMessage().contains("ConcurrentLinkedQueue") && error.getMessage().contains("ArrayBlocking"),
                error::getMessage);
        assertTrue(comparison.results().isEmpty());
    }

    @Test
    void aContenderThatDoesNotExistIsRefused() {
        var comparison = new Comparison(Suites.named("counters"), options(List.of("nobody"), 1));
        var error = assertThrows(IllegalArgumentException.class, () -> comparison.run(_ -> {}));
        assertTrue(error.getMessage().contains("nobody"));
    }
}
