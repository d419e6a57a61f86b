// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;

/**
 * What was measured of one contender with one number of threads.
 *
 * @param suite the suite
 * @param contender its name in the suite
 * @param threads the number of threads
 * @param setting everything else that tells this from another result of the same contender: kind of thread, noise, …
 * @param mode JMH's short name of what the primary metric is: thrpt or avgt
 * @param primary the metric that the suite is about
 * @param secondary the others by name
 * @param run how it was run: forks, rounds, times, JVM arguments, environment, in the form in which JMH writes it
 */
record Result(String suite, String contender, int threads, Map<String, String> setting, String mode, Metric primary,
        Map<String, Metric> secondary, Map<String, JsonNode> run) {
    /**
     * Samples of one quantity.
     *
     * @param unit in JMH's form: ops/s, ns/op, …
     * @param samples for each JVM its samples, in their order
     */
    record Metric(String unit, List<List<Double>> samples) {
        Spread spread() {
            return Spread.of(samples);
        }
    }

    /** The share of the mean that the slowest thread did; 1 where all did the same. */
    static final String SLOWEST = "slowestShare";
    /** Bytes allocated for each operation, by JMH's name for it. */
    static final String ALLOCATED = "gc.alloc.rate.norm";
    /** The kind of threads in {@link #setting}. */
    static final String KIND = "kind";
    /** The number of busy threads beside in {@link #setting}. */
    static final String NOISE = "noise";
    /** Numbers of queues' producers and consumers, where they are not the number of threads. */
    static final String PRODUCERS = "producers";
    static final String CONSUMERS = "consumers";
    /** Nanoseconds of work at each element of a queue, where there is any. */
    static final String WORK = "work";

    Spread spread() {
        return primary.spread();
    }
}
