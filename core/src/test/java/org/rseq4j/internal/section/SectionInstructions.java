// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import java.util.Locale;
import org.rseq4j.SliceExtension;

/**
 * A program for the test kernel with a clock that counts instructions, two nanoseconds each
 * ({@code bin/vm run --accel tcg-icount --cpus 1}): prints how many begin and end of a section take, on a platform
 * thread, compiled, in a loop.
 */
final class SectionInstructions {
    private static final int ROUNDS = 200_000;
    private static final double NANOS_PER_INSTRUCTION = 2;

    private SectionInstructions() {
    }

    public static void main(String[] arguments) {
        if (!SliceExtension.isSupported()) {
            throw new IllegalStateException("needs the time slice extension");
        }
        double least = Double.MAX_VALUE;
        for (int i = 0; i < 20; i++) {
            long begun = System.nanoTime();
            sections();
            least = Math.min(least, (System.nanoTime() - begun) / NANOS_PER_INSTRUCTION / ROUNDS);
        }
        System.out.printf(Locale.ROOT, "begin and end: %.1f instructions%n", least);
    }

    private static void sections() {
        for (int i = 0; i < ROUNDS; i++) {
            SliceExtension.end(SliceExtension.begin());
        }
    }
}
