// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.rseq4j.Rseq;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.pools.PerCpuBufferPool;

/**
 * The jars on a new Java: the unit tests use the folders of classes, where everything is compiled together, but what is
 * in a jar is compiled beside the classes for Java 17.
 */
class MultiReleaseJarTest {
    private static Path source(Class<?> type) throws Exception {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    @Test
    void theseAreTheJars() throws Exception {
        for (Class<?> type : List.of(Rseq.class, PerCpuCounter.class)) {
            assertTrue(source(type).toString().endsWith(".jar"), source(type)::toString);
        }
    }

    @Test
    void aCounterAddsBySequenceWhereThereAreSome() {
        assertEquals(Sequences.NATIVE, Sequences.QUICK);
    }

    @Test
    void misuseDetectionKnowsWhetherABufferIsAlive() {
        try (var pool = PerCpuBufferPool.builder().maxBytes(1 << 22).detectMisuse(misuse -> {}).build()) {
            ByteBuffer first = pool.acquireByteBuffer(4096);
            pool.release(first);
            ByteBuffer second = pool.acquireByteBuffer(4096); // at the same place
            assertThrows(IllegalStateException.class, () -> pool.release(first));
            second.put(0, (byte) 1);
            pool.release(second);
        }
    }
}
