// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.rseq4j.internal.thread.Headroom;

/**
 * The blocks of one size: a stack for each CPU, and the central list that these exchange batches with, one block after
 * the other. Nothing is locked and nothing is allocated for an exchange.
 *
 * <p>
 * A look at the stacks of all CPUs costs a system call for each that is not empty. At the bound it is paid for by the
 * misses: one that may not look yet goes elsewhere.
 */
final class SizeClass {
    private static final int LARGEST_BATCH = 32;
    /** A span that was just cut may be emptied by others. */
    private static final int ATTEMPTS = 4;
    /**
     * In looks at a stack or span: what a miss pays, and what a stack costs that is drained, which takes as long as a
     * hundred misses that are served from outside of the pool.
     */
    private static final int MISS = 16;
    private static final int DRAIN = 128 * MISS;
    private static final int MAX_CREDIT = 64 * DRAIN;

    final int shift;
    /** How many addresses are put on a CPU's stack. */
    final int capacity;
    final long stack;
    final CentralList central;

    private final AddressStacks stacks;
    private final Spans spans;
    private final int batch;
    private final LongConsumer toCentral;
    private final AtomicLong refills = new AtomicLong();
    private final AtomicLong flushes = new AtomicLong();
    private long exchangesBefore;
    /** Racy: it bounds what is spent in the long run. */
    private int credit = MAX_CREDIT;
    /** Whether an error gave back a block since the last refill; written without a call. */
    volatile boolean errors;
    /** Whether the kernel refused to let us look at other CPUs' stacks. */
    private boolean blind;

    SizeClass(int shift, int capacity, AddressStacks stacks, Spans spans) {
        this.shift = shift;
        this.capacity = capacity;
        this.stacks = stacks;
        this.spans = spans;
        stack = stacks.allocate();
        batch = Math.max(1, Math.min(capacity / 2, LARGEST_BATCH));
        central = new CentralList(shift, this, spans);
        toCentral = central::give;
    }

    /** How many blocks of a size a CPU keeps that keeps so many bytes of it. */
    static int capacity(int shift, long bytesPerCpu) {
        return (int) Math.max(2, Math.min(bytesPerCpu >>> shift, AddressStacks.SLOTS));
    }

    /** A block, and a batch for the current CPU's stack; 0 when there is no memory, or the pool is closed. */
    long refill() {
        if (errors) {
            errors = false;
            central.takeBack();
        }
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            long block = central.take(batch);
            if (block != 0 || !spans.cut(central) && !(credit > 0 && gatherOwn())) {
                return block;
            }
        }
        return 0;
    }

    void countRefill() {
        refills.getAndIncrement();
    }

    /** False when the current CPU's stack is full. */
    boolean push(long block) {
        return stacks.push(stack, capacity, block);
    }

    /** Takes a block whose stack was full, and a batch from there. */
    void flush(long block) {
        Headroom.ensure(); // what is popped below must get to the central list
        flushes.getAndIncrement();
        moveToCentral();
        if (!push(block)) {
            central.give(block);
        }
    }

    /** Blocks of one word of a span go together. */
    private void moveToCentral() {
        Span span = null;
        FreeBlocks free = null;
        int word = 0;
        long bits = 0;
        for (int i = 0; i < batch; i++) {
            long block = stacks.pop(stack);
            Span other = block == 0 ? null : spans.find(block);
            FreeBlocks others = other == null ? null : other.free(central);
            if (others == null) {
                break; // the stack is empty, or the pool is closed
            }
            int its = others.word(block);
            if (bits != 0 && (others != free || its != word)) {
                central.give(span, free, word, bits);
                bits = 0;
            }
            span = other;
            free = others;
            word = its;
            bits |= others.bit(block);
        }
        if (bits != 0) {
            central.give(span, free, word, bits);
        }
    }

    /** A miss pays; whether it may look for memory elsewhere. */
    boolean mayLook() {
        credit = Math.min(MAX_CREDIT, credit + MISS);
        return credit > 0;
    }

    /** A look elsewhere, in vain at so many stacks and spans, which emptied so many stacks. */
    void hasLooked(int looks, int drained) {
        credit -= looks + drained * DRAIN;
    }

    private boolean gatherOwn() {
        int drained = gather();
        hasLooked(stacks.count(), drained);
        return drained > 0;
    }

    /** Moves what all CPUs have to the central list, when the kernel allows it; how many stacks had something. */
    int gather() {
        int drained = 0;
        if (!blind) {
            spans.begin();
            try {
                drained = stacks.drain(stack, toCentral);
            } catch (UnsupportedOperationException e) {
                blind = true; // no membarrier: those blocks wait for a thread on their CPU
            } finally {
                try {
                    spans.end();
                } catch (Throwable e) {
                    spans.endsLost++;
                }
            }
        }
        return drained;
    }

    /** When no batch was exchanged since the last call, cuts its spans into nothing that are wholly free. */
    void trim() {
        long exchanges = refills.get() + flushes.get();
        if (exchanges == exchangesBefore) {
            gather();
            spans.empty(central, Integer.MAX_VALUE);
        }
        exchangesBefore = exchanges;
    }

    long refills() {
        return refills.get();
    }

    long flushes() {
        return flushes.get();
    }

    /** How many bytes of it are free. */
    long freeBytes() {
        return central.count() + stacks.size(stack) << shift;
    }
}
