// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultFileTest {
    @TempDir
    private Path folder;

    static Result result(String suite, String contender, int threads, Map<String, String> setting, Double... samples) {
        ObjectMapper mapper = new ObjectMapper();
        return new Result(suite, contender, threads, setting, "thrpt",
                new Result.Metric("ops/s", List.of(List.of(samples))),
                Map.of("wait p99.9", new Result.Metric("ns", List.of(List.of(samples)))),
                Map.of("jmhVersion", mapper.valueToTree("none"), "forks", mapper.valueToTree(1), "jvmArgs",
                        mapper.valueToTree(List.of("-Xmx2g")), "environment",
                        mapper.valueToTree(Map.of("commit", "abc"))));
    }

    @Test
    void aFileIsReadAsItWasWritten() throws IOException {
        List<Result> results = List.of(
                result("locks", "rseq4j SliceLock", 16, Map.of("kind", "platform", "noise", "0"), 3e6, 1e6, 2e6),
                result("locks", "no lock", 2, Map.of("kind", "virtual", "noise", "4"), 5.0));
        Path file = folder.resolve("a.json");
        ResultFile.write(file, results);
        assertEquals(results, ResultFile.read(file));
    }

    @Test
    void theJsonHasWhatReadersOfJmhsResultsLookFor() throws IOException {
        Path file = folder.resolve("a.json");
        ResultFile.write(file,
                List.of(result("lock-waits", "rseq4j SliceLock, fair", 16, Map.of("kind", "platform"), 3e6, 1e6, 2e6)));
        JsonNode array = new ObjectMapper().readTree(file.toFile());
        assertTrue(array.isArray());
        JsonNode node = array.get(0);
        assertEquals("lock_waits.rseq4j_SliceLock_fair", node.get("benchmark").asText());
        assertEquals("thrpt", node.get("mode").asText());
        assertEquals(16, node.get("threads").asInt());
        assertEquals(1, node.get("forks").asInt());
        assertEquals("-Xmx2g", node.get("jvmArgs").get(0).asText());
        assertEquals("rseq4j SliceLock, fair", node.get("params").get("contender").asText());
        JsonNode metric = node.get("primaryMetric");
        assertEquals(2e6, metric.get("score").asDouble());
        assertEquals(1e6, metric.get("scoreError").asDouble());
        assertEquals(1e6, metric.get("scoreConfidence").get(0).asDouble());
        assertEquals(3e6, metric.get("scoreConfidence").get(1).asDouble());
        assertEquals(1e6, metric.get("scorePercentiles").get("0.0").asDouble());
        assertEquals(2e6, metric.get("scorePercentiles").get("50.0").asDouble());
        assertEquals(3e6, metric.get("scorePercentiles").get("99.9").asDouble());
        assertEquals(3e6, metric.get("scorePercentiles").get("100.0").asDouble());
        assertEquals("ops/s", metric.get("scoreUnit").asText());
        assertEquals(3, metric.get("rawData").get(0).size());
        assertEquals("ns", node.get("secondaryMetrics").get("wait p99.9").get("scoreUnit").asText());
        assertEquals("abc", node.get("environment").get("commit").asText());
    }

    @Test
    void whatIsNotAResultFileIsRefusedByName() throws IOException {
        Path file = folder.resolve("a.json");
        for (String text : List.of("{}", "[{}]", "[", "[{\"params\": {\"suite\": \"locks\"}}]")) {
            Files.writeString(file, text);
            var error = assertThrows(IOException.class, () -> ResultFile.read(file), text);
            assertTrue(error.getMessage().contains("a.json") || error.getMessage().contains("end-of-input"),
                    error.getMessage());
        }
    }

    @Test
    void theNewestFileComesFirst() throws IOException {
        for (String name : List.of("b", "a", "c")) {
            Path file = folder.resolve(name + ".json");
            ResultFile.write(file, List.of(result(name, "x", 1, Map.of(), 1.0)));
            Files.setLastModifiedTime(file,
                    FileTime.fromMillis(name.equals("a") ? 3000 : name.equals("b") ? 2000 : 1000));
        }
        Files.writeString(folder.resolve("c.hlog"), "not JSON");
        assertEquals(List.of("a", "b", "c"),
                ResultFile.runs(folder).stream().map(run -> run.get(0).suite()).toList());
        assertEquals(List.of(), ResultFile.runs(folder.resolve("none")));
    }

    @Test
    void histogramsAreAHdrHistogramLog() throws IOException {
        var histogram = new Histogram(1_000_000, 3);
        for (int i = 1; i <= 1000; i++) {
            histogram.recordValue(i);
        }
        Path file = folder.resolve("a.hlog");
        ResultFile.writeHistograms(folder.resolve("a.json"), new ObjectMapper().valueToTree(Map.of("commit", "abc")),
                Map.of("locks no lock 2 wait", histogram));
        assertTrue(Files.readString(file).contains("commit: \"abc\""));
        try (var reader = new HistogramLogReader(file.toFile())) {
            EncodableHistogram read = reader.nextIntervalHistogram();
            assertEquals("locks_no_lock_2_wait", read.getTag());
            assertEquals(1000, ((Histogram) read).getTotalCount());
            assertNull(reader.nextIntervalHistogram());
        }
    }
}
