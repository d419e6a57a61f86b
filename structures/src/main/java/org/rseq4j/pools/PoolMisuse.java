// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

/**
 * A mistake in the use of a pool, as its misuse detection found it ({@link PerCpuPool.Builder#detectMisuse}).
 *
 * @param kind what happened
 * @param object a short description of the object: its class and identity hash, never its contents
 * @param acquired where the object was last acquired; null when it never was
 * @since 0.1.0
 */
public record PoolMisuse(Kind kind, String object, Throwable acquired) {
    /**
     * What can happen.
     *
     * @since 0.1.0
     */
    public enum Kind {
        /** An object was released that is in the pool already. */
        RELEASED_TWICE,
        /** An object was released that the pool did not hand out. */
        FOREIGN,
        /** An object became unreachable before it was released. */
        LEAKED,
        /** Memory of a buffer was written to while the buffer was in the pool. */
        USED_AFTER_RELEASE
    }
}
