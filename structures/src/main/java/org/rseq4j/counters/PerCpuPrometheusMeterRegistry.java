// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig;
import io.micrometer.core.instrument.distribution.pause.PauseDetector;
import io.micrometer.core.instrument.util.TimeUtils;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;

/**
 * Micrometer's registry for Prometheus with per-CPU counters, timers and distribution summaries: an application is
 * given it in place of {@link PrometheusMeterRegistry}, and nothing else of the application changes. A scrape has the
 * same text, with names, units, tags, descriptions and values.
 *
 * <p>
 * A counter is a {@link PerCpuCounter}, a timer or summary a {@link PerCpuSummary}, so that count, sum and maximum of
 * one scrape belong together. Amounts that are no whole numbers, or above 2^31, are added up as Micrometer does.
 * Gauges, meters by functions, long task timers, and timers and summaries that publish buckets or percentiles are
 * Micrometer's own; what the first meter of a name is, all of that name are, and where that one publishes none, none of
 * them does.
 *
 * <p>
 * What differs otherwise: there are no exemplars; and the maximum is that of the last expiry
 * ({@link PrometheusConfig#step()} if the meter has no other; two minutes at most) and of the time since the scrape
 * before it.
 *
 * <p>
 * Recording costs what it costs with those types, and a meter has their memory besides Micrometer's names and tags. 3
 * times in an expiry at most, a scrape costs a membarrier(2) of some 30 microseconds, once for all timers and
 * summaries, and once for each that begins to record while it runs. What happened before a scrape is in it. Without
 * rseq the results are the same. Meters are freed when neither the registry nor the application refers to them.
 *
 * <p>
 * As with Micrometer's registry, a scrape throws {@code DuplicateLabelsException} when meanwhile the last meter of a
 * name is removed and another of that name and those tags is made: the next scrape has them.
 *
 * <p>
 * Micrometer's registry ({@code io.micrometer:micrometer-registry-prometheus}) is an optional dependency: only this
 * class and what it is made of refer to it.
 *
 * @since 0.1.0
 */
public final class PerCpuPrometheusMeterRegistry extends PrometheusMeterRegistry {
    private final PrometheusConfig settings;
    private final ConcurrentMap<String, Kind> kinds = new ConcurrentHashMap<>();
    private final MaximaCollector maxima = new MaximaCollector();
    private final RegistryEpochs epochs;
    // Meters are made one at a time, under Micrometer's lock.
    private Meter.Id shown;
    private boolean refused;

    /** Of the timers or summaries of a name: whether they are per-CPU, which the first that is made chooses. */
    private static final class Kind {
        private boolean isPerCpu;
        private boolean isChosen;
    }

    /**
     * Makes a registry without meters.
     *
     * @param config Micrometer's settings
     */
    public PerCpuPrometheusMeterRegistry(PrometheusConfig config) {
        this(config, new PrometheusRegistry(), Clock.SYSTEM);
    }

    /**
     * Makes a registry without meters.
     *
     * @param config Micrometer's settings
     * @param registry where what is shown to Prometheus is registered
     * @param clock the time
     */
    public PerCpuPrometheusMeterRegistry(PrometheusConfig config, PrometheusRegistry registry, Clock clock) {
        super(config, registry, clock);
        PerCpuMetrics.initialize();
        settings = config;
        epochs = new RegistryEpochs(this, clock);
        registry.register(maxima);
        config().onMeterRemoved(meter -> forget(meter.getId()));
    }

    @Override
    public Counter newCounter(Meter.Id id) {
        var counter = new RegisteredCounter(id);
        newFunctionCounter(id, counter, Counter::count);
        return counter;
    }

    @Override
    protected Timer newTimer(Meter.Id id, DistributionStatisticConfig config, PauseDetector pauses) {
        Kind kind = kind(id, config);
        if (!kind.isPerCpu) {
            Timer timer = super.newTimer(id, config, pauses);
            kind.isChosen = true;
            return timer;
        }
        var timer = new RegisteredTimer(id, clock, config, pauses, epochs);
        show(id, timer, TimeUnit.NANOSECONDS, kind);
        return timer;
    }

    @Override
    public DistributionSummary newDistributionSummary(Meter.Id id, DistributionStatisticConfig config, double scale) {
        Kind kind = kind(id, config);
        if (!kind.isPerCpu) {
            DistributionSummary summary = super.newDistributionSummary(id, config, scale);
            kind.isChosen = true;
            return summary;
        }
        var summary = new RegisteredSummary(id, clock, config, scale, epochs);
        show(id, summary, TimeUnit.SECONDS, kind); // what is shown is in seconds, so nothing is converted
        return summary;
    }

    /** Two kinds would show the maxima of one name twice, at which a scrape fails. */
    private Kind kind(Meter.Id id, DistributionStatisticConfig config) {
        boolean plain = !config.isPublishingHistogram() && !config.isPublishingPercentiles();
        Kind kind = kinds.computeIfAbsent(getConventionName(id), name -> new Kind());
        if (!kind.isChosen) {
            kind.isPerCpu = plain;
        } else if (kind.isPerCpu && !plain) {
            System.getLogger(PerCpuPrometheusMeterRegistry.class.getName()).log(System.Logger.Level.WARNING,
                    "no buckets and percentiles of " + id + ": the first meter of the name has none");
        }
        return kind;
    }

    private <M extends Meter & MetricReading.Source> void show(Meter.Id id, M meter, TimeUnit unit, Kind kind) {
        var reading = new SharedReading(meter, clock);
        DoubleSupplier count = reading.at(0, MetricReading::count);
        DoubleSupplier sum = reading.at(1, MetricReading::sum);
        DoubleSupplier max = reading.at(2, MetricReading::max);
        MaximaCollector.Maximum maximum = maxima.add(getConventionName(id), help(id), id, getConventionTags(id),
                () -> TimeUtils.convert(max.getAsDouble(), unit, TimeUnit.SECONDS));
        shown = id;
        refused = false;
        // Prometheus is shown a timer by functions as it is shown a timer, or a summary, but for the maximum.
        newFunctionTimer(id, meter, ignored -> (long) count.getAsDouble(), ignored -> sum.getAsDouble(), unit);
        // Without a call from here on: what is not shown means nothing, so there is nothing that an error has to undo.
        maximum.isShown = !refused;
        kind.isChosen = true;
    }

    private String help(Meter.Id id) {
        return settings.descriptions() && id.getDescription() != null ? id.getDescription() : " ";
    }

    private void forget(Meter.Id id) {
        String name = getConventionName(id);
        maxima.remove(name, id, () -> kinds.remove(name)); // the next one of the name is the first again
    }

    /** Called for a meter that stays in the registry, but is not shown. */
    @Override
    protected void meterRegistrationFailed(Meter.Id id, String reason) {
        refused |= id.equals(shown);
        super.meterRegistrationFailed(id, reason);
    }
}
