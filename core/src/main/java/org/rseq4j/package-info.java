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
 * <b>Happens-before:</b> neither an id nor a section orders anything. {@code PerCpuMemory.add} and {@code get} of one
 * word are as if volatile: what a thread did before an add happens before what another does after a get that saw it.
 * Restartable sequences promise no order to other CPUs; what a thread wrote before {@code fence} is seen by every
 * sequence that commits on that CPU after it.
 *
 * @since 0.1.0
 */
package org.rseq4j;
