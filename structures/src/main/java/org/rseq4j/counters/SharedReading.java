// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.Clock;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.ToDoubleFunction;

/**
 * One reading of a meter for all measurements of one publication: it is taken anew when one of them is asked for the
 * second time, or a while after it was taken.
 */
final class SharedReading {
    private static final long NANOS = TimeUnit.SECONDS.toNanos(1);

    private final MetricReading.Source source;
    private final Clock clock;
    private MetricReading last = MetricReading.NONE;
    private double highest;
    private long taken;
    private long read = -1;

    SharedReading(MetricReading.Source source, Clock clock) {
        this.source = source;
        this.clock = clock;
    }

    /** A function that reads one measurement; no two have the same number. */
    DoubleSupplier at(int number, ToDoubleFunction<MetricReading> measurement) {
        return () -> measurement.applyAsDouble(reading(1L << number % Long.SIZE));
    }

    private synchronized MetricReading reading(long measurement) {
        long now = clock.monotonicTime();
        if ((read & measurement) != 0 || now - taken > NANOS) {
            try {
                last = source.read(now);
            } catch (IllegalStateException closed) {
                // what was last read stays
            }
            taken = now;
            read = 0;
        }
        read |= measurement;
        return last;
    }

    /** A sum that does not fall: as Micrometer's own, it has nothing of values below 0. */
    DoubleSupplier growing(int number) {
        DoubleSupplier sum = at(number, MetricReading::sum);
        return () -> highest(sum.getAsDouble());
    }

    private synchronized double highest(double sum) {
        highest = Math.max(highest, sum);
        return highest;
    }
}
