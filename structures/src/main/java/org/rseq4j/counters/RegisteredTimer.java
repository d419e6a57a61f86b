// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.AbstractTimer;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig;
import io.micrometer.core.instrument.distribution.pause.PauseDetector;
import io.micrometer.core.instrument.util.TimeUtils;
import java.util.concurrent.TimeUnit;

/** Micrometer's timer on a {@link PerCpuSummary} of nanoseconds. */
final class RegisteredTimer extends AbstractTimer implements MetricReading.Source, RegistryEpochs.Member {
    private final PerCpuSummary nanos = new PerCpuSummary();
    private final long window;
    private final RegistryEpochs epochs;

    RegisteredTimer(Id id, Clock clock, DistributionStatisticConfig config, PauseDetector pauses,
            RegistryEpochs epochs) {
        super(id, clock, config, pauses, TimeUnit.SECONDS, false);
        window = config.getExpiry().toNanos();
        this.epochs = epochs;
    }

    @Override
    protected void recordNonNegative(long amount, TimeUnit unit) {
        nanos.record(unit.toNanos(amount));
    }

    @Override
    public PerCpuSummary due(long now) {
        return nanos.isEpochDue(now, RecentEpochs.step(window)) ? nanos : null;
    }

    @Override
    public MetricReading read(long now) {
        epochs.endWith(this, now);
        return MetricReading.of(nanos.reading(now, window, RecentEpochs.step(window)));
    }

    @Override
    public long count() {
        return nanos.snapshot().count();
    }

    @Override
    public double totalTime(TimeUnit unit) {
        return TimeUtils.nanosToUnit(nanos.snapshot().sum(), unit);
    }

    @Override
    public double max(TimeUnit unit) {
        return TimeUtils.nanosToUnit(read(clock.monotonicTime()).max(), unit);
    }
}
