// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

/** A program: a fence and a drain where membarrier(2) is refused; the stack must stay as it was. */
final class WithoutFence {
    private WithoutFence() {
    }

    public static void main(String[] arguments) {
        var sequences = RestartableSequences.byCpu();
        try (var memory = PerCpuMemory.allocate(4096)) {
            int cpu = sequences.push(memory, 0, 8, 42);
            try {
                RestartableSequences.fence(cpu);
            } catch (UnsupportedOperationException e) {
                System.out.println(e.getMessage());
            }
            boolean refused = false;
            try {
                sequences.drain(memory, cpu, 0, 8, word -> {});
            } catch (UnsupportedOperationException e) {
                refused = true;
            }
            System.out.println("stack is whole: " + (refused && memory.get(cpu, 0) == 1 && memory.get(cpu, 8) == 42));
        }
    }
}
