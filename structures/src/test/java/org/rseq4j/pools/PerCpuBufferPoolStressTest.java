// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.rseq4j.stress.Stress;
import org.rseq4j.stress.TestThreads;

/** For the time of {@link Stress} each; the first word of every buffer in use is its owner, set and cleared by CAS. */
@EnabledForJreRange(min = JRE.JAVA_22)
class PerCpuBufferPoolStressTest {
    private static final VarHandle OWNER = ValueLayout.JAVA_LONG.varHandle();

    private final Stress stress = new Stress();

    /**
     * Memory that is cut for another size has words of its users where the owner will be, so each release clears all.
     */
    private static void own(MemorySegment segment) {
        long me = Thread.currentThread().threadId();
        if (!OWNER.compareAndSet(segment, 0L, 0L, me)) {
            throw new AssertionError("two owners: " + OWNER.getVolatile(segment, 0L) + " and " + me);
        }
        segment.set(ValueLayout.JAVA_LONG, segment.byteSize() - 8, me);
    }

    private static void disown(MemorySegment segment, long owner) {
        long last = segment.get(ValueLayout.JAVA_LONG, segment.byteSize() - 8);
        segment.set(ValueLayout.JAVA_LONG, segment.byteSize() - 8, 0);
        if (last != owner || !OWNER.compareAndSet(segment, 0L, owner, 0L)) {
            throw new AssertionError("taken from its owner " + owner + " by " + OWNER.getVolatile(segment, 0L) + ", "
                    + last);
        }
    }

    private void passAround(PerCpuBufferPool pool, int[] sizes, long deadline) {
        var held = new ArrayList<MemorySegment>();
        do {
            for (int i = 0; i < 100; i++) {
                int n = ThreadLocalRandom.current().nextInt(4);
                for (int j = 0; j < n; j++) {
                    MemorySegment segment = pool.acquire(sizes[ThreadLocalRandom.current().nextInt(sizes.length)]);
                    own(segment);
                    held.add(segment);
                }
                if (i % 16 == 0) {
                    Thread.yield();
                }
                for (MemorySegment segment : held) {
                    disown(segment, Thread.currentThread().threadId());
                    pool.release(segment);
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
        var queue = new ArrayBlockingQueue<MemorySegment>(64);
        stress.onThreads(Thread::new, 1, deadline -> {
            long me = Thread.currentThread().threadId();
            var releaser = new Thread(() -> {
                try {
                    for (MemorySegment segment; (segment = queue.take()).byteSize() > 0;) {
                        disown(segment, me);
                        pool.release(segment);
                    }
                } catch (Throwable e) {
                    stress.fail(e);
                    queue.clear();
                }
            });
            releaser.start();
            do {
                MemorySegment segment = pool.acquire(8192);
                own(segment);
                queue.put(segment);
            } while (stress.goesOn(deadline));
            queue.put(MemorySegment.NULL);
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
