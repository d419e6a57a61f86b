// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.stress.ChildJvm;

/** What a pool does by itself goes on after a time in which there was no memory at all. */
@Timeout(value = 1200, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class FullHeapTest {
    @Test
    void idleAgesAndStocksGoOnAfterAFullHeap() throws Exception {
        ChildJvm.run("all went on", Map.of(), List.of("-Xmx24m", "-XX:+UseSerialGC"), Full.class);
    }

    static final class Full {
        private static final int ROUNDS = 3;
        private static final int STOCK = 3;
        private static final Duration AGE = Duration.ofMillis(20);

        private static Object[] filled;

        private Full() {
        }

        public static void main(String[] arguments) throws InterruptedException {
            PerCpuPool<Object> idle = PerCpuPool.builder(Object::new).maxIdleAge(AGE).build();
            PerCpuPool<Object> stock = PerCpuPool.builder(Object::new).maxSize(2 * STOCK).minIdle(STOCK).build();
            PerCpuPool<Object> made = PerCpuPool.builder(Object::new).maxSize(2 * STOCK).minIdle(STOCK)
                    .makeOn(Runnable::run).build();
            PerCpuBufferPool buffers = PerCpuBufferPool.builder().maxIdleAge(AGE).hugePages(false).build();
            for (int round = 0; round < ROUNDS; round++) {
                try {
                    fill();
                    Thread.sleep(1000); // for visits to find it full
                } catch (OutOfMemoryError e) {
                    // as meant
                } finally {
                    filled = null;
                }
                goOn(idle, stock, made, buffers);
            }
            System.out.println("all went on");
            System.exit(0); // whatever has become of the JDK's threads
        }

        /** Leaves no room for anything, in smaller and smaller pieces. */
        private static void fill() {
            for (int size = 1 << 20; size > 0; size /= 2) {
                try {
                    while (true) {
                        Object[] next = new Object[size];
                        next[0] = filled;
                        filled = next;
                    }
                } catch (OutOfMemoryError e) {
                    continue; // a smaller one
                }
            }
        }

        private static void goOn(PerCpuPool<Object> idle, PerCpuPool<Object> stock, PerCpuPool<Object> made,
                PerCpuBufferPool buffers) throws InterruptedException {
            idle.release(idle.acquire());
            await("an idle object is discarded", () -> idle.size() == 0);
            for (PerCpuPool<Object> pool : List.of(stock, made)) {
                await("as many are made as were asked for", () -> pool.size() >= STOCK);
                while (pool.size() > 0) {
                    pool.discard(pool.acquire());
                }
                await("what was taken is made again", () -> pool.size() >= STOCK);
            }
            buffers.release(buffers.acquireByteBuffer(2 << 20)); // outside of the pool, so no barrier is needed
            await("a free span goes back", () -> buffers.statistics().unpooledBytes() == 0);
        }

        private static void await(String what, BooleanSupplier done) throws InterruptedException {
            for (int i = 0; !done.getAsBoolean(); i++) {
                if (i == 60_000) {
                    System.out.println("never: " + what);
                    System.exit(1);
                }
                Thread.sleep(1);
            }
        }
    }
}
