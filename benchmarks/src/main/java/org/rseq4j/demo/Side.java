// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.HdrHistogram.Histogram;
import org.rseq4j.benchmarks.Spread;

/** One of the servers that are compared, and what its clients saw. */
final class Side {
    final Subject subject;
    /** Requests a second of each round at saturation. */
    final List<Double> saturation = new ArrayList<>();
    /** For each rate, in percent of the saturation: the latencies of each round, in nanoseconds. */
    final Map<Integer, List<Histogram>> latencies = new TreeMap<>();
    /** For each rate: the slowest requests of all rounds, where the server tells its steps. */
    final Map<Integer, List<Trip>> slowest = new TreeMap<>();
    /** All that was answered, warm-up included. */
    long answered;
    long failed;

    Side(Subject subject) {
        this.subject = subject;
    }

    String name() {
        return subject.name();
    }

    Load.Round count(Load.Round round) {
        answered += round.answered();
        failed += round.failed();
        return round;
    }

    void add(int percent, Load.Round round) {
        latencies.computeIfAbsent(percent, none -> new ArrayList<>()).add(round.latency());
        slowest.computeIfAbsent(percent, none -> new ArrayList<>()).addAll(round.slowest());
    }

    /** {@return the saturation's rounds; null when there was none} */
    Spread saturation() {
        return spread(saturation);
    }

    /** {@return a percentile in milliseconds, of each round at a rate; null when there was none} */
    Spread latencyMillis(int percent, double percentile) {
        return spread(latencies.getOrDefault(percent, List.of()).stream()
                .map(latency -> latency.getValueAtPercentile(percentile) / 1e6).toList());
    }

    private static Spread spread(Collection<Double> samples) {
        return samples.isEmpty() ? null : Spread.of(samples.stream().mapToDouble(Double::doubleValue).toArray());
    }
}
