/**
 * Per-CPU counters, queues, pools and locks.
 *
 * @since 0.1.0
 */
module org.rseq4j.structures {
    requires transitive org.rseq4j.core;
    requires transitive org.jctools.core;
    requires static jdk.jfr;
    // Optional ones are not transitive: javac would then demand them of every user's module.
    requires static com.fasterxml.jackson.core;
    requires static org.agrona;
    requires transitive HdrHistogram;
    requires static micrometer.core;

    exports org.rseq4j.counters;
    exports org.rseq4j.locks;
    exports org.rseq4j.pools;
    exports org.rseq4j.queues;
}
