// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import org.rseq4j.SliceExtension;

/** Sections in any order, ended on any thread, beside a model: one is open at a time, and only its own end ends it. */
final class SectionsFuzz {
    private SectionsFuzz() {
    }

    static void run(Input input) throws Exception {
        long[] known = new long[8];
        long open = 0;
        while (!input.isEmpty()) {
            int which = input.below(8);
            switch (input.below(8)) {
                case 0, 1 -> {
                    long section = SliceExtension.begin();
                    expect((section != 0) == (open == 0 && SliceExtension.isSupported()), "begin gave " + section
                            + " while " + open + " was open");
                    known[which] = section;
                    open = section != 0 ? section : open;
                }
                case 2, 3 -> {
                    SliceExtension.end(known[which]);
                    open = known[which] == open ? 0 : open;
                }
                case 4 -> SliceExtension.renew(known[which]);
                case 5 -> {
                    long wrong = input.number();
                    if (wrong != open) {
                        SliceExtension.end(wrong);
                        SliceExtension.renew(wrong);
                    }
                }
                case 6 -> elsewhere(input.below(2) == 0, known[which]);
                default -> {
                    boolean nested = open != 0;
                    long[] inner = {0};
                    SliceExtension.run(() -> inner[0] = SliceExtension.begin());
                    expect(inner[0] == 0, "a nested begin gave " + inner[0]);
                    try {
                        SliceExtension.call(() -> {
                            throw new IllegalStateException("thrown");
                        });
                        throw new AssertionError("call swallowed an exception");
                    } catch (IllegalStateException expected) {
                        expect(nested == (open != 0), "cannot be");
                    }
                }
            }
        }
        SliceExtension.end(open);
        long section = SliceExtension.begin();
        expect(section != 0 || !SliceExtension.isSupported(), "a request was left behind");
        SliceExtension.end(section);
    }

    /** Nothing that another thread does with a section of this one has an effect. */
    private static void elsewhere(boolean virtual, long section) throws InterruptedException {
        Runnable misuse = () -> {
            SliceExtension.end(section);
            SliceExtension.renew(section);
            long own = SliceExtension.begin();
            SliceExtension.end(section);
            SliceExtension.end(own);
        };
        (virtual ? Thread.startVirtualThread(misuse) : Thread.ofPlatform().start(misuse)).join();
    }

    private static void expect(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
