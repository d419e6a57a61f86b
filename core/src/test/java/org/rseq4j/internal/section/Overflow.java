// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import org.rseq4j.SliceExtension;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.thread.ThreadArea;

/**
 * A program: recursion ends in a StackOverflowError in, before or behind a section, at every depth. Wants
 * {@code -Drseq4j.benchmark.simulateRequests=true} or a kernel that grants. Prints how many errors left a request
 * behind, and how many of these in the second half, when one compiler has settled.
 */
final class Overflow {
    private static final int ROUNDS = Integer.getInteger("rounds", 1000);
    /** Rounds after which everything is compiled that will be. */
    private static final int COLD = ROUNDS / 2;
    private static int errors;
    private static int left;
    private static int late;
    private static int depth;

    private Overflow() {
    }

    public static void main(String[] arguments) throws InterruptedException {
        if (!Section.isSupported()) {
            System.out.println("sections have no meaning");
            return;
        }
        for (boolean checked : new boolean[]{false, true}) {
            errors = 0;
            left = 0;
            late = 0;
            Thread thread = new Thread(null, () -> blow(checked), "overflow", 300_000);
            thread.start();
            thread.join();
            System.out.println((checked ? "checked" : "unchecked") + ": " + errors + " errors, left: " + left
                    + ", when warm: " + late);
        }
        System.out.println(depth + " sections");
        System.exit(0);
    }

    private static void blow(boolean checked) {
        long area = ThreadArea.find();
        for (int round = 0; round < ROUNDS; round++) {
            try {
                shift(round % 64, checked, area);
            } catch (StackOverflowError e) {
                errors++;
            }
            if (Memory.getByteOpaque(area + Abi.SLICE_REQUEST) != 0) {
                left++;
                late += round >= COLD ? 1 : 0;
                Memory.setByteOpaque(area + Abi.SLICE_REQUEST, (byte) 0);
            }
        }
    }

    /** A frame more, of another size, so that the stack ends elsewhere. */
    private static void shift(int frames, boolean checked, long area) {
        if (frames > 0) {
            shift(frames - 1, checked, area);
        } else if (checked) {
            checked();
        } else {
            unchecked(area);
        }
    }

    private static void unchecked(long area) {
        long section = Section.begin(area);
        try {
            depth++;
        } finally {
            Section.end(section);
        }
        unchecked(area);
    }

    private static void checked() {
        long section = SliceExtension.begin();
        try {
            depth++;
        } finally {
            SliceExtension.end(section);
        }
        checked();
    }
}
