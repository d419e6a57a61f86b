// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import io.micrometer.core.instrument.Clock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.DoubleSupplier;
import java.util.function.ToDoubleFunction;
import org.rseq4j.internal.thread.Threads;

/**
 * One reading of a meter for all measurements of one publication, which a thread makes: it is taken anew when that
 * thread asks for one of them the second time, or a while after it was taken. Threads that publish at the same time
 * have a reading each.
 */
final class SharedReading {
    private static final long MAX_AGE_NANOS = 1_000_000_000;
    /** As many publish at a time without taking each other's readings away. */
    private static final int MAX_READINGS = 4;

    private final MetricReading.Source source;
    private final Clock clock;
    private final Deque<Given> given = new ArrayDeque<>();
    private MetricReading last = MetricReading.NONE;
    private double highest;

    /** What a thread is given. */
    private static final class Given {
        private final long thread;
        private final long taken;
        private final MetricReading reading;
        /** As Micrometer's own, it has nothing of values below 0. */
        private final double growingSum;
        /** The measurements that were asked for. */
        private long asked;

        private Given(long thread, long taken, MetricReading reading, double growingSum) {
            this.thread = thread;
            this.taken = taken;
            this.reading = reading;
            this.growingSum = growingSum;
        }
    }

    SharedReading(MetricReading.Source source, Clock clock) {
        this.source = source;
        this.clock = clock;
    }

    /** A function that reads one measurement; no two have the same number. */
    DoubleSupplier at(int number, ToDoubleFunction<MetricReading> measurement) {
        return () -> measurement.applyAsDouble(reading(number).reading);
    }

    /** A sum that does not fall. */
    DoubleSupplier growing(int number) {
        return () -> reading(number).growingSum;
    }

    private synchronized Given reading(int number) {
        long measurement = 1L << number % Long.SIZE;
        long thread = Threads.currentId();
        long now = clock.monotonicTime();
        Given mine = null;
        for (Given one : given) {
            if (one.thread == thread && (one.asked & measurement) == 0 && now - one.taken <= MAX_AGE_NANOS) {
                mine = one;
            }
        }
        if (mine == null) {
            mine = take(thread, now);
        }
        mine.asked |= measurement;
        return mine;
    }

    private Given take(long thread, long now) {
        try {
            last = source.read(now);
            highest = Math.max(highest, last.sum());
        } catch (IllegalStateException closed) {
            // what was last read stays
        }
        given.removeIf(one -> one.thread == thread || now - one.taken > MAX_AGE_NANOS);
        if (given.size() == MAX_READINGS) {
            given.removeFirst();
        }
        var mine = new Given(thread, now, last, highest);
        given.add(mine);
        return mine;
    }
}
