/**
 * Per-CPU counters, queues, pools and locks.
 *
 * @since 0.1.0
 */
module org.rseq4j.structures {
    requires transitive org.rseq4j.core;
    requires transitive org.jctools.core;
    requires static jdk.jfr;
    requires static transitive com.fasterxml.jackson.core;
    requires transitive HdrHistogram;
    requires static transitive micrometer.core;

    exports org.rseq4j.counters;
    exports org.rseq4j.locks;
    exports org.rseq4j.pools;
    exports org.rseq4j.queues;
}
