/**
 * Queues for servers that have more threads than CPUs.
 *
 * @since 0.1.0
 */
package org.rseq4j.queues;
