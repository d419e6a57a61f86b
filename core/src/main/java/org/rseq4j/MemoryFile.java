// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.OwnerOnly;
import org.rseq4j.internal.memory.Words;
import org.rseq4j.internal.thread.Headroom;

/**
 * The file of a {@link PerCpuMemory}: a page with the header, then the strides.
 *
 * @param mapping its strides
 * @param strides how many
 */
record MemoryFile(Mapping mapping, int strides) {
    private static final int PAGE = 4096;
    private static final long MAGIC = 0x4d_43_50_34_51_45_53_52L; // "RSEQ4PCM" in the order of the bytes
    /** In its place until the file is complete: whoever finds it, with the lock, makes the file anew. */
    private static final long UNFINISHED = 0x3f_43_50_34_51_45_53_52L; // "RSEQ4PC?"
    private static final int VERSION = 1;
    private static final String NO_BLOCKS = " has fewer blocks than bytes, and the disk no room for them";
    private static final int MAX_STRIDES = 1 << 16;
    private static final long RETRY_NANOS = 1_000_000;

    /**
     * The files that a thread of this process opens now. The system takes all threads of a process for one owner of a
     * lock, which loses it when any of them closes the file.
     */
    private static final Set<Path> OPENING = ConcurrentHashMap.newKeySet();

    /** Does nothing, but initializes this class. */
    static void initialize() {
        // see above
    }

    /** As {@link PerCpuMemory#map}. */
    static MemoryFile open(Path file, long bytesPerCpu, long stride) throws IOException {
        Path name = file.toAbsolutePath().normalize();
        Headroom.ensure(); // for what must be undone
        while (!OPENING.add(name)) {
            pause();
        }
        try {
            return openAlone(file, bytesPerCpu, stride);
        } finally {
            OPENING.remove(name);
        }
    }

    private static MemoryFile openAlone(Path file, long bytesPerCpu, long stride) throws IOException {
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS) && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(file + " is not a regular file"); // a device would be written to, and then refused
        }
        try (FileChannel channel = FileChannel.open(file,
                Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE,
                        LinkOption.NOFOLLOW_LINKS),
                OwnerOnly.attributes(file))) {
            lock(channel); // until it is closed
            boolean isNew = channel.size() == 0 || isUnfinished(channel);
            int strides = isNew ? Rseq.cpuCount() + 1 : check(file, channel, bytesPerCpu, stride);
            if (isNew) {
                make(channel, bytesPerCpu, stride, strides);
            }
            var mapping = Mapping.file(channel, PAGE, stride * strides);
            if (!isNew) {
                takeBlocks(file, mapping);
            }
            return new MemoryFile(mapping, strides);
        }
    }

    /**
     * Waits for other processes, and for copies of this class in other class loaders. By trying: of a thread that waits
     * the system thinks that all of its process do, and sees a deadlock where two processes open two files each.
     */
    private static void lock(FileChannel channel) throws IOException {
        while (!isLocked(channel)) {
            pause();
        }
    }

    private static boolean isLocked(FileChannel channel) throws IOException {
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    private static void pause() throws IOException {
        LockSupport.parkNanos(RETRY_NANOS);
        if (Thread.currentThread().isInterrupted()) {
            throw new ClosedByInterruptException(); // what a channel throws while it waits
        }
    }

    private static boolean isUnfinished(FileChannel channel) throws IOException {
        ByteBuffer magic = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder());
        while (magic.hasRemaining() && channel.read(magic, magic.position()) >= 0) {
            continue;
        }
        return !magic.hasRemaining() && magic.getLong(0) == UNFINISHED;
    }

    /** Writes all blocks: a full disk is an IOException now, and has its room again. The header comes last. */
    private static void make(FileChannel channel, long bytesPerCpu, long stride, int strides) throws IOException {
        boolean isComplete = false;
        try {
            channel.truncate(0);
            write(channel, page().putLong(UNFINISHED).position(0), 0);
            long total = PAGE + stride * strides;
            for (long at = PAGE; at < total; at += PAGE) {
                write(channel, page(), at);
            }
            write(channel, page().putLong(MAGIC).putInt(VERSION).putInt(strides).putLong(bytesPerCpu).putLong(stride)
                    .position(0), 0);
            isComplete = true;
        } finally {
            if (!isComplete && channel.isOpen()) { // an interrupt closes it
                channel.truncate(0);
            }
        }
    }

    private static ByteBuffer page() {
        return ByteBuffer.allocate(PAGE).order(ByteOrder.nativeOrder());
    }

    private static void write(FileChannel channel, ByteBuffer bytes, long at) throws IOException {
        long place = at;
        while (bytes.hasRemaining()) {
            place += channel.write(bytes, place);
        }
    }

    /** The number of strides of a file that is there. */
    private static int check(Path file, FileChannel channel, long bytesPerCpu, long stride) throws IOException {
        ByteBuffer found = ByteBuffer.allocate(32).order(ByteOrder.nativeOrder());
        while (found.hasRemaining() && channel.read(found, found.position()) >= 0) {
            continue;
        }
        if (found.hasRemaining() || found.getLong(0) != MAGIC) {
            throw new IOException(file + " is not a file of per-CPU memory");
        }
        if (found.getInt(8) != VERSION) {
            throw new IOException(file + " has version " + found.getInt(8) + ", this library reads " + VERSION);
        }
        int strides = found.getInt(12);
        if (strides < 2 || strides > MAX_STRIDES || found.getLong(16) != bytesPerCpu || found.getLong(24) != stride) {
            throw new IOException(file + " has another layout: " + strides + " strides of " + found.getLong(16)
                    + " bytes, not some of " + bytesPerCpu);
        }
        if ((channel.size() - PAGE) / strides < stride) {
            throw new IOException(
                    file + " is truncated: " + channel.size() + " bytes, of " + strides + " times " + stride);
        }
        return strides;
    }

    /** A sparse file, as a backup may have restored it, gets the blocks that it lacks. */
    private static void takeBlocks(Path file, Mapping mapping) throws IOException {
        boolean isKnown;
        try {
            isKnown = mapping.populate();
        } catch (IOException e) {
            throw new IOException(file + NO_BLOCKS, e);
        }
        if (!isKnown) {
            writeWhatIsThere(file, mapping);
        }
    }

    /**
     * Where the system makes no pages writable (Linux before 5.14, no native library). The JVM does not guard an atomic
     * instruction that it interprets, so a disk that fills up here would end the process: there has to be room for all.
     */
    private static void writeWhatIsThere(Path file, Mapping mapping) throws IOException {
        long free = Files.getFileStore(file).getUsableSpace();
        if (free < mapping.size) {
            throw new IOException(file + " may have fewer blocks than bytes, and the disk has room for " + free
                    + " bytes, not for all " + mapping.size);
        }
        try {
            touch(mapping);
            Thread.yield(); // compiled code learns of a fault when it next looks, which it does here
        } catch (InternalError e) {
            throw new IOException(file + NO_BLOCKS, e);
        }
    }

    private static void touch(Mapping mapping) {
        for (long at = 0; at < mapping.size; at += PAGE) {
            Words.add(mapping, mapping.base + at, 0);
        }
    }
}
