// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.lang.foreign.MemorySegment;
import org.rseq4j.internal.linux.NativeLibrary;
import org.rseq4j.internal.linux.NativeMemory;

/**
 * Accesses to 8-byte words of a {@link Mapping}, one instruction each where it is native. The segment is passed so that
 * the compiler sees the constant one; nothing is checked beyond it.
 */
public final class Words {
    private Words() {
    }

    /** What the other methods take for a mapping; a constant where it is native. */
    public static MemorySegment segment(Mapping mapping) {
        return NativeLibrary.isAvailable() ? NativeMemory.ALL : mapping.segment;
    }

    private static MemorySegment of(MemorySegment segment) {
        return NativeLibrary.isAvailable() ? NativeMemory.ALL : segment;
    }

    public static long getOpaque(MemorySegment segment, long place) {
        return (long) WordHandle.LONG.getOpaque(of(segment), place & NativeMemory.LONG_ADDRESS);
    }

    /** As whole as any aligned long of a 64-bit JVM. */
    public static long get(MemorySegment segment, long place) {
        return (long) WordHandle.LONG.get(of(segment), place & NativeMemory.LONG_ADDRESS);
    }

    public static long getAcquire(MemorySegment segment, long place) {
        return (long) WordHandle.LONG.getAcquire(of(segment), place & NativeMemory.LONG_ADDRESS);
    }

    public static void set(MemorySegment segment, long place, long value) {
        WordHandle.LONG.set(of(segment), place & NativeMemory.LONG_ADDRESS, value);
    }

    public static void setOpaque(MemorySegment segment, long place, long value) {
        WordHandle.LONG.setOpaque(of(segment), place & NativeMemory.LONG_ADDRESS, value);
    }

    public static void setRelease(MemorySegment segment, long place, long value) {
        WordHandle.LONG.setRelease(of(segment), place & NativeMemory.LONG_ADDRESS, value);
    }

    /** Without a result, so that it compiles to a locked add. */
    public static void add(MemorySegment segment, long place, long delta) {
        WordHandle.LONG.getAndAdd(of(segment), place & NativeMemory.LONG_ADDRESS, delta);
    }

    public static long getAndSet(MemorySegment segment, long place, long value) {
        return (long) WordHandle.LONG.getAndSet(of(segment), place & NativeMemory.LONG_ADDRESS, value);
    }

    public static boolean compareAndSet(MemorySegment segment, long place, long expected, long value) {
        return WordHandle.LONG.compareAndSet(of(segment), place & NativeMemory.LONG_ADDRESS, expected, value);
    }
}
