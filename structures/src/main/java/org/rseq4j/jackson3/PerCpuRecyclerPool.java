// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jackson3;

import java.io.Serial;
import java.io.Serializable;
import java.util.Objects;
import java.util.function.Supplier;
import org.rseq4j.pools.PerCpuPool;
import org.rseq4j.pools.PoolStatistics;
import tools.jackson.core.util.BufferRecycler;
import tools.jackson.core.util.RecyclerPool;

/**
 * A {@link RecyclerPool} of Jackson 3 on a {@link PerCpuPool}: the buffers of parsers and generators are used again on
 * the CPU where they were released, as many as CPUs need and not as threads, also with virtual threads.
 *
 * <pre>{@code
 * JsonFactory factory = JsonFactory.builder().recyclerPool(PerCpuRecyclerPool.ofBufferRecyclers()).build();
 * JsonMapper mapper = JsonMapper.builder(factory).build();
 * }</pre>
 *
 * <p>
 * Needs jackson-core 3.0 or later ({@code tools.jackson.core}), an optional dependency; Jackson 2 has
 * {@link org.rseq4j.pools.PerCpuRecyclerPool}. Thread safe. A parser or generator that is never closed keeps its
 * recycler, which the garbage collector then takes. Happens-before, cost and behaviour without rseq are those of
 * PerCpuPool; nothing is allocated but recyclers when none is free. Serializing it keeps what makes the recyclers, not
 * the recyclers.
 *
 * @param <P> the type of the recyclers
 * @since 0.1.0
 */
public final class PerCpuRecyclerPool<P extends RecyclerPool.WithPool<P>> implements RecyclerPool<P> {
    @Serial
    private static final long serialVersionUID = 1;
    private static final int DEFAULT_CAPACITY = 16;

    private final Factory<P> factory;
    private final int capacityPerCpu;
    private final transient PerCpuPool<P> pool;

    /**
     * Makes recyclers.
     *
     * @param <P> the type of the recyclers
     * @since 0.1.0
     */
    @FunctionalInterface
    public interface Factory<P> extends Supplier<P>, Serializable {
    }

    /**
     * A pool.
     *
     * @param factory makes a recycler when none is pooled; must not return null
     * @param capacityPerCpu how many recyclers are kept for each CPU at most, from 1 to 2<sup>20</sup>
     * @throws IllegalArgumentException when the capacity is out of range
     */
    public PerCpuRecyclerPool(Factory<P> factory, int capacityPerCpu) {
        this.factory = Objects.requireNonNull(factory, "factory");
        this.capacityPerCpu = capacityPerCpu;
        pool = PerCpuPool.<P>builder(factory).capacityPerCpu(capacityPerCpu).build();
    }

    /** {@return a pool of Jackson's own recyclers, of which it keeps 16 for each CPU} */
    public static PerCpuRecyclerPool<BufferRecycler> ofBufferRecyclers() {
        return new PerCpuRecyclerPool<>(BufferRecycler::new, DEFAULT_CAPACITY);
    }

    @Override
    public P acquirePooled() {
        return pool.acquire();
    }

    @Override
    public void releasePooled(P recycler) {
        pool.release(recycler);
    }

    @Override
    public int pooledCount() {
        return pool.size();
    }

    /** Lets the pooled recyclers go. */
    @Override
    public boolean clear() {
        // The second visit finds what was not used since the first.
        pool.trim();
        pool.trim();
        return true;
    }

    /** {@return what the pool has done so far} */
    public PoolStatistics statistics() {
        return pool.statistics();
    }

    @Serial
    private Object readResolve() {
        return new PerCpuRecyclerPool<>(factory, capacityPerCpu);
    }
}
