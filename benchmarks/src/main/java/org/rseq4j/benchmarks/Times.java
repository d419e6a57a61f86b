// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.Map;
import org.HdrHistogram.Histogram;

/** What the threads of a contender timed, in nanoseconds: a histogram for each, which only that thread writes. */
final class Times {
    /** A longer time counts as this, a minute. */
    static final long LONGEST = 60_000_000_000L;

    private final Histogram[] byThread;

    /** The histogram of each thread is made by {@link #of}, where it is first asked for. */
    Times(int threads) {
        byThread = new Histogram[threads];
    }

    /** To three digits. */
    static Histogram histogram() {
        return new Histogram(LONGEST, 3);
    }

    /** {@return the histogram of a thread} */
    Histogram of(int thread) {
        if (byThread[thread] == null) {
            byThread[thread] = histogram();
        }
        return byThread[thread];
    }

    /** {@return all that was recorded since the last call, as {@link Contender#latencies} returns it} */
    Map<String, Histogram> taken(String what) {
        Histogram all = histogram();
        for (Histogram histogram : byThread) {
            if (histogram != null) {
                all.add(histogram);
                histogram.reset();
            }
        }
        return Map.of(what, all);
    }
}
