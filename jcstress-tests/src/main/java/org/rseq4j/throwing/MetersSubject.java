// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuSummary;

/** Counters and summaries that are made, used and dropped: each begins with nothing and has words of its own. */
final class MetersSubject extends Subject {
    private static final int METERS = 16;

    private final PerCpuCounter[] counters = new PerCpuCounter[METERS];
    private final PerCpuSummary[] summaries = new PerCpuSummary[METERS];
    /** How many events each has at least, and at most. */
    private final long[] ended = new long[METERS];
    private final long[] begun = new long[METERS];
    private int at;

    MetersSubject() {
        super("make", "add", "add", "add", "drop", "make", "next", "add", "sum");
    }

    @Override
    void run(int operation) {
        switch (operation(operation)) {
            case "make" -> {
                if (counters[at] == null) {
                    PerCpuCounter counter = new PerCpuCounter();
                    PerCpuSummary summary = new PerCpuSummary();
                    begun[at] = 0;
                    ended[at] = 0;
                    summaries[at] = summary;
                    counters[at] = counter;
                }
            }
            case "add" -> {
                if (counters[at] != null) {
                    begun[at]++;
                    counters[at].increment();
                    summaries[at].record(1);
                    ended[at]++;
                }
            }
            case "drop" -> {
                if (counters[at] != null && at % 2 == 0) {
                    counters[at].close();
                    counters[at] = null;
                    summaries[at] = null;
                }
            }
            case "sum" -> {
                if (counters[at] != null && counters[at].sum() > begun[at]) {
                    throw new IllegalStateException("a counter has " + counters[at].sum() + " events of " + begun[at]);
                }
            }
            default -> at = (at + 1) % METERS;
        }
    }

    @Override
    void others() {
        for (int i = 0; i < 4; i++) {
            makeAndUse();
        }
    }

    private static void makeAndUse() {
        try (var counter = new PerCpuCounter(); var summary = new PerCpuSummary()) {
            counter.increment();
            summary.record(1);
            if (counter.sum() != 1 || summary.snapshot().count() != 1) {
                throw new IllegalStateException("a new counter has " + counter.sum() + " events, a new summary "
                        + summary.snapshot().count());
            }
        }
    }

    @Override
    String check() {
        System.gc(); // what was dropped is found when others are made
        for (int i = 0; i < 3 * METERS; i++) {
            makeAndUse();
        }
        for (int i = 0; i < METERS; i++) {
            if (counters[i] != null) {
                long events = counters[i].sum();
                long records = summaries[i].snapshot().count();
                if (events < ended[i] || events > begun[i] || records < ended[i] || records > begun[i]) {
                    return events + " events and " + records + " records counted of " + ended[i] + " to " + begun[i];
                }
            }
        }
        return null;
    }
}
