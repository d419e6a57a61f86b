package org.rseq4j.pools;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.rseq4j.internal.Mapping;

/**
 * Two megabytes of memory, on an address that is a multiple of them, cut into blocks of one size. The segment and the buffer
 * of a block are made when it is first handed out, by its owner, and kept.
 */
final class Span {
    static final int SHIFT = 21;
    static final int BYTES = 1 << SHIFT;

    static final int WHOLLY_FREE = -1;

    /** The address in units of spans. */
    final long key;
    final long base;
    /** Null while the span is cut into nothing. */
    final SizeClass sizeClass;
    final int shift;
    /** Where an address must have zeros to be that of a block. */
    final long mask;
    /** For {@link SizeClass#trim}, under its lock: free blocks, 0 in between. */
    int free;

    /** The span's memory; the mapping that it is a part of, or null where there is none. */
    private final MemorySegment memory;
    private final Mapping mapping;
    private final MemorySegment[] segments;
    private final ByteBuffer[] buffers;

    Span(MemorySegment memory, Mapping mapping, SizeClass sizeClass) {
        this.memory = memory;
        this.mapping = mapping;
        this.sizeClass = sizeClass;
        base = memory.address();
        key = base >>> SHIFT;
        shift = sizeClass == null ? SHIFT : sizeClass.shift;
        mask = (1L << shift) - 1;
        segments = new MemorySegment[sizeClass == null ? 0 : blocks()];
        buffers = new ByteBuffer[segments.length];
    }

    /** The same memory, cut for another size; null: for none. */
    Span cut(SizeClass other) {
        return new Span(memory, mapping, other);
    }

    int blocks() {
        return BYTES >>> shift;
    }

    MemorySegment segment(long block) {
        int i = (int) (block - base) >>> shift;
        MemorySegment segment = segments[i];
        if (segment == null) {
            segment = memory.asSlice(block - base, 1L << shift);
            segments[i] = segment;
        }
        return segment;
    }

    ByteBuffer buffer(long block) {
        int i = (int) (block - base) >>> shift;
        ByteBuffer buffer = buffers[i];
        if (buffer == null) {
            buffer = segment(block).asByteBuffer();
            buffers[i] = buffer;
        }
        return buffer.clear().order(ByteOrder.BIG_ENDIAN);
    }

    /** A block as a segment that ends with an arena; null where that cannot be. */
    MemorySegment segment(long block, Arena arena) {
        return mapping == null ? null : mapping.asSegment(block - mapping.base, 1L << shift, arena);
    }

    /** Gives the pages to the system; they read as zero afterwards. */
    void discard() {
        if (mapping != null) {
            mapping.discard(base - mapping.base, BYTES);
        }
    }
}
