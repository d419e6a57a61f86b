// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.linux.NativeCalls;
import org.rseq4j.internal.linux.NativeLibrary;

/**
 * Zeroed memory that stays addressable until the last reference to it is gone: with the native library, pages that
 * nobody touches are not used, and an access is one instruction at an absolute address; without it, an array of the
 * Java heap.
 */
public final class Mapping {
    /** Stays mapped as long as this is reachable. */
    final Memory memory;
    /** The place of the first byte. */
    public final long base;
    /** In bytes. */
    public final long size;

    /**
     * Whether it is a file's. Then its words are changed by Java's own accesses alone: when somebody truncates the file
     * they throw an InternalError, where a restartable sequence would end the process.
     */
    public final boolean isFile;
    private final boolean anonymous;
    private final AtomicReference<StrideLock[]> locks = new AtomicReference<>(new StrideLock[0]);

    private enum Kind {
        HEAP, ANONYMOUS, FILE
    }

    private Mapping(Memory memory, long size, Kind kind) {
        this.memory = memory;
        this.base = memory.base;
        this.size = size;
        this.anonymous = kind == Kind.ANONYMOUS;
        this.isFile = kind == Kind.FILE;
    }

    /** Initializes what memory, files' too, is made of. */
    public static void initialize() {
        anonymous(Long.BYTES).discard();
        new StrideLock().unlock();
    }

    /**
     * Zeroed memory of this process.
     *
     * @throws OutOfMemoryError when there is none
     */
    public static Mapping anonymous(long size) {
        boolean isNative = NativeLibrary.isAvailable();
        return new Mapping(isNative ? anonymousOrWait(size) : Memory.anonymous(size), size,
                isNative ? Kind.ANONYMOUS : Kind.HEAP);
    }

    /** Part of an open file, which must be as long as that. */
    public static Mapping file(FileChannel file, long offset, long size) throws IOException {
        return new Mapping(Memory.ofFile(file, offset, size), size, Kind.FILE);
    }

    /** Gives the pages back to the system. The memory stays addressable and reads as zero; a file's is left alone. */
    public void discard() {
        discard(0, size);
    }

    /** {@link #discard()} for a part of it, whole pages from {@link #base}. */
    public void discard(long offset, long length) {
        if (anonymous) {
            int ignored = NativeCalls.discard(place(offset, length), length);
            // Else the collector could find this unreachable during the call, and the addresses be another mapping's.
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Makes each page writable now, so that no later write finds a disk full.
     *
     * @return whether that is so; false where the system has no such call
     * @throws IOException when a file has no block somewhere, and its disk no room for one
     */
    public boolean populate() throws IOException {
        int error = isNative() ? NativeCalls.populate(base, size) : -Abi.ENOSYS;
        Reference.reachabilityFence(this);
        if (error == -Abi.EFAULT) {
            throw new IOException("a page cannot be written");
        }
        return error == 0;
    }

    /** Asks for huge pages in a part of it; no effect where the system has none or decides itself. */
    public void adviseHugePages(long offset, long length) {
        if (anonymous) {
            int ignored = NativeCalls.adviseHugePages(place(offset, length), length);
            Reference.reachabilityFence(this);
        }
    }

    private long place(long offset, long length) {
        return base + Objects.checkFromIndexSize(offset, length, size);
    }

    /** The lock of the stacks of a stride. */
    public StrideLock lock(int stride) {
        StrideLock[] all = locks.get();
        while (stride >= all.length || all[stride] == null) { // nobody waits for a thread that stops here
            StrideLock[] more = Arrays.copyOf(all, Math.max(all.length, stride + 1));
            more[stride] = new StrideLock();
            all = locks.compareAndSet(all, more) ? more : locks.get();
        }
        return all[stride];
    }

    /** Whether {@link #anonymous} gives memory outside of the Java heap. */
    public static boolean isNative() {
        return NativeLibrary.isAvailable();
    }

    /** What nobody refers to any more is unmapped only when the collector has seen that. */
    private static Memory anonymousOrWait(long size) {
        CollectorWait wait = new CollectorWait();
        while (true) {
            try {
                return Memory.anonymous(size);
            } catch (OutOfMemoryError e) {
                if (!wait.sleep()) {
                    throw e;
                }
            }
        }
    }
}
