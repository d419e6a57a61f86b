// SPDX-License-Identifier: Apache-2.0
/**
 * Memory for each CPU: mappings and accesses to their words. Stands on {@code internal.linux} alone.
 *
 * <p>
 * <b>A {@code long}</b> named {@code place} says where a word is, together with its mapping: an address where the
 * mapping is native, else an offset in it. {@code base} is the place of CPU 0's word, {@code stride} the distance to
 * the next CPU's, both in bytes.
 *
 * <p>
 * <b>Memory order:</b> the methods of {@link org.rseq4j.internal.memory.Words} are named after the access modes of a
 * VarHandle; {@code add}, {@code getAndSet} and {@code compareAndSet} are volatile accesses.
 *
 * <p>
 * <b>Padding</b> stands between CPUs, never between the words of one: a stride begins on a page, so that a
 * page belongs to one CPU.
 */
package org.rseq4j.internal.memory;
