// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import org.rseq4j.internal.thread.Membarrier;

/** A program: each use of membarrier(2), more than once. */
final class Fences {
    private Fences() {
    }

    public static void main(String[] arguments) {
        var sequences = RestartableSequences.byCpu();
        try (var memory = PerCpuMemory.allocate(4096)) {
            int cpu = sequences.push(memory, 0, 8, 42);
            RestartableSequences.fence(cpu);
            RestartableSequences.fence(cpu);
            if (Membarrier.isSupported()) {
                Membarrier.barrier();
                Membarrier.barrier();
            }
            sequences.drain(memory, cpu, 0, 8, word -> System.out.println("fences, drained " + word));
        }
    }
}
