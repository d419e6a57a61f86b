// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJJJ_Result;
import org.openjdk.jcstress.infra.results.LLL_Result;
import org.openjdk.jcstress.infra.results.LL_Result;
import org.rseq4j.counters.PerCpuSummary;

/** {@link PerCpuSummary}. A snapshot is written as count/sum/min/max, and "none" without records. */
public class PerCpuSummaryStress {
    static String text(PerCpuSummary.Snapshot snapshot) {
        return snapshot.count() == 0 && snapshot.sum() == 0 && snapshot.min() == Long.MAX_VALUE
                && snapshot.max() == Long.MIN_VALUE
                        ? "none"
                        : snapshot.count() + "/" + snapshot.sum() + "/" + snapshot.min() + "/" + snapshot.max();
    }

    @JCStressTest
    @Outcome(id = "3, 6, 1, 3", expect = ACCEPTABLE, desc = "all three records, in any order")
    @Outcome(expect = FORBIDDEN, desc = "two records were made in one shard at once, and one overwrote the other")
    @State
    public static class RecordRecordRecord {
        private final PerCpuSummary summary = new PerCpuSummary();

        @Actor
        public void one() {
            summary.record(1);
        }

        @Actor
        public void two() {
            summary.record(2);
        }

        @Actor
        public void three() {
            summary.record(3);
        }

        @Arbiter
        public void after(JJJJ_Result r) {
            PerCpuSummary.Snapshot all = summary.snapshot();
            r.r1 = all.count();
            r.r2 = all.sum();
            r.r3 = all.min();
            r.r4 = all.max();
        }
    }

    @JCStressTest
    @Outcome(id = "none", expect = ACCEPTABLE, desc = "snapshot -> records")
    @Outcome(id = "1/5/5/5", expect = ACCEPTABLE, desc = "record 5 -> snapshot -> record 7")
    @Outcome(id = "1/7/7/7", expect = ACCEPTABLE, desc = "the thread was moved between its records, and the snapshot had"
            + " read the first one's shard before")
    @Outcome(id = "2/12/5/7", expect = ACCEPTABLE, desc = "records -> snapshot")
    @Outcome(expect = FORBIDDEN, desc = "a snapshot of words that do not belong together")
    @State
    public static class RecordSnapshot {
        private final PerCpuSummary summary = new PerCpuSummary();

        @Actor
        public void recorder() {
            summary.record(5);
            summary.record(7);
        }

        @Actor
        public void reader(org.openjdk.jcstress.infra.results.L_Result r) {
            r.r1 = text(summary.snapshot());
        }
    }

    @JCStressTest
    @Outcome(id = "none, 2/12/5/7", expect = ACCEPTABLE, desc = "snapshotAndReset -> records")
    @Outcome(id = "1/5/5/5, 1/7/7/7", expect = ACCEPTABLE, desc = "record 5 -> snapshotAndReset -> record 7")
    @Outcome(id = "1/7/7/7, 1/5/5/5", expect = ACCEPTABLE, desc = "the same, when the shard of 5 had been collected before")
    @Outcome(id = "2/12/5/7, none", expect = ACCEPTABLE, desc = "records -> snapshotAndReset")
    @Outcome(expect = FORBIDDEN, desc = "a record is lost, is in two results, or is torn")
    @State
    public static class RecordSnapshotAndReset {
        private final PerCpuSummary summary = new PerCpuSummary();

        @Actor
        public void recorder() {
            summary.record(5);
            summary.record(7);
        }

        @Actor
        public void collector(LL_Result r) {
            r.r1 = text(summary.snapshotAndReset());
        }

        @Arbiter
        public void after(LL_Result r) {
            r.r2 = text(summary.snapshot());
        }
    }

    @JCStressTest
    @Outcome(id = {"1/5/5/5, none, none", "none, 1/5/5/5, none",
            "none, none, 1/5/5/5"}, expect = ACCEPTABLE, desc = "one"
                    + " collector has the record, or nobody yet")
    @Outcome(expect = FORBIDDEN, desc = "a record is in two results, or in none and gone")
    @State
    public static class SnapshotAndResetTwice {
        private final PerCpuSummary summary = new PerCpuSummary();

        @Actor
        public void recorder() {
            summary.record(5);
        }

        @Actor
        public void first(LLL_Result r) {
            r.r1 = text(summary.snapshotAndReset());
        }

        @Actor
        public void second(LLL_Result r) {
            r.r2 = text(summary.snapshotAndReset());
        }

        @Arbiter
        public void after(LLL_Result r) {
            r.r3 = text(summary.snapshot());
        }
    }

    @JCStressTest
    @Outcome(id = "recorded, none", expect = ACCEPTABLE, desc = "record -> close")
    @Outcome(id = "closed, none", expect = ACCEPTABLE, desc = "close -> record, which throws")
    @Outcome(expect = FORBIDDEN, desc = "a record in a closed summary is found in another summary")
    @State
    public static class RecordClose {
        private final PerCpuSummary summary = new PerCpuSummary();
        private PerCpuSummary next;

        @Actor
        public void recorder(LL_Result r) {
            try {
                summary.record(5);
                r.r1 = "recorded";
            } catch (IllegalStateException closed) {
                r.r1 = "closed";
            }
        }

        @Actor
        public void closer() {
            summary.close();
            next = new PerCpuSummary();
        }

        @Arbiter
        public void after(LL_Result r) {
            r.r2 = text(next.snapshot());
            next.close();
        }
    }
}
