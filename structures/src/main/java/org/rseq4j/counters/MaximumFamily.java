// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.Tag;
import io.prometheus.metrics.model.registry.MultiCollector;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot.GaugeDataPointSnapshot;
import io.prometheus.metrics.model.snapshots.Labels;
import io.prometheus.metrics.model.snapshots.MetricMetadata;
import io.prometheus.metrics.model.snapshots.MetricSnapshots;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleSupplier;

/** The gauges that Prometheus is shown beside timers and summaries of one name: the maximum of each. */
final class MaximumFamily implements MultiCollector {
    private final MetricMetadata metadata;
    private final Map<Meter.Id, Maximum> maxima = new ConcurrentHashMap<>();

    private record Maximum(Labels labels, DoubleSupplier value) {
    }

    MaximumFamily(String name, String help) {
        metadata = new MetricMetadata(name, help, null);
    }

    void add(Meter.Id id, List<Tag> named, DoubleSupplier value) {
        List<String> keys = named.stream().map(Tag::getKey).toList();
        List<String> values = id.getTags().stream().map(Tag::getValue).toList();
        maxima.put(id, new Maximum(Labels.of(keys, values), value));
    }

    /** {@return whether it was the last one} */
    boolean remove(Meter.Id id) {
        return maxima.remove(id) != null && maxima.isEmpty();
    }

    @Override
    public MetricSnapshots collect() {
        Map<Labels, GaugeDataPointSnapshot> points = new LinkedHashMap<>(); // tags that differ may have the same labels
        maxima.values().forEach(maximum -> points.computeIfAbsent(maximum.labels,
                labels -> new GaugeDataPointSnapshot(maximum.value.getAsDouble(), labels, null)));
        return points.isEmpty()
                ? new MetricSnapshots()
                : new MetricSnapshots(new GaugeSnapshot(metadata, points.values()));
    }
}
