// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Pins the threads that joined it to one CPU, then to another, as fast as it can, until it is closed; from Java 22 on.
 */
public final class MigrationStorm implements AutoCloseable {
    /** As large as the kernel's masks can be. */
    private static final long MASK_BYTES = 1024;

    private final MethodHandle gettid;
    private final MethodHandle setAffinity;
    private final MemorySegment allowed;
    private final ConcurrentLinkedQueue<Integer> joined = new ConcurrentLinkedQueue<>();
    private final Thread thread = new Thread(this::rage);
    private volatile boolean over;
    private volatile long moves;

    @SuppressWarnings("restricted")
    public MigrationStorm() {
        Linker linker = Linker.nativeLinker();
        gettid = linker.downcallHandle(linker.defaultLookup().findOrThrow("gettid"), FunctionDescriptor.of(JAVA_INT));
        FunctionDescriptor affinity = FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ValueLayout.ADDRESS);
        setAffinity = linker.downcallHandle(linker.defaultLookup().findOrThrow("sched_setaffinity"), affinity);
        MethodHandle getAffinity = linker.downcallHandle(linker.defaultLookup().findOrThrow("sched_getaffinity"),
                affinity);
        allowed = Arena.ofAuto().allocate(MemoryLayout.sequenceLayout(MASK_BYTES / 8, JAVA_LONG));
        try {
            if ((int) getAffinity.invokeExact(0, MASK_BYTES, allowed) < 0) {
                throw new AssertionError("sched_getaffinity failed");
            }
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        thread.start();
    }

    public static boolean available() {
        return System.getProperty("os.name").equals("Linux")
                && !Boolean.getBoolean("rseq4j.test.noNativeAccess")
                && Linker.nativeLinker().defaultLookup().find("gettid").isPresent();
    }

    /**
     * The calling platform thread is moved from now on; it must not end before the storm. Waits for the first move, for
     * which the storm needs a CPU, and on a busy machine that takes longer than some tests.
     */
    public void join() {
        try {
            joined.add((int) gettid.invokeExact());
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
        while (moves == 0 && thread.isAlive()) {
            Thread.yield();
        }
    }

    public long moves() {
        return moves;
    }

    private void rage() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment one = arena.allocate(MemoryLayout.sequenceLayout(MASK_BYTES / 8, JAVA_LONG));
            int[] cpus = java.util.stream.IntStream.range(0, (int) MASK_BYTES * 8).filter(
                    cpu -> (allowed.getAtIndex(JAVA_LONG, cpu / 64) >>> cpu % 64 & 1) != 0).toArray();
            while (!over) {
                for (int id : joined) {
                    int cpu = cpus[ThreadLocalRandom.current().nextInt(cpus.length)];
                    one.fill((byte) 0).setAtIndex(JAVA_LONG, cpu / 64, 1L << cpu % 64);
                    if ((int) setAffinity.invokeExact(id, MASK_BYTES, one) == 0) {
                        moves++;
                    }
                }
                Thread.yield();
            }
            for (int id : joined) {
                int ignored = (int) setAffinity.invokeExact(id, MASK_BYTES, allowed);
            }
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        over = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
