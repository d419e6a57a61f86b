// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatFactory;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.BenchmarkList;
import org.openjdk.jmh.runner.BenchmarkListEntry;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * JMH's benchmark classes as suites: one a class, named by it, its methods the contenders. Each JVM of a method runs as
 * a JMH run of its own, interleaved with the other methods', and results are there after each.
 */
final class JmhSuites {
    private static final String SUFFIX = "Benchmark";
    private static final String PACKAGE = "org.rseq4j.";

    private final String suite;
    private final RunOptions options;
    private final Map<String, Made> made = new LinkedHashMap<>();
    private final OtherPrograms others = new OtherPrograms();

    /** What there is of one benchmark so far. */
    private static final class Made {
        JsonNode first;
        final List<List<Double>> samples = new ArrayList<>();
        final Map<String, List<List<Double>>> secondary = new TreeMap<>();
        final Map<String, String> units = new TreeMap<>();
    }

    /** Told after each JVM. */
    interface Listener {
        void done(JmhSuites run) throws IOException;
    }

    JmhSuites(String suite, RunOptions options) {
        this.suite = suite;
        this.options = options;
    }

    static List<String> names() {
        return List.copyOf(descriptions().keySet());
    }

    /** {@return the suites with the names of their benchmarks} */
    static Map<String, String> descriptions() {
        return entries().entrySet().stream().collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue()
                .stream().map(JmhSuites::method).collect(Collectors.joining(", ")), (a, b) -> a, TreeMap::new));
    }

    private static Map<String, List<BenchmarkListEntry>> entries() {
        Map<String, List<BenchmarkListEntry>> entries = new TreeMap<>();
        for (BenchmarkListEntry entry : BenchmarkList.defaultList()
                .getAll(OutputFormatFactory.createFormatInstance(System.err, VerboseMode.SILENT), List.of())) {
            String name = entry.getUsername();
            if (name.startsWith(PACKAGE)) {
                entries.computeIfAbsent(suiteOf(name), n -> new ArrayList<>()).add(entry);
            }
        }
        entries.values().forEach(list -> list.sort((a, b) -> a.getUsername().compareTo(b.getUsername())));
        return entries;
    }

    /** LockCostsBenchmark is suite lock-costs; jmh-lock-costs when there is another suite of that name. */
    static String suiteOf(String benchmark) {
        String[] parts = benchmark.split("\\.", -1);
        String name = parts[parts.length - 2];
        name = name.endsWith(SUFFIX) ? name.substring(0, name.length() - SUFFIX.length()) : name;
        name = name.replaceAll("(?<=[a-z0-9])(?=[A-Z])", "-").toLowerCase(Locale.ROOT);
        return Suites.names().contains(name) ? "jmh-" + name : name;
    }

    private static String method(BenchmarkListEntry entry) {
        return entry.getUsername().substring(entry.getUsername().lastIndexOf('.') + 1);
    }

    private static List<BenchmarkListEntry> entries(String suite, RunOptions options) {
        return entries().get(suite).stream().filter(
                entry -> options.only.isEmpty() || options.only.stream().anyMatch(entry.getUsername()::contains))
                .toList();
    }

    /** {@return about how long it takes} */
    static long plannedMillis(String suite, RunOptions options) {
        return options.forks * entries(suite, options).size() * Math.max(1L, options.threads.size())
                * (Comparison.JVM_MILLIS + options.warmup + options.rounds * options.millis);
    }

    void run(Listener listener) throws IOException, RunnerException {
        List<BenchmarkListEntry> entries = entries(suite, options);
        if (entries.isEmpty()) {
            throw new IllegalArgumentException("no benchmark of " + suite + " is called " + options.only);
        }
        List<Integer> threads = options.threads.isEmpty() ? List.of(1) : options.threads;
        int total = options.forks * entries.size() * threads.size();
        int done = 0;
        long begun = System.nanoTime();
        for (int fork = 0; fork < options.forks; fork++) {
            for (int count : threads) {
                for (BenchmarkListEntry entry : entries) {
                    fork(entry, count);
                    others.look();
                    done++;
                    Comparison.progress(suite, done, total, begun);
                    listener.done(this);
                }
            }
        }
        System.err.println();
    }

    private void fork(BenchmarkListEntry entry, int threads) throws RunnerException, IOException {
        List<String> arguments = new ArrayList<>(options.jvm);
        if (options.virtual) {
            arguments.add("-Djmh.executor=VIRTUAL");
        }
        var jmh = new OptionsBuilder().include("^" + Pattern.quote(entry.getUsername()) + "$").forks(1).threads(threads)
                .warmupIterations(1).warmupTime(TimeValue.milliseconds(Math.max(1, options.warmup)))
                .measurementIterations(options.rounds).measurementTime(TimeValue.milliseconds(options.millis))
                .verbosity(VerboseMode.SILENT).shouldFailOnError(true)
                .jvmArgsPrepend(arguments.toArray(String[]::new));
        var text = new ByteArrayOutputStream();
        try (var out = new PrintStream(text, true, StandardCharsets.UTF_8)) {
            List<RunResult> results = new ArrayList<>(new Runner(jmh.build()).run());
            ResultFormatFactory.getInstance(ResultFormatType.JSON, out).writeOut(results);
        }
        for (JsonNode result : new ObjectMapper().readTree(text.toByteArray())) {
            add(result);
        }
    }

    private synchronized void add(JsonNode result) {
        Made benchmark = made.computeIfAbsent(
                result.path("benchmark").asText() + result.path("threads") + result.path("params"),
                name -> new Made());
        if (benchmark.first == null) {
            benchmark.first = result;
        }
        benchmark.samples.addAll(ResultFile.metric(result.get("primaryMetric")).samples());
        result.path("secondaryMetrics").properties().forEach(entry -> {
            Result.Metric metric = ResultFile.metric(entry.getValue());
            benchmark.units.put(entry.getKey(), metric.unit());
            benchmark.secondary.computeIfAbsent(entry.getKey(), name -> new ArrayList<>()).addAll(metric.samples());
        });
    }

    synchronized List<Result> results() {
        List<Result> results = new ArrayList<>();
        for (Made benchmark : made.values()) {
            JsonNode first = benchmark.first;
            Map<String, String> setting = new LinkedHashMap<>();
            setting.put(Result.KIND, options.virtual ? "virtual" : "platform");
            setting.put(Result.NOISE, "0");
            first.path("params").properties().forEach(param -> setting.put(param.getKey(), param.getValue().asText()));
            Map<String, Result.Metric> secondary = new LinkedHashMap<>();
            benchmark.secondary.forEach(
                    (name, samples) -> secondary.put(name, new Result.Metric(benchmark.units.get(name), samples)));
            Map<String, JsonNode> run = new LinkedHashMap<>();
            first.properties().forEach(property -> run.put(property.getKey(), property.getValue()));
            run.put("forks", new ObjectMapper().valueToTree(benchmark.samples.size()));
            run.put("environment", others.notedIn(environment()));
            String name = first.path("benchmark").asText();
            results.add(new Result(suite, name.substring(name.lastIndexOf('.') + 1), first.path("threads").asInt(),
                    setting, first.path("mode").asText(),
                    new Result.Metric(first.path("primaryMetric").path("scoreUnit").asText(), benchmark.samples),
                    secondary, run));
        }
        return results;
    }

    private static JsonNode environment() {
        try {
            return Environment.here();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
