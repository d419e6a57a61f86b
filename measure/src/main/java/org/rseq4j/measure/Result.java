// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToLongFunction;

/**
 * The rounds of one contender with one number of threads.
 *
 * @param extension how it asked for the time slice extension
 */
record Result(Contender contender, Extension extension, int threads, List<Sample> samples) {
    /** How a contender asks for the time slice extension. */
    enum Extension {
        /** It does, and the kernel has it. */
        ON(", extension on"),
        /** It would, and was told not to. */
        OFF(", extension off"),
        /** It writes requests that no kernel heeds. */
        SIMULATED(", simulated"),
        /** It never asks, or there is none. */
        NONE("");

        final String suffix;

        Extension(String suffix) {
            this.suffix = suffix;
        }
    }

    String title() {
        return contender.title + extension.suffix;
    }

    /** The rounds' rates in the unit of the family, the least first. */
    private double[] sorted() {
        return samples.stream().mapToDouble(sample -> contender.family.inUnit(sample.rate())).sorted().toArray();
    }

    double least() {
        return sorted()[0];
    }

    double median() {
        double[] sorted = sorted();
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    double most() {
        return sorted()[samples.size() - 1];
    }

    /** {@return "1.31 times", or that the rounds' ranges overlap} */
    String comparedWith(Result other) {
        boolean overlap = least() <= other.most() && other.least() <= most();
        return overlap ? "no difference" : String.format(Locale.ROOT, "%.2f times", median() / other.median());
    }

    /** {@return how often something happened in a million operations, over all rounds} */
    double perMillion(ToLongFunction<Sample> count) {
        long operations = samples.stream().mapToLong(Sample::operations).sum();
        return samples.stream().mapToLong(count).sum() * 1e6 / Math.max(1, operations);
    }

    Map<String, Object> toTree() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("family", contender.family.title);
        tree.put("contender", contender.title);
        tree.put("extension", extension.name());
        tree.put("threads", threads);
        tree.put("operationsPerSecond", samples.stream().map(Sample::rate).map(Math::round).toList());
        tree.put("preemptedPerMillion", perMillion(Sample::preempted));
        tree.put("yieldedPerMillion", perMillion(Sample::yielded));
        tree.put("revokedPerMillion", perMillion(Sample::revoked));
        tree.put("interruptedPerMillion", perMillion(Sample::interrupted));
        return tree;
    }
}
