// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import org.rseq4j.internal.linux.Memory;

/**
 * Memory outside of the Java heap that is handed to users, as a segment or as a buffer. It stays as long as either, a
 * slice of it or this is reachable.
 */
@SuppressWarnings("restricted")
public final class View {
    public final long address;
    /** In bytes. */
    public final long size;
    /** What users get: the segment, here. It is reachable as long as they have any of it. */
    public final Object handedOut;
    private final MemorySegment segment;
    /** Made when it is first asked for. */
    private ByteBuffer buffer;

    private View(MemorySegment segment) {
        this.segment = segment;
        handedOut = segment;
        address = segment.address();
        size = segment.byteSize();
    }

    /** Memory that the garbage collector frees, zeroed. */
    public static View allocate(long bytes, long alignment) {
        return new View(Arena.ofAuto().allocate(bytes, alignment));
    }

    /** A part of a mapping. */
    public static View of(Mapping mapping, long offset, long length) {
        return new View((MemorySegment) mapping.memory.part(offset, length));
    }

    /** One that nobody accesses. */
    public static View ofNothing(long address) {
        return new View(MemorySegment.ofAddress(address));
    }

    public View slice(long offset, long length) {
        return new View(segment.asSlice(offset, length));
    }

    /** Always the same one, whose position, limit and order are whatever its last user left. */
    public ByteBuffer buffer() {
        ByteBuffer made = buffer;
        if (made == null) {
            made = segment.asByteBuffer();
            buffer = made;
        }
        return made;
    }

    /** Where a direct buffer's first byte is, whatever its position; 0 when it is of the Java heap. */
    public static long address(ByteBuffer from) {
        return Memory.address(from);
    }

    /** Whether {@link #isAlive} can tell. */
    public static boolean tells() {
        return true;
    }

    /** Whether a buffer may be used. */
    public static boolean isAlive(ByteBuffer buffer) {
        return MemorySegment.ofBuffer(buffer).scope().isAlive();
    }

    public void fill(byte value) {
        segment.fill(value);
    }

    /** The place of the first byte that is not of this value; negative when all are. */
    public long firstOther(byte value) {
        for (long i = 0; i < size; i++) {
            if (segment.get(java.lang.foreign.ValueLayout.JAVA_BYTE, i) != value) {
                return i;
            }
        }
        return -1;
    }

    /** A time for which memory is lent: when it ends, every access by what was lent throws. */
    public static final class Loan {
        private final Arena arena = Arena.ofShared();

        /** The same memory, as long as the loan. */
        public View lend(View memory) {
            // The arena keeps its cleanup, that the memory.
            MemorySegment lent = memory.segment;
            return new View(MemorySegment.ofAddress(lent.address()).reinterpret(lent.byteSize(), arena,
                    gone -> Reference.reachabilityFence(lent)));
        }

        /** Memory of the loan's own, freed when it ends. */
        public View allocate(long bytes, long alignment) {
            return new View(arena.allocate(bytes, alignment));
        }

        public boolean isAlive() {
            return arena.scope().isAlive();
        }

        /**
         * Ends it; of two threads one does.
         *
         * @throws IllegalStateException when it has ended, or input or output is going on
         */
        public void end() {
            arena.close();
        }
    }
}
