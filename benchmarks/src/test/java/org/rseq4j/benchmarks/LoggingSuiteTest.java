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

/** Short rounds in this JVM: that Log4j takes each queue, and every event arrives. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LoggingSuiteTest {
    private static final int THREADS = 3;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsLoggedArrives(boolean isWritten) throws Exception {
        for (var entry : new LoggingSuite(isWritten).contenders().entrySet()) {
            // Closing compares what was logged with what arrived.
            try (Contender contender = entry.getValue().make(THREADS); var threads = Executors.newCachedThreadPool()) {
                var round = new Round();
                List<Future<Long>> all = new ArrayList<>();
                for (int i = 0; i < THREADS; i++) {
                    int worker = i;
                    Callable<Long> work = () -> contender.work(worker, round);
                    all.add(threads.submit(work));
                }
                Thread.sleep(5);
                round.end();
                long logged = 0;
                for (Future<Long> one : all) {
                    logged += one.get();
                }
                long timed = contender.latencies().get("log call").getTotalCount();
                assertTrue(timed * 16 == logged, entry.getKey() + ": " + logged + ", of which timed " + timed);
            }
        }
    }
}
