// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Short rounds in this JVM, but not of Netty's allocators, whose limit is a property of their JVM. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class BuffersAtBoundSuiteTest {
    private static final int THREADS = 3;

    /** Else it would measure the pools below their bounds. */
    @Test
    void allThatMayBePooledIsInUse() throws Exception {
        for (var entry : new BuffersAtBoundSuite().contenders().entrySet()) {
            if (entry.getKey().startsWith("Netty")) {
                continue;
            }
            try (Contender contender = entry.getValue().make(THREADS)) {
                for (long pairs : ShortRound.run(contender, THREADS, 0)) {
                    assertTrue(pairs > 0, entry.getKey());
                }
                if (!entry.getKey().endsWith(BuffersAtBoundSuite.CHANGING)) {
                    double outside = contender.counts().get(BuffersAtBoundSuite.OUTSIDE);
                    assertEquals(1.0, outside, entry.getKey());
                }
                assertTrue(contender.latencies().get("pair").getTotalCount() >= THREADS, entry.getKey());
            }
        }
    }
}
