// SPDX-License-Identifier: Apache-2.0
/**
 * The running thread's CPU and concurrency ids, the scheduler time slice extension, per-CPU memory and restartable
 * sequences.
 *
 * <p>
 * <b>What a {@code long} means:</b> a slot or an offset is the distance from the begin of a CPU's stride, in bytes; a
 * section is a token, to be given to {@code end} and to nothing else.
 *
 * <p>
 * <b>Happens-before:</b> neither an id nor a section orders anything. What a thread did before it changed a word, by
 * {@code PerCpuMemory.add} or a restartable sequence, happens before what another does after a {@code get}, a {@code
 * sum} or a sequence that found the change. What a thread wrote before {@code fence} is seen by every sequence that
 * commits on that CPU after it.
 *
 * @since 0.1.0
 */
package org.rseq4j;
