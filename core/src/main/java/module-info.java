// SPDX-License-Identifier: Apache-2.0
/**
 * CPU and concurrency ids, scheduler time slice extension, per-CPU memory and restartable sequences.
 *
 * @since 0.1.0
 */
@SuppressWarnings("module")
module org.rseq4j.core {
    requires static jdk.jfr;
    // sun.misc.Unsafe, before Java 22
    requires jdk.unsupported;

    exports org.rseq4j;
    exports org.rseq4j.internal.memory to
        org.rseq4j.structures;
    exports org.rseq4j.internal.section to
        org.rseq4j.structures;
    exports org.rseq4j.internal.sequence to
        org.rseq4j.structures;
    exports org.rseq4j.internal.thread to
        org.rseq4j.structures;
}
