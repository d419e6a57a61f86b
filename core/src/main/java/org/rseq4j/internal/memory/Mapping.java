// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.Reference;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.rseq4j.internal.linux.Downcall;
import org.rseq4j.internal.linux.NativeLibrary;
import org.rseq4j.internal.linux.NativeMemory;

/**
 * Zeroed memory that stays addressable until the last reference to it is gone: with the native library, pages that
 * nobody touches are not used, and an access is one instruction at an absolute address; without it, an array of the
 * Java heap.
 */
public final class Mapping {
    /** In milliseconds, of several that double. */
    private static final long LONGEST_WAIT = 256;
    private static final MethodHandle MAP;
    private static final MethodHandle UNMAP;
    private static final MethodHandle DISCARD;
    private static final MethodHandle HUGE_PAGES;

    static {
        // initialized before the first access, which may find no stack for that
        Objects.requireNonNull(WordHandle.LONG);
        if (NativeLibrary.isAvailable()) {
            MAP = NativeLibrary.plain("map", NativeLibrary.LONG_RETURNS_LONG);
            FunctionDescriptor range = FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG);
            UNMAP = NativeLibrary.plain("unmap", range);
            DISCARD = NativeLibrary.plain("discard", range);
            HUGE_PAGES = NativeLibrary.plain("huge_pages", range);
        } else {
            MAP = null;
            UNMAP = null;
            DISCARD = null;
            HUGE_PAGES = null;
        }
    }

    /** What {@link Words} takes: all of memory, or this mapping's own. */
    public final MemorySegment segment;
    /** The place of the first byte in {@link #segment}. */
    public final long base;
    /** In bytes. */
    public final long size;

    /**
     * Whether it is a file's. Then its words are changed by Java's own accesses alone: when somebody truncates the file
     * they throw an InternalError, where a restartable sequence would end the process.
     */
    public final boolean isFile;
    private final boolean anonymous;
    private volatile Turn[] turns = {};
    /** Keeps the memory mapped. */
    @SuppressWarnings("UnusedVariable")
    private final MemorySegment owner;

    private enum Kind {
        HEAP, ANONYMOUS, FILE
    }

    private Mapping(MemorySegment segment, long base, long size, Kind kind, MemorySegment owner) {
        this.segment = segment;
        this.base = base;
        this.size = size;
        this.anonymous = kind == Kind.ANONYMOUS;
        this.owner = owner;
        this.isFile = kind == Kind.FILE;
    }

    /**
     * Zeroed memory of this process.
     *
     * @throws OutOfMemoryError when there is none
     */
    public static Mapping anonymous(long size) {
        if (!NativeLibrary.isAvailable()) {
            if (size >>> 3 > Integer.MAX_VALUE - 8) {
                throw new OutOfMemoryError(size + " bytes of per-CPU memory, without the native library");
            }
            return new Mapping(MemorySegment.ofArray(new long[Math.toIntExact(Math.ceilDiv(size, 8L))]), 0, size,
                    Kind.HEAP,
                    MemorySegment.NULL);
        }
        long address = mapPatiently(size);
        if (address < 0) {
            throw new OutOfMemoryError("mmap of " + size + " bytes failed with errno " + -address);
        }
        try {
            return new Mapping(NativeMemory.ALL, address, size, Kind.ANONYMOUS, unmappedWhenUnreachable(address, size));
        } catch (Throwable e) {
            unmap(address, size);
            throw e;
        }
    }

    /**
     * A segment that is unmapped, by a thread of the JDK's, when nothing refers to it. What does that consists of the
     * JDK's objects alone: code of this library there would keep its class loader alive, and that a static field of the
     * application, and that the segment.
     */
    @SuppressWarnings("restricted")
    private static MemorySegment unmappedWhenUnreachable(long address, long size) {
        MethodHandle unmap = MethodHandles.insertArguments(UNMAP, 0, address, size)
                .asType(MethodType.methodType(void.class));
        return MemorySegment.ofAddress(address).reinterpret(size, Arena.ofAuto(), cleanup(unmap));
    }

    @SuppressWarnings("unchecked")
    private static Consumer<MemorySegment> cleanup(MethodHandle action) {
        return MethodHandleProxies.asInterfaceInstance(Consumer.class,
                MethodHandles.dropArguments(action, 0, Object.class));
    }

    /** Part of an open file, which must be as long as that. */
    public static Mapping file(FileChannel file, long offset, long size) throws IOException {
        MemorySegment mapped = file.map(FileChannel.MapMode.READ_WRITE, offset, size, Arena.ofAuto());
        return NativeLibrary.isAvailable()
                ? new Mapping(NativeMemory.ALL, mapped.address(), size, Kind.FILE, mapped)
                : new Mapping(mapped, 0, size, Kind.FILE, mapped);
    }

    /** Gives the pages back to the system. The memory stays addressable and reads as zero; a file's is left alone. */
    public void discard() {
        discard(0, size);
    }

    /** {@link #discard()} for a part of it, whole pages from {@link #base}. */
    public void discard(long offset, long length) {
        advise(DISCARD, offset, length);
    }

    /** Asks for huge pages in a part of it; no effect where the system has none or decides itself. */
    public void adviseHugePages(long offset, long length) {
        advise(HUGE_PAGES, offset, length);
    }

    private void advise(MethodHandle advice, long offset, long length) {
        if (anonymous) {
            try {
                int ignored = (int) advice.invokeExact(base + Objects.checkFromIndexSize(offset, length, size), length);
            } catch (Throwable e) {
                throw Downcall.failed(e);
            } finally {
                // Else the collector could find this unreachable during the call, and the addresses be another
                // mapping's.
                Reference.reachabilityFence(this);
            }
        }
    }

    /** The turn at the stacks of a stride. */
    public Turn turn(int stride) {
        Turn[] all = turns;
        return stride < all.length && all[stride] != null ? all[stride] : addTurn(stride);
    }

    private synchronized Turn addTurn(int stride) {
        if (stride >= turns.length || turns[stride] == null) {
            Turn[] more = Arrays.copyOf(turns, Math.max(turns.length, stride + 1));
            more[stride] = new Turn();
            turns = more;
        }
        return turns[stride];
    }

    /**
     * A part of it, for users of the structures: it stays mapped as long as the segment, a slice of it or a buffer on
     * it is reachable, and is accessible until the arena is closed, which does not unmap it.
     */
    @SuppressWarnings("restricted")
    public MemorySegment asSegment(long offset, long length, Arena arena) {
        // The arena keeps its cleanup, that the owner: no code of this library, for the reason above.
        MethodHandle keepOwner = MethodHandles.empty(MethodType.methodType(void.class, Object.class)).bindTo(owner);
        return MemorySegment.ofAddress(base + Objects.checkFromIndexSize(offset, length, size)).reinterpret(length,
                arena, cleanup(keepOwner));
    }

    /** The same memory as a segment that is accessible until an arena is closed, which does not unmap it. */
    @SuppressWarnings("restricted")
    public static MemorySegment view(MemorySegment memory, Arena arena) {
        return MemorySegment.ofAddress(memory.address()).reinterpret(memory.byteSize(), arena,
                gone -> Reference.reachabilityFence(memory));
    }

    /** Whether {@link #anonymous} gives memory outside of the Java heap. */
    public static boolean isNative() {
        return NativeLibrary.isAvailable();
    }

    /** What nobody refers to any more is unmapped only when the collector has seen that. */
    private static long mapPatiently(long size) {
        long address = map(size);
        for (long millis = 1; address < 0 && millis <= LONGEST_WAIT; millis *= 2) {
            if (millis == 1 || millis == LONGEST_WAIT / 4) {
                System.gc();
            }
            LockSupport.parkNanos(millis * 1_000_000); // for the cleaner's thread
            address = map(size);
        }
        return address;
    }

    private static long map(long size) {
        try {
            return (long) MAP.invokeExact(size);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    private static void unmap(long address, long size) {
        try {
            int result = (int) UNMAP.invokeExact(address, size);
            assert result == 0 : result;
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }
}
