// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.util.Objects;

/**
 * A recycler in the form of Netty's, on a {@link PerCpuPool}: objects keep a handle, by which they are recycled from
 * wherever they end. It pools on every thread, virtual ones too, and keeps as many objects as CPUs need.
 *
 * <pre>{@code
 * final class Request {
 *     private static final PerCpuRecycler<Request> RECYCLER = PerCpuRecycler.of(Request::new);
 *     private final PerCpuRecycler.Handle<Request> handle;
 *
 *     private Request(PerCpuRecycler.Handle<Request> handle) {
 *         this.handle = handle;
 *     }
 *
 *     static Request next() {
 *         return RECYCLER.get();
 *     }
 *
 *     void end() {
 *         handle.recycle(this);
 *     }
 * }
 * }</pre>
 *
 * <p>
 * It has Netty's names and none of its classes. A second recycling is found by {@code -Drseq4j.pools.detectMisuse=true}
 * only. Thread safe. Happens-before, cost and behaviour without rseq are those of PerCpuPool.
 *
 * @param <T> the type of the objects
 * @since 0.1.0
 */
public final class PerCpuRecycler<T> {
    private final PerCpuPool<T> pool;

    /**
     * Takes an object back.
     *
     * @param <T> the type of the objects
     * @since 0.1.0
     */
    @FunctionalInterface
    public interface Handle<T> {
        /**
         * Gives an object back.
         *
         * @param self the object that was made with this handle, and that nobody will use any more
         * @throws NullPointerException when it is null
         */
        void recycle(T self);
    }

    /**
     * Makes objects.
     *
     * @param <T> the type of the objects
     * @since 0.1.0
     */
    @FunctionalInterface
    public interface Factory<T> {
        /**
         * {@return a new object, not null}
         *
         * @param handle what it is recycled by
         */
        T newObject(Handle<T> handle);
    }

    private PerCpuRecycler(Factory<T> factory, int capacityPerCpu) {
        Objects.requireNonNull(factory, "factory");
        var made = new Object() {
            PerCpuPool<T> pool;
        };
        // All objects of a recycler share one handle: where an object goes does not depend on the object.
        Handle<T> handle = self -> made.pool.release(self);
        pool = PerCpuPool.<T>builder(() -> factory.newObject(handle)).capacityPerCpu(capacityPerCpu).build();
        made.pool = pool;
    }

    /**
     * A recycler that keeps 64 objects for each CPU.
     *
     * @param <T> the type of the objects
     * @param factory makes an object when there is none
     * @return the recycler
     */
    public static <T> PerCpuRecycler<T> of(Factory<T> factory) {
        return new PerCpuRecycler<>(factory, 64);
    }

    /**
     * A recycler.
     *
     * @param <T> the type of the objects
     * @param factory makes an object when there is none
     * @param capacityPerCpu how many objects are kept for each CPU at most, from 1 to 2<sup>20</sup>
     * @return the recycler
     * @throws IllegalArgumentException when the capacity is out of range
     */
    public static <T> PerCpuRecycler<T> of(Factory<T> factory, int capacityPerCpu) {
        return new PerCpuRecycler<>(factory, capacityPerCpu);
    }

    /**
     * {@return an object that nobody else uses}
     *
     * @throws NullPointerException when the factory returns null
     */
    public T get() {
        return pool.acquire();
    }

    /** {@return what the pool of the objects has done so far} */
    public PoolStatistics statistics() {
        return pool.statistics();
    }
}
