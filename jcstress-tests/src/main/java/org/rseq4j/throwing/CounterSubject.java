// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.util.function.LongConsumer;
import java.util.function.LongSupplier;

/** Whatever counts: each event is counted once, and one whose call threw once or not at all. */
final class CounterSubject extends Subject {
    private final LongConsumer add;
    private final LongSupplier sum;
    private final LongSupplier sumThenReset;
    /** A sum that nobody asks for. */
    volatile long seen;
    private long begun;
    private long ended;
    private long taken;
    private long resets;
    private long resetsThatReturned;

    /**
     * A counter.
     *
     * @param add counts as many events
     * @param sum how many there were
     * @param sumThenReset the same, and forgets them
     */
    CounterSubject(LongConsumer add, LongSupplier sum, LongSupplier sumThenReset) {
        super("add", "add", "sum", "add", "add", "sumThenReset");
        this.add = add;
        this.sum = sum;
        this.sumThenReset = sumThenReset;
    }

    @Override
    void run(int operation) {
        switch (operation(operation)) {
            case "add" -> {
                begun++;
                add.accept(1);
                ended++;
            }
            case "sum" -> seen = sum.getAsLong();
            default -> {
                resets++;
                // not in one expression: another may count meanwhile, see others()
                long before = sumThenReset.getAsLong();
                taken += before;
                resetsThatReturned++;
            }
        }
    }

    @Override
    void others() {
        begun += 2;
        add.accept(1);
        add.accept(1);
        ended += 2;
        seen = sum.getAsLong();
        resets++;
        taken += sumThenReset.getAsLong();
        resetsThatReturned++;
    }

    @Override
    String check() {
        long all = taken + sum.getAsLong();
        // What a reset took that threw is lost with it.
        if (all > begun || resets == resetsThatReturned && all < ended) {
            return all + " events counted of " + ended + " to " + begun;
        }
        long before = sum.getAsLong();
        add.accept(1);
        if (sum.getAsLong() != before + 1) {
            return "an event more changed the sum from " + before + " to " + sum.getAsLong();
        }
        if (sumThenReset.getAsLong() != before + 1 || sum.getAsLong() != 0) {
            return "a reset left " + sum.getAsLong();
        }
        return null;
    }
}
