// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.snapshots.CounterSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import io.prometheus.metrics.model.snapshots.PrometheusNaming;
import io.prometheus.metrics.model.snapshots.Quantiles;
import io.prometheus.metrics.model.snapshots.SummarySnapshot;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.HdrHistogram.Histogram;
import org.rseq4j.counters.CounterFileReader;
import org.rseq4j.counters.PerCpuSummary;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows a counter file, live or once; see bin/stat. */
@Command(name = "stat")
public final class Stat implements Callable<Integer> {
    private static final double[] PERCENTILES = {50, 90, 99, 99.9};

    @Parameters(index = "0")
    private Path file;

    @Option(names = "--once")
    private boolean once;

    @Option(names = "--json")
    private boolean json;

    @Option(names = "--prometheus")
    private boolean prometheus;

    @Option(names = "--interval", defaultValue = "1000")
    private long interval;

    private final Map<String, Long> last = new HashMap<>();

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Stat()).execute(arguments));
    }

    @Override
    public Integer call() throws InterruptedException {
        try (var reader = CounterFileReader.open(file)) {
            if (json) {
                System.out.println(new ObjectMapper().writerWithDefaultPrettyPrinter()
                        .writeValueAsString(json(reader.pid(), reader.read())));
            } else if (prometheus) {
                MetricSnapshots snapshots = prometheus(reader.read());
                PrometheusTextFormatWriter.create().write(System.out, snapshots);
                System.out.flush();
            } else {
                live(reader);
            }
            return 0;
        } catch (IOException e) {
            System.err.println("bin/stat: " + e.getMessage());
            return 1;
        }
    }

    private void live(CounterFileReader reader) throws IOException, InterruptedException {
        long before = System.nanoTime();
        table(reader.read(), 0);
        while (!once && !System.out.checkError()) {
            Thread.sleep(interval);
            long now = System.nanoTime();
            System.out.println();
            table(reader.read(), (now - before) / 1e9);
            before = now;
        }
    }

    private void table(List<CounterFileReader.Value> values, double seconds) {
        for (CounterFileReader.Value value : values) {
            long count = switch (value) {
                case CounterFileReader.Counter counter -> counter.sum();
                case CounterFileReader.Summary summary -> summary.snapshot().count();
                case CounterFileReader.Distribution distribution -> distribution.snapshot().getTotalCount();
            };
            Long previous = last.put(value.name(), count);
            String rate = previous == null || seconds == 0
                    ? ""
                    : String.format(Locale.ROOT, "%.1f/s", (count - previous) / seconds);
            System.out.printf(Locale.ROOT, "%-32s %16d %14s  %s%n", value.name(), count, rate, details(value));
        }
    }

    private static String details(CounterFileReader.Value value) {
        return switch (value) {
            case CounterFileReader.Counter counter -> counter.typeId() == 0 && !counter.key().hasRemaining()
                    ? ""
                    : ("type " + counter.typeId() + " key " + hex(counter)).stripTrailing();
            case CounterFileReader.Summary summary -> summary.snapshot().count() == 0
                    ? ""
                    : String.format(Locale.ROOT, "min %d mean %.1f max %d", summary.snapshot().min(),
                            summary.snapshot().mean(), summary.snapshot().max());
            case CounterFileReader.Distribution distribution -> {
                var text = new StringBuilder();
                for (double percentile : PERCENTILES) {
                    text.append(String.format(Locale.ROOT, "p%s %d ", number(percentile),
                            distribution.snapshot().getValueAtPercentile(percentile)));
                }
                yield text.append("max ").append(distribution.snapshot().getMaxValue()).toString();
            }
        };
    }

    private static String hex(CounterFileReader.Counter counter) {
        byte[] key = new byte[counter.key().remaining()];
        counter.key().get(key);
        return HexFormat.of().formatHex(key);
    }

    private static String number(double percentile) {
        return percentile == Math.rint(percentile) ? "" + (long) percentile : "" + percentile;
    }

    private static ObjectNode json(long pid, List<CounterFileReader.Value> values) {
        ObjectNode root = new ObjectMapper().createObjectNode().put("pid", pid);
        ArrayNode meters = root.putArray("meters");
        for (CounterFileReader.Value value : values) {
            ObjectNode meter = meters.addObject().put("name", value.name()).put("description", value.description());
            switch (value) {
                case CounterFileReader.Counter counter -> meter.put("type", "counter").put("sum", counter.sum())
                        .put("typeId", counter.typeId()).put("key", hex(counter));
                case CounterFileReader.Summary summary -> {
                    PerCpuSummary.Snapshot snapshot = summary.snapshot();
                    meter.put("type", "summary").put("count", snapshot.count()).put("sum", snapshot.sum());
                    if (snapshot.count() != 0) {
                        meter.put("min", snapshot.min()).put("max", snapshot.max());
                    }
                }
                case CounterFileReader.Distribution distribution -> {
                    Histogram snapshot = distribution.snapshot();
                    meter.put("type", "histogram").put("count", snapshot.getTotalCount()).put("max",
                            snapshot.getMaxValue());
                    ObjectNode percentiles = meter.putObject("percentiles");
                    for (double percentile : PERCENTILES) {
                        percentiles.put(number(percentile), snapshot.getValueAtPercentile(percentile));
                    }
                }
            }
        }
        return root;
    }

    private static MetricSnapshots prometheus(List<CounterFileReader.Value> values) {
        Map<String, MetricSnapshot> snapshots = new LinkedHashMap<>();
        for (CounterFileReader.Value value : values) {
            String wanted = PrometheusNaming.prometheusName(PrometheusNaming.sanitizeMetricName(value.name()));
            String name = wanted;
            // What the format has no letter for becomes an underscore, and so may two names one.
            for (int i = 2; snapshots.containsKey(name); i++) {
                name = wanted + "_" + i;
            }
            snapshots.put(name, switch (value) {
                case CounterFileReader.Counter counter -> counter.sum() < 0
                        ? gauge(name, value.description(), counter.sum()) // Prometheus has no counters below 0
                        : CounterSnapshot.builder().name(name).help(value.description())
                                .dataPoint(CounterSnapshot.CounterDataPointSnapshot.builder().value(counter.sum())
                                        .build())
                                .build();
                case CounterFileReader.Summary summary -> {
                    if (summary.snapshot().count() != 0) {
                        snapshots.put(name + "_min", gauge(name + "_min", "", summary.snapshot().min()));
                        snapshots.put(name + "_max", gauge(name + "_max", "", summary.snapshot().max()));
                    }
                    yield summary(name, value.description(), summary.snapshot().count(), summary.snapshot().sum(),
                            Quantiles.EMPTY);
                }
                case CounterFileReader.Distribution distribution -> {
                    Histogram snapshot = distribution.snapshot();
                    Quantiles.Builder quantiles = Quantiles.builder();
                    for (double percentile : PERCENTILES) {
                        quantiles.quantile(percentile / 100, snapshot.getValueAtPercentile(percentile));
                    }
                    long count = snapshot.getTotalCount();
                    yield summary(name, value.description(), count, count == 0 ? 0 : snapshot.getMean() * count,
                            quantiles.build());
                }
            });
        }
        return new MetricSnapshots(snapshots.values());
    }

    private static MetricSnapshot gauge(String name, String help, long value) {
        return GaugeSnapshot.builder().name(name).help(help)
                .dataPoint(GaugeSnapshot.GaugeDataPointSnapshot.builder().value(value).build()).build();
    }

    private static MetricSnapshot summary(String name, String help, long count, double sum, Quantiles quantiles) {
        return SummarySnapshot.builder().name(name).help(help).dataPoint(SummarySnapshot.SummaryDataPointSnapshot
                .builder().count(count).sum(sum).quantiles(quantiles).build()).build();
    }
}
