// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Short rounds in this JVM. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class NettySuiteTest {
    private static final int THREADS = 3;

    /** The clients look at the answers. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void eachConnectionIsAnsweredInEachRound(boolean http) throws Exception {
        for (var entry : new NettySuite(http).contenders().entrySet()) {
            try (Contender contender = entry.getValue().make(THREADS)) {
                for (int rounds = 0; rounds < 2; rounds++) {
                    for (long answers : ShortRound.run(contender, THREADS, 300)) {
                        assertTrue(answers > 0, entry.getKey());
                    }
                }
            }
        }
    }
}
