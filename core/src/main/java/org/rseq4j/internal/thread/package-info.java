// SPDX-License-Identifier: Apache-2.0
/**
 * The running OS thread: which rseq area it has and who registered it, its ids, its stack; and the barrier on all
 * threads of the process. Stands on {@code internal.linux} alone.
 *
 * <p>
 * <b>A {@code long}</b> named {@code area} is the address of the running OS thread's {@code struct rseq}, 0 when it has
 * none; one named {@code record} that of its {@code struct thread_record}. On a virtual thread either is right until
 * the thread next parks, yields or blocks, so it is passed on and never kept. {@code id} is a thread's id,
 * {@code owner} an id or a carrier's negated record.
 *
 * <p>
 * <b>Memory order:</b> the kernel writes a thread's area on the CPU on which the thread runs, so opaque reads do. An id
 * orders nothing. A thread's row of the table is claimed by its key and published by a release, which pairs with the
 * acquire of the look-up.
 */
package org.rseq4j.internal.thread;
