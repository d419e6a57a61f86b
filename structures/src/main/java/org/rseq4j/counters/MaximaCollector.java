// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricMetadata;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.DoubleSupplier;
import java.util.function.Predicate;

/**
 * The gauges that Prometheus is shown beside timers and summaries: the maximum of each. One collector for all names: a
 * scrape that comes upon two of one name, the last of which was just replaced, fails.
 */
final class MaximaCollector implements MultiCollector {
    private final ConcurrentMap<String, Family> families = new ConcurrentHashMap<>();

    static final class Maximum {
        private final Labels labels;
        private final DoubleSupplier value;
        /** False until all of its meter can be shown. */
        volatile boolean isShown;

        private Maximum(Labels labels, DoubleSupplier value) {
            this.labels = labels;
            this.value = value;
        }
    }

    /** Those of one name. */
    private record Family(MetricMetadata metadata, ConcurrentMap<Meter.Id, Maximum> maxima) {
        MetricSnapshot collect() {
            Map<Labels, GaugeDataPointSnapshot> points = new LinkedHashMap<>(); // tags may differ, and labels not
            maxima.values().stream().filter(maximum -> maximum.isShown)
                    .forEach(maximum -> points.computeIfAbsent(maximum.labels,
                            labels -> new GaugeDataPointSnapshot(maximum.value.getAsDouble(), labels, null)));
            return new GaugeSnapshot(metadata, points.values());
        }
    }

    /** Returns it; it is not shown yet. */
    Maximum add(String name, String help, Meter.Id id, List<Tag> named, DoubleSupplier value) {
        List<String> keys = named.stream().map(Tag::getKey).toList();
        List<String> values = id.getTags().stream().map(Tag::getValue).toList();
        var maximum = new Maximum(Labels.of(keys, values), value);
        families.compute(name, (same, present) -> {
            Family family = present == null
                    ? new Family(new MetricMetadata(name + "_max", help, null), new ConcurrentHashMap<>())
                    : present;
            family.maxima.put(id, maximum);
            return family;
        });
        return maximum;
    }

    /** With what else is done with the last of a name, before another of the name can be added. */
    void remove(String name, Meter.Id id, Runnable last) {
        families.computeIfPresent(name, (same, family) -> {
            family.maxima.remove(id);
            if (family.maxima.values().stream().anyMatch(maximum -> maximum.isShown)) {
                return family;
            }
            last.run();
            return null;
        });
    }

    @Override
    public MetricSnapshots collect() {
        return collect(name -> true);
    }

    @Override
    public MetricSnapshots collect(Predicate<String> isIncluded) {
        List<MetricSnapshot> snapshots = new ArrayList<>();
        families.values().forEach(family -> {
            if (isIncluded.test(family.metadata.getPrometheusName())) {
                MetricSnapshot snapshot = family.collect();
                if (!snapshot.getDataPoints().isEmpty()) { // the last may just have been removed
                    snapshots.add(snapshot);
                }
            }
        });
        return new MetricSnapshots(snapshots);
    }
}
