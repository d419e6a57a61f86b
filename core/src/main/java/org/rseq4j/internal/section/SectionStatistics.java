// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

/** The counts of interrupted sections. */
public record SectionStatistics(long yielded, long revoked, long interrupted) {
    public static SectionStatistics read() {
        if (Section.isSupported()) { // from here on there is a training
            SectionTraining.await(); // which counts, and takes it back
        }
        return new SectionStatistics(Section.YIELDED.sum(), Section.REVOKED.sum(), Section.INTERRUPTED.sum());
    }
}
