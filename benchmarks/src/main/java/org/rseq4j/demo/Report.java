// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.Function;
import org.rseq4j.Rseq;
import org.rseq4j.benchmarks.Charts;
import org.rseq4j.benchmarks.Spread;

/** What the demo found: figures for each side, and the conservation checks. */
final class Report {
    private static final double[] PERCENTILES = {50, 99, 99.9, 99.99};
    private static final int NAMES = 34;
    private static final int COLUMN = 28;

    private final List<Side> sides;
    private final Map<Integer, Double> rates;
    private final boolean interrupted;
    private final Map<String, Boolean> checks = new LinkedHashMap<>();
    private final List<String> failures = new ArrayList<>();

    /**
     * To be made when the server has stopped and the logs are closed.
     *
     * @param rates the requests a second of each percentage of the saturation
     */
    Report(List<Side> sides, Map<Integer, Double> rates, boolean interrupted) {
        this.sides = sides;
        this.rates = rates;
        this.interrupted = interrupted;
        for (Side side : sides) {
            side.subject.checks(side.answered).forEach(check -> add(side, check));
            if (side.failed > 0) {
                failures.add(side.name() + ": " + side.failed + " requests failed");
            }
        }
    }

    private void add(Side side, Subject.Check check) {
        boolean holds = check.leftValue() == check.rightValue();
        checks.merge(check.name(), holds, Boolean::logicalAnd);
        if (!holds) {
            failures.add(side.name() + ": " + check.name() + ": " + check.left() + " " + check.leftValue() + ", "
                    + check.right() + " " + check.rightValue());
        }
    }

    boolean passed() {
        return failures.isEmpty();
    }

    /** For programs: a tree of maps, lists, numbers and strings. */
    Map<String, Object> toTree() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("registration", Rseq.status().registration().name());
        tree.put("sliceExtension", Rseq.status().sliceExtension().name());
        tree.put("processors", Runtime.getRuntime().availableProcessors());
        tree.put("interrupted", interrupted);
        tree.put("rates", rates);
        Map<String, Object> all = new LinkedHashMap<>();
        for (Side side : sides) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("requests", side.answered);
            one.put("failed", side.failed);
            one.put("saturation", side.saturation());
            Map<Integer, Object> latencies = new TreeMap<>();
            for (int percent : side.latencies.keySet()) {
                Map<String, Object> percentiles = new LinkedHashMap<>();
                for (double percentile : PERCENTILES) {
                    percentiles.put("p" + Spread.plain(percentile), side.latencyMillis(percent, percentile));
                }
                percentiles.put("max", side.latencyMillis(percent, 100));
                latencies.put(percent, percentiles);
            }
            one.put("latencyMillis", latencies);
            side.subject.figures().forEach(figure -> one.put(figure.key(), figure.value()));
            all.put(side.name(), one);
        }
        tree.put("structures", all);
        tree.put("checks", checks);
        tree.put("failures", failures);
        return tree;
    }

    /** Draws the tail of each side against the rate. */
    void draw(Path file) throws IOException {
        List<Charts.Line> lines = new ArrayList<>();
        for (double percentile : new double[]{50, 99, 99.9}) {
            for (Side side : sides) {
                Map<Double, Double> points = new TreeMap<>();
                side.latencies.keySet().forEach(percent -> points.put((double) percent,
                        side.latencyMillis(percent, percentile).median()));
                lines.add(new Charts.Line(side.name() + " p" + Spread.plain(percentile), points,
                        side.name().startsWith("rseq4j")));
            }
        }
        Charts.lines(file, "Latency from a request's arrival, open loop", "arrivals, percent of the saturation",
                "milliseconds", lines);
    }

    /** For people: medians of the rounds with the least and the most, and what can be said of their difference. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        boolean two = sides.size() == 2;
        line(text, "", Side::name, two ? sides.getFirst().name() + " against " + sides.getLast().name() : "");
        spreads(text, "requests/s at saturation", Side::saturation);
        for (Map.Entry<Integer, Double> rate : rates.entrySet()) {
            if (sides.stream().noneMatch(side -> side.latencies.containsKey(rate.getKey()))) {
                continue;
            }
            text.append(
                    String.format(Locale.ROOT, "at %d%%: %,.0f requests/s arrive%n", rate.getKey(), rate.getValue()));
            for (double percentile : PERCENTILES) {
                spreads(text, "  p" + Spread.plain(percentile) + ", ms",
                        side -> side.latencyMillis(rate.getKey(), percentile));
            }
        }
        for (int i = 0; i < sides.getFirst().subject.figures().size(); i++) {
            int figure = i;
            line(text, sides.getFirst().subject.figures().get(i).title(),
                    side -> String.format(Locale.ROOT, "%,d", side.subject.figures().get(figure).value()), "");
        }
        text.append(
                "Medians of the rounds, least and most in brackets. Latencies count from the time when a request was "
                        + "to be sent.\n\n");
        checks.forEach((name, holds) -> text.append(holds ? "ok      " : "FAILED  ").append(name).append('\n'));
        failures.forEach(failure -> text.append("        ").append(failure).append('\n'));
        return text.toString();
    }

    private void spreads(StringBuilder text, String name, Function<Side, Spread> value) {
        List<Spread> spreads = sides.stream().map(value).toList();
        if (spreads.stream().anyMatch(Objects::isNull)) {
            return;
        }
        line(text, name, side -> {
            Spread spread = value.apply(side);
            return number(spread.median()) + " (" + number(spread.least()) + "-" + number(spread.most()) + ")";
        }, sides.size() == 2 ? difference(spreads.getFirst(), spreads.getLast()) : "");
    }

    private static String difference(Spread first, Spread second) {
        return first.samples() < 3 ? "too few rounds to say" : first.comparedWith(second);
    }

    private void line(StringBuilder text, String name, Function<Side, String> value, String difference) {
        text.append(String.format(Locale.ROOT, "%-" + NAMES + "s", name));
        sides.forEach(side -> text.append(String.format(Locale.ROOT, "%" + COLUMN + "s", value.apply(side))));
        text.append(difference.isEmpty() ? "" : "   ").append(difference).append('\n');
    }

    private static String number(double value) {
        return value >= 1000 ? String.format(Locale.ROOT, "%,.0f", value) : Spread.number(value);
    }
}
