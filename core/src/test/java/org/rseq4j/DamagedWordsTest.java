// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.internal.memory.Words;

/** A stack's size is a word in memory, which anything may have been written to. */
class DamagedWordsTest {
    private static final int PAGE = 4096; // a file's header
    private static final int WORDS = 1024;
    private static final long STACK = 64;
    private static final int CAPACITY = 16;

    /** What no operation takes for a size, whatever it knows of the capacity. */
    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MIN_VALUE + 3, WORDS, 1L << 31, 1L << 32, 1L << 40, 1L << 60,
            1L << 61, Long.MAX_VALUE})
    void aSizeThatIsNoneIsFullAndEmpty(long size) {
        for (var sequences : new RestartableSequences[]{RestartableSequences.byCpu(),
                RestartableSequences.byConcurrencyId()}) {
            try (var memory = PerCpuMemory.allocate(WORDS * 8)) {
                everywhere(memory, STACK, size);
                isFullAndEmpty(sequences, memory, size);
            }
        }
    }

    /** It may come out of a file that another program wrote. */
    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE + 3, WORDS, 1L << 40, Long.MAX_VALUE})
    void soItIsInAMappedFile(long size, @TempDir Path folder) throws IOException {
        Path file = folder.resolve("words");
        for (var sequences : new RestartableSequences[]{RestartableSequences.byCpu(),
                RestartableSequences.byConcurrencyId()}) {
            try (var memory = PerCpuMemory.map(file, WORDS * 8);
                    var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
                    var word = ByteBuffer.allocate(8).order(ByteOrder.nativeOrder()).putLong(0, size);
                    assertEquals(8, channel.write(word, PAGE + cpu * memory.stride + STACK));
                }
            }
            try (var memory = PerCpuMemory.map(file, WORDS * 8)) {
                isFullAndEmpty(sequences, memory, size);
            }
        }
    }

    private static void isFullAndEmpty(RestartableSequences sequences, PerCpuMemory memory, long size) {
        long[] words = {7, 7, 7, 7};
        assertTrue(sequences.push(memory, STACK, CAPACITY, 1) < 0);
        assertTrue(sequences.pop(memory, STACK, words) < 0);
        assertEquals(0, sequences.pushMany(memory, STACK, CAPACITY, words, 4) >>> 32);
        assertEquals(0, sequences.popMany(memory, STACK, words, 4) >>> 32);
        for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
            assertEquals(0, sequences.drain(memory, cpu, STACK, CAPACITY, word -> {
                throw new AssertionError("drained " + word);
            }));
            assertEquals(size, memory.get(cpu, STACK), "left as it was");
        }
        assertEquals(7, words[0]);
        everywhere(memory, STACK, 0);
        assertTrue(sequences.push(memory, STACK, CAPACITY, 1) >= 0, "and usable again");
    }

    /**
     * Between the capacity and the end of the stride: who knows the capacity does nothing, who does not stays inside.
     */
    @ParameterizedTest
    @ValueSource(longs = {CAPACITY + 1, WORDS - STACK / 8 - 1})
    void aSizeBeyondTheCapacityStaysInsideTheStride(long size) {
        try (var memory = PerCpuMemory.allocate(WORDS * 8)) {
            var sequences = RestartableSequences.byCpu();
            everywhere(memory, STACK, size);
            everywhere(memory, STACK + size * 8, 5);
            assertTrue(sequences.push(memory, STACK, CAPACITY, 1) < 0);
            assertEquals(0, sequences.pushMany(memory, STACK, CAPACITY, new long[2], 2) >>> 32);
            for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
                assertEquals(0, sequences.drain(memory, cpu, STACK, CAPACITY, word -> {
                    throw new AssertionError("drained " + word);
                }));
            }
            long[] words = new long[2];
            assertTrue(sequences.pop(memory, STACK, words) >= 0);
            assertEquals(5, words[0]);
            everywhere(memory, STACK, size);
            assertEquals(2, sequences.popMany(memory, STACK, words, 2) >>> 32);
            assertEquals(5, words[0]);
        }
    }

    /** There is no room for even one word behind the last. */
    @ParameterizedTest
    @ValueSource(longs = {0, 1, -1, Long.MAX_VALUE})
    void theLastWordOfAStrideIsAnEmptyStack(long size) {
        try (var memory = PerCpuMemory.allocate(WORDS * 8)) {
            long last = (WORDS - 1) * 8L;
            everywhere(memory, last, size);
            assertTrue(RestartableSequences.byCpu().pop(memory, last, new long[1]) < 0);
            assertEquals(0, RestartableSequences.byCpu().popMany(memory, last, new long[1], 1) >>> 32);
        }
    }

    private static void everywhere(PerCpuMemory memory, long offset, long value) {
        for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
            Words.setOpaque(memory.mapping(), memory.place(cpu, offset), value);
        }
    }
}
