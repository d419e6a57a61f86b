// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.List;

/** The suites. */
final class Suites {
    private static final List<Suite> ALL = List.of(new CountersSuite(), new SequencesSuite(false),
            new SequencesSuite(true), new LocksSuite(), new LockWaitsSuite(false), new LockWaitsSuite(true),
            new LockHoldsSuite(false),
            new LockHoldsSuite(true), new QueueStallsSuite(),
            new ReadLocksSuite(false), new ReadLocksSuite(true), new PoolsSuite(PoolsSuite.Pattern.PLAIN),
            new PoolsSuite(PoolsSuite.Pattern.YIELD), new PoolsSuite(PoolsSuite.Pattern.ONE_WAY),
            new BuffersSuite(false), new BuffersSuite(true), new BuffersAtBoundSuite(), new NettySuite(false),
            new NettySuite(true),
            new StatisticsSuites.Summaries(),
            new StatisticsSuites.Histograms(), new MemorySuite(), new RegistrySuite(), new ExecutorsSuite(),
            new LoggingSuite(false), new LoggingSuite(true),
            new QueuesSuite(QueuesSuite.Shape.SINGLE),
            new QueuesSuite(QueuesSuite.Shape.BLOCKING), new QueuesSuite(QueuesSuite.Shape.BATCH),
            new QueuesSuite(QueuesSuite.Shape.BURSTS), new QueuesSuite(QueuesSuite.Shape.ROUND_TRIP));

    private Suites() {
    }

    static Suite named(String name) {
        return ALL.stream().filter(suite -> suite.name().equals(name)).findFirst().orElseThrow(
                () -> new IllegalArgumentException("no suite " + name + ", there are " + names()));
    }

    static List<String> names() {
        return ALL.stream().map(Suite::name).toList();
    }
}
