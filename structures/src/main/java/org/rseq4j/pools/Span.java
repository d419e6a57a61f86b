// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.View;

/**
 * Two megabytes of memory, on an address that is a multiple of them, cut into blocks of one size or into none. The
 * segment or buffer of a block is made when it is first handed out, by its owner, and kept until the span is cut for
 * another size.
 *
 * <p>
 * The owner of a block finds the fields for its size: a span is cut, and cut into nothing, by a thread that has all of
 * its blocks. Anybody else looks at {@link #free} only, one object for each time that the span is cut. Who releases a
 * block twice may find fields of two sizes: it stays within the stacks all the same, see {@link AddressStacks#SLOTS}.
 */
final class Span {
    static final int SHIFT = 21;
    static final int BYTES = 1 << SHIFT;

    private static final VarHandle FREE;
    /** Of a span that a thread has claimed, to cut it or to give it to the system. */
    private static final FreeBlocks CLAIMED = new FreeBlocks();

    static {
        try {
            FREE = MethodHandles.lookup().findVarHandle(Span.class, "free", FreeBlocks.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** The address in units of spans. */
    final long key;
    final long base;
    /** Whose stacks take the blocks; null where none does. */
    SizeClass sizeClass;
    /** That class's stack and how much it holds: one load fewer between an address and its stack. */
    long stack;
    int capacity;
    /** Where an address must have zeros to be that of a block. */
    long mask;

    /** The span's memory; the mapping that it is a part of, or null where there is none. */
    private final View memory;
    private final Mapping mapping;
    private int shift = SHIFT;
    /**
     * What was made of each block, of each kind when it is first asked for. Of another length while a thread that
     * released a block twice has put an array of a former cut here.
     */
    private View[] views;
    Object[] segments;
    ByteBuffer[] buffers;
    /** Null while the span is cut into nothing. */
    volatile FreeBlocks free;
    /** Whether the pages may be other than the system gave them. */
    private boolean used;

    Span(View memory, Mapping mapping) {
        this.memory = memory;
        this.mapping = mapping;
        base = memory.address;
        key = base >>> SHIFT;
        mask = BYTES - 1;
    }

    /** The free blocks when it is cut for a list, or any with null; null when it is not. */
    FreeBlocks free(CentralList list) {
        FreeBlocks blocks = free;
        return blocks == null || blocks == CLAIMED || list != null && blocks.list != list ? null : blocks;
    }

    /** Cuts it, when it is cut into nothing. */
    boolean cut(CentralList list) {
        if (free != null) {
            return false;
        }
        FreeBlocks blocks = new FreeBlocks(list, base, list.shift);
        long ownMask = (1L << list.shift) - 1;
        if (!FREE.compareAndSet(this, null, CLAIMED)) {
            return false;
        }
        // Nothing is called until all are set.
        SizeClass owner = list.sizeClass;
        sizeClass = owner;
        stack = owner == null ? 0 : owner.stack;
        capacity = owner == null ? 0 : owner.capacity;
        shift = list.shift;
        mask = ownMask;
        views = null;
        segments = null;
        buffers = null;
        used = true;
        free = blocks;
        return true;
    }

    /** Cuts it into nothing, when it is cut for a list, or any with null, and all of its blocks are free. */
    boolean empty(CentralList list) {
        FreeBlocks blocks = free(list);
        if (blocks == null || !blocks.takeAll()) {
            return false;
        }
        // Nothing is called until all are set.
        sizeClass = null;
        shift = SHIFT;
        mask = BYTES - 1;
        views = null;
        segments = null;
        buffers = null;
        free = null;
        return true;
    }

    /** Gives the pages to the system when it is cut into nothing; they read as zero afterwards. Whether it did. */
    boolean discard() {
        if (free != null || !used || !FREE.compareAndSet(this, null, CLAIMED)) {
            return false;
        }
        try {
            if (mapping != null) {
                mapping.discard(base - mapping.base, BYTES);
            }
            used = false;
        } finally {
            free = null;
        }
        return true;
    }

    View view(long block) {
        View[] made = views;
        if (made == null || made.length != BYTES >>> shift) {
            made = new View[BYTES >>> shift];
            views = made;
        }
        int i = (int) (block - base) >>> shift;
        View view = made[i];
        if (view == null) {
            view = slice(block);
            made[i] = view;
        }
        return view;
    }

    /** What its view hands out, found by a load less. */
    Object segment(long block) {
        Object[] made = segments;
        if (made == null || made.length != BYTES >>> shift) {
            made = new Object[BYTES >>> shift];
            segments = made;
        }
        int i = (int) (block - base) >>> shift;
        Object segment = made[i];
        if (segment == null) {
            segment = slice(block).handedOut;
            made[i] = segment;
        }
        return segment;
    }

    ByteBuffer buffer(long block) {
        ByteBuffer[] made = buffers;
        if (made == null || made.length != BYTES >>> shift) {
            made = new ByteBuffer[BYTES >>> shift];
            buffers = made;
        }
        int i = (int) (block - base) >>> shift;
        ByteBuffer buffer = made[i];
        if (buffer == null) {
            buffer = slice(block).buffer();
            made[i] = buffer;
        }
        return buffer.clear().order(ByteOrder.BIG_ENDIAN);
    }
    private View slice(long block) {
        return memory.slice(block - base, 1L << shift);
    }
}
