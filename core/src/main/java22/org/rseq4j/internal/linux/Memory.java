// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Memory access: words of a piece of memory by their places, and absolute memory by addresses. With
 * {@link NativeCalls} the only class that knows how this version of Java does it.
 *
 * <p>
 * Where there is a native library a place is an address, in one segment over all of memory, which is a constant: an
 * access compiles to one load or store. An address is aligned to the width and far below 2^56, so the masks change
 * none; but they tell the compiler both, and it drops the segment's checks of bounds and alignment: one instruction for
 * five. Else a place is one in the piece's own segment, and nothing here may be used that takes an address.
 */
@SuppressWarnings("restricted")
public final class Memory {
    private static final boolean NATIVE = NativeLibrary.isAvailable();
    private static final MemorySegment ALL = NATIVE
            ? MemorySegment.NULL.reinterpret(Long.MAX_VALUE)
            : MemorySegment.NULL;

    private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();
    private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
    private static final VarHandle BYTE = ValueLayout.JAVA_BYTE.varHandle();

    private static final long BYTE_ADDRESS = 0x00FF_FFFF_FFFF_FFFFL;
    private static final long INT_ADDRESS = 0x00FF_FFFF_FFFF_FFFCL;
    private static final long LONG_ADDRESS = 0x00FF_FFFF_FFFF_FFF8L;

    /** The place of the first byte. */
    public final long base;
    /** What the places are in: all of memory, or this piece. */
    private final MemorySegment segment;
    /** Keeps the memory mapped. */
    private final MemorySegment owner;

    private Memory(MemorySegment owner) {
        this.owner = owner;
        base = NATIVE ? owner.address() : 0;
        segment = NATIVE ? ALL : owner;
    }

    /**
     * Zeroed memory. With the native library it is unmapped, by a thread of the JDK's, when nothing refers to it. What
     * does that consists of the JDK's objects alone: code of this library there would keep its class loader alive, and
     * that a static field of the application, and that the segment. Without the library it is of the Java heap.
     *
     * @throws OutOfMemoryError when there is none
     */
    public static Memory anonymous(long size) {
        if (!NATIVE) {
            if (size >>> 3 > Integer.MAX_VALUE - 8) {
                throw new OutOfMemoryError(size + " bytes of per-CPU memory, without the native library");
            }
            return new Memory(MemorySegment.ofArray(new long[(int) (size + 7 >> 3)]));
        }
        AtomicLong mapped = new AtomicLong(size); // before there is something to lose
        long address = NativeCalls.map(size);
        if (address < 0) {
            throw new OutOfMemoryError("mmap of " + size + " bytes failed with errno " + -address);
        }
        try {
            return new Memory(MemorySegment.ofAddress(address).reinterpret(size, Arena.ofAuto(),
                    cleanup(NativeCalls.unmapping(address, mapped))));
        } catch (Throwable e) {
            // Perhaps the collector does this, too, later: of both, one finds a size.
            NativeCalls.unmap(address, mapped.getAndSet(0));
            throw e;
        }
    }

    /** Part of an open file, which must be as long as that; it stays mapped as long as this is reachable. */
    public static Memory ofFile(FileChannel file, long offset, long size) throws IOException {
        return new Memory(file.map(FileChannel.MapMode.READ_WRITE, offset, size, Arena.ofAuto()));
    }

    @SuppressWarnings("unchecked")
    private static Consumer<MemorySegment> cleanup(MethodHandle action) {
        return MethodHandleProxies.asInterfaceInstance(Consumer.class,
                MethodHandles.dropArguments(action, 0, Object.class));
    }

    /**
     * A part of mapped memory as what this Java hands out: a {@link MemorySegment}. It stays mapped as long as the
     * segment, a slice of it or a buffer on it is reachable.
     */
    public Object part(long offset, long length) {
        // The arena keeps its cleanup, that the owner: no code of this library, for the reason above.
        MethodHandle keepOwner = MethodHandles.empty(MethodType.methodType(void.class, Object.class)).bindTo(owner);
        return MemorySegment.ofAddress(base + Objects.checkFromIndexSize(offset, length, owner.byteSize()))
                .reinterpret(length, Arena.ofAuto(), cleanup(keepOwner));
    }

    /** Where a direct buffer's first byte is, whatever its position; 0 when it is of the Java heap. */
    public static long address(ByteBuffer buffer) {
        MemorySegment rest = MemorySegment.ofBuffer(buffer);
        return rest.isNative() ? rest.address() - buffer.position() : 0;
    }

    /** A thread's id, which no other thread ever has, whatever its class says. */
    public static long threadId(Thread thread) {
        return thread.threadId();
    }

    /** None: a virtual thread asks what it runs on by a downcall, which is quick. */
    public static MethodHandle carrierLookup() {
        return null;
    }

    /** A barrier on all threads, by the handshake that ends a segment which they could be using. */
    public static void handshake() {
        Arena.ofShared().close();
    }

    /*
     * ---- Words of a piece of memory. It is passed so that the compiler sees the constant segment. ----
     */

    private static MemorySegment of(Memory memory) {
        return NATIVE ? ALL : memory.segment;
    }

    /** As whole as any aligned long of a 64-bit JVM. */
    public static long getLong(Memory memory, long place) {
        return (long) LONG.get(of(memory), place & LONG_ADDRESS);
    }

    public static long getLongOpaque(Memory memory, long place) {
        return (long) LONG.getOpaque(of(memory), place & LONG_ADDRESS);
    }

    public static long getLongAcquire(Memory memory, long place) {
        return (long) LONG.getAcquire(of(memory), place & LONG_ADDRESS);
    }

    public static void setLong(Memory memory, long place, long value) {
        LONG.set(of(memory), place & LONG_ADDRESS, value);
    }

    public static void setLongOpaque(Memory memory, long place, long value) {
        LONG.setOpaque(of(memory), place & LONG_ADDRESS, value);
    }

    public static void setLongRelease(Memory memory, long place, long value) {
        LONG.setRelease(of(memory), place & LONG_ADDRESS, value);
    }

    /** Without a result, so that it compiles to a locked add. */
    public static void addLong(Memory memory, long place, long delta) {
        LONG.getAndAdd(of(memory), place & LONG_ADDRESS, delta);
    }

    public static long getAndSetLong(Memory memory, long place, long value) {
        return (long) LONG.getAndSet(of(memory), place & LONG_ADDRESS, value);
    }

    public static boolean compareAndSetLong(Memory memory, long place, long expected, long value) {
        return LONG.compareAndSet(of(memory), place & LONG_ADDRESS, expected, value);
    }

    /*
     * ---- Absolute memory ----
     */

    public static byte getByteOpaque(long address) {
        return (byte) BYTE.getOpaque(ALL, address & BYTE_ADDRESS);
    }

    public static byte getByteVolatile(long address) {
        return (byte) BYTE.getVolatile(ALL, address & BYTE_ADDRESS);
    }

    public static void setByteOpaque(long address, byte value) {
        BYTE.setOpaque(ALL, address & BYTE_ADDRESS, value);
    }

    public static void setByteRelease(long address, byte value) {
        BYTE.setRelease(ALL, address & BYTE_ADDRESS, value);
    }

    public static int getInt(long address) {
        return (int) INT.get(ALL, address & INT_ADDRESS);
    }

    public static int getIntOpaque(long address) {
        return (int) INT.getOpaque(ALL, address & INT_ADDRESS);
    }

    public static void setInt(long address, int value) {
        INT.set(ALL, address & INT_ADDRESS, value);
    }

    public static long getLong(long address) {
        return (long) LONG.get(ALL, address & LONG_ADDRESS);
    }

    public static long getLongOpaque(long address) {
        return (long) LONG.getOpaque(ALL, address & LONG_ADDRESS);
    }

    public static void setLong(long address, long value) {
        LONG.set(ALL, address & LONG_ADDRESS, value);
    }
}
