// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;

/** Per-CPU memory and restartable sequences. */
final class MemoryWorkloads {
    private MemoryWorkloads() {
    }

    static List<Workload> all() {
        return List.of(new Memory(), new Sequences("RestartableSequences by CPU", RestartableSequences.byCpu()),
                new Sequences("RestartableSequences by concurrency ID", RestartableSequences.byConcurrencyId()));
    }

    private static final class Memory extends Workload {
        private final PerCpuMemory memory = PerCpuMemory.allocate(64 * 1024);
        private final long shared = memory.allocateSlot(1);
        private final LongAdder added = new LongAdder();

        Memory() {
            super("PerCpuMemory");
        }

        @Override
        void step(SplittableRandom random) {
            for (int i = 0; i < 16; i++) {
                int delta = random.nextInt(-100, 200);
                memory.add(shared, delta);
                added.add(delta);
            }
            int words = random.nextInt(1, 5);
            long own;
            try {
                own = memory.allocateSlot(words);
            } catch (IllegalStateException full) {
                return; // many threads at once, each with a slot
            }
            memory.add(own, 3);
            memory.add(own + (words - 1) * 8L, 4);
            long[] sums = new long[words];
            memory.sums(own, sums);
            equal("the first word of a new slot", words == 1 ? 7 : 3, sums[0]);
            equal("the sum of the last word of a new slot", words == 1 ? 7 : 4, memory.sum(own + (words - 1) * 8L));
            memory.free(own);
            if (random.nextInt(64) == 0) { // closed while others begin to use it
                PerCpuMemory brief = PerCpuMemory.allocate(8);
                brief.add(0, 1);
                brief.close();
                try {
                    brief.add(0, 1);
                    violation("closed memory was used");
                } catch (IllegalStateException expected) {
                    // as documented
                }
            }
            int cpu = Rseq.cpuId();
            int concurrency = Rseq.concurrencyId();
            if (cpu < 0 || cpu >= Rseq.cpuCount() || concurrency < 0 || concurrency >= Rseq.cpuCount()) {
                violation("an id that is no index: " + cpu + ", " + concurrency);
            }
        }

        @Override
        void check() {
            equal("the sum", added.sum(), memory.sum(shared));
            memory.close();
        }
    }

    private static final class Sequences extends Workload {
        private static final int CAPACITY = 30;

        private final RestartableSequences sequences;
        private final PerCpuMemory memory = PerCpuMemory.allocate(4096);
        private final long sum = memory.allocateSlot(1);
        private final long claims = memory.allocateSlot(1);
        private final long swaps = memory.allocateSlot(1);
        private final long stack = memory.allocateSlot(CAPACITY + 1);
        private final LongAdder added = new LongAdder();
        private final LongAdder claimed = new LongAdder();
        private final LongAdder swappedIn = new LongAdder();
        private final LongAdder swappedOut = new LongAdder();
        private final AtomicLong next = new AtomicLong();
        private final LongAdder pushed = new LongAdder();
        private final LongAdder popped = new LongAdder();
        private final LongAdder pushedWords = new LongAdder();
        private final LongAdder poppedWords = new LongAdder();

        Sequences(String name, RestartableSequences sequences) {
            super(name);
            this.sequences = sequences;
        }

        @Override
        void step(SplittableRandom random) {
            for (int i = 0; i < 16; i++) {
                int delta = random.nextInt(-100, 200);
                sequences.add(memory, sum, delta);
                added.add(delta);
            }
            long[] word = {0, 0, 0, 0};
            for (int i = 0; i < 4; i++) { // 0 becomes 1, 1 becomes 0: one side is counted up, the other down
                if (sequences.compareAndStore(memory, claims, 0, 1) >= 0) {
                    claimed.increment();
                }
                if (sequences.compareAndStore(memory, claims, 1, 0) >= 0) {
                    claimed.decrement();
                }
            }
            long value = random.nextInt(1, 1000);
            sequences.swap(memory, swaps, value, word);
            swappedIn.add(value);
            swappedOut.add(word[0]);
            for (int i = 0; i < 4; i++) {
                long mine = next.incrementAndGet();
                if (sequences.push(memory, stack, CAPACITY, mine) >= 0) {
                    pushed(mine);
                }
                if (sequences.pop(memory, stack, word) >= 0) {
                    popped(word[0]);
                }
            }
            long[] many = {next.incrementAndGet(), next.incrementAndGet(), next.incrementAndGet()};
            long moved = sequences.pushMany(memory, stack, CAPACITY, many, 3) >>> 32;
            for (int i = 0; i < moved; i++) {
                pushed(many[i]);
            }
            moved = sequences.popMany(memory, stack, word, 4) >>> 32;
            for (int i = 0; i < moved; i++) {
                popped(word[i]);
            }
            switch (random.nextInt(512)) {
                case 0 -> RestartableSequences.fence(random.nextInt(Rseq.cpuCount()));
                case 1 -> RestartableSequences.fenceAll();
                case 2, 3 ->
                    sequences.drain(memory, random.nextInt(memory.strideCount()), stack, CAPACITY, this::popped);
                default -> {
                }
            }
        }

        private void pushed(long word) {
            pushedWords.increment();
            pushed.add(word * word);
        }

        private void popped(long word) {
            poppedWords.increment();
            popped.add(word * word);
        }

        @Override
        void check() {
            equal("the sum", added.sum(), memory.sum(sum));
            equal("the claims", claimed.sum(), memory.sum(claims));
            equal("the swaps", swappedIn.sum(), swappedOut.sum() + memory.sum(swaps));
            for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
                sequences.drain(memory, cpu, stack, CAPACITY, this::popped);
            }
            equal("the words on the stacks", pushedWords.sum(), poppedWords.sum());
            equal("the squares of the words on the stacks", pushed.sum(), popped.sum());
            memory.close();
        }
    }
}
