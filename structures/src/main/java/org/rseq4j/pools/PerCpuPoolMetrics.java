// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.List;
import java.util.Objects;
import java.util.function.ToDoubleFunction;

/**
 * Shows a pool to Micrometer, which reads its statistics when it publishes. The pool is no slower for it.
 *
 * <p>
 * Of a {@link PerCpuPool}, for a name {@code n}: the function counters {@code n.hits}, {@code n.misses},
 * {@code n.steals} and {@code n.drops}, and the gauges {@code n.pooled}, {@code n.pooled.max}, {@code n.existing} and
 * {@code n.waiting}; {@link PoolStatistics} says what they mean. Of a {@link PerCpuBufferPool}: the function counters
 * {@code n.refills}, {@code n.flushes}, {@code n.unpooled} and {@code n.spans.returned}, and the gauges
 * {@code n.bytes}, {@code n.bytes.free} and {@code n.bytes.unpooled}; {@link BufferPoolStatistics} says what they
 * mean. A registry refers to the pool weakly. Micrometer ({@code io.micrometer:micrometer-core}) is an optional
 * dependency: only this class refers to it.
 *
 * @since 0.1.0
 */
public final class PerCpuPoolMetrics {
    private PerCpuPoolMetrics() {
    }

    /**
     * What binds a pool to registries.
     *
     * @param name the name that the meters' names begin with
     * @param pool the pool
     * @param tags of each of its meters
     * @return the binder
     */
    public static MeterBinder of(String name, PerCpuPool<?> pool, Tag... tags) {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(pool, "pool");
        List<Tag> all = List.of(tags);
        return registry -> {
            counter(registry, name + ".hits", "Acquires that were given a pooled object", pool, all,
                    p -> p.statistics().hits());
            counter(registry, name + ".misses", "Acquires for which an object was made, or that ended without one",
                    pool, all, p -> p.statistics().misses());
            counter(registry, name + ".steals", "Objects that were taken from another CPU or thread", pool, all,
                    p -> p.statistics().steals());
            counter(registry, name + ".drops", "Objects that left for good", pool, all, p -> p.statistics().drops());
            Gauge.builder(name + ".pooled", pool, PerCpuPool::size).description("Objects in the pool").tags(all)
                    .register(registry);
            Gauge.builder(name + ".pooled.max", pool, PerCpuPool::maxPooled)
                    .description("Objects that the pool keeps at most").tags(all).register(registry);
            Gauge.builder(name + ".existing", pool, p -> p.statistics().existing())
                    .description("Objects that were made and have not left: pooled, in use or lost").tags(all)
                    .register(registry);
            Gauge.builder(name + ".waiting", pool, p -> p.statistics().waiting())
                    .description("Threads that wait for an object").tags(all).register(registry);
        };
    }

    /**
     * What binds a pool of buffers to registries.
     *
     * @param name the name that the meters' names begin with
     * @param pool the pool
     * @param tags of each of its meters
     * @return the binder
     */
    public static MeterBinder of(String name, PerCpuBufferPool pool, Tag... tags) {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(pool, "pool");
        List<Tag> all = List.of(tags);
        return registry -> {
            counter(registry, name + ".refills", "Batches that went to a CPU's stack", pool, all,
                    p -> p.statistics().refills());
            counter(registry, name + ".flushes", "Batches that went from a CPU's stack", pool, all,
                    p -> p.statistics().flushes());
            counter(registry, name + ".unpooled", "Buffers from outside of the pool", pool, all,
                    p -> p.statistics().unpooled());
            counter(registry, name + ".spans.returned", "Spans that went back to the system", pool, all,
                    p -> p.statistics().spansGivenBack());
            bytes(registry, name + ".bytes", "Memory of the pool", pool, all, p -> p.statistics().spanBytes());
            bytes(registry, name + ".bytes.free", "Memory of the pool that is in no use", pool, all,
                    p -> p.statistics().freeBytes());
            bytes(registry, name + ".bytes.unpooled", "Memory outside of the pool", pool, all,
                    p -> p.statistics().unpooledBytes());
        };
    }

    private static void bytes(MeterRegistry registry, String name, String description, PerCpuBufferPool pool,
            List<Tag> tags, ToDoubleFunction<PerCpuBufferPool> value) {
        Gauge.builder(name, pool, value).description(description).baseUnit("bytes").tags(tags).register(registry);
    }

    private static <P> void counter(MeterRegistry registry, String name, String description, P pool, List<Tag> tags,
            ToDoubleFunction<P> value) {
        FunctionCounter.builder(name, pool, value).description(description).tags(tags).register(registry);
    }
}
