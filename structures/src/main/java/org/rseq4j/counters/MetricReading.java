// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import org.HdrHistogram.Histogram;

/**
 * What a registry of metrics is shown of a summary or a histogram, in the terms of such registries: a count and a total
 * that do not fall, also when the meter is reset, and extremes and percentiles of {@link RecentEpochs#WINDOW}.
 *
 * @param count the number of all records
 * @param sum of all values
 * @param max the greatest of the recent values, 0 without any
 * @param min the least of them, 0 without any
 * @param counts of a histogram, by index, of all records; may end early
 * @param recent of a histogram, the recent values; null when nothing was read, and of a summary
 */
record MetricReading(long count, double sum, double max, double min, long[] counts, Histogram recent) {
    private static final long[] NO_COUNTS = {};
    static final MetricReading NONE = new MetricReading(0, 0, 0, 0, NO_COUNTS, null);

    /** Reads a meter again and again for one registry, at times of its clock; not by two threads at once. */
    interface Source {
        MetricReading read(long nanos);
    }

    static Source of(PerCpuSummary summary) {
        return nanos -> of(summary.reading(nanos));
    }

    static MetricReading of(PerCpuSummary.Reading read) {
        PerCpuSummary.Snapshot recent = read.recent();
        boolean any = recent.count() != 0;
        return new MetricReading(read.ever().count(), read.ever().sum(), any ? recent.max() : 0,
                any ? recent.min() : 0, NO_COUNTS, null);
    }

    double percentile(double percentile) {
        return recent == null ? 0 : recent.getValueAtPercentile(percentile * 100);
    }

    /** The number of the values of so many first indexes. */
    double countOf(int indexes) {
        long sum = 0;
        for (int i = 0; i < Math.min(indexes, counts.length); i++) {
            sum += counts[i];
        }
        return sum;
    }

    /** Makes of a number that falls when it is reset one that does not: what is less than before grew since a reset. */
    static long grown(long before, long now) {
        return now >= before ? now - before : Math.max(0, now);
    }
}
