// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A program: every operation on memory whose file somebody truncates meanwhile; it must live to say so. */
final class Truncated {
    private int faults;

    private Truncated() {
    }

    public static void main(String[] arguments) throws Exception {
        System.out.println(faults(Path.of(arguments[0]), Integer.parseInt(arguments[1]), 100) + " faults, alive");
    }

    /** How many operations failed: so many rounds of all of them before the file is truncated, and after that. */
    static int faults(Path file, int before, int after) throws IOException {
        var truncated = new Truncated();
        try (var memory = PerCpuMemory.map(file, 1 << 16)) {
            truncated.everything(memory, before);
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(4096);
            }
            truncated.everything(memory, after);
        }
        return truncated.faults;
    }

    private void everything(PerCpuMemory memory, int rounds) {
        long[] words = new long[600];
        for (var sequences : new RestartableSequences[]{RestartableSequences.byCpu(),
                RestartableSequences.byConcurrencyId()}) {
            for (int i = 0; i < rounds; i++) {
                attempt(() -> memory.add(0, 1));
                attempt(() -> memory.sum(0));
                attempt(() -> memory.sums(0, new long[8]));
                attempt(() -> sequences.add(memory, 8, 1));
                attempt(() -> sequences.compareAndStore(memory, 16, 0, 1));
                attempt(() -> sequences.swap(memory, 24, 1, words));
                attempt(() -> sequences.push(memory, 64, 700, 1));
                attempt(() -> sequences.pop(memory, 64, words));
                attempt(() -> sequences.pushMany(memory, 64, 700, words, words.length));
                attempt(() -> sequences.popMany(memory, 64, words, words.length));
            }
            attempt(() -> sequences.drain(memory, 0, 64, 700, word -> {}));
            attempt(() -> memory.free(memory.allocateSlot(1)));
        }
    }

    private void attempt(Runnable operation) {
        try {
            operation.run();
            Thread.yield(); // where compiled code learns of a fault
        } catch (InternalError e) {
            faults++;
        }
    }
}
