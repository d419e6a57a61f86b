// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.internal.thread.Threads;
import org.rseq4j.stress.ChildJvm;

/** Rows of slots by themselves, without what the locks reserve of the stack before they take one. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class ReaderSlotsTest {
    @Test
    void eachSlotIsCountedOfAThreadWhoseStackEndedAsItTookItsRow() throws Exception {
        assumeTrue(ReaderSlots.USED, "needs membarrier");
        ChildJvm.run("passed", Map.of(), List.of("-Xint"), Overflows.class);
    }

    /** Threads whose stack ends as they enter a slot for the first time, until one has room. */
    static final class Overflows {
        private static final int THREADS = 74;
        private static final long STACK = 300_000;
        private static final long LOCK = -1;

        private final long shift;
        private int overflows;
        private int entered;
        private int counted;

        private Overflows(long shift) {
            this.shift = shift;
        }

        public static void main(String[] arguments) throws Exception {
            // What is initialized or linked for the first time where the stack ends may be of no use for ever.
            ReaderSlots.enter(LOCK);
            ReaderSlots.count(LOCK, new int[1]);
            ReaderSlots.leave(LOCK);
            int entered = 0;
            for (int i = 0; i < THREADS; i++) {
                var overflows = new Overflows(i % 37);
                Thread thread = new Thread(null, overflows::run, "first", STACK);
                thread.start();
                thread.join();
                if (overflows.overflows == 0 || overflows.entered != overflows.counted) {
                    System.out.println("of the slots of " + Threads.id(thread) + ": " + overflows.entered
                            + " entered, " + overflows.counted + " counted");
                    System.exit(1);
                }
                entered += overflows.entered;
            }
            System.out.println(entered == 0 ? "no thread got a row" : "passed");
        }

        private void run() {
            overflow(shift);
            counted = ReaderSlots.count(LOCK, new int[1]);
            ReaderSlots.leave(LOCK);
        }

        /** Another size of frame, so that the end of the stack is met at all offsets. */
        private void overflow(long frames) {
            if (frames > 0) {
                overflow(frames - 1);
            } else {
                descend();
            }
        }

        /** Whether a slot was asked for, on the way up. */
        private boolean descend() {
            boolean asked = false;
            try {
                asked = descend();
            } catch (StackOverflowError e) {
                overflows++;
            }
            if (!asked) {
                entered = ReaderSlots.enter(LOCK) == 0 ? 0 : 1;
            }
            return true;
        }
    }
}
