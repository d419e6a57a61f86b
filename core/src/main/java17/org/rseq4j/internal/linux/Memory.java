// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.lang.reflect.Field;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.atomic.AtomicLong;
import sun.misc.Unsafe;

/**
 * Memory access before Java 22: words of a piece of memory by their places, which are addresses, and absolute memory.
 * The class of this name for Java 22 and later says what holds for both.
 *
 * <p>
 * Where {@link Unsafe} has no access of the strength that is asked for, it is the next stronger one.
 */
public final class Memory {
    private static final Unsafe UNSAFE = unsafe();
    private static final long BUFFER_ADDRESS = UNSAFE.objectFieldOffset(field(Buffer.class, "address"));
    /** Negative on a JVM whose threads have no such field. */
    private static final long THREAD_ID = threadIdOffset();
    /**
     * The JDK's thread; what it gets consists of the JDK's objects alone, or it would keep our class loader. Made when
     * it is first needed, again and again while no thread can be had.
     */
    private static Cleaner cleaner;
    /** (AtomicLong)void: frees the memory there, once. */
    private static final MethodHandle FREE = free();
    private static final long PAGE = UNSAFE.pageSize();

    /** The place of the first byte. */
    public final long base;
    /** Keeps the memory: an object of the JDK. */
    private final Object owner;

    private Memory(long base, Object owner) {
        this.base = base;
        this.owner = owner;
    }

    private static Unsafe unsafe() {
        try {
            Field field = field(Unsafe.class, "theUnsafe");
            field.setAccessible(true);
            return (Unsafe) field.get(null);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("no sun.misc.Unsafe", e);
        }
    }

    private static long threadIdOffset() {
        try {
            return UNSAFE.objectFieldOffset(field(Thread.class, "tid"));
        } catch (LinkageError e) {
            return -1;
        }
    }

    private static Field field(Class<?> type, String name) {
        try {
            return type.getDeclaredField(name);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(type + " without " + name, e);
        }
    }

    private static MethodHandle free() {
        try {
            MethodHandles.Lookup lookup = MethodHandles.publicLookup();
            MethodHandle free = lookup.findVirtual(Unsafe.class, "freeMemory",
                    MethodType.methodType(void.class, long.class)).bindTo(UNSAFE);
            MethodHandle take = lookup.findVirtual(AtomicLong.class, "getAndSet",
                    MethodType.methodType(long.class, long.class));
            return MethodHandles.filterArguments(free, 0, MethodHandles.insertArguments(take, 1, 0L));
        } catch (ReflectiveOperationException e) {
            throw new LinkageError("no Unsafe.freeMemory", e);
        }
    }

    private static synchronized Cleaner cleaner() {
        if (cleaner == null) {
            cleaner = Cleaner.create();
        }
        return cleaner;
    }

    /**
     * An action of the JDK's objects alone, also the class loader that its class gets: the context's, or the system's.
     */
    private static Runnable action(MethodHandle action) {
        Thread thread = Thread.currentThread();
        ClassLoader loader = thread.getContextClassLoader();
        if (loader == null || loader == ClassLoader.getSystemClassLoader()) {
            return MethodHandleProxies.asInterfaceInstance(Runnable.class, action);
        }
        thread.setContextClassLoader(loader); // so that there is stack for this at the end
        thread.setContextClassLoader(null);
        try {
            return MethodHandleProxies.asInterfaceInstance(Runnable.class, action);
        } finally {
            thread.setContextClassLoader(loader);
        }
    }

    /**
     * Zeroed memory that is freed, by a thread of the JDK's, when nothing refers to it. With the native library a page
     * of it is not used before it is touched.
     *
     * @throws OutOfMemoryError when there is none
     */
    public static Memory anonymous(long size) {
        long whole = size + PAGE - 1 & -PAGE;
        AtomicLong allocated = new AtomicLong();
        Object owner = new Object();
        Runnable free = action(FREE.bindTo(allocated));
        try {
            long address = UNSAFE.allocateMemory(whole + PAGE);
            allocated.set(address);
            long base = address + PAGE - 1 & -PAGE;
            if (!NativeLibrary.isAvailable() || NativeCalls.discard(base, whole) != 0) {
                UNSAFE.setMemory(base, whole, (byte) 0);
            }
            cleaner().register(owner, free);
            return new Memory(base, owner);
        } catch (Throwable e) {
            UNSAFE.freeMemory(allocated.getAndSet(0));
            throw e;
        }
    }

    /** Part of an open file, which must be as long as that; it stays mapped as long as this is reachable. */
    public static Memory ofFile(FileChannel file, long offset, long size) throws IOException {
        if (size > Integer.MAX_VALUE) {
            throw new IOException("a mapped file of " + size + " bytes needs Java 22");
        }
        ByteBuffer mapped = file.map(FileChannel.MapMode.READ_WRITE, offset, size);
        return new Memory(address(mapped), mapped);
    }

    /**
     * A part of mapped memory as what this Java hands out: a direct buffer, of 2 GiB - 1 at most. It stays mapped as
     * long as the buffer, or one that was made of it, is reachable.
     */
    public Object part(long offset, long length) {
        ByteBuffer buffer = NativeCalls.bufferAt(base + offset, (int) Math.min(length, Integer.MAX_VALUE));
        // The action keeps the owner as long as the buffer is there, or what refers to the buffer.
        cleaner().register(buffer, action(MethodHandles.empty(MethodType.methodType(void.class, Object.class))
                .bindTo(owner)));
        Reference.reachabilityFence(this);
        return buffer;
    }

    /** Where a direct buffer's first byte is, whatever its position; 0 when it is of the Java heap. */
    public static long address(ByteBuffer buffer) {
        return buffer.isDirect() ? UNSAFE.getLong(buffer, BUFFER_ADDRESS) : 0;
    }

    /** A thread's id, which no other thread ever has, whatever its class says; threadId() came with Java 19. */
    public static long threadId(Thread thread) {
        return THREAD_ID >= 0 ? UNSAFE.getLong(thread, THREAD_ID) : thread.getId();
    }

    /**
     * {@code Thread.currentCarrierThread()}, which tells a virtual thread what it runs on; null where there is none.
     * The JDK keeps it for itself; but without it each look-up is a native call, which is dear here.
     */
    public static MethodHandle carrierLookup() {
        try {
            Field all = field(MethodHandles.Lookup.class, "IMPL_LOOKUP");
            var lookup = (MethodHandles.Lookup) UNSAFE.getObject(UNSAFE.staticFieldBase(all),
                    UNSAFE.staticFieldOffset(all));
            return lookup.findStatic(Thread.class, "currentCarrierThread", MethodType.methodType(Thread.class));
        } catch (ReflectiveOperationException | LinkageError e) {
            return null;
        }
    }

    /** A barrier on all threads, by the stop that a look at all stacks makes. */
    public static void handshake() {
        Thread.getAllStackTraces();
    }

    /*
     * ---- Words of a piece of memory ----
     */

    /** As whole as any aligned long of a 64-bit JVM. */
    public static long getLong(Memory memory, long place) {
        return UNSAFE.getLong(place);
    }

    public static long getLongOpaque(Memory memory, long place) {
        return UNSAFE.getLongVolatile(null, place);
    }

    public static long getLongAcquire(Memory memory, long place) {
        return UNSAFE.getLongVolatile(null, place);
    }

    public static void setLong(Memory memory, long place, long value) {
        UNSAFE.putLong(place, value);
    }

    public static void setLongOpaque(Memory memory, long place, long value) {
        UNSAFE.putOrderedLong(null, place, value);
    }

    public static void setLongRelease(Memory memory, long place, long value) {
        UNSAFE.putOrderedLong(null, place, value);
    }

    /** Without a result, so that it compiles to a locked add. */
    public static void addLong(Memory memory, long place, long delta) {
        UNSAFE.getAndAddLong(null, place, delta);
    }

    public static long getAndSetLong(Memory memory, long place, long value) {
        return UNSAFE.getAndSetLong(null, place, value);
    }

    public static boolean compareAndSetLong(Memory memory, long place, long expected, long value) {
        return UNSAFE.compareAndSwapLong(null, place, expected, value);
    }

    /*
     * ---- Absolute memory ----
     */

    public static byte getByteOpaque(long address) {
        return UNSAFE.getByteVolatile(null, address);
    }

    public static byte getByteVolatile(long address) {
        return UNSAFE.getByteVolatile(null, address);
    }

    /** Between fences, so that the compiler neither moves it nor takes two for one. */
    public static void setByteOpaque(long address, byte value) {
        UNSAFE.storeFence();
        UNSAFE.putByte(address, value);
        UNSAFE.storeFence();
    }

    /** By no call more than the opaque one: where there was stack to request, there must be for the request's end. */
    public static void setByteRelease(long address, byte value) {
        UNSAFE.storeFence(); // orders earlier loads and stores
        UNSAFE.putByte(address, value);
        UNSAFE.storeFence();
    }

    public static int getInt(long address) {
        return UNSAFE.getInt(address);
    }

    public static int getIntOpaque(long address) {
        return UNSAFE.getIntVolatile(null, address);
    }

    public static void setInt(long address, int value) {
        UNSAFE.putInt(address, value);
    }

    public static long getLong(long address) {
        return UNSAFE.getLong(address);
    }

    public static long getLongOpaque(long address) {
        return UNSAFE.getLongVolatile(null, address);
    }

    public static void setLong(long address, long value) {
        UNSAFE.putLong(address, value);
    }
}
