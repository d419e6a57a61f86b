// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Faults that need native code: threads that are moved between CPUs and sent signals at a high rate, threads that are
 * not Java's own, areas and system calls that are lost under way (storm.c).
 */
public final class Storm {
    private static final int MOST_CPUS = 1024;
    private static final long PAUSE_NANOS = 20_000;
    private static final Path LIBRARY = find();
    private static final boolean AVAILABLE = load();
    private static final int[] CPUS = AVAILABLE
            ? IntStream.range(0, MOST_CPUS).filter(Storm::isAllowed).toArray()
            : new int[0];

    private Storm() {
    }

    /** How often threads were moved, and how many signals were sent. */
    public record Faults(long moves, long signals) {
        public Faults and(Faults more) {
            return new Faults(moves + more.moves, signals + more.signals);
        }
    }

    /** As seen from core, from another module, and from the root. */
    private static Path find() {
        String named = System.getProperty("rseq4j.test.storm");
        Stream<Path> places = named != null
                ? Stream.of(Path.of(named))
                : Stream.of("target", "../core/target", "core/target").map(folder -> Path.of(folder, "libstorm.so"));
        return places.map(Path::toAbsolutePath).filter(Files::exists).findFirst().orElse(null);
    }

    @SuppressWarnings("restricted")
    private static boolean load() {
        if (LIBRARY == null || Boolean.getBoolean("rseq4j.test.noNativeAccess")) {
            return false;
        }
        System.load(LIBRARY.toString());
        return true;
    }

    /** False where core was built without native code, or the JVM may not call any. */
    public static boolean isAvailable() {
        return AVAILABLE;
    }

    /** {@return its native library, where it is available} */
    public static Path library() {
        return LIBRARY;
    }

    /** {@return the number of the running OS thread} */
    public static native int thread();

    private static native boolean isAllowed(int cpu);

    /** To a CPU, or with a negative one to all that the process had. */
    private static native boolean move(int thread, int cpu);

    private static native boolean interrupt(int thread);

    /** Moves an OS thread to a random CPU; whether it worked. */
    static boolean move(int thread) {
        return move(thread, CPUS[ThreadLocalRandom.current().nextInt(CPUS.length)]);
    }

    /** An OS thread may run anywhere again. */
    static void release(int thread) {
        move(thread, -1);
    }

    /** Lets it rage over these OS threads for a while. */
    public static Faults rage(List<Integer> threads, long millis) {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        long moves = 0;
        long signals = 0;
        do {
            for (int thread : threads) {
                moves += move(thread) ? 1 : 0;
                signals += interrupt(thread) ? 1 : 0;
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        } while (System.nanoTime() - end < 0);
        threads.forEach(Storm::release);
        return new Faults(moves, signals);
    }

    /** Gives the running thread's rseq area up; 0, or an errno. */
    public static native int unregister(long area);

    /** The kernel refuses membarrier to all threads of this process from now on; 0, or an errno. */
    public static native int refuseMembarrier();

    private static native int runInThread(Runnable action, boolean withoutRseq);

    /**
     * Runs an action on a new thread that attaches to Java for it and detaches after; and, if asked for, one that the
     * kernel refuses rseq(2) to.
     *
     * @return 0, or an errno when there was no such thread to be had
     */
    public static int inForeignThread(Runnable action, boolean withoutRseq) {
        Throwable[] failure = new Throwable[1];
        int error = runInThread(() -> {
            try {
                action.run();
            } catch (Throwable e) {
                failure[0] = e; // there is nobody to catch it
            }
        }, withoutRseq);
        if (failure[0] != null) {
            throw new AssertionError(failure[0]);
        }
        return error;
    }
}
