// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.HdrHistogram.Histogram;
import org.agrona.concurrent.NoOpIdleStrategy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Short rounds in this JVM: that every element arrives, with whom it is counted, and that the rounds end. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class QueuesSuiteTest {
    private static final int N = 2;

    @ParameterizedTest
    @EnumSource(QueuesSuite.Shape.class)
    void whatIsOfferedIsPolledAndTimed(QueuesSuite.Shape shape) throws Exception {
        assertEquals(2 * N, new QueuesSuite(shape).workers(N));
        whatIsOfferedIsPolledAndTimed(new QueuesSuite(shape), shape, N, N);
    }

    @ParameterizedTest
    @EnumSource(QueuesSuite.Shape.class)
    void oneSideMayHaveAnotherNumberOfThreads(QueuesSuite.Shape shape) throws Exception {
        var fewConsumers = new QueuesSuite(shape, null, 1);
        assertEquals(N + 1, fewConsumers.workers(N));
        assertTrue(fewConsumers.jvmArguments("any").contains("-Drseq4j.bench.consumers=1"));
        whatIsOfferedIsPolledAndTimed(fewConsumers, shape, N, 1);
        var fewProducers = new QueuesSuite(shape, 1, null);
        assertEquals(1 + N, fewProducers.workers(N));
        assertTrue(fewProducers.jvmArguments("any").contains("-Drseq4j.bench.producers=1"));
        whatIsOfferedIsPolledAndTimed(fewProducers, shape, 1, N);
    }

    private static void whatIsOfferedIsPolledAndTimed(Suite suite, QueuesSuite.Shape shape, int producers,
            int consumers) throws Exception {
        assertTrue(suite.contenders().keySet().stream().anyMatch(name -> name.startsWith("rseq4j")));
        for (var entry : suite.contenders().entrySet()) {
            if (entry.getKey().startsWith("Agrona")) {
                continue; // wants an option of this JVM
            }
            // Closing compares what was offered with what was polled.
            try (Contender contender = entry.getValue().make(N)) {
                for (int i = 0; i < 2; i++) {
                    List<Long> operations = ShortRound.run(contender, suite.workers(N), 5);
                    boolean atProducers = shape == QueuesSuite.Shape.BURSTS || shape == QueuesSuite.Shape.ROUND_TRIP;
                    for (int worker = 0; worker < producers + consumers; worker++) {
                        assertEquals(atProducers == worker < producers, operations.get(worker) >= 0,
                                entry.getKey() + " " + operations);
                    }
                }
                Histogram times = contender.latencies().values().iterator().next();
                assertFalse(times.getMaxValue() < 0);
                assertEquals(0, contender.latencies().values().iterator().next().getTotalCount(), entry.getKey());
            }
        }
    }

    /** A thread of each ticket may be scheduled out: what it has is not in the queue. */
    @Test
    void aQueueWithoutABoundHoldsTheCapacityThoughEachThreadHasATicket() {
        int threads = 1000;
        var round = new Round();
        round.end(); // who has to wait for room gets none
        var room = new QueuesSuite.Room(threads, 16);
        for (int i = 0; i < threads + 1024 / 16; i++) {
            assertTrue(room.take(16, round, null), "ticket " + i);
        }
        assertFalse(room.take(16, round, new NoOpIdleStrategy()));
        room.give(16);
        assertTrue(room.take(16, round, null));
    }
}
