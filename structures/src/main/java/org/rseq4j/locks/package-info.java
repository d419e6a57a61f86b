/**
 * Locks whose holder asks not to lose the CPU, and a read-write lock whose readers share nothing that they write.
 *
 * @since 0.1.0
 */
package org.rseq4j.locks;
