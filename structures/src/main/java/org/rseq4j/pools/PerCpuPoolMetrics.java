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
 * Shows a {@link PerCpuPool} to Micrometer, which reads its statistics when it publishes. The pool is no slower for it.
 *
 * <p>
 * For a name {@code n}: the function counters {@code n.hits}, {@code n.misses}, {@code n.steals} and {@code n.drops},
 * and the gauges {@code n.pooled} and {@code n.pooled.max}; {@link PoolStatistics} says what they mean. A registry
 * refers to the pool weakly. Micrometer ({@code io.micrometer:micrometer-core}) is an optional dependency: only this
 * class refers to it.
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
            counter(registry, name + ".hits", "Objects that were acquired from the pool", pool, all,
                    p -> p.statistics().hits());
            counter(registry, name + ".misses", "Acquires that found no object", pool, all,
                    p -> p.statistics().misses());
            counter(registry, name + ".steals", "Objects that came from elsewhere", pool, all,
                    p -> p.statistics().steals());
            counter(registry, name + ".drops", "Objects that were not kept", pool, all, p -> p.statistics().drops());
            Gauge.builder(name + ".pooled", pool, PerCpuPool::size).description("Objects in the pool").tags(all)
                    .register(registry);
            Gauge.builder(name + ".pooled.max", pool, PerCpuPool::maxPooled)
                    .description("Objects that the pool keeps at most").tags(all).register(registry);
        };
    }

    private static void counter(MeterRegistry registry, String name, String description, PerCpuPool<?> pool,
            List<Tag> tags, ToDoubleFunction<PerCpuPool<?>> value) {
        FunctionCounter.builder(name, pool, value).description(description).tags(tags).register(registry);
    }
}
