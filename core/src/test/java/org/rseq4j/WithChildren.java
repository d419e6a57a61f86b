// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

/** A program that starts child processes inside of sections. */
final class WithChildren {
    private WithChildren() {
    }

    public static void main(String[] arguments) throws Exception {
        int ended = 0;
        try (var memory = PerCpuMemory.allocate(64)) {
            for (int i = 0; i < 10; i++) {
                long section = SliceExtension.begin();
                RestartableSequences.byCpu().add(memory, 0, 1);
                ended += new ProcessBuilder("true").start().waitFor() == 0 ? 1 : 0;
                SliceExtension.end(section);
            }
            boolean kept = memory.sum(0) == 10 && RestartableSequences.byCpu().add(memory, 0, 1) < Rseq.cpuCount()
                    && Rseq.status().registration() == RseqStatus.Registration.OWN;
            System.out.println(ended + " children, area kept: " + kept);
        }
        System.exit(0);
    }
}
