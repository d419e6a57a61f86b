// SPDX-License-Identifier: Apache-2.0
/**
 * What is Linux's and the C library's: the numbers of their interfaces, calls of the native library, absolute memory,
 * and what the kernel says of itself. Nothing above core's other internal packages knows it; it knows none of them.
 *
 * <p>
 * <b>A {@code long} is an address</b> in absolute memory, or 0 for none; a result below 0 is an errno, negated. An
 * address goes through the mask of its width in {@link org.rseq4j.internal.linux.NativeMemory} at each access.
 *
 * <p>
 * <b>Memory order</b> is the access mode's of the VarHandle, named at the call. A downcall orders nothing by itself.
 */
package org.rseq4j.internal.linux;
