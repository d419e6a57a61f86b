// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Runs the contenders of a suite beside each other. All operations are counted over wall time, which is what counts
 * with more threads than CPUs: a sum of per-thread rates counts the short windows of starved threads as if they had
 * lasted. Each contender runs in JVMs of its own, interleaved with the others'.
 */
final class Comparison {
    /** The percentiles that tables show. */
    static final List<String> LATENCY = List.of("p50", "p99", "p99.9", "p99.99");
    /** How long a JVM is waited for that goes on compiling. */
    static final long WARMING_MILLIS = 5000;
    private static final long REST_MILLIS = 100;
    private static final double[] PERCENTILES = {50, 90, 99, 99.9, 99.99, 100};
    private static final long TIMEOUT_MILLIS = 180_000;
    /** What a JVM takes beside its rounds, about. */
    static final long JVM_MILLIS = 900;
    /** Properties of suites, part of what was measured. */
    private static final String PROPERTY = "-Drseq4j.bench.";

    private final Suite suite;
    private final RunOptions options;
    private final Map<String, Rows> rows = new LinkedHashMap<>();
    private final OtherPrograms others = new OtherPrograms();

    /** What there is of one contender with one number of threads so far. */
    private static final class Rows {
        final String contender;
        final int threads;
        final List<String> arguments;
        final List<List<Double>> rates = new ArrayList<>();
        final List<List<Double>> slowest = new ArrayList<>();
        final List<List<Double>> allocated = new ArrayList<>();
        final Map<String, List<List<Double>>> counts = new LinkedHashMap<>();
        final Map<String, List<List<Double>>> percentiles = new LinkedHashMap<>();
        final Map<String, Histogram> histograms = new LinkedHashMap<>();
        JsonNode environment;

        Rows(String contender, int threads, List<String> arguments) {
            this.contender = contender;
            this.threads = threads;
            this.arguments = arguments;
        }
    }

    /** Told after each JVM. */
    interface Listener {
        void done(Comparison comparison) throws IOException;
    }

    Comparison(Suite suite, RunOptions options) {
        this.suite = suite;
        this.options = options;
    }

    List<Integer> threads() {
        return threads(suite, options);
    }

    static List<Integer> threads(Suite suite, RunOptions options) {
        return !options.threads.isEmpty()
                ? options.threads
                : options.virtual ? suite.virtualThreads() : suite.threads();
    }

    /** {@return the JVMs of one fork: for each a contender and the numbers of threads that it goes through} */
    private List<Map.Entry<String, List<Integer>>> jvms(List<String> names) {
        List<Map.Entry<String, List<Integer>>> jvms = new ArrayList<>();
        if (options.oneJvm) {
            names.forEach(name -> jvms.add(Map.entry(name, threads())));
        } else {
            threads().forEach(count -> names.forEach(name -> jvms.add(Map.entry(name, List.of(count)))));
        }
        return jvms;
    }

    /** {@return about how long it takes: for each JVM the start and the end beside the rounds} */
    static long plannedMillis(Suite suite, RunOptions options) {
        long counts = threads(suite, options).size();
        long jvms = options.forks * contenders(suite, options).size() * (options.oneJvm ? 1 : counts);
        long warmups = (options.oneJvm ? options.warmup * (1 + (counts - 1) / 2) : options.warmup)
                + (options.oneJvm ? counts : 1) * 3 * (options.millis + REST_MILLIS);
        return jvms * (JVM_MILLIS + warmups + (options.oneJvm ? counts : 1) * options.rounds * options.millis);
    }

    /** {@return the names of the contenders that take part} */
    static List<String> contenders(Suite suite, RunOptions options) {
        return suite.contenders().keySet().stream()
                .filter(n -> options.only.isEmpty() || options.only.stream().anyMatch(n::contains)).toList();
    }

    /** Runs all of it. What there is after a failure or an interrupt can be asked for all the same. */
    void run(Listener listener) throws IOException {
        List<String> names = contenders(suite, options);
        if (names.isEmpty()) {
            throw new IllegalArgumentException("no contender of " + suite.name() + " is called " + options.only);
        }
        List<Map.Entry<String, List<Integer>>> jvms = jvms(names);
        int total = options.forks * jvms.size();
        int done = 0;
        long begun = System.nanoTime();
        Map<String, String> failures = new LinkedHashMap<>();
        for (int fork = 0; fork < options.forks; fork++) {
            for (Map.Entry<String, List<Integer>> jvm : jvms) {
                done++;
                if (failures.containsKey(jvm.getKey())) {
                    continue;
                }
                try {
                    fork(jvm.getKey(), jvm.getValue());
                    others.look();
                } catch (IOException e) {
                    System.err.println();
                    System.err.println(suite.name() + " goes on without " + e.getMessage());
                    failures.put(jvm.getKey(), e.getMessage());
                }
                progress(suite.name(), done, total, begun);
                listener.done(this);
            }
        }
        System.err.println();
        if (!failures.isEmpty()) {
            throw new IOException(String.join("; ", failures.values()));
        }
    }

    static void progress(String name, int done, int total, long begun) {
        long left = (System.nanoTime() - begun) / done * (total - done);
        System.err.printf("\r%s: %d of %d, about %d s left   ", name, done, total,
                TimeUnit.NANOSECONDS.toSeconds(left));
    }

    private void fork(String name, List<Integer> threads) throws IOException {
        List<String> arguments = arguments(suite, name, options);
        try (var process = new ContenderProcess(suite, name, options, arguments, TIMEOUT_MILLIS)) {
            boolean warm = false;
            for (int count : threads) {
                Rows row = new Rows(name, count, arguments);
                List<Sample> samples = new ArrayList<>();
                List<Map<String, Double>> counts = new ArrayList<>();
                process.make(count);
                process.run(warm ? options.warmup / 2 : options.warmup, new LinkedHashMap<>());
                warm = true;
                warmUp(process, options);
                process.latencies();
                for (int i = 0; i < options.rounds; i++) {
                    Map<String, Double> counted = new LinkedHashMap<>();
                    samples.add(process.run(options.millis, counted));
                    counts.add(counted);
                }
                Map<String, Histogram> latencies = process.latencies();
                row.environment = process.environment();
                add(row, samples, counts, latencies);
            }
        }
    }

    /**
     * Rounds that do not count, until the JIT has hardly anything to do in two of them: until a loop is compiled again
     * that met a rare case, rounds say nothing. A rest behind each of them, as the JIT's threads starve beside many
     * that never rest.
     */
    static void warmUp(ContenderProcess process, RunOptions options) throws IOException {
        int quiet = 0;
        for (long spent = 0; quiet < 2 && spent < WARMING_MILLIS; spent += options.millis) {
            quiet = process.run(options.millis, new LinkedHashMap<>()).compiled() * 20 > options.millis ? 0 : quiet + 1;
            try {
                Thread.sleep(REST_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    static List<String> arguments(Suite suite, String name, RunOptions options) {
        List<String> arguments = new ArrayList<>(List.of("--enable-native-access=ALL-UNNAMED", "-Xms2g", "-Xmx2g",
                "-XX:+UseParallelGC"));
        if (ContenderProcess.javaVersion() >= 23) {
            arguments.add("--sun-misc-unsafe-memory-access=allow");
        }
        if (ContenderProcess.javaVersion() != Runtime.version().feature()) {
            arguments.add(PROPERTY + "java=" + ContenderProcess.javaVersion());
        }
        arguments.addAll(suite.jvmArguments(name));
        arguments.addAll(options.jvm);
        return arguments;
    }

    /** Adds a JVM's rounds with one number of threads. */
    private synchronized void add(Rows made, List<Sample> samples, List<Map<String, Double>> counts,
            Map<String, Histogram> latencies) {
        Rows row = rows.computeIfAbsent(made.contender + "\n" + made.threads, key -> made);
        row.rates.add(samples.stream().map(Sample::rate).toList());
        row.slowest.add(samples.stream().map(Sample::slowest).toList());
        row.allocated.add(samples.stream().map(Sample::allocated).toList());
        var names = new TreeSet<String>();
        counts.forEach(counted -> names.addAll(counted.keySet()));
        names.forEach(name -> row.counts.computeIfAbsent(name, n -> new ArrayList<>())
                .add(counts.stream().map(counted -> counted.getOrDefault(name, 0.0)).toList()));
        long interval = (long) samples.stream().mapToLong(Sample::interval).average().orElse(0);
        latencies.forEach((name, histogram) -> {
            row.histograms.computeIfAbsent(name, n -> new Histogram(histogram)).add(histogram);
            percentiles(row.percentiles, name, histogram);
            if (interval > 0) {
                percentiles(row.percentiles, name + " corrected",
                        histogram.copyCorrectedForCoordinatedOmission(interval * suite.operationsTimed()));
            }
        });
    }

    /** Adds a sample of each percentile. */
    static void percentiles(Map<String, List<List<Double>>> samples, String name, Histogram histogram) {
        for (double percentile : PERCENTILES) {
            samples.computeIfAbsent(name + " p" + Spread.plain(percentile), n -> new ArrayList<>())
                    .add(List.of((double) histogram.getValueAtPercentile(percentile)));
        }
    }

    /** {@return the results so far} */
    synchronized List<Result> results() {
        return rows.values().stream().map(this::result).toList();
    }

    /**
     * {@return the kind of threads, the noise, and the properties of the suites that are not the defaults' business}
     */
    static Map<String, String> setting(RunOptions options, List<String> arguments) {
        Map<String, String> setting = new LinkedHashMap<>();
        setting.put(Result.KIND, options.virtual ? "virtual" : "platform");
        setting.put(Result.NOISE, "" + options.noise);
        for (String argument : arguments) {
            if (argument.startsWith(PROPERTY) && argument.contains("=")) {
                String[] parts = argument.substring(PROPERTY.length()).split("=", 2);
                setting.put(parts[0], parts[1]);
            } else if (argument.contains("jdk.internal.access")) {
                setting.put("carrierLookup", "yes");
            }
        }
        setting.remove("hundred"); // the calibration
        return setting;
    }

    private Result result(Rows row) {
        Map<String, Result.Metric> secondary = new LinkedHashMap<>();
        secondary.put(Result.SLOWEST, new Result.Metric("of the mean", row.slowest));
        secondary.put(Result.ALLOCATED, new Result.Metric("B/op", row.allocated));
        row.counts.forEach((name, samples) -> secondary.put(name, new Result.Metric("counts", samples)));
        row.percentiles.forEach((name, samples) -> secondary.put(name, new Result.Metric("ns", samples)));
        return new Result(suite.name(), row.contender, row.threads,
                setting(options, row.arguments),
                "thrpt", new Result.Metric("ops/s", row.rates), secondary, run(row));
    }

    private Map<String, JsonNode> run(Rows row) {
        return run(row.rates.size(), row.arguments, options, others.notedIn(row.environment));
    }

    /** {@return how something was run, in JMH's words} */
    static Map<String, JsonNode> run(int forks, List<String> jvmArguments, RunOptions options, JsonNode environment) {
        JsonNodeFactory json = JsonNodeFactory.instance;
        Map<String, JsonNode> run = new LinkedHashMap<>();
        run.put("jmhVersion", json.textNode("none: counted over wall time"));
        run.put("forks", json.numberNode(forks));
        run.put("jvm", json.textNode(ContenderProcess.java().toString()));
        ArrayNode arguments = json.arrayNode();
        jvmArguments.forEach(arguments::add);
        run.put("jvmArgs", arguments);
        run.put("jdkVersion", json.textNode(System.getProperty("java.version")));
        run.put("vmName", json.textNode(System.getProperty("java.vm.name")));
        run.put("vmVersion", json.textNode(System.getProperty("java.vm.version")));
        run.put("warmupIterations", json.numberNode(1));
        run.put("warmupTime", json.textNode(options.warmup + " ms"));
        run.put("warmupBatchSize", json.numberNode(1));
        run.put("measurementIterations", json.numberNode(options.rounds));
        run.put("measurementTime", json.textNode(options.millis + " ms"));
        run.put("measurementBatchSize", json.numberNode(1));
        run.put("oneJvm", json.booleanNode(options.oneJvm));
        run.put("environment", environment);
        return run;
    }

    /** Writes the results to a file, and the histograms, if there are any, to one beside it. */
    synchronized void write(Path file) throws IOException {
        ResultFile.write(file, results());
        Map<String, Histogram> histograms = new LinkedHashMap<>();
        rows.values().forEach(row -> row.histograms.forEach((name, histogram) -> histograms
                .put(suite.name() + " " + row.contender + " " + row.threads + " " + name, histogram)));
        if (!rows.isEmpty()) {
            ResultFile.writeHistograms(file, rows.values().iterator().next().environment, histograms);
        }
    }

    /** Prints the results as a table, and how ours compare with each peer. */
    static void print(PrintStream out, Collection<Result> results) {
        if (results.isEmpty()) {
            return;
        }
        Result any = results.iterator().next();
        var counts = new TreeSet<Integer>();
        Map<String, Map<Integer, Result>> byName = new LinkedHashMap<>();
        results.forEach(result -> {
            counts.add(result.threads());
            byName.computeIfAbsent(result.contender(), name -> new LinkedHashMap<>()).put(result.threads(), result);
        });
        boolean rates = any.mode().equals("thrpt");
        out.printf("%s: %s, median (least to most)%s%n", any.suite(),
                rates ? "million operations a second by wall clock" : any.primary().unit(),
                rates ? " [slowest thread / mean]" : "");
        out.printf("%-44s", any.setting().get(Result.KIND) + " threads:");
        counts.forEach(count -> out.printf("%32d", count));
        out.println();
        byName.forEach((name, byCount) -> {
            out.printf("%-44s", name);
            counts.forEach(count -> out.printf("%32s", cell(byCount.get(count), rates)));
            out.println();
        });
        secondary(out, byName);
        byName.forEach((ours, oursByCount) -> byName.forEach((peer, peerByCount) -> {
            if (ours.contains("rseq4j") && !peer.contains("rseq4j") && rates) {
                var line = new ArrayList<String>();
                oursByCount.forEach((count, result) -> {
                    if (peerByCount.containsKey(count)) {
                        line.add(count + ": " + result.spread().comparedWith(peerByCount.get(count).spread()));
                    }
                });
                out.printf("%s against %s: %s%n", ours, peer, String.join("; ", line));
            }
        }));
    }

    static String cell(Result result, boolean rates) {
        if (result == null) {
            return "-";
        }
        Spread spread = result.spread();
        double unit = rates ? 1e6 : 1;
        Result.Metric slowest = result.secondary().get(Result.SLOWEST);
        return String.format(Locale.ROOT, "%s (%s to %s)%s", Spread.number(spread.median() / unit),
                Spread.number(spread.least() / unit), Spread.number(spread.most() / unit),
                slowest == null ? "" : String.format(Locale.ROOT, " [%.2f]", slowest.spread().median()));
    }

    /** {@return the medians of what was timed at some percentiles} */
    private static String microseconds(Result result, String timed) {
        var values = new ArrayList<String>();
        for (String percentile : LATENCY) {
            values.add(Spread.number(result.secondary().get(timed + " " + percentile).spread().median() / 1000));
        }
        return String.join(" / ", values) + " us";
    }

    /**
     * Everything but the slowest thread's share; times at p50 / p99 / p99.9 / p99.99; one line for each contender and
     * number of threads.
     */
    private static void secondary(PrintStream out, Map<String, Map<Integer, Result>> byName) {
        byName.forEach((name, byCount) -> byCount.forEach((count, result) -> {
            var line = new ArrayList<String>();
            result.secondary().forEach((metric, samples) -> {
                String timed = metric.replaceFirst(" p99\\.99$", "");
                if (!timed.equals(metric)) {
                    line.add(timed + " " + microseconds(result, timed));
                } else if (!metric.equals(Result.SLOWEST) && !samples.unit().equals("ns")) {
                    line.add(metric + " " + Spread.number(samples.spread().median()));
                }
            });
            if (!line.isEmpty()) {
                out.printf("%s, %d threads: %s%n", name, count, String.join(", ", line));
            }
        }));
    }

}
