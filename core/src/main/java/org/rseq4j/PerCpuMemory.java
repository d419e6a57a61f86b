package org.rseq4j;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.rseq4j.internal.Ids;
import org.rseq4j.internal.Mapping;
import org.rseq4j.internal.MemoryAccess;
import org.rseq4j.internal.Words;

/**
 * Zeroed memory of one size for each CPU, and slots of 8-byte words inside it: one slot is the same words in every CPU's
 * part, its stride. Slots of different owners stand side by side, so a counter costs 8 bytes a CPU and no padding; the
 * padding is between the CPUs, whose strides share neither a cache line nor a pair of lines that are fetched together.
 *
 * <p>
 * A slot is its offset in the stride, in bytes. The strides are numbered from 0: one for each CPU below
 * {@link Rseq#cpuCount()}, and one more, used by {@link RestartableSequences} for threads that have no rseq area.
 *
 * <p>
 * Memory is reserved at once and used page by page, as CPUs first write to it. (Without the native library it is an array
 * of the Java heap.)
 *
 * <p>
 * Words follow one protocol each: what {@link RestartableSequences} writes is not written with {@link #add}, and the other
 * way round.
 *
 * <p>
 * After {@link #close()} every method throws IllegalStateException. The pages are given back at once, the addresses only
 * when nothing refers to the object any more: so a thread that is in the middle of an operation while another closes the
 * memory writes to a page that nobody reads, and nothing crashes. That costs one field load an operation, and at worst
 * the pages that such threads touch again. (The field is the bound that every offset is compared with anyway: closing sets
 * it to 0.)
 *
 * @since 0.1.0
 */
public final class PerCpuMemory implements AutoCloseable {
    /** A page: strides begin on one, so that a page belongs to one CPU. */
    private static final long PAGE = 4096;
    private static final long WORD = Long.BYTES;
    /** The CPUs whose words are added at a time. */
    private static final int WIDTH = 4;
    private static final int STRIDES = Rseq.cpuCount() + 1;

    private static final long MAGIC = 0x4d_43_50_34_51_45_53_52L; // "RSEQ4PCM" in the order of the bytes
    private static final int VERSION = 1;

    /** The system takes all threads of a process for one owner of a lock, which loses it when any of them closes the file. */
    private static final ReentrantLock MAPPING = new ReentrantLock();

    private final Mapping mapping;
    /** The place of CPU 0's first word. */
    final long base;
    /** From a word to the next CPU's. */
    final long stride;
    private final long bytesPerCpu;
    /** The words of each CPU; 0 when closed. */
    private volatile long words;

    private final Object lock = new Object();
    private final Map<Long, Integer> allocated = new HashMap<>();
    private final Map<Integer, Deque<Long>> freed = new HashMap<>();
    private long unused;

    static {
        MemoryAccess.install(new MemoryAccess() {
            @Override
            public Mapping mapping(PerCpuMemory memory) {
                return memory.mapping;
            }

            @Override
            public long stride(PerCpuMemory memory) {
                return memory.stride;
            }
        });
    }

    private PerCpuMemory(Mapping mapping, long bytesPerCpu) {
        this.mapping = mapping;
        this.base = mapping.base;
        this.bytesPerCpu = bytesPerCpu;
        this.stride = strideOf(bytesPerCpu);
        this.words = bytesPerCpu / WORD;
    }

    /**
     * Reserves memory of this process.
     *
     * @param bytesPerCpu the bytes for each CPU: positive, a multiple of 8
     * @return the memory, zeroed
     * @throws IllegalArgumentException when the size is not positive, not a multiple of 8 or too large
     * @throws OutOfMemoryError when the address space or the Java heap does not hold it
     */
    public static PerCpuMemory allocate(long bytesPerCpu) {
        return new PerCpuMemory(Mapping.anonymous(totalOf(bytesPerCpu)), bytesPerCpu);
    }

    /**
     * Maps a file, which is made (mode 0600) when it is not there or empty; otherwise its words keep what they had. Another
     * process may read it meanwhile. The file must not be truncated while it is mapped. Of several threads and processes
     * that come at once one makes it, and the others wait for that, by a lock on the file. What a process leaves behind that
     * dies while it makes a file is refused from then on, and must be deleted.
     *
     * @param file the file; symbolic links are not followed
     * @param bytesPerCpu the bytes for each CPU: positive, a multiple of 8
     * @return the memory
     * @throws IllegalArgumentException when the size is not positive, not a multiple of 8 or too large
     * @throws IOException when the file cannot be opened for writing, is truncated, or has another layout or version;
     *             a {@link ClosedByInterruptException} when the thread is interrupted
     */
    public static PerCpuMemory map(Path file, long bytesPerCpu) throws IOException {
        Objects.requireNonNull(file, "file");
        long total = Math.addExact(totalOf(bytesPerCpu), PAGE);
        try {
            MAPPING.lockInterruptibly();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw interrupted();
        }
        try {
            return mapAlone(file, bytesPerCpu, total);
        } finally {
            MAPPING.unlock();
        }
    }

    private static PerCpuMemory mapAlone(Path file, long bytesPerCpu, long total) throws IOException {
        try (FileChannel channel = FileChannel.open(file,
                Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE,
                        LinkOption.NOFOLLOW_LINKS),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
            lock(channel); // until it is closed
            ByteBuffer header = header(bytesPerCpu);
            if (channel.size() == 0) {
                // Blocks are taken now: a full disk is an IOException here, not a SIGBUS later. The header comes last.
                for (long at = PAGE; at < total; at += PAGE) {
                    write(channel, ByteBuffer.allocate((int) PAGE), at);
                }
                write(channel, header, 0);
            } else {
                check(file, channel, header, total);
            }
            return new PerCpuMemory(Mapping.file(channel, PAGE, total - PAGE), bytesPerCpu);
        }
    }

    /** Waits for other processes, and for copies of this class in other class loaders. */
    private static void lock(FileChannel channel) throws IOException {
        FileLock lock = null;
        while (lock == null) {
            try {
                lock = channel.lock();
            } catch (OverlappingFileLockException e) {
                LockSupport.parkNanos(1_000_000);
                if (Thread.currentThread().isInterrupted()) {
                    throw interrupted();
                }
            }
        }
    }

    /** What a channel throws while it waits. */
    private static IOException interrupted() {
        return new ClosedByInterruptException();
    }

    private static ByteBuffer header(long bytesPerCpu) {
        return ByteBuffer.allocate((int) PAGE).order(ByteOrder.nativeOrder()).putLong(MAGIC).putInt(VERSION)
                .putInt(STRIDES).putLong(bytesPerCpu).putLong(strideOf(bytesPerCpu)).position(0).limit((int) PAGE);
    }

    private static void write(FileChannel channel, ByteBuffer bytes, long at) throws IOException {
        long place = at;
        while (bytes.hasRemaining()) {
            place += channel.write(bytes, place);
        }
    }

    private static void check(Path file, FileChannel channel, ByteBuffer expected, long total) throws IOException {
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
        if (found.getInt(12) != STRIDES || found.getLong(16) != expected.getLong(16)
                || found.getLong(24) != expected.getLong(24)) {
            throw new IOException(file + " has another layout: " + (found.getInt(12) - 1) + " CPUs of "
                    + found.getLong(16) + " bytes, not " + (STRIDES - 1) + " of " + expected.getLong(16));
        }
        if (channel.size() < total) {
            throw new IOException(file + " is truncated: " + channel.size() + " bytes of " + total);
        }
    }

    private static long strideOf(long bytesPerCpu) {
        return (bytesPerCpu + PAGE - 1) / PAGE * PAGE;
    }

    private static long totalOf(long bytesPerCpu) {
        if (bytesPerCpu <= 0 || bytesPerCpu % WORD != 0) {
            throw new IllegalArgumentException("bytesPerCpu must be positive and a multiple of 8: " + bytesPerCpu);
        }
        long limit = (1L << 46) / STRIDES - PAGE; // half of what user space has on x86-64
        if (bytesPerCpu > limit) {
            throw new IllegalArgumentException("bytesPerCpu must be at most " + limit + ": " + bytesPerCpu);
        }
        return strideOf(bytesPerCpu) * STRIDES;
    }

    /** {@return the bytes of each CPU} */
    public long bytesPerCpu() {
        return bytesPerCpu;
    }

    /** {@return the number of strides: one for each CPU, and one more for threads without an rseq area} */
    public int strideCount() {
        return STRIDES;
    }

    /**
     * Takes a slot. Its words are 0 in every stride, but for a mapped file, where a slot that is taken for the first time
     * since the mapping keeps what the file had.
     *
     * @param words the number of its words
     * @return the slot: its offset in each stride, in bytes
     * @throws IllegalArgumentException when the number is not positive
     * @throws IllegalStateException when no room is left, or the memory is closed
     */
    public long allocateSlot(int words) {
        if (words <= 0) {
            throw new IllegalArgumentException("words must be positive: " + words);
        }
        synchronized (lock) {
            checkOpen();
            Deque<Long> reusable = freed.get(words);
            Long slot = reusable == null ? null : reusable.poll();
            if (slot == null) {
                if (words > (bytesPerCpu - unused) / WORD) {
                    throw new IllegalStateException("no room for " + words + " words: " + (bytesPerCpu - unused) / WORD
                            + " are left of " + bytesPerCpu / WORD);
                }
                slot = unused;
                unused += words * WORD;
            }
            allocated.put(slot, words);
            return slot;
        }
    }

    /**
     * Gives a slot back; its words become 0. Nobody may use it any more: what is written to it afterwards is found by its
     * next owner.
     *
     * @param slot what {@link #allocateSlot} returned
     * @throws IllegalArgumentException when that is not a slot of this memory, or was freed already
     * @throws IllegalStateException when the memory is closed
     */
    public void free(long slot) {
        synchronized (lock) {
            checkOpen();
            Integer words = allocated.remove(slot);
            if (words == null) {
                throw new IllegalArgumentException("not an allocated slot of this memory: " + slot);
            }
            for (int cpu = 0; cpu < STRIDES; cpu++) {
                for (int i = 0; i < words; i++) {
                    long place = place(cpu, slot + i * WORD);
                    if (Words.getOpaque(mapping.segment, place) != 0) { // an untouched page stays so
                        Words.setOpaque(mapping.segment, place, 0);
                    }
                }
            }
            freed.computeIfAbsent(words, w -> new ArrayDeque<>()).add(slot);
        }
    }

    /**
     * Adds to the current CPU's word, atomically.
     *
     * @param offset the word's offset in the stride, in bytes
     * @param delta what to add
     * @throws IndexOutOfBoundsException when the offset is not that of a word
     * @throws IllegalStateException when the memory is closed
     */
    public void add(long offset, long delta) {
        check(offset);
        Words.add(mapping.segment, place(Ids.cpuId(), offset), delta);
        Reference.reachabilityFence(this);
    }

    /**
     * Reads one CPU's word, as if by a volatile read.
     *
     * @param cpu the stride, below {@link #strideCount()}
     * @param offset the word's offset in the stride, in bytes
     * @return its value
     * @throws IndexOutOfBoundsException when there is no such CPU, or the offset is not that of a word
     * @throws IllegalStateException when the memory is closed
     */
    public long get(int cpu, long offset) {
        Objects.checkIndex(cpu, STRIDES);
        check(offset);
        long value = Words.getAcquire(mapping.segment, place(cpu, offset));
        Reference.reachabilityFence(this);
        return value;
    }

    /**
     * Sums a word over all strides. Not an atomic snapshot while others write; exact when they are done.
     *
     * @param offset the word's offset in the stride, in bytes
     * @return the sum; it wraps around
     * @throws IndexOutOfBoundsException when the offset is not that of a word
     * @throws IllegalStateException when the memory is closed
     */
    public long sum(long offset) {
        check(offset);
        long sum = 0;
        for (int cpu = 0; cpu < STRIDES; cpu++) {
            sum += Words.getAcquire(mapping.segment, place(cpu, offset));
        }
        Reference.reachabilityFence(this);
        return sum;
    }

    /**
     * Sums many words over all strides, in one pass over the memory in address order.
     *
     * @param from the first word's offset in the stride, in bytes
     * @param sums is filled with the sums of as many words that follow one another
     * @throws IndexOutOfBoundsException when the words are not all inside the stride
     * @throws IllegalStateException when the memory is closed
     */
    public void sums(long from, long[] sums) {
        if (sums.length == 0) {
            return;
        }
        check(from);
        check(from + (sums.length - 1) * WORD);
        sums(mapping.segment, place(0, from), stride, STRIDES, sums);
        Reference.reachabilityFence(this);
    }

    /** Several strides at a time: fewer loads and stores of the sums than stride by stride. */
    static void sums(MemorySegment segment, long first, long stride, int strides, long[] sums) {
        int added = strides % WIDTH;
        switch (added) {
            case 0 -> Arrays.fill(sums, 0);
            case 1 -> {
                for (int i = 0; i < sums.length; i++) {
                    sums[i] = Words.get(segment, first + i * WORD);
                }
            }
            case 2 -> {
                long second = first + stride;
                for (int i = 0; i < sums.length; i++) {
                    sums[i] = Words.get(segment, first + i * WORD) + Words.get(segment, second + i * WORD);
                }
            }
            default -> {
                long second = first + stride;
                long third = second + stride;
                for (int i = 0; i < sums.length; i++) {
                    sums[i] = Words.get(segment, first + i * WORD) + Words.get(segment, second + i * WORD)
                            + Words.get(segment, third + i * WORD);
                }
            }
        }
        for (; added < strides; added += WIDTH) {
            addFour(segment, first + added * stride, stride, sums);
        }
    }

    private static void addFour(MemorySegment segment, long first, long stride, long[] sums) {
        long second = first + stride;
        long third = second + stride;
        long fourth = third + stride;
        for (int i = 0; i < sums.length; i++) {
            sums[i] += Words.get(segment, first + i * WORD) + Words.get(segment, second + i * WORD)
                    + Words.get(segment, third + i * WORD) + Words.get(segment, fourth + i * WORD);
        }
    }

    /**
     * Sums the words of many slots over all strides, in one pass over the memory.
     *
     * @param offsets the words' offsets in the stride, in bytes; in ascending order the pass is in address order, which is
     *            fastest
     * @param sums is filled with their sums, in the same order
     * @throws IllegalArgumentException when the arrays differ in length
     * @throws IndexOutOfBoundsException when an offset is not that of a word
     * @throws IllegalStateException when the memory is closed
     */
    public void sums(long[] offsets, long[] sums) {
        if (offsets.length != sums.length) {
            throw new IllegalArgumentException(offsets.length + " offsets, but room for " + sums.length + " sums");
        }
        for (long offset : offsets) {
            check(offset);
        }
        Arrays.fill(sums, 0);
        for (int cpu = 0; cpu < STRIDES; cpu++) {
            for (int i = 0; i < sums.length; i++) {
                // Again: the array is the caller's, who may have changed it.
                long place = place(cpu, check(offsets[i]));
                sums[i] += Words.getOpaque(mapping.segment, place);
            }
        }
        Reference.reachabilityFence(this);
    }

    /** Gives the memory back. A mapped file keeps its contents. No effect when closed already. */
    @Override
    public void close() {
        synchronized (lock) {
            if (words != 0) {
                words = 0;
                mapping.discard();
            }
        }
    }

    /** Checks an offset and that the memory is open, by one comparison: rotated, what is no multiple of 8 is large. */
    long check(long offset) {
        long bound = words;
        if (Long.compareUnsigned(Long.rotateRight(offset, 3), bound) >= 0) {
            throw refusal(offset);
        }
        return offset;
    }

    /** Checks that a stack is inside the stride, and that the memory is open. */
    void checkStack(long stack, int capacity) {
        long bound = words;
        long place = Long.rotateRight(stack, 3);
        if (Long.compareUnsigned(place, bound) >= 0) {
            throw refusal(stack);
        }
        if (capacity <= 0 || capacity >= bound - place) {
            throw new IndexOutOfBoundsException("a stack of " + capacity + " words at " + stack
                    + " is not inside the stride of " + bytesPerCpu + " bytes");
        }
    }

    private RuntimeException refusal(long offset) {
        return offset < 0 || offset > bytesPerCpu - WORD || (offset & WORD - 1) != 0
                ? new IndexOutOfBoundsException(
                        "offset must be a multiple of 8 below " + bytesPerCpu + ": " + offset)
                : closed();
    }

    private void checkOpen() {
        if (words == 0) {
            throw closed();
        }
    }

    private static RuntimeException closed() {
        return new IllegalStateException("this PerCpuMemory is closed");
    }

    Mapping mapping() {
        return mapping;
    }

    private long place(int cpu, long offset) {
        return base + cpu * stride + offset;
    }
}
