// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jackson3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.FutureTask;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rseq4j.pools.PerCpuPool;
import org.rseq4j.pools.PoolStatistics;
import org.rseq4j.stress.TestThreads;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.base.GeneratorBase;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.BufferRecycler;
import tools.jackson.core.util.JsonRecyclerPools;
import tools.jackson.core.util.RecyclerPool;
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

    /** Ours, and those of Jackson itself, whose tests say what the contract is. */
    static Stream<RecyclerPool<BufferRecycler>> oursAndJacksons() {
        return Stream.of(PerCpuRecyclerPool.ofBufferRecyclers(), JsonRecyclerPools.newConcurrentDequePool(),
                JsonRecyclerPools.newBoundedPool(16));
    }

    private static JsonFactory factory(RecyclerPool<BufferRecycler> pool) {
        return JsonFactory.builder().recyclerPool(pool).build();
    }

    /** Writes, and closes twice; what recycler was used, which is given somewhere before it goes back. */
    private static void write(JsonFactory factory, Consumer<BufferRecycler> used) {
        var bytes = new ByteArrayOutputStream();
        JsonGenerator generator = factory.createGenerator(ObjectWriteContext.empty(), bytes);
        used.accept(((GeneratorBase) generator).ioContext().bufferRecycler());
        generator.writeString("text");
        generator.close();
        generator.close();
        assertEquals("\"text\"", bytes.toString(StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @MethodSource("oursAndJacksons")
    void aRecyclerIsUsedAgainAndReleasedOnce(RecyclerPool<BufferRecycler> pool) {
        JsonFactory factory = factory(pool);
        List<BufferRecycler> used = new ArrayList<>();
        write(factory, used::add);
        assertEquals(1, pool.pooledCount());
        BufferRecycler again = pool.acquireAndLinkPooled();
        assertSame(used.get(0), again);
        assertEquals(0, pool.pooledCount());
        assertNotSame(again, pool.acquirePooled());
        again.releaseToPool();
        again.releaseToPool();
        assertEquals(1, pool.pooledCount());
        JsonParser parser = factory.createParser(ObjectReadContext.empty(), "[1, }".getBytes(StandardCharsets.UTF_8));
        assertThrows(JacksonException.class, () -> {
            while (parser.nextToken() != null) {
                continue;
            }
        });
        parser.close();
        parser.close();
        assertEquals(1, pool.pooledCount());
        assertTrue(pool.clear());
        assertEquals(0, pool.pooledCount());
        assertNotSame(again, pool.acquireAndLinkPooled());
    }

    private static int maxPooled(int capacityPerCpu) {
        return PerCpuPool.builder(BufferRecycler::new).capacityPerCpu(capacityPerCpu).build().maxPooled();
    }

    @ParameterizedTest
    @MethodSource("oursAndJacksons")
    void noTwoThreadsHaveOneRecycler(RecyclerPool<BufferRecycler> pool) throws Exception {
        JsonFactory factory = factory(pool);
        Set<BufferRecycler> inUse = ConcurrentHashMap.newKeySet();
        List<FutureTask<Void>> tasks = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            var task = new FutureTask<Void>(() -> {
                for (int j = 0; j < 200; j++) {
                    var bytes = new ByteArrayOutputStream();
                    JsonGenerator generator = factory.createGenerator(ObjectWriteContext.empty(), bytes);
                    BufferRecycler recycler = ((GeneratorBase) generator).ioContext().bufferRecycler();
                    assertTrue(inUse.add(recycler), "another thread has it");
                    generator.writeString("text");
                    assertTrue(inUse.remove(recycler));
                    generator.close();
                }
                return null;
            });
            tasks.add(task);
            TestThreads.startDaemon(task);
        }
        for (FutureTask<Void> task : tasks) {
            task.get();
        }
        // Ours may make one while others lie where some thread keeps a few for itself: only its capacity bounds it.
        int most = pool instanceof PerCpuRecyclerPool ? maxPooled(16) : 8;
        int pooled = pool.pooledCount();
        assertTrue(pooled > 0 && pooled <= most, pooled + " recyclers of " + most);
    }

    @Test
    void keepsAsManyAsItsCapacityAlsoAfterSerialization() throws Exception {
        int most = maxPooled(2);
        var made = new PerCpuRecyclerPool<>(BufferRecycler::new, 2);
        for (PerCpuRecyclerPool<BufferRecycler> pool : List.of(made, copy(made))) {
            List<BufferRecycler> all = new ArrayList<>();
            for (int i = 0; i < most + 10; i++) {
                all.add(pool.acquireAndLinkPooled());
            }
            all.forEach(BufferRecycler::releaseToPool);
            int pooled = pool.pooledCount();
            assertTrue(pooled > 0 && pooled <= most, pooled + " recyclers of " + most);
        }
    }

    @ParameterizedTest
    @MethodSource("oursAndJacksons")
    void aFactoryIsSerializedWithItsPool(RecyclerPool<BufferRecycler> pool) throws Exception {
        JsonFactory factory = copy(factory(pool));
        RecyclerPool<BufferRecycler> copied = factory._getRecyclerPool();
        assertSame(pool.getClass(), copied.getClass());
        assertNotSame(pool, copied);
        write(factory, recycler -> {});
        assertEquals(1, copied.pooledCount());
    }

    @SuppressWarnings("unchecked")
    private static <T> T copy(T of) throws IOException, ClassNotFoundException {
        var bytes = new ByteArrayOutputStream();
        try (var out = new ObjectOutputStream(bytes)) {
            out.writeObject(of);
        }
        try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            return (T) in.readObject();
        }
    }

    @Test
    void isSerializedWithoutItsRecyclers() throws Exception {
        pool.releasePooled(pool.acquireAndLinkPooled());
        PerCpuRecyclerPool<BufferRecycler> copy = copy(pool);
        assertEquals(0, copy.pooledCount());
        assertNotNull(copy.acquirePooled());
    }

    @Test
    void refusesBadArguments() {
        assertThrows(NullPointerException.class, () -> new PerCpuRecyclerPool<BufferRecycler>(null, 1));
        assertThrows(IllegalArgumentException.class, () -> new PerCpuRecyclerPool<>(BufferRecycler::new, 0));
        assertThrows(NullPointerException.class, () -> pool.releasePooled(null));
    }
}
