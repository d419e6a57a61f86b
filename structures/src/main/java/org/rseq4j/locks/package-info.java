// SPDX-License-Identifier: Apache-2.0
/**
 * Locks whose holder asks not to lose the CPU, and a read-write lock whose readers share nothing that they write.
 *
 * <p>
 * <b>Happens-before:</b> an unlock happens before each later lock of the same lock; the end of a write before each
 * later read lock and before an optimistic read that began after it and was valid; the end of a read before each later
 * write lock. What was done before a {@code signal} happens before the return of the {@code await} that it ended, as
 * both hold the lock.
 *
 * <p>
 * <b>For readers of the source.</b> A {@code long} named {@code section} is what a section returned, one named
 * {@code stamp} a number of writes, and {@code owner} a thread's id. What every acquisition writes stands on a cache
 * line of its own, with 128 bytes around it, by a chain of superclasses. A lock is taken by {@code compareAndSet} and
 * given back by a release, or in a handler by a plain assignment to a volatile field, which calls nothing and so cannot
 * fail.
 *
 * @since 0.1.0
 */
package org.rseq4j.locks;
