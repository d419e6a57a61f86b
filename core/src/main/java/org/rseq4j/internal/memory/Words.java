// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import org.rseq4j.internal.linux.Memory;

/**
 * Accesses to 8-byte words of a {@link Mapping}, one instruction each where it is native. Nothing is checked; whoever
 * makes them keeps the mapping reachable.
 */
public final class Words {
    private Words() {
    }

    public static long getOpaque(Mapping mapping, long place) {
        return Memory.getLongOpaque(mapping.memory, place);
    }

    /** As whole as any aligned long of a 64-bit JVM. */
    public static long get(Mapping mapping, long place) {
        return Memory.getLong(mapping.memory, place);
    }

    public static long getAcquire(Mapping mapping, long place) {
        return Memory.getLongAcquire(mapping.memory, place);
    }

    public static void set(Mapping mapping, long place, long value) {
        Memory.setLong(mapping.memory, place, value);
    }

    public static void setOpaque(Mapping mapping, long place, long value) {
        Memory.setLongOpaque(mapping.memory, place, value);
    }

    public static void setRelease(Mapping mapping, long place, long value) {
        Memory.setLongRelease(mapping.memory, place, value);
    }

    /**
     * The JDK turns the signal of a truncated file's page into an InternalError at a load and a store, but at an atomic
     * instruction that is not compiled yet, the process would end.
     */
    private static void touch(Mapping mapping, long place) {
        if (mapping.isFile) {
            Memory.getLongOpaque(mapping.memory, place);
        }
    }

    public static void add(Mapping mapping, long place, long delta) {
        touch(mapping, place);
        Memory.addLong(mapping.memory, place, delta);
    }

    public static long getAndSet(Mapping mapping, long place, long value) {
        touch(mapping, place);
        return Memory.getAndSetLong(mapping.memory, place, value);
    }

    public static boolean compareAndSet(Mapping mapping, long place, long expected, long value) {
        touch(mapping, place);
        return Memory.compareAndSetLong(mapping.memory, place, expected, value);
    }
}
