// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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
            try (Contender contender = entry.getValue().make(THREADS); var threads = Executors.newCachedThreadPool()) {
                for (int rounds = 0; rounds < 2; rounds++) {
                    var round = new Round();
                    List<Future<Long>> all = new ArrayList<>();
                    for (int i = 0; i < THREADS; i++) {
                        int worker = i;
                        Callable<Long> work = () -> contender.work(worker, round);
                        all.add(threads.submit(work));
                    }
                    Thread.sleep(300);
                    round.end();
                    for (Future<Long> one : all) {
                        assertTrue(one.get() > 0, entry.getKey());
                    }
                }
            }
        }
    }
}
