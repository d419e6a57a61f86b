package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
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

/** Shows a counter file, live or once. */
@Command(name = "stat", mixinStandardHelpOptions = true, sortOptions = false, description = "Shows the counters, summaries and histograms of a file, live or once.")
public final class Stat implements Callable<Integer> {
    private static final double[] PERCENTILES = {50, 90, 99, 99.9};

    @Parameters(index = "0", paramLabel = "FILE", description = "the counter file")
    private Path file;

    @Option(names = "--once", description = "show it once, without rates")
    private boolean once;

    @Option(names = "--json", description = "one JSON object, once")
    private boolean json;

    @Option(names = "--prometheus", description = "Prometheus' text format, once")
    private boolean prometheus;

    @Option(names = "--interval", description = "milliseconds between two looks, default ${DEFAULT-VALUE}", defaultValue = "1000")
    private long interval;

    private final Map<String, Long> last = new HashMap<>();

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Stat()).execute(arguments));
    }

    @Override
    public Integer call() throws InterruptedException {
        if (interval <= 0) {
            System.err.println("stat: the interval must be positive");
            return 2;
        }
        try (var reader = CounterFileReader.open(file)) {
            if (json) {
                System.out.println(new ObjectMapper().writerWithDefaultPrettyPrinter()
                        .writeValueAsString(json(reader.pid(), reader.read())));
            } else if (prometheus) {
                prometheus(reader.read());
            } else {
                live(reader);
            }
            return 0;
        } catch (IOException e) {
            System.err.println("stat: " + e.getMessage());
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
            case CounterFileReader.Counter _ -> "";
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

    private static String number(double percentile) {
        return percentile == Math.rint(percentile) ? "" + (long) percentile : "" + percentile;
    }

    private static ObjectNode json(long pid, List<CounterFileReader.Value> values) {
        ObjectNode root = new ObjectMapper().createObjectNode().put("pid", pid);
        ArrayNode meters = root.putArray("meters");
        for (CounterFileReader.Value value : values) {
            ObjectNode meter = meters.addObject().put("name", value.name()).put("description", value.description());
            switch (value) {
                case CounterFileReader.Counter counter -> meter.put("type", "counter").put("sum", counter.sum());
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

    private static void prometheus(List<CounterFileReader.Value> values) {
        for (CounterFileReader.Value value : values) {
            // What the format has no letter for becomes an underscore.
            String name = value.name().replaceAll("[^a-zA-Z0-9_:]", "_").replaceFirst("^(?=[0-9])", "_");
            String help = value.description().replace("\\", "\\\\");
            System.out.printf("# HELP %s %s%n", name, help);
            switch (value) {
                case CounterFileReader.Counter counter ->
                    System.out.printf("# TYPE %s counter%n%s %d%n", name, name, counter.sum());
                case CounterFileReader.Summary summary -> {
                    System.out.printf("# TYPE %s summary%n%s_count %d%n%s_sum %d%n", name, name,
                            summary.snapshot().count(), name, summary.snapshot().sum());
                    if (summary.snapshot().count() != 0) {
                        System.out.printf("# TYPE %s_min gauge%n%s_min %d%n# TYPE %s_max gauge%n%s_max %d%n", name,
                                name, summary.snapshot().min(), name, name, summary.snapshot().max());
                    }
                }
                case CounterFileReader.Distribution distribution -> {
                    System.out.printf("# TYPE %s summary%n", name);
                    for (double percentile : PERCENTILES) {
                        System.out.printf("%s{quantile=\"%s\"} %d%n", name, percentile / 100,
                                distribution.snapshot().getValueAtPercentile(percentile));
                    }
                    System.out.printf("%s_count %d%n", name, distribution.snapshot().getTotalCount());
                }
            }
        }
    }
}
