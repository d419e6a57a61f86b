// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.util.ArrayList;
import java.util.List;
import org.rseq4j.counters.PerCpuSummary.Snapshot;

/**
 * What a summary recorded in its last epochs, so that its extremes are those of a while and not of all times, as
 * Micrometer's {@code TimeWindowMax}. Immutable.
 *
 * @param open the records of epochs that ended since the last one of the list
 * @param ended of which the end is known, the oldest first
 */
record RecentEpochs(Snapshot open, List<Epoch> ended) {
    /** The expiry of Micrometer's own meters. */
    static final long WINDOW = 120_000_000_000L;
    /** From the end of an epoch to that of the next, at least. */
    static final long STEP = WINDOW / 120;

    static final RecentEpochs NONE = new RecentEpochs(Snapshot.EMPTY, List.of());

    record Epoch(long end, Snapshot records) {
    }

    /** How often the end of an epoch is worth it for a window, as in the ring of Micrometer's {@code TimeWindowMax}. */
    static long step(long window) {
        return window / 3;
    }

    boolean isDue(long nanos, long step) {
        return ended.isEmpty() || nanos - ended.get(ended.size() - 1).end >= step;
    }

    /** With an epoch that a reset ended. */
    RecentEpochs plus(Snapshot epoch) {
        return new RecentEpochs(open.plus(epoch), ended);
    }

    /** With an epoch that ended at a time. */
    RecentEpochs ended(Snapshot epoch, long nanos) {
        List<Epoch> all = new ArrayList<>();
        for (Epoch earlier : ended) {
            if (isRecent(earlier, nanos, WINDOW)) {
                all.add(earlier);
            }
        }
        all.add(new Epoch(nanos, open.plus(epoch)));
        return new RecentEpochs(Snapshot.EMPTY, List.copyOf(all));
    }

    /** What they had within a window, {@link #WINDOW} at most. */
    Snapshot at(long nanos, long window) {
        Snapshot all = open;
        for (Epoch epoch : ended) {
            if (isRecent(epoch, nanos, window)) {
                all = all.plus(epoch.records);
            }
        }
        return all;
    }

    private static boolean isRecent(Epoch epoch, long nanos, long window) {
        return nanos - epoch.end < window;
    }
}
