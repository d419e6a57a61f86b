// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A type whose first use in the process ends in an error is used later as if nothing had been. */
@Tag("jvm")
class FirstMakingsTest {
    @ParameterizedTest
    @ValueSource(strings = {"Rseq", "RseqStatus", "SliceExtension", "RestartableSequences",
            "RestartableSequences, whether native", "PerCpuMemory", "PerCpuMemory of a file", "PerCpuCounter",
            "PerCpuSummary", "PerCpuHistogram", "CounterFile", "SliceLock",
            "ExtendedLock", "PerCpuReadWriteLock", "PerCpuPool", "strict PerCpuPool", "PerCpuPool with an executor",
            "PerCpuBufferPool", "SliceMpmcArrayQueue", "SliceMpmcUnboundedQueue", "SliceBlockingQueue",
            "SliceBlockingQueue by its builder", "PerCpuQueue"})
    void worksAfterItsFirstUsesFoundNoStack(String type) throws Exception {
        ChildJvm.run(type + " works", Map.of(), List.of("-Xmx64m"), FirstMakings.class, "stack", type);
    }

    @Test
    void whatInitializesItselfIsBroken() throws Exception {
        ChildJvm.run("Broken is broken: java.lang.NoClassDefFoundError", Map.of(), List.of("-Xmx64m"),
                FirstMakings.class, "stack", "Broken");
    }
}
