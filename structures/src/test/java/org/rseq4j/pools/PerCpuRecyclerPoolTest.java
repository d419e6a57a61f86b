// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.base.GeneratorBase;
import com.fasterxml.jackson.core.util.BufferRecycler;
import com.fasterxml.jackson.core.util.JsonRecyclerPools;
import com.fasterxml.jackson.core.util.RecyclerPool;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rseq4j.stress.TestThreads;

@Tag("java")
class PerCpuRecyclerPoolTest {
    private static final int THREADS = 10_000;

    /** An order as a shop has it, with text of all kinds; one of fifty is longer than Jackson's buffers. */
    private static ObjectNode order(ObjectMapper mapper, int number) {
        ObjectNode order = mapper.createObjectNode().put("order", number)
                .put("customer", "Zoë Å \"Q\" \\ \u2028 \ud83d\ude80")
                .put("total", number * 1.25).put("paid", number % 2 == 0).putNull("voucher");
        ArrayNode lines = order.putArray("lines");
        for (int i = 0; i < (number % 50 == 0 ? 150 : number % 8); i++) {
            lines.addObject().put("article", "A-" + number + "-" + i).put("price", 1000L * i + number).put("text",
                    "x".repeat(number % 97));
        }
        return order;
    }

    /** Once, not in every set-up: it takes seconds, most of them Jackson's. */
    @Test
    @Tag("platform")
    void tenThousandVirtualThreadsReadAndWriteJson() throws Exception {
        var pool = PerCpuRecyclerPool.ofBufferRecyclers();
        var mapper = new JsonMapper(JsonFactory.builder().recyclerPool(pool).build());
        var failure = new AtomicReference<Throwable>();
        var done = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            int number = i;
            threads.add(TestThreads.startVirtual(() -> {
                try {
                    ObjectNode order = order(mapper, number);
                    byte[] bytes = mapper.writeValueAsBytes(order);
                    String text = mapper.writeValueAsString(order);
                    Thread.yield();
                    String expected = order.toString();
                    assertEquals(expected, mapper.readTree(bytes).toString());
                    assertEquals(expected, mapper.readTree(text).toString());
                    // A parser and a generator that are open while the thread moves between carriers.
                    var copy = new ByteArrayOutputStream();
                    try (JsonParser parser = mapper.getFactory().createParser(bytes);
                            JsonGenerator generator = mapper.getFactory().createGenerator(copy)) {
                        int tokens = 0;
                        while (parser.nextToken() != null) {
                            generator.copyCurrentEvent(parser);
                            if (++tokens % 50 == 0) {
                                Thread.yield();
                            }
                        }
                    }
                    assertEquals(mapper.readTree(text), mapper.readTree(copy.toByteArray()));
                    done.incrementAndGet();
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
        assertEquals(THREADS, done.get());
        PoolStatistics statistics = pool.statistics();
        // Each thread took at least seven, one or two at a time.
        assertTrue(statistics.hits() + statistics.misses() >= 7 * THREADS, statistics::toString);
        assertTrue(statistics.hits() > statistics.misses(), statistics::toString);
        // All are back.
        assertEquals(statistics.misses(), statistics.drops() + pool.pooledCount(), statistics::toString);
        assertTrue(pool.clear());
        assertEquals(0, pool.pooledCount());
    }

    @Test
    void recyclersGoBackWhenParserAndGeneratorAreClosed() throws IOException {
        var pool = PerCpuRecyclerPool.ofBufferRecyclers();
        JsonFactory factory = JsonFactory.builder().recyclerPool(pool).build();
        JsonParser parser = factory.createParser("{\"a\": 1}");
        parser.nextToken();
        assertEquals(0, pool.pooledCount());
        parser.close();
        assertEquals(1, pool.pooledCount());
        factory.createGenerator(new ByteArrayOutputStream()).close();
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
    private static void write(JsonFactory factory, Consumer<BufferRecycler> used) throws IOException {
        var bytes = new ByteArrayOutputStream();
        JsonGenerator generator = factory.createGenerator(bytes);
        used.accept(((GeneratorBase) generator).ioContext().bufferRecycler());
        generator.writeString("text");
        generator.close();
        generator.close();
        assertEquals("\"text\"", bytes.toString(StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @MethodSource("oursAndJacksons")
    void aRecyclerIsUsedAgainAndReleasedOnce(RecyclerPool<BufferRecycler> pool) throws IOException {
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
        JsonParser parser = factory.createParser("[1, }".getBytes(StandardCharsets.UTF_8));
        assertThrows(JsonProcessingException.class, () -> {
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
                    JsonGenerator generator = factory.createGenerator(bytes);
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
        var pool = PerCpuRecyclerPool.ofBufferRecyclers();
        pool.releasePooled(pool.acquireAndLinkPooled());
        PerCpuRecyclerPool<BufferRecycler> copy = copy(pool);
        assertEquals(0, copy.pooledCount());
        assertNotNull(copy.acquirePooled());
    }

    @Test
    void refusesBadArguments() {
        assertThrows(NullPointerException.class, () -> new PerCpuRecyclerPool<BufferRecycler>(null, 1));
        assertThrows(IllegalArgumentException.class, () -> new PerCpuRecyclerPool<>(BufferRecycler::new, 0));
        assertThrows(NullPointerException.class, () -> PerCpuRecyclerPool.ofBufferRecyclers().releasePooled(null));
    }
}
