// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.rseq4j.Rseq;
import org.rseq4j.stress.TestThreads;

/**
 * A program: prints what training costs in CPU time, on its own thread and the compilers', and what it costs the thread
 * that starts it. Wants {@code -Drseq4j.debug.training=false -Drseq4j.benchmark.simulateRequests=true}: nothing is
 * trained before.
 */
final class TrainingCost {
    private static final Path THIS_THREAD = Path.of("/proc/thread-self");

    private TrainingCost() {
    }

    public static void main(String[] arguments) throws Exception {
        Rseq.status();
        Thread.sleep(1000); // what start-up made the compilers do is done
        ran(THIS_THREAD);
        compilers();
        long[] cost = new long[1];
        var trainer = TestThreads.daemon(() -> {
            try {
                long begun = ran(THIS_THREAD);
                SectionTraining.train();
                cost[0] = ran(THIS_THREAD) - begun;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        long compiled = compilers();
        long begun = System.nanoTime();
        trainer.start();
        long started = System.nanoTime() - begun;
        trainer.join();
        long lasted = System.nanoTime() - begun;
        Thread.sleep(200);
        compiled = compilers() - compiled;
        System.out.printf(
                "CPU time: %.1f ms on its thread, %.1f ms on the compilers'; lasted %.0f ms; to start it took %.2f ms%n",
                cost[0] / 1e6, compiled / 1e6, lasted / 1e6, started / 1e6);
    }

    /** The nanoseconds that the JIT's threads ran so far. */
    private static long compilers() throws IOException {
        long sum = 0;
        List<Path> threads;
        try (var files = Files.list(Path.of("/proc/self/task"))) {
            threads = files.toList();
        }
        for (Path thread : threads) {
            if (Files.readString(thread.resolve("comm")).matches("C[12] .*\\s*")) {
                sum += ran(thread);
            }
        }
        return sum;
    }

    /** The nanoseconds that a thread ran so far. */
    private static long ran(Path thread) throws IOException {
        return Long.parseLong(Files.readString(thread.resolve("schedstat")).split(" ")[0]);
    }
}
