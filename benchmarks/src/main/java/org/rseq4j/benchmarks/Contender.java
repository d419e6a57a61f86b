// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.Map;
import org.HdrHistogram.Histogram;

/**
 * One of those that are compared: its state is made for one number of threads, then {@link #work} runs on all of them
 * at once, round after round. Its loop is its own code, so that the JIT sees one contender only, in a JVM of its own.
 */
public interface Contender extends AutoCloseable {
    /**
     * Works until the round is over.
     *
     * @param thread from 0 to the number of workers - 1
     * @param round says when to stop; ask it once for a batch of operations
     * @return the operations that were done; negative where its partners count them, as consumers do for producers:
     *          then for
     *         the slowest thread's share only, which is taken on each side by itself
     * @throws Exception fails the benchmark
     */
    long work(int thread, Round round) throws Exception;

    /**
     * {@return the times that were recorded since the last call, in nanoseconds, by what they are the times of} Called
     * between rounds: after the warm-up, whose times are dropped, and at the end.
     */
    default Map<String, Histogram> latencies() {
        return Map.of();
    }

    /** {@return what else was counted since the last call, by name} Called after each round; as counts, not rates. */
    default Map<String, Double> counts() {
        return Map.of();
    }

    /** Checks and gives back what the contender has. */
    @Override
    default void close() {
    }

    /** Makes a contender for a number of threads. */
    interface Factory {
        Contender make(int threads) throws Exception;
    }
}
