// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bin/bench report}: results as a page with tables and charts. */
@Command(name = "report", mixinStandardHelpOptions = true, synopsisHeading = "usage: ", description = "Writes docs/lab/results.md and its charts from the newest results, and what they say of the targets into docs/lab/measured.json.")
final class Report implements Callable<Integer> {
    @Option(names = "--results", paramLabel = "DIR", description = "the folder with the results, default benchmarks/target/results")
    private Path folder;

    @Option(names = "--out", paramLabel = "DIR", description = "the folder for results.md and charts/, default docs/lab")
    private Path out;

    @Override
    public Integer call() throws IOException {
        Path docs = out == null ? Environment.root().resolve("docs/lab") : out;
        if (!Files.isDirectory(docs)) {
            System.err.println(Bench.NAME + ": --out is no folder: " + docs);
            return 2;
        }
        List<List<Result>> runs = ResultFile.runs(folder == null ? Bench.results() : folder);
        if (runs.stream().allMatch(List::isEmpty)) {
            System.err.println(Bench.NAME + ": there are no results yet: run a suite");
            return 1;
        }
        if (!Charts.canDraw()) {
            System.err.println(Bench.NAME + ": " + Charts.NO_FONT);
            return 1;
        }
        String text;
        try (InputStream in = Report.class.getResourceAsStream("results.md")) {
            text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        List<List<Result>> newest = newest(runs);
        Path file = Measured.file(docs);
        List<Measured> machines = Measured.merged(Measured.read(file), Measured.of(runs));
        Measured.write(file, machines);
        text = text.replace("{{environment}}", environments(newest)).replace("{{targets}}", targets(machines))
                .replace("{{suites}}", suites(newest, docs.resolve("charts")));
        Files.writeString(docs.resolve("results.md"), text);
        Gains.draw(newest, docs.resolve("charts/gains.svg"));
        System.out.println("written to " + docs.resolve("results.md"));
        return 0;
    }

    /** What belongs in one table: the same suite in the same setting. */
    private static String kind(Result result) {
        return result.suite() + " " + result.setting();
    }

    /** {@return the newest run of each suite in each setting, ordered by suite} */
    static List<List<Result>> newest(List<List<Result>> runs) {
        Map<String, List<Result>> newest = new LinkedHashMap<>();
        for (List<Result> run : runs) {
            Map<String, List<Result>> byKind = run.stream()
                    .collect(Collectors.groupingBy(Report::kind, LinkedHashMap::new, Collectors.toList()));
            byKind.forEach(newest::putIfAbsent);
        }
        return newest.values().stream().sorted(Comparator.comparing(run -> kind(run.get(0)))).toList();
    }

    // ---- Targets ----

    static String targets(List<Measured> machines) throws IOException {
        Map<String, List<Target>> byGroup = Target.all().stream()
                .collect(Collectors.groupingBy(Target::group, LinkedHashMap::new, Collectors.toList()));
        var text = new StringBuilder();
        byGroup.forEach((group, targets) -> {
            List<Measured> those = machines.stream()
                    .filter(machine -> targets.stream().anyMatch(target -> !machine.words(target).isEmpty())).toList();
            text.append("### ").append(group.substring(0, 1).toUpperCase(Locale.ROOT)).append(group.substring(1))
                    .append("\n\n| target | ");
            those.forEach(machine -> text.append(machine.machine()).append(", ").append(machine.dates()).append(" | "));
            text.append("machines differ |\n| --- |").append(" --- |".repeat(those.size() + 1)).append('\n');
            targets.forEach(target -> text.append(row(target, those)));
            text.append('\n');
        });
        return text.toString().stripTrailing();
    }

    private static String row(Target target, List<Measured> machines) {
        var text = new StringBuilder("| ").append(target.asks()).append(" | ");
        if (target.shownBy() != null) {
            return text.append("not measured by a suite; shown by ").append(target.shownBy()).append(" |")
                    .append(" |".repeat(machines.size())).append('\n').toString();
        }
        for (Measured machine : machines) {
            String words = machine.words(target);
            text.append(words.isEmpty() ? "not measured" : words.replace("missed", "**missed**")).append(" | ");
        }
        OptionalDouble times = Measured.difference(target, machines);
        return text.append(times.isPresent() ? "up to " + Spread.number(times.getAsDouble()) + " times" : "")
                .append(" |\n").toString();
    }

    // ---- Where it was measured ----

    private static String environments(List<List<Result>> runs) {
        var machines = new TreeSet<String>();
        for (List<Result> run : runs) {
            JsonNode environment = run.get(0).run().get("environment");
            if (environment != null) {
                machines.add(String.format(Locale.ROOT,
                        "- %s, %s, JDK %s, rseq area %s (%s), time slice extension: %s",
                        Measured.machine(environment),
                        environment.path("system").asText(), environment.path("jdk").asText(),
                        environment.path("rseq").path("registration").asText(),
                        environment.path("rseq").path("mode").asText(),
                        environment.path("rseq").path("sliceExtensionReason").asText()));
            }
        }
        return String.join("\n", machines);
    }

    // ---- Suites ----

    private static String suites(List<List<Result>> runs, Path charts) throws IOException {
        var text = new StringBuilder();
        for (List<Result> run : runs) {
            text.append(suite(run, charts));
        }
        return text.toString().stripTrailing();
    }

    private static String suite(List<Result> run, Path charts) throws IOException {
        Result first = run.get(0);
        boolean rates = first.mode().equals("thrpt");
        String setting = setting(first);
        var text = new StringBuilder();
        text.append("### ").append(first.suite()).append(setting.isEmpty() ? "" : ", " + setting).append("\n\n    ")
                .append(command(first)).append("\n\n").append(OtherPrograms.words(first.run().get("environment")))
                .append(". ")
                .append(rates ? "Million operations a second" : "Nanoseconds")
                .append(", median (least to most)").append(rates ? " [slowest thread / mean]" : "").append(".\n\n");
        text.append(table(run, rates));
        String name = (first.suite() + "-" + setting).replaceAll("[^a-z0-9]+", "-").replaceFirst("-$", "");
        long counts = run.stream().map(Result::threads).distinct().count();
        if (rates && first.suite().startsWith("vm-")) {
            Charts.bars(charts.resolve(name + ".svg"), first.suite() + ", " + setting,
                    "million operations a second", run);
            text.append("\n![chart](charts/").append(name).append(".svg)\n");
        } else if (rates && counts > 1) {
            Charts.throughput(charts.resolve(name + ".svg"),
                    first.suite() + (setting.isEmpty() ? "" : ", " + setting), run);
            text.append("\n![chart](charts/").append(name).append(".svg)\n");
        }
        for (String metric : latencies(run)) {
            text.append(latencyTable(run, metric));
            if (latencies(run).contains(metric + " corrected")) {
                continue; // one chart is enough
            }
            int most = run.stream().mapToInt(Result::threads).max().orElse(1);
            String file = name + "-" + metric.replaceAll("[^a-z0-9]+", "-") + ".svg";
            Charts.percentiles(charts.resolve(file), first.suite() + ": " + metric + ", " + most + " threads", metric,
                    run.stream().filter(result -> result.threads() == most).toList());
            text.append("\n![chart](charts/").append(file).append(")\n");
        }
        return text.append(counts(run)).append('\n').toString();
    }

    /** What differs from a plain run. */
    private static String setting(Result result) {
        List<String> parts = new ArrayList<>();
        result.setting().forEach((name, value) -> {
            switch (name) {
                case Result.KIND -> {
                    if (!value.equals("platform")) {
                        parts.add(value + " threads");
                    }
                }
                case Result.NOISE -> {
                    if (!value.equals("0")) {
                        parts.add(value + " noise threads");
                    }
                }
                case "carrierLookup" -> parts.add("carrier lookup");
                case "capacity" -> {
                    if (!value.equals("1024")) {
                        parts.add("capacity " + value);
                    }
                }
                case "waiting" -> {
                    if (!value.equals("yield")) {
                        parts.add("waiting by " + value);
                    }
                }
                case Result.WORK -> parts.add(value + " ns of work");
                case "inside" -> parts.add(value + " inside");
                case "outside" -> parts.add(value + " outside");
                case "cpus" -> parts.add(value + (value.equals("1") ? " CPU" : " CPUs"));
                default -> parts.add(name + " " + value);
            }
        });
        return String.join(", ", parts);
    }

    /** The command that makes it again. */
    private static String command(Result result) {
        var command = new StringBuilder(Bench.NAME);
        if (result.suite().startsWith("vm-")) {
            command.append(" --vm ").append(result.suite().substring(3));
        } else {
            command.append(' ').append(result.suite());
        }
        Map<String, String> setting = result.setting();
        if ("virtual".equals(setting.get(Result.KIND))) {
            command.append(" --virtual --threads ").append(result.threads());
        }
        if (!"0".equals(setting.getOrDefault(Result.NOISE, "0"))) {
            command.append(" --noise ").append(setting.get(Result.NOISE));
        }
        if (setting.containsKey("carrierLookup")) {
            command.append(" --jvm ").append(RunOptions.CARRIER_LOOKUP);
        }
        for (String mix : List.of("inside", "outside", "capacity", Result.WORK, Result.PRODUCERS, Result.CONSUMERS,
                "waiting")) {
            if (setting.containsKey(mix) && !List.of("1024", "yield").contains(setting.get(mix))) {
                command.append(" --").append(mix).append(' ').append(setting.get(mix));
            }
        }
        JsonNode forks = result.run().get("forks");
        JsonNode rounds = result.run().get("measurementIterations");
        JsonNode warmup = result.run().get("warmupTime");
        JsonNode time = result.run().get("measurementTime");
        if (!result.suite().startsWith("vm-") && forks != null) {
            command.append(" --forks ").append(forks.asInt());
        }
        if (rounds != null && warmup != null && time != null) {
            command.append(" --rounds ").append(rounds.asInt()).append(" --warmup ").append(millis(warmup.asText()))
                    .append(" --millis ").append(millis(time.asText()));
        }
        if (result.run().containsKey("oneJvm") && result.run().get("oneJvm").asBoolean()) {
            command.append(" --one-jvm");
        }
        return command.toString();
    }

    private static String millis(String time) {
        String[] words = time.split(" ", 2);
        return words.length == 2 && words[1].equals("s") ? words[0] + "000" : words[0];
    }

    private static String table(List<Result> run, boolean rates) {
        var counts = new TreeSet<Integer>();
        run.forEach(result -> counts.add(result.threads()));
        var text = new StringBuilder("| | ");
        counts.forEach(count -> text.append(count).append(count == 1 ? " thread | " : " threads | "));
        text.append("\n| --- |").append(" --- |".repeat(counts.size())).append('\n');
        for (String name : names(run)) {
            text.append("| ").append(name).append(" | ");
            for (int count : counts) {
                text.append(Comparison.cell(find(run, name, count), rates)).append(" | ");
            }
            text.append('\n');
        }
        return text.toString();
    }

    private static Collection<String> names(List<Result> run) {
        return run.stream().map(Result::contender).distinct().toList();
    }

    private static Result find(List<Result> run, String name, int count) {
        return run.stream().filter(result -> result.contender().equals(name) && result.threads() == count).findFirst()
                .orElse(null);
    }

    /** {@return what was timed} */
    private static Collection<String> latencies(List<Result> run) {
        return run.get(0).secondary().keySet().stream().filter(name -> name.endsWith(" p99.9"))
                .map(name -> name.substring(0, name.length() - " p99.9".length())).toList();
    }

    private static String latencyTable(List<Result> run, String metric) {
        var text = new StringBuilder("\nMicroseconds, ").append(metric)
                .append(metric.endsWith("corrected") ? " for coordinated omission" : "")
                .append(", median of the JVMs:\n\n| | threads | p50 | p99 | p99.9 | p99.99 |\n")
                .append("| --- | --- | --- | --- | --- | --- |\n");
        for (Result result : run) {
            text.append("| ").append(result.contender()).append(" | ").append(result.threads()).append(" | ");
            for (String percentile : Comparison.LATENCY) {
                Result.Metric samples = result.secondary().get(metric + " " + percentile);
                text.append(samples == null ? "-" : Spread.number(samples.spread().median() / 1000)).append(" | ");
            }
            text.append('\n');
        }
        return text.toString();
    }

    /** Everything else that was counted. */
    private static String counts(List<Result> run) {
        List<String> names = run.stream().flatMap(result -> result.secondary().entrySet().stream())
                .filter(entry -> entry.getValue().unit().equals("counts") || allocates(entry)).map(Map.Entry::getKey)
                .filter(name -> !name.endsWith(Turns.TOGETHER))
                .filter(name -> name.endsWith("operations") || !hasShare(run, name)).distinct().toList();
        if (names.isEmpty()) {
            return "";
        }
        var text = new StringBuilder("\n| counted | threads | ").append(
                String.join(" | ", names).replace(Result.ALLOCATED, "bytes allocated an operation"))
                .append(" |\n| --- | --- |").append(" --- |".repeat(names.size())).append('\n');
        for (Result result : run) {
            text.append("| ").append(result.contender()).append(" | ").append(result.threads()).append(" | ");
            for (String name : names) {
                Result.Metric metric = result.secondary().get(name);
                text.append(metric == null ? "-" : Spread.number(metric.spread().median())).append(" | ");
            }
            text.append('\n');
        }
        return text.toString();
    }

    /** {@return whether it is the bytes for each operation, and they are more than what the round itself allocates} */
    private static boolean allocates(Map.Entry<String, Result.Metric> metric) {
        return metric.getKey().equals(Result.ALLOCATED) && metric.getValue().spread().median() >= 1;
    }

    private static boolean hasShare(List<Result> run, String name) {
        return run.stream().anyMatch(result -> result.secondary().containsKey(name + Turns.SHARE));
    }
}
