// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;

/** The same by memory segments; from Java 22 on. */
final class SegmentSubject extends BufferSubject {
    @Override
    Object acquire() {
        return pool.acquire(SIZE);
    }

    @Override
    void release(Object buffer) {
        pool.release((MemorySegment) buffer);
    }

    @Override
    ByteBuffer contents(Object buffer) {
        return ((MemorySegment) buffer).asByteBuffer();
    }
}
