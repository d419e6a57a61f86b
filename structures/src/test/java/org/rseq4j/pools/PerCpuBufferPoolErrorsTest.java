// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.internal.memory.View;
import org.rseq4j.stress.ChildJvm;

/** What an error leaves behind: every buffer is in the pool or in use, and is there once. */
@Tag("jvm")
class PerCpuBufferPoolErrorsTest {
    private static final int BYTES = 8192;
    private static final int DIVES = 100;
    private static final int BLOCKS = Span.BYTES / BYTES;

    /** Takes more than there is, and gives all back, a buffer at each time that the stack is full. */
    private static final class Diver {
        private static final boolean HAS_SEGMENTS = Runtime.version().feature() >= 22 && Segments.isLoaded();

        final PerCpuBufferPool pool;
        final Object[] held = new Object[BLOCKS + 40];
        int n;
        boolean releases;
        int overflows;
        int more;

        Diver(PerCpuBufferPool pool) {
            this.pool = pool;
        }

        /**
         * A step that overflows is tried again from the frame above; after one that does not some more follow there.
         */
        void dive() {
            try {
                dive();
                if (more == 0) {
                    return;
                }
                more--;
            } catch (StackOverflowError e) {
                overflows++;
                more = 20;
            }
            step();
        }

        void step() {
            if (releases) {
                release(held[n - 1]);
                n--;
                releases = n > 0;
            } else {
                held[n] = HAS_SEGMENTS && (n & 1) == 0
                        ? Segments.acquire(pool, BYTES)
                        : pool.acquireByteBuffer(BYTES);
                n++;
                releases = n == held.length;
            }
        }

        private void release(Object buffer) {
            if (buffer instanceof ByteBuffer bytes) {
                pool.release(bytes);
            } else {
                Segments.release(pool, buffer);
            }
        }
    }

    private static void dive(PerCpuBufferPool pool, int times) throws Exception {
        var failure = new AtomicReference<Throwable>();
        var diver = new Diver(pool);
        var thread = new Thread(null, () -> {
            try {
                for (int i = 0; i < times; i++) {
                    diver.dive();
                }
            } catch (Throwable e) {
                failure.set(e);
            }
        }, "diver", 128 << 10);
        thread.start();
        thread.join();
        assertNull(failure.get());
        assertTrue(diver.overflows >= times);
        for (int i = 0; i < diver.n; i++) {
            diver.release(diver.held[i]);
        }
    }

    private static void everyBufferIsThereOnce(PerCpuBufferPool pool) {
        BufferPoolStatistics statistics = pool.statistics();
        assertEquals(statistics.spanBytes(), statistics.freeBytes());
        List<ByteBuffer> all = new ArrayList<>();
        Set<Long> addresses = new HashSet<>();
        long unpooled = statistics.unpooled();
        for (int i = 0; i < BLOCKS; i++) {
            ByteBuffer buffer = pool.acquireByteBuffer(BYTES);
            all.add(buffer);
            assertTrue(addresses.add(View.address(buffer)), "handed out twice");
        }
        assertEquals(unpooled, pool.statistics().unpooled());
        assertEquals(0, pool.statistics().freeBytes());
        all.forEach(pool::release);
        pool.trim();
        pool.trim();
        assertEquals(0, pool.statistics().unpooledBytes());
    }

    @Test
    void aStackThatIsFullDoublesNoBufferAndHoldsUpNobody() throws Exception {
        try (var pool = PerCpuBufferPool.builder().maxBytes(Span.BYTES).bytesPerCpu(65_536).build()) {
            dive(pool, DIVES);
            assertTrue(pool.spans.changes() >= 0, "a change is going on for ever, as statistics() sees it");
            BufferPoolStatistics statistics = pool.statistics();
            // Around a native function the JDK's own code calls methods yet after the function has popped a buffer.
            long lost = (statistics.spanBytes() - statistics.freeBytes()) / BYTES;
            assertTrue(lost == 0 || lost == 1, () -> lost + " are lost");
            Set<Long> addresses = new HashSet<>();
            for (int i = 0; i < BLOCKS; i++) {
                assertTrue(addresses.add(View.address(pool.acquireByteBuffer(BYTES))), "handed out twice");
            }
        }
    }

    @Test
    void aChangeWhoseEndHadNoStackIsOver() {
        try (var pool = PerCpuBufferPool.builder().maxBytes(Span.BYTES).build()) {
            pool.spans.begin();
            assertTrue(pool.spans.changes() < 0);
            pool.spans.endsLost++;
            assertTrue(pool.spans.changes() >= 0);
        }
    }

    @Test
    void aHeapThatIsFullLosesAndDoublesNoBuffer() throws Exception {
        var command = List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx24m",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"),
                FullHeap.class.getName());
        Process process = new ProcessBuilder(command).inheritIO().start();
        assertEquals(0, process.waitFor());
    }

    /** A program with a small heap. */
    static final class FullHeap {
        private static Object[] ballast;

        private FullHeap() {
        }

        public static void main(String[] args) {
            for (int round = 0; round < 10; round++) {
                try (var pool = PerCpuBufferPool.builder().maxBytes(Span.BYTES).bytesPerCpu(65_536).build()) {
                    var diver = new Diver(pool);
                    int refused = 0;
                    // What is dropped at the first refusal is enough for all: of a span, a segment or a buffer.
                    for (int i = 0; i < round % 3; i++) {
                        diver.step();
                    }
                    fill(round);
                    for (int i = 0; i < 800; i++) {
                        try {
                            diver.step();
                        } catch (OutOfMemoryError e) {
                            refused++;
                            drop();
                        }
                    }
                    ballast = null;
                    for (int i = 0; i < diver.n; i++) {
                        diver.release(diver.held[i]);
                    }
                    if (refused == 0 && round == 0) {
                        throw new AssertionError("the heap was never full");
                    }
                    everyBufferIsThereOnce(pool);
                }
            }
        }

        /** All of the heap, in pieces of which some are small. */
        private static void fill(int round) {
            Object[] last = null;
            for (int size = 1 << 16; size >= 8; size /= 2) {
                try {
                    while (true) {
                        Object[] next = new Object[size + round % 8];
                        next[0] = last;
                        last = next;
                        ballast = last;
                    }
                } catch (OutOfMemoryError e) {
                    continue;
                }
            }
        }

        /** Some of it goes. */
        private static void drop() {
            for (int i = 0; i < 20 && ballast != null; i++) {
                ballast = (Object[]) ballast[0];
            }
        }
    }

    @Test
    void aHeapThatIsFullLosesNoBufferWhereMisuseIsLookedFor() throws Exception {
        ChildJvm.run("none is lost", Map.of(), List.of("-Xmx24m", "-XX:+UseSerialGC"), WatchedInFullHeap.class);
    }

    /** A program with a small heap. */
    static final class WatchedInFullHeap {
        private WatchedInFullHeap() {
        }

        public static void main(String[] args) throws Exception {
            Class.forName("java.lang.Shutdown"); // while there is memory for it
            var pool = PerCpuBufferPool.builder().maxBytes(Span.BYTES).detectMisuse(misuse -> {}).build();
            pool.release(pool.acquireByteBuffer(BYTES));
            int refused = 0;
            for (int round = 0; round < 5; round++) {
                FullHeap.fill(round);
                for (int i = 0; i < 20; i++) {
                    try {
                        pool.release(pool.acquireByteBuffer(BYTES));
                    } catch (OutOfMemoryError e) {
                        refused++;
                        if (i % 2 == 0) {
                            FullHeap.drop();
                        }
                    }
                }
                FullHeap.ballast = null;
            }
            pool.release(pool.acquireByteBuffer(BYTES)); // takes back what errors gave back
            BufferPoolStatistics statistics = pool.statistics();
            if (refused > 0 && statistics.freeBytes() == statistics.spanBytes()) {
                System.out.println("none is lost");
            } else {
                System.out.println(refused + " refused, " + statistics);
            }
            System.exit(0);
        }
    }

    @Test
    void aHookThatThrowsAnyThingHarmsNoBuffer() {
        for (Throwable thrown : List.of(new IllegalStateException("hook"), new AssertionError("hook"),
                new OutOfMemoryError("hook"),
                new Exception("sneaky"))) {
            var found = new ConcurrentLinkedQueue<PoolMisuse>();
            try (var pool = PerCpuBufferPool.builder().maxBytes(Span.BYTES).detectMisuse(misuse -> {
                found.add(misuse);
                throw PerCpuBufferPoolErrorsTest.<RuntimeException>sneaky(thrown);
            }).build()) {
                ByteBuffer buffer = pool.acquireByteBuffer(BYTES);
                pool.release(buffer);
                assertThrows(IllegalStateException.class, () -> pool.release(buffer));
                assertThrows(IllegalArgumentException.class, () -> pool.release(ByteBuffer.allocateDirect(BYTES)));
                assertEquals(2, found.size());
                assertEquals(pool.statistics().spanBytes(), pool.statistics().freeBytes());
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> E sneaky(Throwable thrown) throws E {
        throw (E) thrown;
    }
}
