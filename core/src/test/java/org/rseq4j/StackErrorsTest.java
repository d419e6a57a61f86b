// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Stacks after something was thrown in the middle of an operation, and operations that are long. */
class StackErrorsTest {
    private static final long STACK = 0;

    @TempDir
    private Path folder;

    /**
     * Each operation at each depth of a stack that ends; then it happened, or it did not, and nothing is locked. In the
     * memory of a file they are atomics in every set-up.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anOverflowOfTheStackLosesNothingAndLocksNothing(boolean inFile) throws Exception {
        int capacity = 200;
        try (var memory = inFile
                ? PerCpuMemory.map(folder.resolve("words"), 4096)
                : PerCpuMemory.allocate(4096)) {
            for (int round = 0; round < 40; round++) {
                var dive = new Dive(memory, capacity, round);
                Thread thread = new Thread(null, dive, "deep", 192 * 1024);
                thread.start();
                thread.join();
                int[] left = {0};
                for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
                    RestartableSequences.byCpu().drain(memory, cpu, STACK, capacity, word -> left[0]++);
                }
                assertEquals(dive.pushed - dive.popped, left[0]);
                assertTrue(RestartableSequences.byCpu().push(memory, STACK, capacity, 1) >= 0, "locked");
                assertTrue(RestartableSequences.byCpu().pop(memory, STACK, new long[1]) >= 0
                        || memory.sum(STACK) == 1, "locked");
                for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
                    RestartableSequences.byCpu().drain(memory, cpu, STACK, capacity, word -> {});
                }
            }
        }
    }

    private static final class Dive implements Runnable {
        private final PerCpuMemory memory;
        private final int capacity;
        private final long[] word = {0};
        private final long[] words = new long[3];
        private final int first;
        private int pushed;
        private int popped;
        private long result;
        private int cpu;

        Dive(PerCpuMemory memory, int capacity, int first) {
            this.memory = memory;
            this.capacity = capacity;
            this.first = first;
        }

        @Override
        public void run() {
            try {
                dive(0);
            } catch (StackOverflowError expected) {
                return;
            }
        }

        // Counts by bytecodes that call nothing, behind each operation. Each round begins with another one: what comes
        // first at a new depth is what most often finds the end of the stack.
        @SuppressWarnings("InfiniteRecursion") // until there is no stack
        private void dive(int depth) {
            for (int i = 0; i < 4; i++) {
                switch (first + i & 3) {
                    case 0 -> {
                        cpu = RestartableSequences.byCpu().push(memory, STACK, capacity, depth + 1);
                        pushed += cpu >= 0 ? 1 : 0;
                    }
                    case 1 -> {
                        result = RestartableSequences.byCpu().pushMany(memory, STACK, capacity, words, 3);
                        pushed += (int) (result >>> 32);
                    }
                    case 2 -> {
                        cpu = RestartableSequences.byCpu().pop(memory, STACK, word);
                        popped += cpu >= 0 ? 1 : 0;
                    }
                    default -> {
                        result = RestartableSequences.byCpu().popMany(memory, STACK, words, 3);
                        popped += (int) (result >>> 32);
                    }
                }
            }
            dive(depth + 1);
        }
    }

    /** A slot that could not be given back for want of stack has its words still. */
    @Test
    void aFreeThatFoundNoStackHasDoneNothing() throws Exception {
        try (var memory = PerCpuMemory.allocate(4096)) {
            long other = memory.allocateSlot(2);
            memory.free(other); // nothing is done for the first time at the end of the stack
            var freeing = new Freeing(memory, memory.allocateSlot(1));
            memory.add(freeing.slot, 7);
            Thread thread = new Thread(null, freeing, "deep", 192 * 1024);
            thread.start();
            thread.join();
            assertTrue(freeing.errors > 0);
            assertTrue(freeing.freed);
            assertEquals(0, freeing.lost);
            assertEquals(0, memory.sum(freeing.slot));
        }
    }

    private static final class Freeing implements Runnable {
        private final PerCpuMemory memory;
        private final long slot;
        private boolean freed;
        private int errors;
        private int lost;

        Freeing(PerCpuMemory memory, long slot) {
            this.memory = memory;
            this.slot = slot;
        }

        /** To the end of the stack; then a try at each depth on the way up, until one finds stack. */
        @Override
        @SuppressWarnings("InfiniteRecursion") // until there is no stack
        public void run() {
            try {
                run();
            } catch (StackOverflowError e) {
                errors++;
            }
            if (!freed) {
                if (memory.sum(slot) == 0) {
                    lost++;
                }
                memory.free(slot);
                freed = true;
            }
        }
    }

    @Test
    void aConsumerThatThrowsCostsItsOwnWord() {
        try (var memory = PerCpuMemory.allocate(8192)) {
            var sequences = RestartableSequences.byCpu();
            long[] words = new long[600];
            for (int i = 0; i < words.length; i++) {
                words[i] = i + 1;
            }
            int[] on = new int[memory.strideCount()];
            int pushed = 0;
            while (pushed < words.length) {
                long moved = sequences.pushMany(memory, STACK, 1000, words, words.length - pushed);
                pushed += (int) (moved >>> 32);
                on[(int) moved] = 1;
            }
            List<Long> given = new ArrayList<>();
            for (int cpu = 0; cpu < on.length; cpu++) {
                int at = cpu;
                if (memory.get(cpu, STACK) > 0) {
                    assertThrows(java.io.IOException.class, () -> sequences.drain(memory, at, STACK, 1000, word -> {
                        given.add(word);
                        StackErrorsTest.<RuntimeException>sneak(new java.io.IOException("not now"));
                    }));
                }
            }
            assertTrue(given.size() > 0);
            assertEquals(words.length, given.size() + memory.sum(STACK), "each was given once, or is still there");
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void sneak(Throwable thrown) throws E {
        throw (E) thrown;
    }

    @Test
    void aConsumerMayUseTheStackThatIsDrained() {
        try (var memory = PerCpuMemory.allocate(8192)) {
            var sequences = RestartableSequences.byCpu();
            int cpu = (int) sequences.pushMany(memory, STACK, 600, new long[600], 600);
            long before = memory.sum(STACK);
            int drained = sequences.drain(memory, cpu, STACK, 600, word -> {
                sequences.drain(memory, cpu, STACK, 600, inner -> sequences.push(memory, STACK, 600, inner));
                sequences.push(memory, STACK, 600, word);
            });
            assertTrue(before > 0 && drained > 0 && drained <= 600, before + " were there, drained " + drained);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void manyWordsMoveInManySequences(boolean cid) {
        int n = 100_000;
        try (var memory = PerCpuMemory.allocate((n + 1) * 8L)) {
            var sequences = cid ? RestartableSequences.byConcurrencyId() : RestartableSequences.byCpu();
            long[] words = new long[n];
            for (int i = 0; i < n; i++) {
                words[i] = i;
            }
            assertEquals(n, sequences.pushMany(memory, STACK, n, words, n) >>> 32);
            assertEquals(n, memory.sum(STACK));
            boolean[] seen = new boolean[n];
            int left = n;
            while (left > 0) {
                int moved = (int) (sequences.popMany(memory, STACK, words, left) >>> 32);
                for (int i = 0; i < moved; i++) {
                    assertTrue(!seen[(int) words[i]], "twice");
                    seen[(int) words[i]] = true;
                }
                left -= moved;
                for (int cpu = 0; moved == 0 && cpu < memory.strideCount(); cpu++) {
                    int[] drained = {0};
                    sequences.drain(memory, cpu, STACK, n, word -> {
                        assertTrue(!seen[(int) word], "twice");
                        seen[(int) word] = true;
                        drained[0]++;
                    });
                    left -= drained[0];
                }
            }
            assertEquals(0, memory.sum(STACK));
        }
    }

    /** Many threads, and drains of one stack at a time: none waits for another, and each word has one owner. */
    @Test
    void drainsOfOneStackShareItsWords() throws InterruptedException {
        int capacity = 500;
        try (var memory = PerCpuMemory.allocate(8192)) {
            var pushed = new AtomicInteger();
            var drained = new AtomicInteger();
            PerCpuMemoryTest.run(4, thread -> {
                for (int i = 0; i < 2000; i++) {
                    pushed.addAndGet((int) (RestartableSequences.byCpu().pushMany(memory, STACK, capacity, new long[40],
                            40) >>> 32));
                    drained.addAndGet(RestartableSequences.byCpu().drain(memory, i % memory.strideCount(), STACK,
                            capacity, word -> {}));
                }
            });
            assertEquals(pushed.get() - drained.get(), memory.sum(STACK));
        }
    }
}
