// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.List;
import java.util.Map;

/** Contenders for one purpose, in the order in which they run and are shown. */
public interface Suite {
    /** The name on the command line. */
    String name();

    /** The contenders by name, ours marked by "rseq4j" in it. */
    Map<String, Contender.Factory> contenders();

    /** Arguments for the JVM of a contender, such as the carrier lookup for virtual threads. */
    default List<String> jvmArguments(String contender) {
        return List.of();
    }

    /** The numbers of threads, where the command line gives none. */
    default List<Integer> threads() {
        return List.of(1, 2, 16, 64);
    }

    /** The same for virtual threads. */
    default List<Integer> virtualThreads() {
        return List.of(1000);
    }

    /** {@return how many threads work for one number on the command line; more where each has a partner} */
    default int workers(int threads) {
        return threads;
    }

    /** {@return in how many operations of a thread one is timed, by {@link Contender#latencies}} */
    default int operationsTimed() {
        return 1;
    }

    /** {@return whether it says something in the test kernel only: 'all' then leaves it out elsewhere} */
    default boolean isForTestKernel() {
        return false;
    }

    /** What an operation is, in a few words; for the list of suites. */
    default String description() {
        return String.join(", ", contenders().keySet());
    }
}
