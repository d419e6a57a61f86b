// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import org.rseq4j.internal.memory.View;

/**
 * Blocks beyond the bound, and those that are larger than the pool's largest: spans that no CPU has a stack for. A span
 * goes back to the system with the last of its blocks that is released, but for one of each size, which waits for the
 * next.
 */
final class Overflow {
    private final Spans spans = new Spans(Long.MAX_VALUE, false);
    /** By the binary logarithm of the size. */
    private final CentralList[] lists = new CentralList[Span.SHIFT + 1];
    /** The one that waits, of each size. */
    private final Span[] waiting = new Span[lists.length];
    private volatile boolean closed;

    Overflow(int smallestShift) {
        for (int shift = smallestShift; shift < lists.length; shift++) {
            lists[shift] = new CentralList(shift, null, spans);
        }
    }

    View acquire(int shift) {
        CentralList list = lists[shift];
        View view = list.take();
        while (view == null) {
            spans.cut(list);
            view = list.take();
        }
        return view;
    }

    /** False when this is no address of a block in use. */
    boolean release(long address) {
        Span span = spans.find(address);
        if (span == null || (address & span.mask) != 0) {
            return false;
        }
        FreeBlocks free = span.free(null);
        if (free == null || !free.give(address)) {
            return false;
        }
        try {
            free.list.hasGot(span);
            if (free.isWhole()) {
                giveWay(span, free.list);
            }
        } catch (VirtualMachineError e) {
            return true; // it is released; the next release or trim does the rest
        }
        return true;
    }

    private void giveWay(Span span, CentralList list) {
        Span other = waiting[list.shift];
        FreeBlocks others = other == null ? null : other.free(list);
        if (closed || other != span && others != null && others.isWhole()) {
            spans.giveBack(span);
        } else {
            waiting[list.shift] = span;
        }
    }

    /** Gives what is free to the system. */
    void trim() {
        spans.empty(null, Integer.MAX_VALUE);
        spans.discard();
    }

    /** From now on nothing waits. */
    void close() {
        closed = true;
        trim();
    }

    /** How much memory there is that is cut into blocks. */
    long bytes() {
        return spans.used() * Span.BYTES;
    }

    long givenBack() {
        return spans.givenBack();
    }
}
