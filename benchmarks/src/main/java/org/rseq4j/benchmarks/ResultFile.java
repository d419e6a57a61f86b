// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogWriter;

/**
 * Results as JSON in the form that JMH writes, so that tools for JMH's results read them: an array of objects, with
 * {@code benchmark}, {@code mode}, {@code threads}, {@code params}, {@code primaryMetric} and so on. The score is the
 * median, the error half of the range, the confidence interval the range itself. {@code environment} is an addition.
 */
final class ResultFile {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final double[] PERCENTILES = {0, 50, 90, 95, 99, 99.9, 99.99, 99.999, 99.9999, 100};
    /** What {@link Result#run()} holds. */
    private static final List<String> RUN = List.of("jmhVersion", "forks", "jvm", "jvmArgs", "jdkVersion", "vmName",
            "vmVersion", "warmupIterations", "warmupTime", "warmupBatchSize", "measurementIterations",
            "measurementTime", "measurementBatchSize", "oneJvm", "environment");

    private ResultFile() {
    }

    /** Replaces the file at once: a reader never finds half of it. */
    static void write(Path file, Collection<Result> results) throws IOException {
        ArrayNode array = MAPPER.createArrayNode();
        results.forEach(result -> array.add(toJson(result)));
        Path whole = file.toAbsolutePath();
        Files.createDirectories(whole.getParent());
        Path part = whole.resolveSibling(whole.getFileName() + ".part");
        MAPPER.writerWithDefaultPrettyPrinter().writeValue(part.toFile(), array);
        Files.move(part, whole, StandardCopyOption.REPLACE_EXISTING);
    }

    static List<Result> read(Path file) throws IOException {
        JsonNode array = MAPPER.readTree(file.toFile());
        if (array == null || !array.isArray()) {
            throw new IOException(file + " has no results: it is not a JSON array");
        }
        List<Result> results = new ArrayList<>();
        for (JsonNode node : array) {
            results.add(fromJson(file, node));
        }
        return results;
    }

    /** {@return the results of each file in a folder, the newest first; none when there is no folder} */
    static List<List<Result>> runs(Path folder) throws IOException {
        List<List<Result>> runs = new ArrayList<>();
        for (Path file : files(folder)) {
            runs.add(read(file));
        }
        return runs;
    }

    private static List<Path> files(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        Map<Path, FileTime> times = new LinkedHashMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(file -> file.toString().endsWith(".json")).sorted().toList()) {
                times.put(file, Files.getLastModifiedTime(file));
            }
        }
        return times.entrySet().stream().sorted(Map.Entry.<Path, FileTime>comparingByValue().reversed())
                .map(Map.Entry::getKey).toList();
    }

    static ObjectNode toJson(Result result) {
        ObjectNode node = MAPPER.createObjectNode();
        node.set("jmhVersion", result.run().getOrDefault("jmhVersion", MAPPER.nullNode()));
        node.put("benchmark", identifier(result.suite()) + "." + identifier(result.contender())).put("mode",
                result.mode()).put("threads", result.threads());
        for (String name : RUN) {
            if (result.run().containsKey(name)) {
                node.set(name, result.run().get(name));
            }
        }
        ObjectNode params = node.putObject("params").put("suite", result.suite()).put("contender", result.contender());
        result.setting().forEach(params::put);
        node.set("primaryMetric", toJson(result.primary()));
        ObjectNode secondary = node.putObject("secondaryMetrics");
        result.secondary().forEach((name, metric) -> secondary.set(name, toJson(metric)));
        return node;
    }

    private static ObjectNode toJson(Result.Metric metric) {
        Spread spread = metric.spread();
        double[] sorted = metric.samples().stream().flatMap(List::stream).mapToDouble(Double::doubleValue).sorted()
                .toArray();
        ObjectNode node = MAPPER.createObjectNode().put("score", spread.median()).put("scoreError",
                (spread.most() - spread.least()) / 2);
        node.putArray("scoreConfidence").add(spread.least()).add(spread.most());
        ObjectNode percentiles = node.putObject("scorePercentiles");
        for (double percentile : PERCENTILES) {
            int rank = (int) Math.ceil(percentile / 100 * sorted.length);
            percentiles.put(Double.toString(percentile),
                    percentile == 50 ? spread.median() : sorted[Math.max(0, rank - 1)]);
        }
        node.put("scoreUnit", metric.unit());
        ArrayNode raw = node.putArray("rawData");
        for (List<Double> fork : metric.samples()) {
            ArrayNode samples = raw.addArray();
            fork.forEach(samples::add);
        }
        return node;
    }

    private static Result fromJson(Path file, JsonNode node) throws IOException {
        JsonNode params = node.path("params");
        Map<String, String> setting = new LinkedHashMap<>();
        params.properties().forEach(param -> setting.put(param.getKey(), param.getValue().asText()));
        String suite = setting.remove("suite");
        String contender = setting.remove("contender");
        if (suite == null || contender == null || !node.path("primaryMetric").has("rawData")) {
            throw new IOException(file + " was not written by this program: a result without suite, contender or data");
        }
        Map<String, Result.Metric> secondary = new LinkedHashMap<>();
        node.path("secondaryMetrics").properties()
                .forEach(metric -> secondary.put(metric.getKey(), metric(metric.getValue())));
        Map<String, JsonNode> run = new LinkedHashMap<>();
        for (String name : RUN) {
            if (node.has(name)) {
                run.put(name, node.get(name));
            }
        }
        return new Result(suite, contender, node.path("threads").asInt(), setting, node.path("mode").asText(),
                metric(node.get("primaryMetric")), secondary, run);
    }

    /** Of JMH's own JSON as well. */
    static Result.Metric metric(JsonNode node) {
        List<List<Double>> forks = new ArrayList<>();
        for (JsonNode fork : node.path("rawData")) {
            List<Double> samples = new ArrayList<>();
            fork.forEach(sample -> samples.add(sample.asDouble()));
            forks.add(samples);
        }
        return new Result.Metric(node.path("scoreUnit").asText(), forks);
    }

    /** What a class or method could be called, since tools split the name at its dots. */
    private static String identifier(String name) {
        return Arrays.stream(name.split("[^A-Za-z0-9]+", -1)).filter(part -> !part.isEmpty())
                .reduce((a, b) -> a + "_" + b).orElse("_");
    }

    /**
     * Histograms as a HdrHistogram log beside the file of the results, one line each, tagged by whose they are; if any.
     */
    static void writeHistograms(Path results, JsonNode environment, Map<String, Histogram> histograms)
            throws IOException {
        if (histograms.isEmpty()) {
            return;
        }
        Path file = results.resolveSibling(results.getFileName().toString().replaceFirst("\\.json$", "") + ".hlog");
        try (var out = new PrintStream(file.toFile(), StandardCharsets.UTF_8)) {
            var writer = new HistogramLogWriter(out);
            writer.outputLogFormatVersion();
            writer.outputComment("[values in nanoseconds]");
            environment.properties().forEach(
                    entry -> writer.outputComment("[" + entry.getKey() + ": " + entry.getValue().toString() + "]"));
            writer.outputLegend();
            histograms.forEach((tag, histogram) -> {
                histogram.setTag(identifier(tag));
                writer.outputIntervalHistogram(histogram);
            });
        }
    }
}
