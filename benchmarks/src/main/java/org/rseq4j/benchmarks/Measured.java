// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What came of the targets on one machine. Those of all machines are in {@code docs/lab/measured.json}: {@code report}
 * writes what was measured here among them, and {@code check} compares with them.
 *
 * @param machine processor and number of CPUs
 * @param targets by what they ask
 */
record Measured(String machine, Map<String, Entry> targets) {
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    /**
     * A target.
     *
     * @param date when it was measured
     * @param commit of which code
     * @param points what came of it, by the number of threads
     */
    record Entry(String date, String commit, Map<Integer, Value> points) {
    }

    /**
     * A target with one number of threads.
     *
     * @param least the range that the samples allow
     * @param median as the target's relation takes it: a quotient, a difference, or ours
     * @param most the other end of the range
     * @param unit of these; empty for a quotient
     * @param reached whether the target is reached
     */
    record Value(double least, double median, double most, String unit, boolean reached) {
        String words(double bound) {
            return Spread.number(median) + unit + " (" + Spread.number(least) + " to " + Spread.number(most) + ")"
                    + (reached ? "" : least <= bound && bound <= most ? " missed, within the spread" : " missed");
        }
    }

    static Path file(Path docs) {
        return docs.resolve("measured.json");
    }

    /** {@return the machines of the file; none where there is no file} */
    static List<Measured> read(Path file) throws IOException {
        return Files.exists(file) ? MAPPER.readValue(file.toFile(), new TypeReference<List<Measured>>() {
        }) : List.of();
    }

    static void write(Path file, List<Measured> machines) throws IOException {
        Files.writeString(file, MAPPER.writeValueAsString(machines) + "\n");
    }

    /** {@return what these runs, the newest first, say of each machine that they were made on} */
    static List<Measured> of(List<List<Result>> runs) throws IOException {
        Map<String, List<List<Result>>> byMachine = runs.stream().filter(run -> !run.isEmpty())
                .collect(Collectors.groupingBy(run -> machine(environment(run)), LinkedHashMap::new,
                        Collectors.toList()));
        List<Measured> machines = new ArrayList<>();
        for (Map.Entry<String, List<List<Result>>> machine : byMachine.entrySet()) {
            Map<String, Entry> targets = new LinkedHashMap<>();
            for (Target target : Target.all()) {
                entry(target.judge(machine.getValue()), machine.getValue(), targets);
            }
            if (!targets.isEmpty()) {
                machines.add(new Measured(machine.getKey(), targets));
            }
        }
        return machines;
    }

    private static void entry(Target.Outcome outcome, List<List<Result>> runs, Map<String, Entry> targets) {
        Map<Integer, Value> points = new TreeMap<>();
        for (Target.Point point : outcome.points()) {
            if (point.value() != null) {
                Spread value = point.value();
                points.put(point.threads(), new Value(value.least(), value.median(), value.most(), point.unit(),
                        point.verdict() == Target.Verdict.REACHED));
            }
        }
        String suite = outcome.target().suite();
        runs.stream().filter(run -> run.stream().anyMatch(result -> result.suite().equals(suite))).findFirst()
                .map(Measured::environment).filter(environment -> !points.isEmpty())
                .ifPresent(environment -> targets.put(outcome.target().asks(),
                        new Entry(environment.path("date").asText(LocalDate.now().toString()),
                                environment.path("commit").asText(), points)));
    }

    /** {@return the old ones with what is new in their place: target by target, where a machine is known} */
    static List<Measured> merged(List<Measured> old, List<Measured> measured) {
        Map<String, Measured> machines = new LinkedHashMap<>();
        measured.forEach(machine -> machines.put(machine.machine, machine));
        for (Measured machine : old) {
            machines.merge(machine.machine, machine, (now, before) -> {
                Map<String, Entry> targets = new LinkedHashMap<>(before.targets);
                targets.putAll(now.targets);
                return new Measured(now.machine, targets);
            });
        }
        return List.copyOf(machines.values());
    }

    /** {@return the machine of a run, as it is named here} */
    static String machine(JsonNode environment) {
        return String.format(Locale.ROOT, "%s, %d CPU%s%s", environment.path("processor").asText(),
                environment.path("processors").asInt(), environment.path("processors").asInt() == 1 ? "" : "s",
                environment.path("testKernel").asBoolean() ? " (emulated: the test kernel)" : "");
    }

    private static JsonNode environment(List<Result> run) {
        return Objects.requireNonNullElse(run.get(0).run().get("environment"), MAPPER.createObjectNode());
    }

    /** {@return what a machine reached of a target, in words; empty when it was not measured there} */
    String words(Target target) {
        Entry entry = targets.get(target.asks());
        return entry == null
                ? ""
                : entry.points.entrySet().stream()
                        .map(point -> point.getKey() + ": " + point.getValue().words(target.bound()))
                        .collect(Collectors.joining("; "));
    }

    /** {@return the days on which its targets were measured, the first and the last if there are several} */
    String dates() {
        List<String> days = targets.values().stream().map(Entry::date).distinct().sorted().toList();
        return days.size() == 1 ? days.get(0) : days.get(0) + " to " + days.get(days.size() - 1);
    }

    /**
     * By how much machines differ: the largest median of a target divided by the smallest, at the number of threads
     * where that is most; empty when fewer than two machines measured it, or it is not a quotient.
     */
    static OptionalDouble difference(Target target, List<Measured> machines) {
        return target.threads().stream().mapToDouble(threads -> {
            List<Double> medians = machines.stream().map(machine -> machine.targets.get(target.asks()))
                    .filter(Objects::nonNull).map(entry -> entry.points.get(threads)).filter(Objects::nonNull)
                    .filter(value -> value.unit.isEmpty() && value.median > 0).map(Value::median).toList();
            return medians.size() < 2 ? Double.NaN : spread(medians);
        }).filter(Double::isFinite).max();
    }

    private static double spread(List<Double> values) {
        var statistics = values.stream().mapToDouble(Double::doubleValue).summaryStatistics();
        return statistics.getMax() / statistics.getMin();
    }
}
