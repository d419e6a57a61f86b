// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;

/**
 * Any words in any slots, of memory of this process or of a file, then every operation: results or the exceptions that
 * are documented, nothing outside of the slots that an operation was given, and never a signal.
 */
final class WordsFuzz {
    private static final int WORDS = 64;
    /** Stacks end before this word, and nothing is written from it on. */
    private static final int GUARD = 48;

    private WordsFuzz() {
    }

    /** One for all inputs: a mapping goes only when it is collected. */
    private static final class Mapped {
        static final PerCpuMemory MEMORY = map();

        private static PerCpuMemory map() {
            try {
                Path file = Files.createTempFile("rseq4j-fuzz", ".words");
                PerCpuMemory memory = PerCpuMemory.map(file, WORDS * 8);
                Files.delete(file);
                return memory;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    static void run(Input input) {
        try (PerCpuMemory memory = PerCpuMemory.allocate(WORDS * 8)) {
            run(input, memory);
        }
    }

    static void runOnFile(Input input) {
        long all = Mapped.MEMORY.allocateSlot(WORDS);
        try {
            run(input, Mapped.MEMORY);
        } finally {
            Mapped.MEMORY.free(all); // zeroed for the next one
        }
    }

    private static void run(Input input, PerCpuMemory memory) {
        while (!input.isEmpty()) {
            long place = input.below(GUARD) * 8L;
            long value = word(input);
            RestartableSequences.byCpu().swap(memory, place, value, new long[1]);
            RestartableSequences.byConcurrencyId().swap(memory, place, value, new long[1]);
            step(input, memory);
        }
        for (int i = GUARD; i < WORDS; i++) {
            expect(memory.sum(i * 8L) == 0, "word " + i + " was written to");
        }
    }

    private static long word(Input input) {
        return switch (input.below(8)) {
            case 0 -> -1L - input.unsignedByte();
            case 1 -> Long.MIN_VALUE + input.unsignedByte();
            case 2 -> Long.MAX_VALUE - input.unsignedByte();
            case 3 -> 1L << input.below(64);
            case 4, 5 -> input.below(2 * WORDS);
            default -> input.number();
        };
    }

    private static void step(Input input, PerCpuMemory memory) {
        RestartableSequences sequences = input.below(2) == 0
                ? RestartableSequences.byCpu()
                : RestartableSequences.byConcurrencyId();
        int at = input.below(GUARD - 1);
        int capacity = 1 + input.below(GUARD - 1 - at);
        long[] words = new long[input.below(WORDS)];
        switch (input.below(7)) {
            case 0 -> sequences.push(memory, at * 8L, capacity, 1);
            case 1 -> {
                long moved = sequences.pushMany(memory, at * 8L, capacity, words, words.length) >>> 32;
                expect(moved >= 0 && moved <= Math.min(words.length, capacity), "pushed " + moved);
            }
            case 2 -> sequences.pop(memory, at * 8L, new long[1]);
            case 3 -> {
                long moved = sequences.popMany(memory, at * 8L, words, words.length) >>> 32;
                expect(moved >= 0 && moved <= words.length, "popped " + moved);
            }
            case 4 -> {
                int[] given = {0};
                int n = sequences.drain(memory, input.below(memory.strideCount()), at * 8L, capacity,
                        word -> given[0]++);
                expect(n == given[0] && n <= capacity, "drained " + n);
            }
            case 5 -> {
                memory.sum(at * 8L);
                memory.sums(at * 8L, new long[capacity]);
                memory.sums(new long[]{at * 8L, 0}, new long[2]);
                memory.get(input.below(memory.strideCount()), at * 8L);
                memory.add(at * 8L, word(input));
                sequences.add(memory, at * 8L, word(input));
            }
            default -> sequences.compareAndStore(memory, at * 8L, word(input), word(input));
        }
    }

    private static void expect(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
