// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.stress.TestThreads;

@Tag("sequences")
class PerCpuHistogramTest {
    @Test
    void theSnapshotIsTheHistogramThatHdrHistogramMakes() {
        var random = new Random(6);
        for (int digits = 0; digits <= 4; digits++) {
            for (long highest : new long[]{2, 1000, 2047, 2048, 3_600_000_000L, Long.MAX_VALUE}) {
                try (var ours = new PerCpuHistogram(highest, digits)) {
                    var theirs = new Histogram(highest, digits);
                    List<Long> values = new ArrayList<>(List.of(0L, 1L, highest - 1, highest));
                    for (int i = 0; i < 500; i++) {
                        values.add((random.nextLong() >>> 1 + random.nextInt(62)) % highest);
                    }
                    for (long value : values) {
                        ours.record(value);
                        theirs.recordValue(value);
                    }
                    assertEquals(theirs, ours.snapshot(), highest + " with " + digits);
                    assertEquals(theirs.getMaxValue(), ours.snapshot().getMaxValue());
                    assertEquals(theirs.getValueAtPercentile(99), ours.snapshot().getValueAtPercentile(99));
                }
            }
        }
    }

    @Test
    void expectedIntervalsAreFilledAsByHdrHistogram() {
        try (var ours = new PerCpuHistogram(1_000_000, 3)) {
            var theirs = new Histogram(1_000_000, 3);
            for (long value : new long[]{5, 99, 100, 101, 250, 10_050, 1_000_000}) {
                for (long interval : new long[]{0, 100, 333}) {
                    ours.recordWithExpectedInterval(value, interval);
                    theirs.recordValueWithExpectedInterval(value, interval);
                }
            }
            assertEquals(theirs, ours.snapshot());
        }
    }

    @Test
    void valuesOutOfRangeThrowAndCountNothing() {
        try (var histogram = new PerCpuHistogram(1000, 2)) {
            assertThrows(ArrayIndexOutOfBoundsException.class, () -> histogram.record(-1));
            assertThrows(ArrayIndexOutOfBoundsException.class, () -> histogram.record(1001));
            assertThrows(ArrayIndexOutOfBoundsException.class, () -> histogram.recordWithExpectedInterval(5000, 10));
            assertEquals(0, histogram.snapshot().getTotalCount());
        }
        assertThrows(IllegalArgumentException.class, () -> new PerCpuHistogram(1, 2));
        assertThrows(IllegalArgumentException.class, () -> new PerCpuHistogram(100, 6));
        assertThrows(IllegalArgumentException.class, () -> new PerCpuHistogram(100, -1));
    }

    @Test
    void aValueIsCountedSeveralTimes() {
        try (var histogram = new PerCpuHistogram(1000, 2)) {
            histogram.recordWithCount(5, 3);
            histogram.recordWithCount(7, 0);
            assertEquals(3, histogram.snapshot().getCountAtValue(5));
            assertEquals(3, histogram.snapshot().getTotalCount());
            assertThrows(IllegalArgumentException.class, () -> histogram.recordWithCount(5, -1));
            assertThrows(ArrayIndexOutOfBoundsException.class, () -> histogram.recordWithCount(1001, 1));
            assertEquals(3, histogram.snapshot().getTotalCount());
        }
    }

    @Test
    void aTimeIsConvertedToTheHistogramsUnit() {
        try (var micros = new PerCpuHistogram(1_000_000, 3, TimeUnit.MICROSECONDS);
                var none = new PerCpuHistogram(1000, 2)) {
            micros.record(3, TimeUnit.MILLISECONDS);
            micros.record(1999, TimeUnit.NANOSECONDS);
            assertEquals(1, micros.snapshot().getCountAtValue(3000));
            assertEquals(1, micros.snapshot().getCountAtValue(1));
            assertThrows(ArrayIndexOutOfBoundsException.class, () -> micros.record(1, TimeUnit.DAYS));
            assertThrows(ArrayIndexOutOfBoundsException.class, () -> micros.record(-1, TimeUnit.SECONDS));
            assertThrows(IllegalStateException.class, () -> none.record(1, TimeUnit.SECONDS));
            assertEquals(2, micros.snapshot().getTotalCount());
        }
    }

    @Test
    void oneWithoutARangeTakesEveryValueAsHdrHistogramThatResizesItself() {
        var random = new Random(9);
        try (var ours = new PerCpuHistogram(2)) {
            var theirs = new Histogram(2);
            for (int i = 0; i < 63; i++) {
                long value = random.nextLong(1L << i);
                ours.record(value);
                theirs.recordValue(value);
                assertEquals(theirs, ours.snapshot());
            }
            ours.record(Long.MAX_VALUE);
            theirs.recordValue(Long.MAX_VALUE);
            assertEquals(theirs, ours.snapshotAndReset());
            assertEquals(0, ours.snapshot().getTotalCount());
        }
    }

    /** As of HdrHistogram's recorder: from the reset before, or when it was made, to this one, without a gap. */
    @Test
    void aSnapshotHasTheTimeStampsOfItsInterval() {
        long before = System.currentTimeMillis();
        try (var histogram = new PerCpuHistogram(1000, 2)) {
            Histogram first = histogram.snapshotAndReset();
            Histogram second = histogram.snapshotAndReset();
            Histogram third = histogram.snapshot();
            long after = System.currentTimeMillis();
            assertTrue(before <= first.getStartTimeStamp() && first.getStartTimeStamp() <= first.getEndTimeStamp());
            assertEquals(first.getEndTimeStamp(), second.getStartTimeStamp());
            assertEquals(second.getEndTimeStamp(), third.getStartTimeStamp());
            assertTrue(third.getStartTimeStamp() <= third.getEndTimeStamp() && third.getEndTimeStamp() <= after);
        }
    }

    @Test
    void aClosedHistogramIsRefused() {
        var histogram = new PerCpuHistogram(1000, 2);
        histogram.close();
        histogram.close();
        assertThrows(IllegalStateException.class, () -> histogram.record(1));
        assertThrows(IllegalStateException.class, histogram::snapshot);
    }

    @Test
    void eachRecordIsInOneSnapshotAndReset() throws Exception {
        try (var histogram = new PerCpuHistogram(1_000_000, 3)) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                threads.add(TestThreads.startEither(i, () -> {
                    for (int j = 0; j < 20_000; j++) {
                        histogram.record(j);
                    }
                }));
            }
            var all = new Histogram(1_000_000, 3);
            for (Thread thread : threads) {
                all.add(histogram.snapshotAndReset());
                thread.join();
            }
            all.add(histogram.snapshotAndReset());
            var expected = new Histogram(1_000_000, 3);
            for (int j = 0; j < 20_000; j++) {
                expected.recordValueWithCount(j, 16);
            }
            assertEquals(expected, all);
            assertEquals(0, histogram.snapshot().getTotalCount());
        }
    }
}
