// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.foreign.MemorySegment;

/** The methods of {@link PerCpuBufferPool} that need Java 22, where nobody meets them who compiles for an older one. */
abstract class SegmentPool {
    SegmentPool() {
    }

    /** What {@link #acquire} hands out. */
    abstract Object handedOut(long bytes);

    /** False when that is not the address of a block, or misuse is looked for. */
    abstract boolean push(long address);

    /** Gives anything else back, which may be used when it is alive: it was not released before. */
    abstract void releaseSpecially(long address, boolean alive);

    /**
     * Takes a buffer. From Java 22 on.
     *
     * @param bytes how large it is at least
     * @return a segment that nobody else uses; its contents are arbitrary
     * @throws IllegalArgumentException when bytes is not positive
     * @throws IllegalStateException when the pool is closed
     * @throws OutOfMemoryError when the system has no memory; without native access when
     *             {@code -XX:MaxDirectMemorySize} allows no more
     */
    public final MemorySegment acquire(long bytes) {
        return (MemorySegment) handedOut(bytes); // a call here could find no stack, and lose the buffer
    }

    /**
     * Gives a buffer back. From Java 22 on.
     *
     * @param segment a segment that was acquired from this pool, or a slice of it that begins where it does; the caller
     *             will not use its memory again
     * @throws NullPointerException when the segment is null
     * @throws IllegalArgumentException when it is not a buffer of this pool
     * @throws IllegalStateException when misuse is looked for, and the segment was released before, or input or output
     *             into it is going on
     */
    public final void release(MemorySegment segment) {
        long address = segment.isNative() ? segment.address() : 0;
        if (!push(address)) {
            releaseSpecially(address, segment.scope().isAlive());
        }
    }
}
