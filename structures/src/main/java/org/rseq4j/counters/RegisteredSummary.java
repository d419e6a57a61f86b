// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.AbstractDistributionSummary;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig;
import io.micrometer.core.instrument.distribution.TimeWindowMax;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;

/** Micrometer's distribution summary on a {@link PerCpuSummary}, which has the amounts that are whole. */
final class RegisteredSummary extends AbstractDistributionSummary
        implements
            MetricReading.Source,
            RegistryEpochs.Member {
    private static final VarHandle OTHERS;

    private final PerCpuSummary whole = new PerCpuSummary();
    private final Clock clock;
    private final DistributionStatisticConfig config;
    private final long window;
    private final RegistryEpochs epochs;
    /** Null until there is one. */
    private volatile Others others;

    static {
        try {
            OTHERS = MethodHandles.lookup().findVarHandle(RegisteredSummary.class, "others", Others.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** The amounts that are not whole, as Micrometer's own summary has all. */
    private record Others(LongAdder count, DoubleAdder sum, TimeWindowMax max) {
        void add(double amount) {
            count.increment();
            sum.add(amount);
            max.record(amount);
        }

        MetricReading and(MetricReading reading) {
            return new MetricReading(reading.count() + count.sum(), reading.sum() + sum.sum(),
                    Math.max(reading.max(), max.poll()), reading.min(), reading.counts(), reading.recent());
        }
    }

    /** Does nothing, but initializes this class. */
    static void initialize() {
        // see above
    }

    RegisteredSummary(Id id, Clock clock, DistributionStatisticConfig config, double scale, RegistryEpochs epochs) {
        super(id, clock, config, scale, false);
        this.clock = clock;
        this.config = config;
        window = config.getExpiry().toNanos();
        this.epochs = epochs;
    }

    @Override
    protected void recordNonNegative(double amount) {
        if (RegisteredCounter.isWhole(amount)) {
            whole.record((long) amount);
        } else {
            others().add(amount);
        }
    }

    private Others others() {
        Others present = others;
        if (present == null) {
            OTHERS.compareAndSet(this, null,
                    new Others(new LongAdder(), new DoubleAdder(), new TimeWindowMax(clock, config)));
            present = others;
        }
        return present;
    }

    @Override
    public PerCpuSummary due(long now) {
        return whole.isEpochDue(now, RecentEpochs.step(window)) ? whole : null;
    }

    @Override
    public MetricReading read(long now) {
        epochs.endWith(this, now);
        MetricReading reading = MetricReading.of(whole.reading(now, window, RecentEpochs.step(window)));
        Others present = others;
        return present == null ? reading : present.and(reading);
    }

    @Override
    public long count() {
        Others present = others;
        return whole.snapshot().count() + (present == null ? 0 : present.count.sum());
    }

    @Override
    public double totalAmount() {
        Others present = others;
        return whole.snapshot().sum() + (present == null ? 0 : present.sum.sum());
    }

    @Override
    public double max() {
        return read(clock.monotonicTime()).max();
    }
}
