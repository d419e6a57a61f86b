// SPDX-License-Identifier: Apache-2.0
/**
 * What is Linux's and the C library's: the numbers of their interfaces, calls of the native library, absolute memory,
 * and what the kernel says of itself. Nothing above core's other internal packages knows it; it knows none of them.
 *
 * <p>
 * Two classes are the border to what this version of Java has for it, {@link org.rseq4j.internal.linux.Memory} and
 * {@link org.rseq4j.internal.linux.NativeCalls}. All else is plain Java.
 *
 * <p>
 * <b>A {@code long} is an address</b> in absolute memory, or 0 for none; a result below 0 is an errno, negated.
 *
 * <p>
 * <b>Memory order</b> is the access mode's that an access is named after, a VarHandle's. A native call orders nothing
 * by itself.
 */
package org.rseq4j.internal.linux;
