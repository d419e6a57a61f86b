// SPDX-License-Identifier: Apache-2.0
/** A program that uses rseq4j. */
module org.rseq4j.sample {
    requires info.picocli;
    requires java.management;
    requires java.sql;
    requires org.rseq4j.structures;
    requires org.eclipse.jetty.server;
    // ConnectionLoad's, which runs on the class path; jlink takes no module without a descriptor.
    requires static HdrHistogram;
    requires static com.h2database;
    requires static com.zaxxer.hikari;

    opens org.rseq4j.sample to info.picocli;
}
