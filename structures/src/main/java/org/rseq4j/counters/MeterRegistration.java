// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.TimeGauge;
import io.micrometer.core.instrument.util.DoubleFormat;
import io.micrometer.core.instrument.util.TimeUtils;
import java.lang.ref.WeakReference;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.Predicate;

/** What {@link PerCpuMetrics} registered with one registry, which it does not keep reachable. */
final class MeterRegistration {
    private static final double[] PERCENTILES = {0.5, 0.9, 0.99, 0.999};

    private final WeakReference<MeterRegistry> registry;
    private final Clock clock;
    private final Iterable<Tag> tags;
    private final long[] boundaries;
    private final Queue<Registered> registered = new ConcurrentLinkedQueue<>();
    /** Nothing more is registered; by assignment, where there may be no stack for {@link #remove}. */
    volatile boolean removed;

    /** Does nothing, but initializes this class. */
    static void initialize() {
        // see above
    }

    MeterRegistration(MeterRegistry registry, Iterable<Tag> tags, long... boundaries) {
        this.registry = new WeakReference<>(registry);
        this.clock = registry.config().clock();
        this.tags = tags;
        this.boundaries = boundaries;
    }

    /** A sum that is taken for one that only grows; it is read as one that was reset where it does not. */
    private static final class GrowingSum {
        private long last;
        private long grown;

        synchronized double of(PerCpuCounter counter) {
            try {
                long now = counter.sum();
                grown += MetricReading.grown(last, now);
                last = now;
            } catch (IllegalStateException closed) {
                return grown; // what was last read stays
            }
            return grown;
        }
    }

    /** What a meter is in the registry. */
    private static final class Registered {
        private final Object meter;
        /** Null before the registry has it, and where it has somebody else's. */
        private volatile Meter shown;

        private Registered(Object meter) {
            this.meter = meter;
        }
    }

    /** What the registry has of a meter under a name. */
    private record Named(Object meter, String name, String description, Iterable<Tag> tags) {
        Named and(String suffix) {
            return new Named(meter, name + suffix, description, tags);
        }

        Named and(String suffix, String key, String value) {
            return new Named(meter, name + suffix, description, Tags.of(tags).and(key, value));
        }
    }

    /** Registers a meter of a file, of any type. */
    void add(String name, String description, Object meter, TimeUnit unit, boolean falls) {
        if (meter instanceof PerCpuCounter counter) {
            addCounter(name, description, counter, falls);
        } else if (meter instanceof PerCpuSummary summary) {
            addSummary(name, description, summary, unit, falls);
        } else if (meter instanceof PerCpuHistogram histogram) {
            addHistogram(name, description, histogram, unit);
        } else {
            throw new AssertionError(meter);
        }
    }

    private void addCounter(String name, String description, PerCpuCounter counter, boolean falls) {
        var named = new Named(counter, name, description, tags);
        if (falls) {
            double[] last = new double[1];
            gauge(named, null, () -> {
                try {
                    last[0] = counter.sum();
                } catch (IllegalStateException closed) {
                    return last[0]; // what was last read stays
                }
                return last[0];
            });
        } else {
            var sum = new GrowingSum();
            counter(named, () -> sum.of(counter));
        }
    }

    private void addSummary(String name, String description, PerCpuSummary summary, TimeUnit unit, boolean falls) {
        var shared = new SharedReading(MetricReading.of(summary), clock);
        var named = new Named(summary, name, description, tags);
        addTotals(named, shared, unit, falls);
        gauge(named.and(".min"), unit, shared.at(3, MetricReading::min));
    }

    private void addHistogram(String name, String description, PerCpuHistogram histogram, TimeUnit unit) {
        var shared = new SharedReading(new HistogramReadings(histogram), clock);
        var named = new Named(histogram, name, description, tags);
        TimeUnit base = addTotals(named, shared, unit, false);
        int number = 3;
        for (double percentile : PERCENTILES) {
            gauge(named.and(".percentile", "phi", "" + percentile), unit,
                    shared.at(number++, reading -> reading.percentile(percentile)));
        }
        for (long boundary : boundaries) {
            HistogramBuckets buckets = histogram.buckets();
            int indexes = buckets.index(Math.max(0, Math.min(boundary, buckets.highest()))) + 1;
            double shown = unit == null ? boundary : TimeUtils.convert(boundary, unit, base);
            counter(named.and(".histogram", "le", DoubleFormat.wholeOrDecimal(shown)),
                    shared.at(number++, reading -> reading.countOf(indexes)));
        }
        if (boundaries.length > 0) {
            counter(named.and(".histogram", "le", "+Inf"), shared.at(number, MetricReading::count));
        }
    }

    /** Count, sum and maximum; the registry's unit of times. */
    private TimeUnit addTotals(Named named, SharedReading shared, TimeUnit unit, boolean falls) {
        DoubleSupplier count = shared.at(0, MetricReading::count);
        DoubleSupplier max = shared.at(2, MetricReading::max);
        gauge(named.and(".max"), unit, max);
        if (unit != null) {
            DoubleSupplier sum = shared.growing(1);
            Meter timer = register(named, of -> FunctionTimer.builder(named.name, shared,
                    ignored -> (long) count.getAsDouble(), ignored -> sum.getAsDouble(), unit)
                    .description(named.description).tags(named.tags).register(of));
            return timer instanceof FunctionTimer function ? function.baseTimeUnit() : TimeUnit.SECONDS;
        }
        counter(named.and(".count"), count);
        if (falls) {
            gauge(named.and(".sum"), null, shared.at(1, MetricReading::sum));
        } else {
            counter(named.and(".sum"), shared.growing(1));
        }
        return TimeUnit.SECONDS;
    }

    // The registry refers to what it asks weakly, but to the function that it asks strongly.

    private void counter(Named named, DoubleSupplier value) {
        register(named, of -> FunctionCounter.builder(named.name, value, ignored -> value.getAsDouble())
                .description(named.description).tags(named.tags).register(of));
    }

    private void gauge(Named named, TimeUnit unit, DoubleSupplier value) {
        register(named, of -> unit == null
                ? Gauge.builder(named.name, value, DoubleSupplier::getAsDouble).description(named.description)
                        .tags(named.tags).strongReference(true).register(of)
                : TimeGauge.builder(named.name, value, unit, DoubleSupplier::getAsDouble)
                        .description(named.description).tags(named.tags).strongReference(true).register(of));
    }

    private interface Registering {
        Meter with(MeterRegistry registry);
    }

    @SuppressWarnings("ReferenceEquality") // which object, and no call
    private Meter register(Named named, Registering registering) {
        MeterRegistry present = registry.get();
        if (present == null || removed) {
            return null;
        }
        Meter[] before = present.find(named.name).tags(named.tags).meters().toArray(new Meter[0]);
        var one = new Registered(named.meter);
        registered.add(one);
        Meter meter = registering.with(present);
        // Without a call until it is noted: an error would leave it in the registry.
        boolean isOurs = true;
        for (Meter theirs : before) {
            isOurs &= theirs != meter; // else it is somebody else's, which is not ours to remove
        }
        if (isOurs) {
            one.shown = meter;
        }
        if (removed) {
            remove();
        }
        return meter;
    }

    /** Whether nobody needs it any more. */
    boolean isOver() {
        return removed || isRegistryGone();
    }

    private boolean isRegistryGone() {
        MeterRegistry present = registry.get();
        return present == null || present.isClosed();
    }

    /** Whether there is nothing to remove any more. */
    boolean isRemoved() {
        return isRegistryGone() || removed && registered.stream().allMatch(one -> one.shown == null);
    }

    /**
     * Removes from the registry what was registered, and what a thread is about to register. What throws can be done
     * again, and goes on then.
     */
    void remove() {
        removed = true;
        removeIf(one -> true);
    }

    /** Removes from the registry what was registered of a meter. */
    void remove(Object meter) {
        removeIf(one -> one.meter.equals(meter));
    }

    private void removeIf(Predicate<Registered> chosen) {
        MeterRegistry present = registry.get();
        registered.removeIf(one -> {
            Meter shown = one.shown;
            boolean isGone = shown != null && chosen.test(one);
            if (isGone && present != null) {
                present.remove(shown);
            }
            return isGone;
        });
    }
}
