package org.rseq4j.internal;

import org.rseq4j.SliceExtension;

/** The counts of interrupted sections. */
public final class SectionStatistics {
    private SectionStatistics() {
    }

    public static SliceExtension.Statistics read() {
        SectionTraining.await(); // which counts, and takes it back
        return new SliceExtension.Statistics(Section.YIELDED.sum(), Section.REVOKED.sum(), Section.INTERRUPTED.sum());
    }
}
