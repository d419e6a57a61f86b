// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.time.Duration;

/** Durations as the JDK's own timed calls take them. */
final class Durations {
    private Durations() {
    }

    /** In nanoseconds: 0 for what is negative, 292 years for what is longer. */
    static long nanos(Duration duration) {
        if (duration.isNegative()) {
            return 0;
        }
        try {
            return duration.toNanos();
        } catch (ArithmeticException e) {
            return Long.MAX_VALUE;
        }
    }
}
