// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.ByteBuffer;
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
        assertEquals(1, registry.get("buffers.existing").gauge().value());
        assertEquals(0, registry.get("buffers.waiting").gauge().value());
        pool.close();
        assertEquals(0, registry.get("buffers.existing").gauge().value());
        assertEquals(1, registry.get("buffers.drops").functionCounter().count());
    }

    @Test
    void showsWhatABufferPoolHas() {
        var registry = new SimpleMeterRegistry();
        try (var pool = PerCpuBufferPool.builder().maxBytes(Span.BYTES).build()) {
            PerCpuPoolMetrics.of("memory", pool, Tag.of("kind", "io")).bindTo(registry);
            ByteBuffer buffer = pool.acquireByteBuffer(4096);
            ByteBuffer large = pool.acquireByteBuffer(3 * Span.BYTES);
            assertEquals(1, registry.get("memory.refills").tag("kind", "io").functionCounter().count());
            assertEquals(0, registry.get("memory.flushes").functionCounter().count());
            assertEquals(1, registry.get("memory.unpooled").functionCounter().count());
            assertEquals(0, registry.get("memory.spans.returned").functionCounter().count());
            assertEquals(Span.BYTES, registry.get("memory.bytes").gauge().value());
            assertEquals(Span.BYTES - 4096, registry.get("memory.bytes.free").gauge().value());
            assertEquals(3 * Span.BYTES, registry.get("memory.bytes.unpooled").gauge().value());
            pool.release(buffer);
            pool.release(large);
        }
    }
}
