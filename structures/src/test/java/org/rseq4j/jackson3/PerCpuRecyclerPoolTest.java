// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jackson3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.pools.PoolStatistics;
import org.rseq4j.stress.TestThreads;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.BufferRecycler;
import tools.jackson.databind.json.JsonMapper;

@Tag("java")
class PerCpuRecyclerPoolTest {
    private static final int THREADS = 200;

    private final PerCpuRecyclerPool<BufferRecycler> pool = PerCpuRecyclerPool.ofBufferRecyclers();
    private final JsonMapper mapper = JsonMapper.builder(JsonFactory.builder().recyclerPool(pool).build()).build();

    @Test
    void virtualThreadsReadAndWriteJson() throws Exception {
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int number = i;
            var task = new FutureTask<Void>(() -> readAndWrite(number), null);
            tasks.add(task);
            TestThreads.startVirtual(task);
        }
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        PoolStatistics statistics = pool.statistics();
        assertTrue(statistics.hits() + statistics.misses() >= 4 * THREADS, statistics::toString);
        assertEquals(statistics.misses(), statistics.drops() + pool.pooledCount(), "all are back");
        assertTrue(pool.clear());
        assertEquals(0, pool.pooledCount());
    }

    /** With a parser and a generator open while the thread moves between carriers; some text exceeds the buffers. */
    private void readAndWrite(int number) {
        Map<String, Object> order = Map.of("order", number, "customer", "Zoë \"Q\" \\ \ud83d\ude80",
                "lines", List.of(1, 2.5, "x".repeat(number * 100)));
        byte[] bytes = mapper.writeValueAsBytes(order);
        assertEquals(order, mapper.readValue(bytes, Map.class));
        var copy = new ByteArrayOutputStream();
        try (JsonParser parser = mapper.createParser(bytes); JsonGenerator generator = mapper.createGenerator(copy)) {
            while (parser.nextToken() != null) {
                generator.copyCurrentEvent(parser);
                Thread.yield();
            }
        }
        assertEquals(mapper.readTree(bytes), mapper.readTree(copy.toByteArray()));
    }

    @Test
    void recyclersGoBackWhenParserAndGeneratorAreClosed() {
        JsonParser parser = mapper.createParser("{\"a\": 1}");
        parser.nextToken();
        assertEquals(0, pool.pooledCount());
        parser.close();
        assertEquals(1, pool.pooledCount());
        mapper.createGenerator(new ByteArrayOutputStream()).close();
        assertEquals(1, pool.statistics().hits());
        assertEquals(1, pool.pooledCount());
    }

    @Test
    void isSerializedWithoutItsRecyclers() throws IOException, ClassNotFoundException {
        pool.releasePooled(pool.acquireAndLinkPooled());
        var bytes = new ByteArrayOutputStream();
        try (var out = new ObjectOutputStream(bytes)) {
            out.writeObject(pool);
        }
        try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            var copy = (PerCpuRecyclerPool<?>) in.readObject();
            assertEquals(0, copy.pooledCount());
            assertNotNull(copy.acquirePooled());
        }
    }

    @Test
    void refusesBadArguments() {
        assertThrows(NullPointerException.class, () -> new PerCpuRecyclerPool<BufferRecycler>(null, 1));
        assertThrows(IllegalArgumentException.class, () -> new PerCpuRecyclerPool<>(BufferRecycler::new, 0));
        assertThrows(NullPointerException.class, () -> pool.releasePooled(null));
    }
}
