// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.Arrays;
import java.util.Collection;
import java.util.Locale;

/** Samples of one quantity: the median and the range. */
public record Spread(double least, double median, double most, int samples) {
    public static Spread of(double... samples) {
        if (samples.length == 0) {
            throw new IllegalArgumentException("no samples");
        }
        double[] sorted = samples.clone();
        Arrays.sort(sorted);
        int n = sorted.length;
        return new Spread(sorted[0], (sorted[(n - 1) / 2] + sorted[n / 2]) / 2, sorted[n - 1], n);
    }

    static Spread of(Collection<? extends Collection<Double>> samplesByFork) {
        return of(samplesByFork.stream().flatMap(Collection::stream).mapToDouble(Double::doubleValue).toArray());
    }

    /** {@return whether the ranges have a value in common: then nothing can be said about which is larger} */
    public boolean overlaps(Spread other) {
        return least <= other.most && other.least <= most;
    }

    /** {@return this divided by the other: the quotient of the medians, and the range that the samples allow} */
    public Spread over(Spread other) {
        return new Spread(least / other.most, median / other.median, most / other.least,
                Math.min(samples, other.samples));
    }

    /** {@return this less the other, likewise} */
    Spread minus(Spread other) {
        return new Spread(least - other.most, median - other.median, most - other.least,
                Math.min(samples, other.samples));
    }

    /** {@return how this compares with the other, in words: "1.31 times (1.2 to 1.4)", or "no difference (…)"} */
    public String comparedWith(Spread other) {
        Spread quotient = over(other);
        String range = "(" + number(quotient.least) + " to " + number(quotient.most) + ")";
        return overlaps(other) ? "no difference " + range : number(quotient.median) + " times " + range;
    }

    /** {@return the number with about three digits, or more where it is large} */
    public static String number(double value) {
        if (Double.isNaN(value) || Double.isInfinite(value)) {
            return "-";
        }
        double size = Math.abs(value);
        int digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }

    /** {@return a percentile as it is written: 50, 99.9} */
    public static String plain(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }
}
