/**
 * Counters for statistics: written from any number of threads, each touching only its CPU's words.
 *
 * @since 0.1.0
 */
package org.rseq4j.counters;
