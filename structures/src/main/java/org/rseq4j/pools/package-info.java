// SPDX-License-Identifier: Apache-2.0
/**
 * Pools of objects whose contention and size do not depend on the number of threads.
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before it released an object or a buffer happens before what the next one
 * does that acquires it.
 *
 * <p>
 * <b>For readers of the source.</b> In the pool of buffers a {@code long} is an address unless its name says what it
 * counts; in the pool of objects it is a number of objects or of nanoseconds. Fields that different threads write stand
 * two cache lines apart, by a chain of superclasses. A slab is locked by a {@code compareAndSet} and unlocked by a
 * release, or in a handler by a plain assignment to a volatile field; a leased slab has no atomic instruction on its
 * owner's side, and a barrier on all threads on the other.
 *
 * @since 0.1.0
 */
package org.rseq4j.pools;
