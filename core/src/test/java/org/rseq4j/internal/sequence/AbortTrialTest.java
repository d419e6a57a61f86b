// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a trial of sequences on a kernel says of that kernel. */
class AbortTrialTest {
    @ParameterizedTest
    @CsvSource({"0, 3, 3, ''", "0, 0, 1, ''", "0, 20, 0, does not abort", "0, 19, 0, unknown", "0, 0, 0, unknown",
            "11, 0, 0, errno 11"})
    void sequencesAreUsedOnlyWhereAnAbortWasSeen(int error, long preemptions, long aborts, String verdict) {
        String said = AbortTrial.verdict(error, preemptions, aborts);
        assertEquals(verdict.isEmpty(), said.isEmpty(), said);
        assertTrue(said.contains(verdict), said);
    }
}
