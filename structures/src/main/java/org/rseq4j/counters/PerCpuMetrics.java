// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.rseq4j.internal.thread.FirstUse;

/**
 * Shows counters, summaries, histograms and whole counter files to Micrometer, which reads them when it publishes.
 * Recording costs what it costs without.
 *
 * <p>
 * A meter named {@code n} becomes, of Micrometer's:
 * <ul>
 * <li>for a counter, a {@code FunctionCounter}, or a gauge if it can go down ({@link #gauge});
 * <li>for a summary or histogram of times, a {@code FunctionTimer} and a time gauge {@code n.max};
 * <li>for a summary or histogram of other values, function counters {@code n.count} and {@code n.sum} and a gauge
 * {@code n.max};
 * <li>for a summary besides, a gauge {@code n.min};
 * <li>for a histogram besides, a gauge {@code n.percentile} with the tag {@code phi} for each percentile, and,
 * {@linkplain Binding#withBuckets on request}, a function counter {@code n.histogram} with the tag {@code le} for each
 * boundary.
 * </ul>
 *
 * <p>
 * <b>Counts and sums do not fall.</b> A counter or histogram that is less than before is taken for one that was reset,
 * as Prometheus does, so what was recorded between the last reading and the reset is not shown; of a summary it is. For
 * values below 0 see {@link #gauge} and {@link #signedSummary}.
 *
 * <p>
 * <b>Maximum, minimum and percentiles</b> are those of the last two to three minutes, or since the last reading if that
 * is longer ago; 0 when nothing was recorded. The sum of a histogram is exact to its significant digits. What a thread
 * reads of one summary or histogram comes from one snapshot.
 *
 * <p>
 * <b>Lifetime:</b> a registry refers to what is bound to it until {@link Binding#close}; nothing bound refers to the
 * registry. A meter that is closed shows what was last read.
 *
 * <p>
 * <b>Cost:</b> for a histogram a registry keeps up to seven copies of its counts, and two more for each further thread
 * that read it in the last second, six at most. Reading a summary costs a membarrier of some 30 microseconds, at most
 * once a second.
 *
 * <p>
 * Micrometer ({@code io.micrometer:micrometer-core}) is an optional dependency: only this class and what it is made of
 * refer to it.
 *
 * @since 0.1.0
 */
public final class PerCpuMetrics {
    /*
     * A snapshot is taken anew when the thread reads a measurement for the second time, or a second after it was taken.
     * Reading a summary ends an epoch of it, as a reset does; that is the membarrier.
     */
    private static boolean initialized;

    private PerCpuMetrics() {
    }

    /** What meters in a registry are made of; Micrometer's own classes are not ours to initialize. */
    static void initialize() {
        if (!initialized) {
            FirstUse.prepare();
            Objects.requireNonNull(MetricReading.NONE);
            MeterRegistration.initialize();
            HistogramReadings.initialize();
            RegisteredSummary.initialize();
            initialized = true;
        }
    }

    /**
     * Binds something to registries, and removes it from them.
     *
     * @since 0.1.0
     */
    public static final class Binding implements MeterBinder, AutoCloseable {
        private final Consumer<MeterRegistration> meters;
        private final List<Tag> tags;
        private final long[] boundaries;
        private final Queue<MeterRegistration> registrations = new ConcurrentLinkedQueue<>();
        private volatile boolean closed;

        private Binding(Consumer<MeterRegistration> meters, List<Tag> tags, long... boundaries) {
            initialize();
            this.meters = meters;
            this.tags = tags;
            this.boundaries = boundaries;
        }

        /**
         * The same for histograms that show how many values were not above some boundaries, besides percentiles: counts
         * can be added up over processes, percentiles cannot. A boundary is rounded up within the histogram's
         * resolution.
         *
         * @param boundaries the boundaries, in the unit of what is recorded; a last one without a limit is added
         * @return another binding
         */
        public Binding withBuckets(long... boundaries) {
            return new Binding(meters, tags, boundaries.clone());
        }

        /**
         * Registers it. What a registry has already under a name and tags stays there, and is shown instead.
         *
         * @param registry the registry
         * @throws IllegalArgumentException when the registry has a meter of another type under a name; nothing is
         *             registered then
         * @throws IllegalStateException when the binding is closed
         */
        @Override
        public void bindTo(MeterRegistry registry) {
            FirstUse.ensureStack(); // for what an error has to undo by the registry's code
            registrations.removeIf(MeterRegistration::isRemoved);
            var registration = new MeterRegistration(registry, tags, boundaries);
            registrations.add(registration);
            try {
                if (!closed) {
                    meters.accept(registration);
                }
            } catch (Throwable e) {
                registration.removed = true;
                registration.remove();
                throw e;
            }
            if (closed) {
                removeAll();
                throw new IllegalStateException("this binding is closed");
            }
        }

        /**
         * Removes from each registry what this binding registered with it. No effect when closed already, but that it
         * removes what an error, or an exception of a registry's listener, left there.
         */
        @Override
        public void close() {
            FirstUse.ensureStack(); // an error inside of the registry's code could leave a part of a meter there
            removeAll();
        }

        private void removeAll() {
            closed = true;
            registrations.forEach(MeterRegistration::remove);
        }
    }

    /**
     * A counter that only grows, or is reset.
     *
     * @param counter the counter; where its sum is below 0, 0 is shown
     * @param name its name in the registry
     * @param description what it counts
     * @param tags its tags
     * @return binds it to a registry
     */
    public static Binding counter(PerCpuCounter counter, String name, String description, Tag... tags) {
        return binding(Objects.requireNonNull(counter, "counter"), name, description, null, false, tags);
    }

    /**
     * A counter that goes up and down: what it has now.
     *
     * @param counter the counter
     * @param name its name in the registry
     * @param description what it counts
     * @param tags its tags
     * @return binds it to a registry
     */
    public static Binding gauge(PerCpuCounter counter, String name, String description, Tag... tags) {
        return binding(Objects.requireNonNull(counter, "counter"), name, description, null, true, tags);
    }

    /**
     * A summary of values that are no times, and not below 0.
     *
     * @param summary the summary
     * @param name its name in the registry
     * @param description what it records
     * @param tags its tags
     * @return binds it to a registry
     */
    public static Binding summary(PerCpuSummary summary, String name, String description, Tag... tags) {
        return binding(Objects.requireNonNull(summary, "summary"), name, description, null, false, tags);
    }

    /**
     * A summary of values that may be below 0: its sum, which may go down, is a gauge, of all that was ever recorded.
     *
     * @param summary the summary
     * @param name its name in the registry
     * @param description what it records
     * @param tags its tags
     * @return binds it to a registry
     */
    public static Binding signedSummary(PerCpuSummary summary, String name, String description, Tag... tags) {
        return binding(Objects.requireNonNull(summary, "summary"), name, description, null, true, tags);
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
    public static Binding summary(PerCpuHistogram histogram, String name, String description, Tag... tags) {
        return binding(Objects.requireNonNull(histogram, "histogram"), name, description, null, false, tags);
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
    public static Binding timer(PerCpuSummary summary, String name, String description, TimeUnit unit,
            Tag... tags) {
        return binding(Objects.requireNonNull(summary, "summary"), name, description,
                Objects.requireNonNull(unit, "unit"), false, tags);
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
    public static Binding timer(PerCpuHistogram histogram, String name, String description, TimeUnit unit,
            Tag... tags) {
        return binding(Objects.requireNonNull(histogram, "histogram"), name, description,
                Objects.requireNonNull(unit, "unit"), false, tags);
    }

    /**
     * All meters of a file by their names there, those that it has and those that it gets later, until they are freed;
     * no counter or summary has values that go down.
     *
     * @param file the file
     * @param units the unit of a summary or histogram of times, by its name; null for other values
     * @param tags the tags of all
     * @return binds them to a registry
     */
    public static Binding file(CounterFile file, Function<String, TimeUnit> units, Tag... tags) {
        return file(file, units, name -> false, tags);
    }

    /**
     * All meters of a file by their names there, those that it has and those that it gets later, until they are freed.
     * One that a registry refuses, because it has another meter of the name, is left out, which is logged; making the
     * meter does not fail.
     *
     * @param file the file
     * @param units the unit of a summary or histogram of times, by its name; null for other values
     * @param falling which counters and summaries have values that go down, by name, as for {@link #gauge} and
     *            {@link #signedSummary}
     * @param tags the tags of all
     * @return binds them to a registry
     */
    public static Binding file(CounterFile file, Function<String, TimeUnit> units, Predicate<String> falling,
            Tag... tags) {
        Objects.requireNonNull(file, "file");
        Objects.requireNonNull(units, "units");
        Objects.requireNonNull(falling, "falling");
        return new Binding(registration -> file.watch(new CounterFile.Watcher() {
            @Override
            public void made(String name, String description, Object meter) {
                try {
                    registration.add(name, description, meter, units.apply(name), falling.test(name));
                } catch (RuntimeException e) {
                    freed(meter); // what was registered of it before
                    System.getLogger(PerCpuMetrics.class.getName()).log(System.Logger.Level.WARNING,
                            "the meter " + name + " of a file is not shown", e);
                }
            }

            @Override
            public void freed(Object meter) {
                try {
                    registration.remove(meter);
                } catch (RuntimeException e) {
                    System.getLogger(PerCpuMetrics.class.getName()).log(System.Logger.Level.WARNING,
                            "a meter of a file is still shown", e);
                }
            }

            @Override
            public boolean isOver() {
                return registration.isOver();
            }
        }), List.of(tags));
    }

    private static Binding binding(Object meter, String name, String description, TimeUnit unit, boolean falls,
            Tag... tags) {
        Objects.requireNonNull(name, "name");
        return new Binding(registration -> registration.add(name, description, meter, unit, falls), List.of(tags));
    }
}
