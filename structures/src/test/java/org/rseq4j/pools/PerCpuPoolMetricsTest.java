// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.junit.jupiter.api.Test;

class PerCpuPoolMetricsTest {
    @Test
    void showsWhatThePoolCounts() {
        var registry = new SimpleMeterRegistry();
        var pool = PerCpuPool.builder(Object::new).maxPooled(5).build();
        PerCpuPoolMetrics.of("buffers", pool, Tag.of("kind", "small")).bindTo(registry);
        for (int i = 0; i < 3; i++) {
            pool.release(pool.acquire());
        }
        assertEquals(2, registry.get("buffers.hits").tag("kind", "small").functionCounter().count());
        assertEquals(1, registry.get("buffers.misses").functionCounter().count());
        assertEquals(1, registry.get("buffers.pooled").gauge().value());
        assertEquals(5, registry.get("buffers.pooled.max").gauge().value());
        pool.close();
        assertEquals(1, registry.get("buffers.drops").functionCounter().count());
    }
}
