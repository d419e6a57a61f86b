// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;

/**
 * Threads that are moved between CPUs and interrupted by signals, thousands of times a second; by core's libstorm.so.
 */
final class Storm extends Fault {
    private static final Path LIBRARY = Path.of(System.getProperty("rseq4j.test.storm", "core/target/libstorm.so"));
    private static final int MOST_CPUS = 1024;
    private static final long PAUSE_NANOS = 20_000;

    private final Set<Integer> threads = ConcurrentHashMap.newKeySet();
    private final boolean available = Files.exists(LIBRARY);
    private final int[] cpus;
    private final LongAdder moves = new LongAdder();
    private final LongAdder signals = new LongAdder();

    @SuppressWarnings("restricted")
    Storm() {
        super("storm of migrations and signals");
        if (available) {
            System.load(LIBRARY.toAbsolutePath().toString());
        }
        cpus = available ? IntStream.range(0, MOST_CPUS).filter(Storm::isAllowed).toArray() : new int[0];
    }

    private static native int thread();

    private static native boolean isAllowed(int cpu);

    /** To a CPU, or with a negative one to all that the process had. */
    private static native boolean move(int thread, int cpu);

    private static native boolean interrupt(int thread);

    @Override
    String unavailable() {
        return available ? null : "no " + LIBRARY + ": build core";
    }

    /** The running OS thread is one that may be disturbed; 0 where there is no library. */
    int join() {
        if (!available) {
            return 0;
        }
        int id = thread();
        threads.add(id);
        return id;
    }

    void leave(int id) {
        threads.remove(id);
    }

    @Override
    void inject(SplittableRandom random) {
        int[] ids = threads.stream().mapToInt(Integer::intValue).toArray();
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(random.nextLong(50, 400));
        do {
            for (int id : ids) {
                moves.add(move(id, cpus[random.nextInt(cpus.length)]) ? 1 : 0);
                signals.add(interrupt(id) ? 1 : 0);
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        } while (System.nanoTime() - end < 0);
        for (int id : ids) {
            move(id, -1);
        }
    }

    @Override
    void report(Map<String, Object> result) {
        result.put("migrations", moves.sum());
        result.put("signals", signals.sum());
    }
}
