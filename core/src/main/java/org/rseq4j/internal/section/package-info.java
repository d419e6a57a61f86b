// SPDX-License-Identifier: Apache-2.0
/**
 * Sections with a time slice extension request; the only place that touches {@code slice_ctrl}. Stands on
 * {@code internal.thread} and {@code internal.linux}.
 *
 * <p>
 * <b>A {@code long}</b> named {@code area} is an address and positive; one named {@code section} is a token and
 * negative; 0 is neither, and ends nothing. {@code begin}, {@code end} and {@code renew} take an area and check
 * nothing; {@code open}, {@code close} and {@code renewOpen} take a token and check it. What takes the one has no
 * effect on the other.
 *
 * <p>
 * <b>Memory order:</b> request and grant belong to one CPU. Opaque accesses and fences that are for the compiler alone
 * keep what is inside a section inside. No section orders anything between threads.
 */
package org.rseq4j.internal.section;
