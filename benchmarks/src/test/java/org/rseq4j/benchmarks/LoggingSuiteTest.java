// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Short rounds in this JVM: that Log4j takes each queue, and every event arrives. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LoggingSuiteTest {
    private static final int THREADS = 3;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsLoggedArrives(boolean isWritten) throws Exception {
        for (var entry : new LoggingSuite(isWritten).contenders().entrySet()) {
            // Closing compares what was logged with what arrived.
            try (Contender contender = entry.getValue().make(THREADS)) {
                long logged = 0;
                for (long calls : ShortRound.run(contender, THREADS, 5)) {
                    logged += calls;
                }
                long timed = contender.latencies().get("log call").getTotalCount();
                assertTrue(timed * 16 == logged, entry.getKey() + ": " + logged + ", of which timed " + timed);
            }
        }
    }
}
