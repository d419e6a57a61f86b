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

    /** What an operation is, in a few words; for the list of suites. */
    default String description() {
        return String.join(", ", contenders().keySet());
    }
}
