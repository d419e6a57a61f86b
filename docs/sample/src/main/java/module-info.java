/** A program that uses rseq4j. */
module org.rseq4j.sample {
    requires org.rseq4j.structures;
    requires org.eclipse.jetty.server;
}
