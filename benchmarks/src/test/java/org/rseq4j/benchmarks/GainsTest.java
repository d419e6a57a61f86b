// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GainsTest {
    @TempDir
    private Path folder;

    private static Result result(String suite, String contender, int threads, double rate) {
        return new Result(suite, contender, threads, Map.of(Result.KIND, "platform", Result.NOISE, "0"), "thrpt",
                new Result.Metric("ops/s", List.of(List.of(rate))), Map.of(), Map.of());
    }

    @Test
    void drawsWhatWasMeasuredWithBothNumbersOfThreads() throws IOException {
        Path file = folder.resolve("charts/gains.svg");
        assertTrue(Gains.draw(List.of(
                List.of(result("counters", "rseq4j PerCpuCounter", 1, 300e6), result("counters", "LongAdder", 1, 150e6),
                        result("counters", "rseq4j PerCpuCounter", 16, 500e6),
                        result("counters", "LongAdder", 16, 250e6)),
                List.of(result("pools", "rseq4j PerCpuPool", 1, 60e6), result("pools", "ThreadLocal", 1, 400e6),
                        result("pools", "rseq4j PerCpuPool", 16, 55e6), result("pools", "ThreadLocal", 16, 550e6))),
                file));
        assertTrue(Files.readString(file).contains("<svg"));
    }

    @Test
    void drawsNothingFromHalfAComparison() throws IOException {
        Path file = folder.resolve("gains.svg");
        assertFalse(Gains.draw(List.of(List.of(result("counters", "rseq4j PerCpuCounter", 1, 300e6),
                result("counters", "LongAdder", 1, 150e6), result("counters", "rseq4j PerCpuCounter", 16, 500e6))),
                file));
        assertFalse(Files.exists(file));
    }
}
