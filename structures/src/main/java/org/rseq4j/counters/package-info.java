// SPDX-License-Identifier: Apache-2.0
/**
 * Counters for statistics: written from any number of threads, each touching only words of its CPU or of its own.
 *
 * <p>
 * <b>Happens-before:</b> what is recorded before a read, in the sense of happens-before, is in what the read returns.
 * No counter orders anything else: that a thread sees a count does not mean that it sees what another did before it
 * counted.
 *
 * <p>
 * <b>For readers of the source.</b> A {@code long} named {@code place} or {@code base} says where a word is in a
 * mapping, and {@code stride} how far it is to the same word of the next CPU, in bytes; anything else is a value. Words
 * of one CPU stand side by side, those of different CPUs on pages of their own. Access modes are named after the
 * VarHandle's.
 *
 * @since 0.1.0
 */
package org.rseq4j.counters;
