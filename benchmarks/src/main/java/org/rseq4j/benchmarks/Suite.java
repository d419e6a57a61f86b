package org.rseq4j.benchmarks;

import java.util.Map;

/** Contenders for one purpose, in the order in which they run and are shown. */
public interface Suite {
    /** The name on the command line. */
    String name();

    /** The contenders by name, ours marked by "rseq4j" in it. */
    Map<String, Contender.Factory> contenders();

    /** Arguments for the JVM of a contender, such as the carrier lookup for virtual threads. */
    default java.util.List<String> jvmArguments(String contender) {
        return java.util.List.of();
    }
}
