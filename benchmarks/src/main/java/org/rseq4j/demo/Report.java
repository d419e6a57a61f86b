package org.rseq4j.demo;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.rseq4j.Rseq;

/** What the demo found: figures for each set of structures, and the three conservation checks. */
final class Report {
    /** One set of structures: its measured rounds, and all that its client saw answered, warm-up included. */
    static final class Column {
        final Server.Backend backend;
        final List<Double> rates = new ArrayList<>();
        final Histogram latency = new Histogram(Load.MAX_LATENCY_MICROS, 3);
        long answered;
        long failed;

        Column(Server.Backend backend) {
            this.backend = backend;
        }

        void add(Load.Round round, boolean warmUp) {
            answered += round.answered();
            failed += round.failed();
            if (!warmUp) {
                rates.add(round.answered() / round.seconds());
                latency.add(round.latency());
            }
        }

        double rate() {
            double[] sorted = rates.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            int middle = sorted.length / 2;
            return sorted.length == 0
                    ? 0
                    : sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }

    private static final double[] PERCENTILES = {50, 99, 99.9};

    private final List<Column> columns;
    private final String client;
    private final boolean interrupted;
    private final Map<String, Boolean> checks = new LinkedHashMap<>();
    private final List<String> failures = new ArrayList<>();

    /** To be made when the server has stopped and the logs are closed. */
    Report(List<Column> columns, String client, boolean interrupted) {
        this.columns = columns;
        this.client = client;
        this.interrupted = interrupted;
        for (Column column : columns) {
            Structures structures = column.backend.structures();
            check("requestsCountedEqualAnswered", structures, "requests counted", structures.requests(), "answered",
                    column.answered);
            check("logLinesEqualRecordsQueued", structures, "lines in the log", column.backend.log().lines(),
                    "records queued",
                    column.backend.log().queued());
            check("everyBufferIsBack", structures, "buffers out", structures.buffersOut(), "expected", 0);
            if (column.failed > 0) {
                failures.add(structures.name() + ": " + column.failed + " requests failed");
            }
        }
    }

    private void check(String name, Structures structures, String left, long leftValue, String right, long rightValue) {
        boolean holds = leftValue == rightValue;
        checks.merge(name, holds, Boolean::logicalAnd);
        if (!holds) {
            failures.add(
                    structures.name() + ": " + name + ": " + left + " " + leftValue + ", " + right + " " + rightValue);
        }
    }

    boolean passed() {
        return failures.isEmpty();
    }

    /** For programs: a tree of maps, lists, numbers and strings. */
    Map<String, Object> toTree() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("client", client);
        tree.put("registration", Rseq.status().registration().name());
        tree.put("sliceExtension", Rseq.status().sliceExtension().name());
        tree.put("interrupted", interrupted);
        Map<String, Object> all = new LinkedHashMap<>();
        for (Column column : columns) {
            Structures structures = column.backend.structures();
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("requests", column.answered);
            one.put("failed", column.failed);
            one.put("rounds", column.rates.size());
            one.put("requestsPerSecond", column.rate());
            Map<String, Object> latency = new LinkedHashMap<>();
            for (double percentile : PERCENTILES) {
                latency.put("p" + (percentile == Math.rint(percentile) ? Long.toString((long) percentile) : percentile),
                        column.latency.getValueAtPercentile(percentile));
            }
            latency.put("max", column.latency.getMaxValue());
            one.put("latencyMicros", latency);
            one.put("poolHits", structures.poolHits());
            one.put("poolMisses", structures.poolMisses());
            one.put("maxQueueDepth", column.backend.log().maxDepth());
            one.put("logRecords", column.backend.log().queued());
            all.put(structures.name(), one);
        }
        tree.put("structures", all);
        tree.put("checks", checks);
        tree.put("failures", failures);
        return tree;
    }

    /** For people. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        line(text, "", column -> column.backend.structures().name());
        line(text, "requests", column -> number(column.answered));
        line(text, "requests/s, median of " + columns.getFirst().rates.size() + " rounds",
                column -> number(column.rate()));
        for (double percentile : PERCENTILES) {
            line(text,
                    "latency p" + (percentile == Math.rint(percentile) ? Long.toString((long) percentile) : percentile)
                            + ", us",
                    column -> number(column.latency.getValueAtPercentile(percentile)));
        }
        line(text, "latency max, us", column -> number(column.latency.getMaxValue()));
        line(text, "pool hits", column -> number(column.backend.structures().poolHits()));
        line(text, "pool misses", column -> number(column.backend.structures().poolMisses()));
        line(text, "queue depth, most seen", column -> number(column.backend.log().maxDepth()));
        text.append('\n');
        checks.forEach((name, holds) -> text.append(holds ? "ok      " : "FAILED  ").append(name).append('\n'));
        failures.forEach(failure -> text.append("        ").append(failure).append('\n'));
        return text.toString();
    }

    private void line(StringBuilder text, String name, java.util.function.Function<Column, String> value) {
        text.append(String.format(Locale.ROOT, "%-34s", name));
        columns.forEach(column -> text.append(String.format(Locale.ROOT, "%14s", value.apply(column))));
        text.append('\n');
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%,.0f", value);
    }
}
