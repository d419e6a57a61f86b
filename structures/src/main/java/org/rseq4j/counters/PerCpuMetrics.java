package org.rseq4j.counters;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Measurement;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Statistic;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.TimeGauge;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/**
 * Shows counters, summaries, histograms and whole counter files to Micrometer. Micrometer reads them when it publishes, by
 * functions; what records knows nothing of it and costs what it costs without.
 *
 * <p>
 * Micrometer ({@code io.micrometer:micrometer-core}) is an optional dependency: only this class refers to it, and nothing
 * else of the library to this class.
 *
 * <p>
 * What becomes of which, for a name {@code n}:
 * <ul>
 * <li>a counter: a {@link FunctionCounter}. Micrometer takes it for one that only grows;
 * <li>a summary or histogram of times: a {@link FunctionTimer}, and time gauges {@code n.max} and, of a summary,
 * {@code n.min};
 * <li>a summary or histogram of other values: a meter of type distribution summary with count, total and maximum, and, of a
 * summary, a gauge {@code n.min};
 * <li>each percentile of a histogram: a gauge {@code n.percentile} with the tag {@code phi}, as Micrometer's own.
 * </ul>
 * The maximum and the minimum are those since the meter was made or reset, not of a recent time as Micrometer's own. The
 * total of a histogram is exact to its significant digits.
 *
 * <p>
 * The measurements of one summary or histogram come from one snapshot: it is taken anew when one of them is read the second
 * time, or a tenth of a second after it was taken. So they belong together in a registry that reads each once when it
 * publishes, as Micrometer's do.
 *
 * <p>
 * A registry refers to what is bound to it until it is removed from it. A meter that is closed shows what was last read.
 *
 * @since 0.1.0
 */
public final class PerCpuMetrics {
    private static final double[] PERCENTILES = {0.5, 0.9, 0.99, 0.999};
    private static final long SNAPSHOT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private PerCpuMetrics() {
    }

    /** What is read of a summary or histogram, of one snapshot of it. */
    private interface Reading {
        long count();

        double total();

        double max();

        double min();

        double percentile(double percentile);
    }

    private record OfSummary(PerCpuSummary.Snapshot snapshot) implements Reading {
        @Override
        public long count() {
            return snapshot.count();
        }

        @Override
        public double total() {
            return snapshot.sum();
        }

        @Override
        public double max() {
            return snapshot.count() == 0 ? 0 : snapshot.max();
        }

        @Override
        public double min() {
            return snapshot.count() == 0 ? 0 : snapshot.min();
        }

        @Override
        public double percentile(double percentile) {
            throw new UnsupportedOperationException();
        }
    }

    private record OfHistogram(Histogram snapshot) implements Reading {
        @Override
        public long count() {
            return snapshot.getTotalCount();
        }

        @Override
        public double total() {
            return count() == 0 ? 0 : snapshot.getMean() * count();
        }

        @Override
        public double max() {
            return snapshot.getMaxValue();
        }

        @Override
        public double min() {
            throw new UnsupportedOperationException();
        }

        @Override
        public double percentile(double percentile) {
            return snapshot.getValueAtPercentile(percentile * 100);
        }
    }

    /** One snapshot for all measurements of one publication. */
    private static final class Shared {
        private final Supplier<Reading> take;
        private Reading last;
        private long taken;
        private long read;

        Shared(Supplier<Reading> take, Reading empty) {
            this.take = take;
            this.last = empty;
            this.read = -1;
        }

        /** A function that reads one measurement; no two have the same number. */
        ToDoubleFunction<Shared> at(int number, ToDoubleFunction<Reading> measurement) {
            return shared -> measurement.applyAsDouble(shared.reading(1L << number));
        }

        private synchronized Reading reading(long measurement) {
            long now = System.nanoTime();
            if ((read & measurement) != 0 || now - taken > SNAPSHOT_NANOS) {
                try {
                    last = take.get();
                } catch (IllegalStateException closed) {
                    // what was last read stays
                }
                taken = now;
                read = 0;
            }
            read |= measurement;
            return last;
        }
    }

    /**
     * A counter.
     *
     * @param counter the counter
     * @param name its name in the registry
     * @param description what it counts
     * @param tags its tags
     * @return binds it to a registry
     */
    public static MeterBinder counter(PerCpuCounter counter, String name, String description, Tag... tags) {
        Objects.requireNonNull(counter, "counter");
        Objects.requireNonNull(name, "name");
        Iterable<Tag> all = List.of(tags);
        return registry -> bind(registry, counter, name, description, all);
    }

    /**
     * A summary of values that are no times.
     *
     * @param summary the summary
     * @param name its name in the registry
     * @param description what it records
     * @param tags its tags
     * @return binds it to a registry
     */
    public static MeterBinder summary(PerCpuSummary summary, String name, String description, Tag... tags) {
        return binder(Objects.requireNonNull(summary, "summary"), name, description, null, tags);
    }

    /**
     * A histogram of values that are no times.
     *
     * @param histogram the histogram
     * @param name its name in the registry
     * @param description what it records
     * @param tags its tags
     * @return binds it to a registry
     */
    public static MeterBinder summary(PerCpuHistogram histogram, String name, String description, Tag... tags) {
        return binder(Objects.requireNonNull(histogram, "histogram"), name, description, null, tags);
    }

    /**
     * A summary of times.
     *
     * @param summary the summary
     * @param name its name in the registry
     * @param description what it records
     * @param unit the unit of what is recorded
     * @param tags its tags
     * @return binds it to a registry
     */
    public static MeterBinder timer(PerCpuSummary summary, String name, String description, TimeUnit unit,
            Tag... tags) {
        return binder(Objects.requireNonNull(summary, "summary"), name, description,
                Objects.requireNonNull(unit, "unit"), tags);
    }

    /**
     * A histogram of times.
     *
     * @param histogram the histogram
     * @param name its name in the registry
     * @param description what it records
     * @param unit the unit of what is recorded
     * @param tags its tags
     * @return binds it to a registry
     */
    public static MeterBinder timer(PerCpuHistogram histogram, String name, String description, TimeUnit unit,
            Tag... tags) {
        return binder(Objects.requireNonNull(histogram, "histogram"), name, description,
                Objects.requireNonNull(unit, "unit"), tags);
    }

    /**
     * All meters of a file by their names there, those that it has and those that it gets later.
     *
     * @param file the file
     * @param units the unit of a summary or histogram of times, by its name; null for other values
     * @param tags the tags of all
     * @return binds them to a registry
     */
    public static MeterBinder file(CounterFile file, Function<String, TimeUnit> units, Tag... tags) {
        Objects.requireNonNull(file, "file");
        Objects.requireNonNull(units, "units");
        Iterable<Tag> all = List.of(tags);
        return registry -> file.watch((name, description, meter) -> {
            if (meter instanceof PerCpuCounter counter) {
                bind(registry, counter, name, description, all);
            } else {
                bind(registry, meter, name, description, units.apply(name), all);
            }
        });
    }

    private static MeterBinder binder(Object meter, String name, String description, TimeUnit unit, Tag... tags) {
        Objects.requireNonNull(name, "name");
        Iterable<Tag> all = List.of(tags);
        return registry -> bind(registry, meter, name, description, unit, all);
    }

    private static void bind(MeterRegistry registry, PerCpuCounter counter, String name, String description,
            Iterable<Tag> tags) {
        // The registry's reference is a weak one; its function's is not.
        double[] last = new double[1];
        FunctionCounter.builder(name, counter, ignored -> {
            try {
                last[0] = counter.sum();
            } catch (IllegalStateException closed) {
                // what was last read stays
            }
            return last[0];
        }).description(description).tags(tags).register(registry);
    }

    private static void bind(MeterRegistry registry, Object meter, String name, String description, TimeUnit unit,
            Iterable<Tag> tags) {
        Shared shared = meter instanceof PerCpuSummary summary
                ? new Shared(() -> new OfSummary(summary.snapshot()), new OfSummary(PerCpuSummary.Snapshot.EMPTY))
                : new Shared(() -> new OfHistogram(((PerCpuHistogram) meter).snapshot()),
                        new OfHistogram(new Histogram(1)));
        ToDoubleFunction<Shared> count = shared.at(0, Reading::count);
        ToDoubleFunction<Shared> total = shared.at(1, Reading::total);
        ToDoubleFunction<Shared> max = shared.at(2, Reading::max);
        if (unit != null) {
            FunctionTimer.builder(name, shared, ignored -> (long) count.applyAsDouble(shared),
                    ignored -> total.applyAsDouble(shared), unit).description(description).tags(tags)
                    .register(registry);
            gauge(registry, shared, max, name + ".max", description, unit, tags);
        } else {
            Meter.builder(name, Meter.Type.DISTRIBUTION_SUMMARY,
                    List.of(new Measurement(() -> count.applyAsDouble(shared), Statistic.COUNT),
                            new Measurement(() -> total.applyAsDouble(shared), Statistic.TOTAL),
                            new Measurement(() -> max.applyAsDouble(shared), Statistic.MAX)))
                    .description(description).tags(tags).register(registry);
        }
        if (meter instanceof PerCpuSummary) {
            gauge(registry, shared, shared.at(3, Reading::min), name + ".min", description, unit, tags);
        } else {
            for (int i = 0; i < PERCENTILES.length; i++) {
                double percentile = PERCENTILES[i];
                gauge(registry, shared, shared.at(3 + i, reading -> reading.percentile(percentile)),
                        name + ".percentile", description, unit, Tags.of(tags).and("phi", "" + percentile));
            }
        }
    }

    private static void gauge(MeterRegistry registry, Shared shared, ToDoubleFunction<Shared> measurement, String name,
            String description, TimeUnit unit, Iterable<Tag> tags) {
        if (unit != null) {
            TimeGauge.builder(name, shared, unit, measurement).description(description).tags(tags)
                    .strongReference(true).register(registry);
        } else {
            Gauge.builder(name, shared, measurement).description(description).tags(tags).strongReference(true)
                    .register(registry);
        }
    }
}
