/**
 * Counters for statistics: written from any number of threads, each touching only words of its CPU or of its own.
 *
 * @since 0.1.0
 */
package org.rseq4j.counters;
