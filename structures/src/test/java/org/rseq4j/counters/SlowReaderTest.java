// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.stress.ChildJvm;
import org.rseq4j.stress.TestThreads;

/** A reader of a summary that is never compiled, so that thousands of records come between two of its loads. */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class SlowReaderTest {
    @Test
    void aSnapshotIsOfOneMomentHoweverLongItTakes() throws Exception {
        assumeTrue(Sequences.canFence(), "needs sequences");
        ChildJvm.run("all whole", Map.of(), List.of("-XX:CompileCommand=quiet",
                "-XX:CompileCommand=exclude,org.rseq4j.counters.SummaryWords::read"), Reading.class);
    }

    static final class Reading {
        private static final int SNAPSHOTS = 300;
        private static final int VALUE = 7;
        private static final int BURST = 20_000;

        private Reading() {
        }

        public static void main(String[] arguments) {
            var summary = new PerCpuSummary();
            TestThreads.startDaemon(() -> {
                while (true) {
                    for (int i = 0; i < BURST; i++) {
                        summary.record(VALUE);
                    }
                    LockSupport.parkNanos(500_000); // so that a read can end
                }
            });
            long before = 0;
            for (int seen = 0; seen < SNAPSHOTS;) {
                PerCpuSummary.Snapshot read = summary.snapshot();
                if (read.sum() != VALUE * read.count()) {
                    System.out.println("not of one moment: " + read);
                    System.exit(1);
                }
                seen += read.count() > before ? 1 : 0;
                before = read.count();
            }
            System.out.println("all whole");
        }
    }
}
