/**
 * The running thread's CPU and concurrency ids, the scheduler time slice extension, per-CPU memory and restartable
 * sequences.
 *
 * @since 0.1.0
 */
package org.rseq4j;
