// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.micrometer.core.instrument.MockClock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.Test;
import org.rseq4j.stress.TestThreads;

class SharedReadingTest {
    private final MockClock clock = new MockClock();
    private long readings;
    private final SharedReading shared = new SharedReading(
            nanos -> new MetricReading(++readings, -readings, readings, 0, new long[0], null), clock);
    private final DoubleSupplier count = shared.at(0, MetricReading::count);
    private final DoubleSupplier max = shared.at(2, MetricReading::max);

    private static double elsewhere(DoubleSupplier measurement) throws Exception {
        var task = new FutureTask<>(measurement::getAsDouble);
        TestThreads.startDaemon(task);
        return task.get();
    }

    /** As when two servers scrape one process. */
    @Test
    void threadsThatPublishAtTheSameTimeHaveAReadingEach() throws Exception {
        assertEquals(1, count.getAsDouble());
        assertEquals(2, elsewhere(() -> count.getAsDouble() * 10 + max.getAsDouble()) / 11);
        assertEquals(1, max.getAsDouble());
        assertEquals(3, count.getAsDouble());
        assertEquals(3, max.getAsDouble());
    }

    @Test
    void aReadingServesForASecond() {
        assertEquals(1, count.getAsDouble());
        clock.addSeconds(2);
        assertEquals(2, max.getAsDouble());
        assertEquals(2, count.getAsDouble());
    }

    @Test
    void anyNumberOfThreadsMayPublish() throws Exception {
        List<Double> all = new ArrayList<>();
        for (int i = 1; i <= 10; i++) {
            all.add(elsewhere(count));
        }
        assertEquals(List.of(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0), all);
    }

    @Test
    void aSumOfValuesBelowZeroDoesNotFall() {
        DoubleSupplier sum = shared.growing(1);
        assertEquals(0, sum.getAsDouble());
        assertEquals(0, sum.getAsDouble());
        assertEquals(2, readings);
    }
}
