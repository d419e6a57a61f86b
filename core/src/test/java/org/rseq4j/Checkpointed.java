// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.rseq4j.internal.thread.Membarrier;
import org.rseq4j.stress.TestThreads;

/**
 * A program that is restored from a checkpoint: threads add by sequences all the while and note on which CPU. It is
 * told by files what to wait for, and says by files that it has come.
 */
final class Checkpointed {
    private static final int THREADS = 8;
    private static final int FAR_APART = 16;
    private static volatile boolean over;

    private Checkpointed() {
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        var cpus = new AtomicIntegerArray(THREADS * FAR_APART);
        long[] added = new long[THREADS];
        var threads = new Thread[THREADS];
        var memory = PerCpuMemory.allocate(4096);
        for (int i = 0; i < THREADS; i++) {
            int thread = i;
            threads[i] = TestThreads.start(() -> added[thread] = add(memory, cpus, thread * FAR_APART));
        }
        say(folder, "adding", "");
        int fences = 0;
        for (int cpu = 0; cpu < 2; cpu++) {
            // Where only this CPU may be used, each thread says sooner or later that it is there.
            while (!Files.exists(folder.resolve("only-" + cpu)) || !allOn(cpus, cpu)) {
                RestartableSequences.fenceAll();
                Membarrier.barrier();
                fences++;
                Thread.sleep(1);
            }
            say(folder, "all-on-" + cpu, "");
        }
        over = true;
        for (Thread thread : threads) {
            thread.join();
        }
        long all = Arrays.stream(added).sum();
        say(folder, "over", memory.sum(0) - all + " lost or doubled, fences: " + (fences > 0));
    }

    private static long add(PerCpuMemory memory, AtomicIntegerArray cpus, int place) {
        long added = 0;
        for (; !over; added++) {
            cpus.setOpaque(place, RestartableSequences.byCpu().add(memory, 0, 1));
        }
        return added;
    }

    private static boolean allOn(AtomicIntegerArray cpus, int cpu) {
        for (int place = 0; place < cpus.length(); place += FAR_APART) {
            if (cpus.getOpaque(place) != cpu) {
                return false;
            }
        }
        return true;
    }

    private static void say(Path folder, String name, String text) throws IOException {
        Path file = Files.writeString(folder.resolve(name + ".new"), text);
        Files.move(file, folder.resolve(name));
    }
}
