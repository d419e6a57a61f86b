// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

/**
 * An object on loan from a {@link PerCpuPool}, for a try statement:
 *
 * <pre>{@code
 * try (var lease = pool.lease()) {
 *     use(lease.get());
 * }
 * }</pre>
 *
 * <p>
 * Cost: compiled code allocates nothing for it as long as it stays in such a statement, because it does not escape;
 * elsewhere it is one small object. Not thread safe.
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before {@link #close()} happens before what the next one does that acquires
 * the object.
 *
 * @param <T> the type of the pooled objects
 * @since 0.1.0
 */
public final class Lease<T> implements AutoCloseable {
    private final PerCpuPool<T> pool;
    /** Set after it was made, by an assignment: a call that finds no stack would lose the object. */
    T object;

    Lease(PerCpuPool<T> pool) {
        this.pool = pool;
    }

    /**
     * {@return the object}
     *
     * @throws IllegalStateException when the lease is closed
     */
    public T get() {
        T held = object;
        if (held == null) {
            throw new IllegalStateException("this lease is closed");
        }
        return held;
    }

    /** Releases the object. No effect when closed already. */
    @Override
    public void close() {
        T held = object;
        if (held == null) {
            return;
        }
        if (pool.roster != null && pool.roster.hook != null) {
            pool.roster.endLoan(held);
        }
        object = null;
        Throwable failure;
        try {
            failure = pool.give(held);
        } catch (Throwable e) { // it did not begin
            synchronized (pool.losses) {
                try {
                    pool.losses.objects++;
                } catch (Throwable onEntry) {
                    pool.losses.objects++;
                }
            }
            throw e;
        }
        if (failure != null) {
            PerCpuPool.throwAsItIs(failure);
        }
    }
}
