// SPDX-License-Identifier: Apache-2.0
/**
 * Restartable sequences, the same operations by atomic instructions, and the trial that decides which of the two a
 * process uses. Stands on {@code internal.memory}, {@code internal.thread} and {@code internal.linux}.
 *
 * <p>
 * <b>A {@code long}</b> named {@code base} is the address of CPU 0's word and {@code stride} the distance to the next
 * CPU's; {@code place} is a word's as in {@code internal.memory}. The {@code int} that an operation returns is the
 * stride in which it took effect, its complement where nothing was to be done there, or {@code NO_AREA}.
 *
 * <p>
 * <b>Memory order:</b> what a word's protocol is, sequence or atomic, is decided once for the process. A sequence loads
 * with acquire and commits by one store with release (rseq4j_aarch64.h); {@code fence} restarts the sequences of a CPU
 * and is a barrier there. The atomic form is volatile.
 */
package org.rseq4j.internal.sequence;
