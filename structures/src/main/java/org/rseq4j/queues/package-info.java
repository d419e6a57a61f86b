// SPDX-License-Identifier: Apache-2.0
/**
 * Queues for servers that have more threads than CPUs.
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before it added an element happens before what the thread that takes or sees
 * that element does then, in every queue here. Nothing else is ordered: neither by a size, nor by a call that found a
 * queue empty or full.
 *
 * <p>
 * <b>For readers of the source.</b> A {@code long} is an index of a ring, which only grows and is compared by
 * differences; the lowest bit of a ring's head and tail is the lock of that end, so indices count in twos. Fields that
 * different threads write stand 128 bytes apart, two cache lines, because lines are fetched in pairs; a chain of
 * superclasses keeps the JVM from reordering them ({@code PaddingTest} checks). Access modes are named at the call: an
 * end is locked by {@code compareAndSet} and unlocked by {@code setRelease}, which pairs with the volatile read of that
 * index by the other side.
 *
 * @since 0.1.0
 */
package org.rseq4j.queues;
