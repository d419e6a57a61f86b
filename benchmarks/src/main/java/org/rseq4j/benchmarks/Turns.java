// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/**
 * Contenders of a suite that take turns, round by round, in JVMs that stay: for the test kernel, where a JVM takes long
 * to start and to warm up. What uses sections is there twice, with the extension on and off. Two JVMs and not one,
 * since the JIT takes the extension's being there for a constant, as it is for every user.
 */
final class Turns {
    private static final Path RSEQ_STATISTICS = Path.of("/sys/kernel/debug/rseq/stats");
    private static final long TIMEOUT_MILLIS = 600_000;
    static final String SHARE = " per million operations";
    /** Behind {@link #SHARE} where it is over all rounds together. */
    static final String TOGETHER = ", all rounds";
    /** What a JVM takes there to start, about. */
    private static final long JVM_MILLIS = 20_000;
    static final String ON = ", extension on";
    static final String OFF = ", extension off";

    private final Suite suite;
    private final RunOptions options;
    private final List<Seat> seats = new ArrayList<>();

    /** Somebody who takes turns. */
    private static final class Seat {
        final String contender;
        final List<String> arguments;
        ContenderProcess process;
        JsonNode environment;
        /** Samples by number of threads; each round is a list of one, since rounds alternate with the others'. */
        final Map<Integer, List<List<Double>>> rates = new LinkedHashMap<>();
        final Map<Integer, List<List<Double>>> slowest = new LinkedHashMap<>();
        final Map<Integer, Map<String, List<List<Double>>>> counts = new LinkedHashMap<>();
        final Map<Integer, Map<String, List<List<Double>>>> percentiles = new LinkedHashMap<>();
        final Map<Integer, Map<String, Histogram>> histograms = new LinkedHashMap<>();
        /** Over all rounds, for what is too rare to be judged by a round. */
        final Map<Integer, Map<String, Double>> totals = new LinkedHashMap<>();
        final Map<Integer, Double> operations = new LinkedHashMap<>();

        Seat(String contender, List<String> arguments) {
            this.contender = contender;
            this.arguments = arguments;
        }
    }

    /** Told after each round of all. */
    interface Listener {
        void done(Turns turns) throws IOException;
    }

    Turns(Suite suite, RunOptions options) {
        this.suite = suite;
        this.options = options;
    }

    void run(Listener listener) throws IOException {
        for (String name : Comparison.contenders(suite, options)) {
            if (name.contains("rseq4j")) {
                seats.add(new Seat(name + ON, arguments(name)));
                List<String> off = arguments(name);
                off.add("-Drseq4j.sliceExtension=off");
                seats.add(new Seat(name + OFF, off));
            } else {
                seats.add(new Seat(name, arguments(name)));
            }
        }
        List<Integer> threads = Comparison.threads(suite, options);
        int total = seats.size() * (1 + threads.size() * (1 + options.rounds));
        int done = 0;
        long begun = System.nanoTime();
        long end = begun + TimeUnit.SECONDS.toNanos(options.limit);
        // Where the clock counts instructions a second of it takes several of the host's.
        System.err.printf("%s: about %d s, at most about %d s, by this machine's clock%n", suite.name(),
                plannedMillis(suite, options) / 1000, options.limit);
        try {
            for (Seat seat : seats) {
                String name = seat.contender.endsWith(ON) || seat.contender.endsWith(OFF)
                        ? seat.contender.substring(0, seat.contender.lastIndexOf(','))
                        : seat.contender;
                seat.process = new ContenderProcess(suite, name, options, seat.arguments,
                        Math.min(TIMEOUT_MILLIS, TimeUnit.SECONDS.toMillis(options.limit)));
                // Alone first: among many threads the JIT's starve.
                seat.process.make(1);
                Comparison.warmUp(seat.process, options);
                seat.environment = seat.process.environment();
                Comparison.progress(suite.name(), ++done, total, begun);
            }
            all : for (int count : threads) {
                for (Seat seat : seats) {
                    seat.process.make(count);
                    Comparison.warmUp(seat.process, options);
                    seat.process.latencies();
                    Comparison.progress(suite.name(), ++done, total, begun);
                }
                for (int round = 0; round < options.rounds; round++) {
                    // Whole rounds only, so that all have equally many.
                    if (System.nanoTime() - end > 0) {
                        System.err.printf("%n%s: ended by --limit at round %d with %d threads; what is done is kept%n",
                                suite.name(), round + 1, count);
                        break all;
                    }
                    for (Seat seat : seats) {
                        round(seat, count);
                        Comparison.progress(suite.name(), ++done, total, begun);
                    }
                    listener.done(this);
                }
            }
        } finally {
            for (Seat seat : seats) {
                if (seat.process != null) {
                    seat.process.close();
                }
            }
        }
        System.err.println();
    }

    /** Small heaps, as there are many JVMs. */
    private List<String> arguments(String name) {
        List<String> arguments = new ArrayList<>(List.of("--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow", "-Xms64m", "-Xmx192m", "-XX:+UseSerialGC"));
        arguments.addAll(suite.jvmArguments(name));
        arguments.addAll(options.jvm);
        return arguments;
    }

    private void round(Seat seat, int count) throws IOException {
        Map<String, Long> before = kernelCounts();
        Map<String, Double> counted = new LinkedHashMap<>();
        Sample sample = seat.process.run(options.millis, counted);
        kernelCounts().forEach((name, value) -> counted.put(name, (double) value - before.getOrDefault(name, 0L)));
        Map<String, Histogram> latencies = seat.process.latencies();
        synchronized (this) {
            Map<String, List<List<Double>>> percentiles = seat.percentiles.computeIfAbsent(count,
                    c -> new LinkedHashMap<>());
            latencies.forEach((name, histogram) -> {
                Comparison.percentiles(percentiles, name, histogram);
                seat.histograms.computeIfAbsent(count, c -> new LinkedHashMap<>()).merge(name, histogram,
                        (all, one) -> {
                            all.add(one);
                            return all;
                        });
            });
            seat.rates.computeIfAbsent(count, c -> new ArrayList<>()).add(List.of(sample.rate()));
            seat.slowest.computeIfAbsent(count, c -> new ArrayList<>()).add(List.of(sample.slowest()));
            // As shares of the operations: contenders do not do equally many.
            double millions = sample.rate() * options.millis / 1000 / 1e6;
            seat.operations.merge(count, millions, Double::sum);
            Map<String, Double> totals = seat.totals.computeIfAbsent(count, c -> new TreeMap<>());
            counted.forEach((name, value) -> totals.merge(name, value, Double::sum));
            Map<String, List<List<Double>>> counts = seat.counts.computeIfAbsent(count, c -> new TreeMap<>());
            counted.forEach((name, value) -> {
                counts.computeIfAbsent(name, n -> new ArrayList<>()).add(List.of(value));
                if (millions > 0) {
                    counts.computeIfAbsent(name + SHARE, n -> new ArrayList<>())
                            .add(List.of(value / millions));
                }
            });
        }
    }

    /** What the kernel counted so far: grants and how they ended, and context switches; what can be read of it. */
    private static Map<String, Long> kernelCounts() throws IOException {
        Map<String, Long> counts = new LinkedHashMap<>();
        if (Files.isReadable(RSEQ_STATISTICS)) {
            Map<String, String> names = Map.of("sgrant", "grants", "sexpir", "grants expired", "syield", "yields");
            for (String line : Files.readAllLines(RSEQ_STATISTICS)) {
                String[] words = line.trim().split("[:\\s]+", -1);
                if (words.length == 2 && names.containsKey(words[0])) {
                    counts.put(names.get(words[0]), Long.parseLong(words[1]));
                }
            }
        }
        Path statistics = Path.of("/proc/stat");
        if (Files.isReadable(statistics)) {
            for (String line : Files.readAllLines(statistics)) {
                if (line.startsWith("ctxt ")) {
                    counts.put("context switches", Long.parseLong(line.substring(5).trim()));
                }
            }
        }
        return counts;
    }

    /** {@return about how long it takes: the JIT is slow there, so that most warm-ups take as long as they may} */
    static long plannedMillis(Suite suite, RunOptions options) {
        long seats = Comparison.contenders(suite, options).stream().mapToLong(name -> name.contains("rseq4j") ? 2 : 1)
                .sum();
        long counts = Comparison.threads(suite, options).size();
        return seats * (JVM_MILLIS + (1 + counts) * Comparison.WARMING_MILLIS
                + counts * options.rounds * (options.millis + 100));
    }

    /** Writes the results to a file, and the histograms, if there are any, to one beside it. */
    synchronized void write(Path file) throws IOException {
        ResultFile.write(file, results());
        Map<String, Histogram> histograms = new LinkedHashMap<>();
        for (Seat seat : seats) {
            seat.histograms.forEach((count, byName) -> byName.forEach((name, histogram) -> histograms
                    .put("vm-" + suite.name() + " " + seat.contender + " " + count + " " + name, histogram)));
        }
        ResultFile.writeHistograms(file, seats.get(0).environment, histograms);
    }

    synchronized List<Result> results() {
        List<Result> results = new ArrayList<>();
        for (Seat seat : seats) {
            seat.rates.forEach((count, rates) -> {
                Map<String, Result.Metric> secondary = new LinkedHashMap<>();
                secondary.put(Result.SLOWEST, new Result.Metric("of the mean", List.copyOf(seat.slowest.get(count))));
                seat.counts.get(count).forEach(
                        (name, samples) -> secondary.put(name, new Result.Metric("counts", List.copyOf(samples))));
                double millions = seat.operations.get(count);
                if (millions > 0) {
                    seat.totals.get(count).forEach((name, total) -> secondary.put(name + SHARE + TOGETHER,
                            new Result.Metric("counts", List.of(List.of(total / millions)))));
                }
                seat.percentiles.get(count).forEach(
                        (name, samples) -> secondary.put(name, new Result.Metric("ns", List.copyOf(samples))));
                Map<String, String> setting = Comparison.setting(options, seat.arguments);
                setting.put("cpus", "" + Runtime.getRuntime().availableProcessors());
                results.add(new Result("vm-" + suite.name(), seat.contender, count, setting, "thrpt",
                        new Result.Metric("ops/s", List.copyOf(rates)), secondary,
                        Comparison.run(1, seat.arguments, options, seat.environment)));
            });
        }
        return results;
    }
}
