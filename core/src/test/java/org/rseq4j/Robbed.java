// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.rseq4j.stress.TestThreads;

/** A program whose threads lose their rseq areas when they yield: thief.c is preloaded. They count before and after. */
final class Robbed {
    private static final int THREADS = 8;
    private static final int ROUNDS = 30_000;
    private static final long ADDS = 0;
    private static final long ADDS_BY_ID = 8;
    private static final long STACK = 64;
    private static final int CAPACITY = 64;

    private static final AtomicLong ROBBED = new AtomicLong();
    private static final AtomicLong PUSHED = new AtomicLong();
    private static final AtomicLong POPPED = new AtomicLong();

    private Robbed() {
    }

    public static void main(String[] arguments) throws InterruptedException {
        try (var memory = PerCpuMemory.allocate(4096)) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                threads.add(TestThreads.start(() -> count(memory)));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
                RestartableSequences.byCpu().drain(memory, cpu, STACK, CAPACITY, POPPED::addAndGet);
            }
            System.out.println("area lost: " + (ROBBED.get() == THREADS));
            long expected = 2L * THREADS * ROUNDS;
            System.out.println("missing adds: " + (expected - memory.sum(ADDS)) + ", by concurrency ID: "
                    + (expected / 2 - memory.sum(ADDS_BY_ID)) + ", words: " + (PUSHED.get() - POPPED.get()));
        }
    }

    private static void count(PerCpuMemory memory) {
        boolean had = RestartableSequences.byCpu().add(memory, ADDS, 0) < Rseq.cpuCount();
        long[] word = new long[1];
        for (int i = 0; i < ROUNDS; i++) {
            RestartableSequences.byCpu().add(memory, ADDS, 1);
            RestartableSequences.byConcurrencyId().add(memory, ADDS_BY_ID, 1);
            SliceExtension.run(() -> RestartableSequences.byCpu().add(memory, ADDS, 1));
            if (RestartableSequences.byCpu().push(memory, STACK, CAPACITY, i) >= 0) {
                PUSHED.addAndGet(i);
            }
            if (RestartableSequences.byCpu().pop(memory, STACK, word) >= 0) {
                POPPED.addAndGet(word[0]);
            }
            if (i % 1000 == 0) {
                Thread.yield();
            }
        }
        if (had && RestartableSequences.byCpu().add(memory, ADDS, 0) == Rseq.cpuCount()) {
            ROBBED.incrementAndGet();
        }
    }
}
