// SPDX-License-Identifier: Apache-2.0
/** A program that uses rseq4j. */
module org.rseq4j.sample {
    requires info.picocli;
    requires java.management;
    requires org.rseq4j.structures;
    requires org.eclipse.jetty.server;

    opens org.rseq4j.sample to info.picocli;
}
