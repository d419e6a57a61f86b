// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.internal.thread.Threads;
import org.rseq4j.stress.Stress;
import org.rseq4j.stress.TestThreads;

/** For the time of {@link Stress} each; the first word of every buffer in use is its owner, set and cleared by CAS. */
@Tag("sequences")
class PerCpuBufferPoolStressTest {
    private static final VarHandle OWNER = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private final Stress stress = new Stress();

    /**
     * Memory that is cut for another size has words of its users where the owner will be, so each release clears all.
     */
    private static void own(ByteBuffer buffer) {
        long me = Threads.currentId();
        if (!OWNER.compareAndSet(buffer, 0, 0L, me)) {
            throw new AssertionError("two owners: " + OWNER.getVolatile(buffer, 0) + " and " + me);
        }
        buffer.putLong(buffer.capacity() - 8, me);
    }

    private static void disown(ByteBuffer buffer, long owner) {
        long last = buffer.getLong(buffer.capacity() - 8);
        buffer.putLong(buffer.capacity() - 8, 0);
        if (last != owner || !OWNER.compareAndSet(buffer, 0, owner, 0L)) {
            throw new AssertionError("taken from its owner " + owner + " by " + OWNER.getVolatile(buffer, 0) + ", "
                    + last);
        }
    }

    private void passAround(PerCpuBufferPool pool, int[] sizes, long deadline) {
        var held = new ArrayList<ByteBuffer>();
        do {
            for (int i = 0; i < 100; i++) {
                int n = ThreadLocalRandom.current().nextInt(4);
                for (int j = 0; j < n; j++) {
                    ByteBuffer buffer = pool
                            .acquireByteBuffer(sizes[ThreadLocalRandom.current().nextInt(sizes.length)]);
                    own(buffer);
                    held.add(buffer);
                }
                if (i % 16 == 0) {
                    Thread.yield();
                }
                for (ByteBuffer buffer : held) {
                    disown(buffer, Threads.currentId());
                    pool.release(buffer);
                }
                held.clear();
            }
        } while (stress.goesOn(deadline));
    }

    private static void allIsBack(PerCpuBufferPool pool) {
        BufferPoolStatistics statistics = pool.statistics();
        assertTrue(statistics.spanBytes() > 0);
        assertEquals(statistics.spanBytes(), statistics.freeBytes());
        pool.close();
    }

    @Test
    void noBufferHasTwoOwnersWithManyMoreThreadsThanCpus() throws Exception {
        var pool = PerCpuBufferPool.builder().bytesPerCpu(32_768).build();
        stress.onThreads(Thread::new, 32,
                deadline -> passAround(pool, new int[]{256, 8192, 65_536}, deadline));
        allIsBack(pool);
    }

    @Test
    void noBufferHasTwoOwnersOnVirtualThreads() throws Exception {
        var pool = PerCpuBufferPool.builder().build();
        stress.onThreads(TestThreads.virtual(), 1000,
                deadline -> passAround(pool, new int[]{1024, 8192}, deadline));
        allIsBack(pool);
    }

    @Test
    void theBoundHoldsAndNothingIsLostBeyondIt() throws Exception {
        var pool = PerCpuBufferPool.builder().maxBytes(2 << 20).build();
        stress.onThreads(Thread::new, 8, deadline -> {
            do {
                passAround(pool, new int[]{262_144, 524_288}, 0);
                assertTrue(pool.statistics().spanBytes() <= 2 << 20);
            } while (stress.goesOn(deadline));
        });
        allIsBack(pool);
    }

    @Test
    void nothingIsLostWhenTrimmedMeanwhile() throws Exception {
        var pool = PerCpuBufferPool.builder().maxIdleAge(Duration.ofMillis(1)).hugePages(false).build();
        stress.onThreads(Thread::new, 8, deadline -> {
            do {
                passAround(pool, new int[]{ThreadLocalRandom.current().nextBoolean() ? 512 : 65_536}, 0);
                Thread.sleep(ThreadLocalRandom.current().nextInt(4));
            } while (stress.goesOn(deadline));
        });
        BufferPoolStatistics statistics = pool.statistics();
        assertEquals(statistics.spanBytes(), statistics.freeBytes());
        pool.close();
    }

    @Test
    void nothingIsLostWhenThreadsDieAllTheTime() throws Exception {
        var pool = new PerCpuBufferPool();
        stress.onThreads(Thread::new, 4, deadline -> {
            do {
                Thread mortal = new Thread(() -> {
                    try {
                        passAround(pool, new int[]{8192}, 0);
                    } catch (Throwable e) {
                        stress.fail(e);
                    }
                });
                mortal.start();
                mortal.join();
            } while (stress.goesOn(deadline));
        });
        allIsBack(pool);
    }

    @Test
    void oneWayFlowUsesTheMemoryAgain() throws Exception {
        var pool = new PerCpuBufferPool();
        var queue = new ArrayBlockingQueue<ByteBuffer>(64);
        stress.onThreads(Thread::new, 1, deadline -> {
            long me = Threads.currentId();
            var releaser = new Thread(() -> {
                try {
                    for (ByteBuffer buffer; (buffer = queue.take()).capacity() > 0;) {
                        disown(buffer, me);
                        pool.release(buffer);
                    }
                } catch (Throwable e) {
                    stress.fail(e);
                    queue.clear();
                }
            });
            releaser.start();
            do {
                ByteBuffer buffer = pool.acquireByteBuffer(8192);
                own(buffer);
                queue.put(buffer);
            } while (stress.goesOn(deadline));
            queue.put(ByteBuffer.allocate(0));
            releaser.join();
        });
        // 66 on their way, a stack and a batch for each CPU that either thread ran on.
        long most = (66 + (64 + 32) * (org.rseq4j.Rseq.cpuCount() + 1L)) * 8192 / Span.BYTES + 1;
        assertTrue(pool.statistics().spanBytes() <= most * Span.BYTES, pool::toString);
        allIsBack(pool);
    }

    @Test
    void closingWhileOthersWorkHarmsNobody() throws Exception {
        for (int round = 0; round < 50; round++) {
            var pool = PerCpuBufferPool.builder().hugePages(false).build();
            var closer = new Thread(() -> {
                Thread.yield();
                pool.close();
            });
            int spin = round;
            stress.onThreads(Thread::new, 4, deadline -> {
                try {
                    if (spin % 2 == 0) {
                        closer.start();
                    }
                } catch (IllegalThreadStateException e) {
                    // another thread was first
                }
                try {
                    while (true) {
                        passAround(pool, new int[]{8192, 256}, 0);
                        if (spin % 2 == 1) {
                            pool.close();
                        }
                    }
                } catch (IllegalStateException e) {
                    assertEquals("this pool is closed", e.getMessage());
                }
            });
            closer.join();
        }
    }
}
