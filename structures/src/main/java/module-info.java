// SPDX-License-Identifier: Apache-2.0
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
    requires static tools.jackson.core;
    requires static io.netty.buffer;
    requires static io.netty.common;
    requires static org.agrona;
    requires static micrometer.core;
    requires static micrometer.registry.prometheus;
    requires static io.prometheus.metrics.model;
    requires static io.prometheus.metrics.tracer.common;
    requires static org.apache.logging.log4j.core;
    requires static spring.beans;
    requires static spring.boot;
    requires static spring.boot.actuator;
    requires static spring.boot.autoconfigure;
    requires static spring.context;
    requires static spring.core;
    // An automatic module, which jlink does not take: modules that use PerCpuHistogram's snapshots require it too.
    requires static HdrHistogram;

    exports org.rseq4j.counters;
    exports org.rseq4j.executors;
    exports org.rseq4j.jackson3;
    exports org.rseq4j.locks;
    exports org.rseq4j.log4j;
    exports org.rseq4j.pools;
    exports org.rseq4j.queues;
    exports org.rseq4j.spring;
}
