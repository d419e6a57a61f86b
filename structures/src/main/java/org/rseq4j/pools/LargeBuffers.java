// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.View;

/**
 * Buffers that are larger than a span: a mapping each, whose pages go back to the system with the release. Its
 * addresses are used again for a buffer of about its size, or are unmapped when neither this nor the buffer is
 * reachable, so an access after the release harms nobody. Without native access the garbage collector frees a buffer.
 */
final class LargeBuffers {
    private static final int MAX_KEPT = 16;
    /** More than user space has. */
    private static final long USER_SPACE = 1L << 47;

    private final ConcurrentHashMap<Long, Large> used = new ConcurrentHashMap<>();
    /** Addresses without pages. */
    private final AtomicReferenceArray<Large> kept = new AtomicReferenceArray<>(MAX_KEPT);

    /** Memory on a multiple of the size of a span; the mapping is null where there is none. */
    private record Large(View memory, Mapping mapping) {
        static Large allocate(long bytes) {
            if (!Mapping.isNative()) {
                return new Large(View.allocate(bytes, Span.BYTES), null);
            }
            Mapping mapping = Mapping.anonymous(bytes + Span.BYTES);
            long aligned = mapping.base + Span.BYTES - 1 & -Span.BYTES;
            return new Large(View.of(mapping, aligned - mapping.base, bytes), mapping);
        }

        /** Not much more than is asked for. */
        boolean fits(long bytes) {
            return memory.size >= bytes && memory.size / 2 <= bytes;
        }

        void discard() {
            if (mapping != null) {
                mapping.discard(memory.address - mapping.base, memory.size);
            }
        }
    }

    View acquire(long bytes) {
        if (bytes > USER_SPACE) {
            throw new OutOfMemoryError(bytes + " bytes are more than a process can have");
        }
        long whole = bytes + Span.BYTES - 1 & -Span.BYTES;
        Large large = reuse(whole);
        if (large == null) {
            large = Large.allocate(Mapping.isNative() ? whole : bytes);
        }
        View view = large.memory.slice(0, bytes);
        used.put(view.address, large);
        return view;
    }

    private Large reuse(long bytes) {
        for (int i = 0; i < MAX_KEPT; i++) {
            Large large = kept.get(i);
            if (large != null && large.fits(bytes) && kept.compareAndSet(i, large, null)) {
                return large;
            }
        }
        return null;
    }

    /** False when this is no address of a buffer in use. */
    boolean release(long address) {
        if ((address & Span.BYTES - 1) != 0) {
            return false;
        }
        Large large = used.remove(address);
        if (large == null) {
            return false;
        }
        try {
            large.discard();
            keep(large);
        } catch (VirtualMachineError e) {
            return true; // it is released; what nobody refers to is unmapped
        }
        return true;
    }

    private void keep(Large large) {
        for (int i = 0; i < MAX_KEPT && large.mapping != null; i++) {
            if (kept.get(i) == null && kept.compareAndSet(i, null, large)) {
                return;
            }
        }
    }

    /** Lets the addresses go that are in no use. */
    void trim() {
        for (int i = 0; i < MAX_KEPT; i++) {
            kept.set(i, null);
        }
    }

    /** How much memory is in use. */
    long bytes() {
        long bytes = 0;
        for (Large large : used.values()) {
            bytes += large.memory.size;
        }
        return bytes;
    }
}
