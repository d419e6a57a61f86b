// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJJJ_Result;
import org.openjdk.jcstress.infra.results.JJ_Result;
import org.openjdk.jcstress.infra.results.LL_Result;
import org.rseq4j.counters.PerCpuHistogram;

/** {@link PerCpuHistogram}, of values that have a bucket each. */
public class PerCpuHistogramStress {
    /** All states' histograms are small: 10,000 of them are alive at once. */
    static PerCpuHistogram small() {
        return new PerCpuHistogram(15, 1);
    }

    @JCStressTest
    @Outcome(id = "2, 1", expect = ACCEPTABLE, desc = "all three records, in any order")
    @Outcome(expect = FORBIDDEN, desc = "a record overwrote another, or was made twice")
    @State
    public static class RecordRecordRecord {
        private final PerCpuHistogram histogram = small();

        @Actor
        public void five() {
            histogram.record(5);
        }

        @Actor
        public void fiveAgain() {
            histogram.record(5);
        }

        @Actor
        public void seven() {
            histogram.recordWithExpectedInterval(7, 8);
        }

        @Arbiter
        public void after(JJ_Result r) {
            Histogram all = histogram.snapshot();
            r.r1 = all.getCountAtValue(5);
            r.r2 = all.getCountAtValue(7);
        }
    }

    @JCStressTest
    @Outcome(id = "4, 1", expect = ACCEPTABLE, desc = "all records, in any order")
    @Outcome(expect = FORBIDDEN, desc = "a record overwrote another, or is behind what a reader looks at")
    @State
    public static class RecordCountRecordTime {
        private final PerCpuHistogram histogram = new PerCpuHistogram(15, 1, TimeUnit.MICROSECONDS);

        @Actor
        public void twice() {
            histogram.recordWithCount(5, 2);
        }

        @Actor
        public void twiceAgain() {
            histogram.recordWithCount(5, 2);
        }

        @Actor
        public void time() {
            histogram.record(7000, TimeUnit.NANOSECONDS);
        }

        @Arbiter
        public void after(JJ_Result r) {
            Histogram all = histogram.snapshot();
            r.r1 = all.getCountAtValue(5);
            r.r2 = all.getCountAtValue(7);
        }
    }

    @JCStressTest
    @Outcome(id = {"0, 2", "1, 2",
            "2, 2"}, expect = ACCEPTABLE, desc = "the snapshot before, between or after the records")
    @Outcome(expect = FORBIDDEN, desc = "a count that never was, or a record lost to a reader")
    @State
    public static class RecordSnapshot {
        private final PerCpuHistogram histogram = small();

        @Actor
        public void recorder() {
            histogram.record(5);
            histogram.record(5);
        }

        @Actor
        public void reader(JJ_Result r) {
            r.r1 = histogram.snapshot().getTotalCount();
        }

        @Arbiter
        public void after(JJ_Result r) {
            r.r2 = histogram.snapshot().getTotalCount();
        }
    }

    @JCStressTest
    @Outcome(id = {"1, 0, 1, 0", "0, 1, 1, 0", "0, 0, 1, 1", "1, 0, 0, 1", "0, 1, 0, 1", "0, 0, 0, 2", "1, 1, 0, 0",
            "2, 0, 0, 0", "0, 2, 0, 0",
            "0, 0, 2, 0"}, expect = ACCEPTABLE, desc = "each record is in one of the results")
    @Outcome(expect = FORBIDDEN, desc = "a record is in two results, or in none and gone")
    @State
    public static class RecordSnapshotAndReset {
        private final PerCpuHistogram histogram = small();

        @Actor
        public void recorder() {
            histogram.record(5);
            histogram.record(5);
        }

        @Actor
        public void first(JJJJ_Result r) {
            r.r1 = histogram.snapshotAndReset().getCountAtValue(5);
        }

        @Actor
        public void second(JJJJ_Result r) {
            r.r2 = histogram.snapshotAndReset().getCountAtValue(5);
            r.r3 = histogram.snapshotAndReset().getCountAtValue(5);
        }

        @Arbiter
        public void after(JJJJ_Result r) {
            r.r4 = histogram.snapshot().getCountAtValue(5);
        }
    }

    @JCStressTest
    @Outcome(id = "recorded, 0", expect = ACCEPTABLE, desc = "record -> close")
    @Outcome(id = "closed, 0", expect = ACCEPTABLE, desc = "close -> record, which throws")
    @Outcome(expect = FORBIDDEN, desc = "a record in a closed histogram is found in another")
    @State
    public static class RecordClose {
        private final PerCpuHistogram histogram = small();
        private PerCpuHistogram next;

        @Actor
        public void recorder(LL_Result r) {
            try {
                histogram.record(5);
                r.r1 = "recorded";
            } catch (IllegalStateException closed) {
                r.r1 = "closed";
            }
        }

        @Actor
        public void closer() {
            histogram.close();
            next = small();
        }

        @Arbiter
        public void after(LL_Result r) {
            r.r2 = next.snapshot().getTotalCount();
            next.close();
        }
    }
}
