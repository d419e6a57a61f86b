// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.util.concurrent.atomic.AtomicInteger;
import org.rseq4j.internal.memory.View;

/** The free blocks of one size that are on no CPU's stack: those of all spans that are cut for it. */
final class CentralList {
    final int shift;
    /** Whose stacks take the blocks; null where none does. */
    final SizeClass sizeClass;

    private final Spans spans;
    /** How many blocks and spans have come; how many had when no block was found. */
    private final AtomicInteger arrivals = new AtomicInteger();
    private volatile int noneFree = -1;
    /** A span that may have free blocks. */
    private Span last;

    CentralList(int shift, SizeClass sizeClass, Spans spans) {
        this.shift = shift;
        this.sizeClass = sizeClass;
        this.spans = spans;
    }

    /** A block, and up to n - 1 others that go to the stack of the current CPU; 0 when there is none. */
    long take(int n) {
        int seen = arrivals.get();
        if (seen == noneFree) {
            return 0;
        }
        long block = take(last, n);
        if (block != 0) {
            return block;
        }
        for (Span span : spans.table) {
            block = take(span, n);
            if (block != 0) {
                last = span;
                return block;
            }
        }
        noneFree = seen;
        return 0;
    }

    private long take(Span span, int n) {
        FreeBlocks free = span == null ? null : span.free(this);
        if (free == null) {
            return 0;
        }
        free.takeBack();
        return free.take(n, sizeClass);
    }

    /** The view of a block, for a size without stacks; null when there is none. */
    View take() {
        int seen = arrivals.get();
        if (seen == noneFree) {
            return null;
        }
        View view = view(last);
        if (view != null) {
            return view;
        }
        for (Span span : spans.table) {
            view = view(span);
            if (view != null) {
                last = span;
                return view;
            }
        }
        noneFree = seen;
        return null;
    }

    private View view(Span span) {
        FreeBlocks free = span == null ? null : span.free(this);
        if (free == null) {
            return null;
        }
        free.takeBack();
        return free.take(span);
    }

    /** What errors gave back can be taken from now on. */
    void takeBack() {
        for (Span span : spans.table) {
            FreeBlocks free = span == null ? null : span.free(this);
            if (free != null && free.someReturned) {
                free.takeBack();
                hasGot(span);
            }
        }
    }

    /** Blocks of one word of a span come back. */
    void give(Span span, FreeBlocks free, int word, long bits) {
        free.give(word, bits);
        try {
            hasGot(span);
        } catch (VirtualMachineError e) {
            return; // they are there; whoever gives the next block says so
        }
    }

    /** A span has free blocks now. */
    void hasGot(Span span) {
        last = span;
        arrivals.getAndIncrement();
    }

    /** Gives a block back. */
    void give(long block) {
        Span span = spans.find(block);
        FreeBlocks free = span == null ? null : span.free(this);
        if (free != null) {
            give(span, free, free.word(block), free.bit(block));
        }
    }

    /** How many blocks there are. */
    long count() {
        long count = 0;
        for (Span span : spans.table) {
            FreeBlocks free = span == null ? null : span.free(this);
            count += free == null ? 0 : free.count();
        }
        return count;
    }
}
