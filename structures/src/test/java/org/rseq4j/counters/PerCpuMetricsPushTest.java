// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MockClock;
import io.micrometer.core.ipc.http.HttpSender;
import io.micrometer.influx.InfluxConfig;
import io.micrometer.influx.InfluxMeterRegistry;
import io.micrometer.registry.otlp.AggregationTemporality;
import io.micrometer.registry.otlp.OtlpConfig;
import io.micrometer.registry.otlp.OtlpMeterRegistry;
import io.opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest;
import io.opentelemetry.proto.metrics.v1.HistogramDataPoint;
import io.opentelemetry.proto.metrics.v1.Metric;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What registries that push send over three steps of our meters, and of Micrometer's own, which recorded the same. */
@Tag("java")
class PerCpuMetricsPushTest {
    private static final Duration STEP = Duration.ofSeconds(10);

    private final MockClock clock = new MockClock();

    private static void publish(MeterRegistry registry) throws Exception {
        Method publish = registry.getClass().getDeclaredMethod("publish");
        publish.setAccessible(true);
        publish.invoke(registry);
    }

    @Test
    void openTelemetryIsSentWhatMicrometersOwnSend() throws Exception {
        for (AggregationTemporality temporality : AggregationTemporality.values()) {
            Map<String, Double> sent = new TreeMap<>();
            OtlpMeterRegistry registry = OtlpMeterRegistry.builder(otlp(temporality)).clock(clock)
                    .metricsSender(request -> {
                        read(ExportMetricsServiceRequest.parseFrom(request.getMetricsData()), sent);
                    }).build();
            var meters = new BothMeters(registry);
            for (int step = 1; step <= 3; step++) {
                sent.clear();
                meters.recordTen();
                clock.add(STEP);
                publish(registry);
                String when = temporality + ", step " + step + ": " + sent;
                double tens = temporality == AggregationTemporality.CUMULATIVE ? step : 1;
                assertEquals(10 * tens, sent.get("own.c"), when);
                for (List<String> pair : List.of(List.of("ours.c", "own.c"), List.of("ours.s.count", "own.s count"),
                        List.of("ours.s.sum", "own.s sum"), List.of("ours.t count", "own.t count"),
                        List.of("ours.t sum", "own.t sum"), List.of("ours.h count", "own.t count"),
                        List.of("ours.h sum", "own.t sum"), List.of("ours.h.histogram le=100", "own.t count"))) {
                    assertEquals(sent.get(pair.get(1)), sent.get(pair.get(0)), pair + ", " + when);
                }
                assertEquals(0, sent.get("ours.h.histogram le=10"), when);
                assertEquals(5, sent.get("ours.s.max"), when);
                assertEquals(50, sent.get("ours.t.max"), when);
                assertEquals(50, sent.get("ours.h.percentile phi=0.99"), 1, when);
            }
        }
    }

    private static OtlpConfig otlp(AggregationTemporality temporality) {
        return new OtlpConfig() {
            @Override
            public String get(String key) {
                return null;
            }

            @Override
            public boolean enabled() {
                return false; // published by the test alone
            }

            @Override
            public Duration step() {
                return STEP;
            }

            @Override
            public AggregationTemporality aggregationTemporality() {
                return temporality;
            }
        };
    }

    private static void read(ExportMetricsServiceRequest request, Map<String, Double> values) {
        for (Metric metric : request.getResourceMetrics(0).getScopeMetrics(0).getMetricsList()) {
            var points = new ArrayList<>(metric.getSum().getDataPointsList());
            points.addAll(metric.getGauge().getDataPointsList());
            points.forEach(point -> {
                String tags = point.getAttributesList().stream()
                        .map(tag -> " " + tag.getKey() + "=" + tag.getValue().getStringValue())
                        .reduce("", String::concat);
                values.put(metric.getName() + tags, point.getAsDouble());
            });
            for (HistogramDataPoint point : metric.getHistogram().getDataPointsList()) {
                values.put(metric.getName() + " count", (double) point.getCount());
                values.put(metric.getName() + " sum", point.getSum());
            }
        }
    }

    @Test
    void influxIsSentWhatIsNewInAStep() throws Exception {
        List<String> bodies = new ArrayList<>();
        InfluxMeterRegistry registry = InfluxMeterRegistry.builder(influx()).clock(clock).httpClient(request -> {
            bodies.add(new String(request.getEntity(), StandardCharsets.UTF_8));
            return new HttpSender.Response(204, "");
        }).build();
        var meters = new BothMeters(registry);
        for (int step = 1; step <= 3; step++) {
            bodies.clear();
            meters.recordTen();
            clock.add(STEP);
            publish(registry);
            String text = String.join("\n", bodies).replaceAll(" \\d+(\n|$)", "\n");
            for (String line : List.of("own_c,metric_type=counter value=10", "ours_c,metric_type=counter value=10",
                    "own_s,metric_type=histogram sum=50,count=10,mean=5,upper=5",
                    "ours_s_count,metric_type=counter value=10", "ours_s_sum,metric_type=counter value=50",
                    "ours_s_max,metric_type=gauge value=5",
                    "own_t,metric_type=histogram sum=500,count=10,mean=50,upper=50",
                    "ours_t,metric_type=histogram sum=500,count=10,mean=50",
                    "ours_t_max,metric_type=gauge value=50",
                    "ours_h,metric_type=histogram sum=500,count=10,mean=50",
                    "ours_h_histogram,le=100,metric_type=counter value=10")) {
                assertTrue(text.contains(line + "\n"), line + " of step " + step + " is not in\n" + text);
            }
        }
    }

    private static InfluxConfig influx() {
        return new InfluxConfig() {
            @Override
            public String get(String key) {
                return null;
            }

            @Override
            public boolean enabled() {
                return false;
            }

            @Override
            public boolean autoCreateDb() {
                return false;
            }

            @Override
            public boolean compressed() {
                return false;
            }

            @Override
            public Duration step() {
                return STEP;
            }
        };
    }
}
