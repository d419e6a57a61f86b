// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.MemoryAccess;
import org.rseq4j.internal.memory.Words;
import org.rseq4j.internal.sequence.AtomicSequences;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.internal.thread.FirstUse;
import org.rseq4j.internal.thread.Ids;

/**
 * Zeroed memory of one size for each CPU, and slots of 8-byte words inside it: one slot is the same words in every
 * CPU's part, its stride. Slots of different owners stand side by side, so a counter costs 8 bytes a CPU and no
 * padding; the padding is between the CPUs, whose strides share neither a cache line nor a pair of lines that are
 * fetched together.
 *
 * <p>
 * A slot is its offset in the stride, in bytes. The strides are numbered from 0: one for each CPU below
 * {@link Rseq#cpuCount()}, and one more, used by {@link RestartableSequences} for threads that have no rseq area. A
 * file's number of strides is its own.
 *
 * <p>
 * Memory is reserved at once and used page by page, as CPUs first write to it. (Without the native library it is an
 * array of the Java heap.)
 *
 * <p>
 * Words follow one protocol each: what {@link RestartableSequences} writes is not written with {@link #add}, and the
 * other way round.
 *
 * <p>
 * After {@link #close()} every method throws IllegalStateException. The pages are given back at once, the addresses
 * only when nothing refers to the object any more: so a thread that is in the middle of an operation while another
 * closes the memory writes to a page that nobody reads, and nothing crashes. That costs one field load an operation,
 * and at worst the pages that such threads touch again. (The field is the bound that every offset is compared with
 * anyway: closing sets it to 0.)
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before it changed a word happens before what another does after a
 * {@link #get} or {@link #sum} that found the change.
 *
 * @since 0.1.0
 */
public final class PerCpuMemory implements AutoCloseable {
    /** A page: strides begin on one, so that a page belongs to one CPU. */
    private static final long PAGE = 4096;
    private static final long WORD = Long.BYTES;
    /** The CPUs whose words are added at a time. */
    private static final int WIDTH = 4;

    private final Mapping mapping;
    /** The place of CPU 0's first word. */
    final long base;
    /** From a word to the next CPU's. */
    final long stride;
    /** Whether its words are a file's, which no sequence touches. */
    final boolean isFile;
    private final int strides;
    private final long bytesPerCpu;
    /** The words of each CPU; 0 when closed. */
    private volatile long words;

    /** Its lock is the slots'. */
    private final SlotAllocator slots;

    /** Volatile: who finds it true finds what was installed. */
    private static volatile boolean initialized;

    /** What this and {@link RestartableSequences} are made of, so that no operation is the first to initialize it. */
    static void initialize() {
        if (!initialized) {
            FirstUse.prepare();
            Sequences.initialize();
            Mapping.initialize();
            Access.initialize();
            MemoryFile.initialize();
            RestartableSequences.initialize();
            initialized = true;
        }
    }

    private static final class Access extends MemoryAccess {
        static {
            install(new Access());
        }

        static void initialize() {
            // see above
        }

        @Override
        public Mapping mapping(Object perCpuMemory) {
            return ((PerCpuMemory) perCpuMemory).mapping;
        }

        @Override
        public long stride(Object perCpuMemory) {
            return ((PerCpuMemory) perCpuMemory).stride;
        }
    }

    private PerCpuMemory(Mapping mapping, long bytesPerCpu, int strides) {
        this.mapping = mapping;
        this.base = mapping.base;
        this.isFile = mapping.isFile;
        this.bytesPerCpu = bytesPerCpu;
        this.strides = strides;
        this.stride = strideOf(bytesPerCpu);
        this.slots = new SlotAllocator(bytesPerCpu / WORD);
        this.words = bytesPerCpu / WORD;
    }

    /**
     * Reserves memory of this process. Where no addresses are left, it waits up to eight seconds for those of closed
     * memory that nothing refers to any more; less than one second where explicit collections are disabled.
     *
     * @param bytesPerCpu the bytes for each CPU: positive, a multiple of 8
     * @return the memory, zeroed
     * @throws IllegalArgumentException when the size is not positive, not a multiple of 8 or too large
     * @throws OutOfMemoryError when the address space or the Java heap does not hold it
     */
    public static PerCpuMemory allocate(long bytesPerCpu) {
        initialize();
        int strides = Rseq.cpuCount() + 1;
        return new PerCpuMemory(Mapping.anonymous(totalOf(bytesPerCpu, strides)), bytesPerCpu, strides);
    }

    /**
     * Maps a file. A file that does not exist or is empty is created, readable and writable by its owner only; the
     * words of an existing one keep their values. Another process may read it meanwhile. When several threads and
     * processes call this at once, one creates the file and the others wait for it by a lock on the file. A file that
     * was not completed, as the thread that created it was interrupted, met an error or died, is created anew.
     *
     * <p>
     * The number of strides is stored in the file: the number of CPUs of the machine that created it, and one more. On
     * a machine with more CPUs some of them share strides. All blocks are allocated now, also those of a sparse file,
     * so a full disk is an exception here and no fault later. The words are changed by Java's atomic instructions, by
     * {@link RestartableSequences} too: when somebody truncates the file, an operation behind its end throws an
     * InternalError, at once or a little later, and the process goes on; before Java 22 it may end.
     *
     * @param file the file; symbolic links are not followed
     * @param bytesPerCpu the bytes for each CPU: positive, a multiple of 8
     * @return the memory
     * @throws IllegalArgumentException when the size is not positive, not a multiple of 8 or too large
     * @throws IOException when the file cannot be opened for writing, is no regular file, is truncated, has another
     *             layout or version, or the disk is full (before Linux 5.14 and without the native library: or has less
     *             room than an existing file's size); a {@link java.nio.channels.ClosedByInterruptException} when the
     *             thread is interrupted
     */
    public static PerCpuMemory map(Path file, long bytesPerCpu) throws IOException {
        Objects.requireNonNull(file, "file");
        initialize();
        totalOf(bytesPerCpu, Rseq.cpuCount() + 1);
        MemoryFile made = MemoryFile.open(file, bytesPerCpu, strideOf(bytesPerCpu));
        return new PerCpuMemory(made.mapping(), bytesPerCpu, made.strides());
    }

    private static long strideOf(long bytesPerCpu) {
        return (bytesPerCpu + PAGE - 1) / PAGE * PAGE;
    }

    private static long totalOf(long bytesPerCpu, int strides) {
        if (bytesPerCpu <= 0 || bytesPerCpu % WORD != 0) {
            throw new IllegalArgumentException("bytesPerCpu must be positive and a multiple of 8: " + bytesPerCpu);
        }
        long limit = (1L << 46) / strides - PAGE; // half of what user space has on x86-64
        if (bytesPerCpu > limit) {
            throw new IllegalArgumentException("bytesPerCpu must be at most " + limit + ": " + bytesPerCpu);
        }
        return strideOf(bytesPerCpu) * strides;
    }

    /** {@return the bytes of each CPU} */
    public long bytesPerCpu() {
        return bytesPerCpu;
    }

    /**
     * {@return the number of strides: one for each CPU, and one more for threads without an rseq area; of a file, that
     * of where the file was made}
     */
    public int strideCount() {
        return strides;
    }

    /**
     * Takes a slot. Its words are 0 in every stride, but for a mapped file, where a slot that is taken for the first
     * time since the mapping keeps what the file had.
     *
     * @param words the number of its words
     * @return the slot: its offset in each stride, in bytes
     * @throws IllegalArgumentException when the number is not positive
     * @throws IllegalStateException when no room is left, or the memory is closed
     */
    public long allocateSlot(int words) {
        synchronized (slots) {
            checkOpen();
            return slots.allocate(words);
        }
    }

    /**
     * Gives a slot back; its words become 0. Nobody may use it any more: what is written to it afterwards is found by
     * its next owner.
     *
     * @param slot what {@link #allocateSlot} returned
     * @throws IllegalArgumentException when that is not a slot of this memory, or was freed already
     * @throws IllegalStateException when the memory is closed
     */
    public void free(long slot) {
        synchronized (slots) {
            checkOpen();
            Long key = slot;
            int words = slots.wordsOf(key);
            SlotAllocator.Freed room = slots.roomFor(words); // from here on nothing is thrown
            for (int cpu = 0; cpu < strides; cpu++) {
                for (int i = 0; i < words; i++) {
                    long place = place(cpu, slot + i * WORD);
                    if (Words.getOpaque(mapping, place) != 0) { // an untouched page stays so
                        Words.setOpaque(mapping, place, 0);
                    }
                }
            }
            slots.free(key, room);
        }
        Reference.reachabilityFence(this);
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
        Words.add(mapping, place(within(Ids.cpuId()), offset), delta);
        Reference.reachabilityFence(this);
    }

    /**
     * Reads one CPU's word, as an acquire: what was done before the value was stored or added is visible then.
     *
     * @param cpu the stride, below {@link #strideCount()}
     * @param offset the word's offset in the stride, in bytes
     * @return its value
     * @throws IndexOutOfBoundsException when there is no such CPU, or the offset is not that of a word
     * @throws IllegalStateException when the memory is closed
     */
    public long get(int cpu, long offset) {
        Objects.checkIndex(cpu, strides);
        check(offset);
        long value = Words.getAcquire(mapping, place(cpu, offset));
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
        for (int cpu = 0; cpu < strides; cpu++) {
            sum += Words.getAcquire(mapping, place(cpu, offset));
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
        sums(mapping, place(0, from), stride, strides, sums);
        Reference.reachabilityFence(this);
    }

    /** Several strides at a time: fewer loads and stores of the sums than stride by stride. */
    static void sums(Mapping mapping, long first, long stride, int strides, long[] sums) {
        int added = strides % WIDTH;
        switch (added) {
            case 0 -> Arrays.fill(sums, 0);
            case 1 -> {
                for (int i = 0; i < sums.length; i++) {
                    sums[i] = Words.get(mapping, first + i * WORD);
                }
            }
            case 2 -> {
                long second = first + stride;
                for (int i = 0; i < sums.length; i++) {
                    sums[i] = Words.get(mapping, first + i * WORD) + Words.get(mapping, second + i * WORD);
                }
            }
            default -> {
                long second = first + stride;
                long third = second + stride;
                for (int i = 0; i < sums.length; i++) {
                    sums[i] = Words.get(mapping, first + i * WORD) + Words.get(mapping, second + i * WORD)
                            + Words.get(mapping, third + i * WORD);
                }
            }
        }
        for (; added < strides; added += WIDTH) {
            addFour(mapping, first + added * stride, stride, sums);
        }
    }

    private static void addFour(Mapping mapping, long first, long stride, long[] sums) {
        long second = first + stride;
        long third = second + stride;
        long fourth = third + stride;
        for (int i = 0; i < sums.length; i++) {
            sums[i] += Words.get(mapping, first + i * WORD) + Words.get(mapping, second + i * WORD)
                    + Words.get(mapping, third + i * WORD) + Words.get(mapping, fourth + i * WORD);
        }
    }

    /**
     * Sums the words of many slots over all strides, in one pass over the memory.
     *
     * @param offsets the words' offsets in the stride, in bytes; in ascending order the pass is in address order, which
     *             is fastest
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
        for (int cpu = 0; cpu < strides; cpu++) {
            for (int i = 0; i < sums.length; i++) {
                // Again: the array is the caller's, who may have changed it.
                long place = place(cpu, check(offsets[i]));
                sums[i] += Words.getOpaque(mapping, place);
            }
        }
        Reference.reachabilityFence(this);
    }

    /** Gives the memory back. A mapped file keeps its contents. No effect when closed already. */
    @Override
    public void close() {
        synchronized (slots) {
            if (words != 0) {
                words = 0;
                mapping.discard();
            }
        }
        Reference.reachabilityFence(this);
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

    /** Checks a stack's offset and that the memory is open; how many words a stack there can have at most. */
    long roomOfStack(long stack) {
        long bound = words;
        long place = Long.rotateRight(stack, 3);
        if (Long.compareUnsigned(place, bound) >= 0) {
            throw refusal(stack);
        }
        return bound - place - 1;
    }

    /** The stride of the running thread where it changes words by atomics that sequences change, or this is a file. */
    int atomicStride(boolean byConcurrencyId) {
        return within(AtomicSequences.stride(mapping, byConcurrencyId));
    }

    /** A file may have been made where there were fewer CPUs. */
    private int within(int id) {
        return id < strides ? id : id % (strides - 1);
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

    long place(int cpu, long offset) {
        return base + cpu * stride + offset;
    }
}
