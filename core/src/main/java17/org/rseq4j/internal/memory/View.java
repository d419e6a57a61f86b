// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import org.rseq4j.internal.linux.Memory;

/**
 * Memory outside of the Java heap that is handed to users, as a buffer. It stays as long as the buffer, one that was
 * made of it, or this is reachable.
 */
public final class View {
    public final long address;
    /** In bytes. */
    public final long size;
    /** What users get: the buffer. It is reachable as long as they have any of it. */
    public final Object handedOut;
    /** Null for one that nobody accesses. */
    private final ByteBuffer buffer;

    private View(long address, long size, ByteBuffer buffer) {
        this.address = address;
        this.size = size;
        this.buffer = buffer;
        handedOut = buffer;
    }

    private static View of(ByteBuffer buffer) {
        return new View(Memory.address(buffer), buffer.capacity(), buffer);
    }

    /** Memory that the garbage collector frees, zeroed. */
    public static View allocate(long bytes, long alignment) {
        if (bytes > Integer.MAX_VALUE - alignment) {
            throw new OutOfMemoryError(bytes + " bytes are more than a buffer can have");
        }
        ByteBuffer all = ByteBuffer.allocateDirect((int) (bytes + alignment));
        return of(all.slice((int) (-Memory.address(all) & alignment - 1), (int) bytes));
    }

    /** A part of a mapping. */
    public static View of(Mapping mapping, long offset, long length) {
        return new View(mapping.base + offset, length, (ByteBuffer) mapping.memory.part(offset, length));
    }

    /** One that nobody accesses. */
    public static View ofNothing(long address) {
        return new View(address, 0, null);
    }

    public View slice(long offset, long length) {
        return of(buffer.slice((int) offset, (int) length));
    }

    /** Always the same one, whose position, limit and order are whatever its last user left. */
    public ByteBuffer buffer() {
        return buffer;
    }

    /** Where a direct buffer's first byte is, whatever its position; 0 when it is of the Java heap. */
    public static long address(ByteBuffer from) {
        return Memory.address(from);
    }

    /** Whether {@link #isAlive} can tell. */
    public static boolean tells() {
        return false;
    }

    /** Whether a buffer may be used; here always false. */
    public static boolean isAlive(ByteBuffer buffer) {
        return false;
    }

    public void fill(byte value) {
        for (int i = 0; i < size; i++) {
            buffer.put(i, value);
        }
    }

    /** The place of the first byte that is not of this value; negative when all are. */
    public long firstOther(byte value) {
        for (int i = 0; i < size; i++) {
            if (buffer.get(i) != value) {
                return i;
            }
        }
        return -1;
    }

    /** A time for which memory is lent. That it ended is noticed at the next release only: nobody can take a buffer. */
    public static final class Loan {
        private final AtomicBoolean ended = new AtomicBoolean();

        /** The same memory, by a buffer of the loan's own. */
        public View lend(View memory) {
            return memory.slice(0, memory.size);
        }

        /** Memory of the loan's own. */
        public View allocate(long bytes, long alignment) {
            return View.allocate(bytes, alignment);
        }

        public boolean isAlive() {
            return !ended.get();
        }

        /**
         * Ends it; of two threads one does.
         *
         * @throws IllegalStateException when it has ended
         */
        public void end() {
            if (ended.getAndSet(true)) {
                throw new IllegalStateException("released twice");
            }
        }
    }
}
