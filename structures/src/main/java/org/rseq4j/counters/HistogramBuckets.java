// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import org.HdrHistogram.Histogram;

/**
 * The buckets of {@code org.HdrHistogram.AbstractHistogram} (Gil Tene; public domain) for values from 0 to a highest
 * one, at a resolution of 1: which count a value belongs to, and how many there are.
 */
record HistogramBuckets(long highest, int digits, int halfMagnitude, long mask, int length) {
    static HistogramBuckets of(long highest, int digits) {
        if (highest < 2) {
            throw new IllegalArgumentException("the highest value must be at least 2: " + highest);
        }
        if (digits < 0 || digits > 5) {
            throw new IllegalArgumentException("the significant digits must be from 0 to 5: " + digits);
        }
        long singleUnit = 2 * Math.round(Math.pow(10, digits));
        int magnitude = Math.max(1, 64 - Long.numberOfLeadingZeros(singleUnit - 1));
        int buckets = 1;
        for (long untrackable = 1L << magnitude; untrackable <= highest; untrackable <<= 1) {
            buckets++;
            if (untrackable > Long.MAX_VALUE / 2) {
                break;
            }
        }
        return new HistogramBuckets(highest, digits, magnitude - 1, (1L << magnitude) - 1,
                (buckets + 1) << magnitude - 1);
    }

    /** The index of a value from 0 to the highest. */
    int index(long value) {
        int bucket = 63 - halfMagnitude - Long.numberOfLeadingZeros(value | mask);
        return (bucket << halfMagnitude) + (int) (value >>> bucket);
    }

    /** The least value of an index. */
    long value(int index) {
        int bucket = (index >>> halfMagnitude) - 1;
        return bucket < 0 ? index : (long) (index - (bucket << halfMagnitude)) << bucket;
    }

    /** The middle of the values of an index, as HdrHistogram takes it for a mean. */
    long middle(int index) {
        int bucket = Math.max(0, (index >>> halfMagnitude) - 1);
        return Math.min(highest, value(index) + (1L << bucket >> 1));
    }

    Histogram histogram(long[] counts) {
        var histogram = highest == Long.MAX_VALUE ? new Histogram(digits) : new Histogram(highest, digits);
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] != 0) {
                histogram.recordValueWithCount(Math.min(value(i), highest), counts[i]);
            }
        }
        return histogram;
    }
}
