// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import org.HdrHistogram.Histogram;

/**
 * Reads a histogram for one registry of metrics. The recent values are what was counted since an earlier reading, of
 * which some are kept: of three, as the ring of Micrometer's own histograms, and of the one before the window.
 */
final class HistogramReadings implements MetricReading.Source {
    private static final long STEP = RecentEpochs.WINDOW / 3;
    private static final long[] NOTHING = {};

    private final PerCpuHistogram histogram;
    private final HistogramBuckets buckets;
    private final Deque<Earlier> earlier = new ArrayDeque<>();
    private long[] last;
    /** What was ever counted, also what resets took away after it was read, at the last reading. */
    private Earlier all;

    private record Earlier(long nanos, long[] counts) {
    }

    /** Does nothing, but initializes this class. */
    static void initialize() {
        // see above
    }

    HistogramReadings(PerCpuHistogram histogram) {
        this.histogram = histogram;
        this.buckets = histogram.buckets();
        this.last = NOTHING;
        this.all = new Earlier(0, NOTHING);
    }

    @Override
    public MetricReading read(long nanos) {
        long[] now = trimmed(histogram.counts());
        keep(nanos);
        long[] before = before(nanos);
        long[] counts = grown(now);
        var read = new Earlier(nanos, counts);
        last = now; // both or none: what is between them would never be shown
        all = read;
        Histogram recent = recent(counts, before);
        long count = 0;
        double sum = 0;
        for (int i = 0; i < counts.length; i++) {
            count += counts[i];
            sum += (double) counts[i] * buckets.middle(i); // none of the terms falls, nor does a rounded sum of them
        }
        boolean any = recent.getTotalCount() != 0;
        return new MetricReading(count, sum, any ? recent.getMaxValue() : 0, any ? recent.getMinValue() : 0, counts,
                recent);
    }

    private static long[] trimmed(long[] counts) {
        int used = counts.length;
        while (used > 0 && counts[used - 1] == 0) {
            used--;
        }
        return Arrays.copyOf(counts, used);
    }

    private long[] grown(long[] now) {
        long[] grown = Arrays.copyOf(all.counts, Math.max(all.counts.length, now.length));
        for (int i = 0; i < now.length; i++) {
            grown[i] += MetricReading.grown(i < last.length ? last[i] : 0, now[i]);
        }
        return grown;
    }

    /** Keeps the last reading, unless one that is not much older is kept. */
    private void keep(long nanos) {
        if (earlier.isEmpty() || nanos - all.nanos >= RecentEpochs.WINDOW
                || all.nanos - earlier.getLast().nanos >= STEP) {
            earlier.add(all);
        }
        while (isSecondOld(nanos)) {
            earlier.removeFirst();
        }
    }

    private boolean isSecondOld(long nanos) {
        return earlier.stream().skip(1).findFirst()
                .filter(second -> nanos - second.nanos >= RecentEpochs.WINDOW).isPresent();
    }

    /** The counts where the window begins: of the newest reading that is as old. */
    private long[] before(long nanos) {
        Earlier oldest = earlier.getFirst();
        return nanos - oldest.nanos >= RecentEpochs.WINDOW ? oldest.counts : NOTHING;
    }

    private Histogram recent(long[] counts, long[] before) {
        long[] difference = counts.clone();
        for (int i = 0; i < before.length; i++) {
            difference[i] -= before[i];
        }
        return buckets.histogram(difference);
    }
}
