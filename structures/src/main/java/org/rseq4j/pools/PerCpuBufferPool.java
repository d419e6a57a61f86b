// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.rseq4j.RestartableSequences;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.View;
import org.rseq4j.internal.thread.FirstUse;
import org.rseq4j.internal.thread.Headroom;

/**
 * Off-heap buffers in sizes that are powers of two, with a stack of free ones for each CPU and size: what one request
 * releases, the next request on that CPU acquires, whatever the number of threads.
 *
 * <p>
 * A buffer is a direct {@link ByteBuffer}, from Java 22 on also a {@code MemorySegment}: the whole block of the next
 * size, aligned to that size (at most {@value Span#BYTES}), with what its last owner left in it.
 *
 * <p>
 * <b>It guarantees</b> that a buffer has one owner at a time and that pooled memory never exceeds
 * {@link Builder#maxBytes}. Buffers beyond that, and above {@link Builder#largest}, come from outside of the pool and
 * go back to the system. Memory is unmapped only when the pool <em>and</em> all of its buffers are unreachable, so
 * nothing crashes. After {@link #close()} an acquire throws IllegalStateException, and buffers in use stay valid.
 *
 * <p>
 * <b>What it does not guarantee:</b> the segment and the buffer of a block are made once and handed out again. Neither
 * a use after the release nor a second release is noticed without {@link Builder#detectMisuse}.
 *
 * <p>
 * <b>Waiting:</b> nobody waits for another thread; nothing is locked. Only where the system has no addresses left for
 * new memory does an acquire wait, for up to eight seconds, for what nothing refers to any more, before it throws an
 * OutOfMemoryError.
 *
 * <p>
 * <b>Errors:</b> an acquire or release that throws did not happen and loses no buffer, with one exception: a
 * StackOverflowError in code that is still interpreted may lose one.
 *
 * <p>
 * <b>Happens-before:</b> what an owner does with a buffer before its release happens before what the next owner does
 * with it.
 *
 * <p>
 * <b>Cost:</b> an acquire or a release is one restartable sequence, a native call of about ten nanoseconds, with no
 * atomic instruction and nothing allocated. One in 32, or fewer, exchanges a batch with the size's central list.
 * Without rseq the stacks are chosen by a stripe of the thread and locked ({@link RestartableSequences}).
 *
 * @since 0.1.0
 */
public final class PerCpuBufferPool extends SegmentPool implements AutoCloseable, Trimmer.Trimmed {
    /*
     * Source: stacks of addresses that exchange batches with a central list are TCMalloc's per-CPU mode ("TCMalloc:
     * Design").
     *
     * Memory comes from the system in spans of 2 MiB on an address that is a multiple of it, for which huge pages are
     * asked. At maxBytes a size gets the spans of others in which no buffer is in use. Of the spans outside of the pool
     * at most one of each size waits for the next acquire. trim() gives that back, and all spans in which no buffer is
     * in use; with maxIdleAge it comes by itself. Without native access memory that is given back is only used again,
     * by all sizes.
     *
     * A batch is up to 32 buffers, taken and given by one atomic instruction for each 64 blocks that lie side by side.
     *
     * A thread that is scheduled out or stopped keeps the buffers that it has or moves, and holds up nobody.
     *
     * Outside of the pool an acquire is an atomic instruction or two, or system calls above 2 MiB. Where explicit
     * collections are disabled, the wait for addresses is less than a second.
     *
     * The buffer that a StackOverflowError may lose: the JDK's code around a native function calls methods yet after
     * the function has popped the buffer. They find stack where what was called before it found some, unless that was
     * compiled and they are interpreted.
     */
    static final int MIN_SIZE = 64;
    /** How often statistics are read anew while spans come and go. */
    private static final int MAX_ATTEMPTS = 10_000;
    /** What a ByteBuffer on a segment can have. */
    private static final int LARGEST_BYTE_BUFFER = Integer.MAX_VALUE - 8;

    private static boolean initialized;

    final Spans spans;
    private final AddressStacks stacks;
    /** By the binary logarithm of the size. */
    private final SizeClass[] classes;
    private final int smallestShift;
    private final long largest;
    /** What is served without further questions: up to largest, or nothing where misuse is looked for. */
    private final long plain;
    private final BufferLoans loans;
    private final Overflow overflow;
    private final LargeBuffers large = new LargeBuffers();
    private final LongAdder unpooled = new LongAdder();
    private final Trimmer trimming;
    private volatile boolean closed;

    /**
     * Makes a pool with other than the default properties.
     *
     * @since 0.1.0
     */
    public static final class Builder {
        private int smallest = 256;
        private int largest = 1 << 20;
        private long maxBytes = 256L << 20;
        private int bytesPerCpu = 512 << 10;
        private boolean hugePages = true;
        private Duration maxIdleAge;
        private Consumer<? super PoolMisuse> misuseHook;

        private Builder() {
        }

        /**
         * Sets the size of the smallest buffers, 256 by default.
         *
         * @param bytes a power of two from 64 to 2 MiB
         * @return this
         * @throws IllegalArgumentException when it is not
         */
        public Builder smallest(int bytes) {
            smallest = powerOfTwo("smallest", bytes);
            return this;
        }

        /**
         * Sets the size of the largest buffers that are pooled, 1 MiB by default.
         *
         * @param bytes a power of two from 64 to 2 MiB
         * @return this
         * @throws IllegalArgumentException when it is not
         */
        public Builder largest(int bytes) {
            largest = powerOfTwo("largest", bytes);
            return this;
        }

        /**
         * Sets how much memory the pool has at most, in use and free, 256 MiB by default. Buffers beyond are handed out
         * from outside of the pool.
         *
         * @param bytes at least 2 MiB; rounded down to a multiple of that
         * @return this
         * @throws IllegalArgumentException when it is less
         */
        public Builder maxBytes(long bytes) {
            if (bytes < Span.BYTES) {
                throw new IllegalArgumentException("maxBytes must be at least " + Span.BYTES + ": " + bytes);
            }
            maxBytes = bytes;
            return this;
        }

        /**
         * Sets how much of each size a CPU keeps at most, 512 KiB by default: at least two buffers, at most 128.
         *
         * @param bytes at least 1
         * @return this
         * @throws IllegalArgumentException when it is not positive
         */
        public Builder bytesPerCpu(int bytes) {
            if (bytes <= 0) {
                throw new IllegalArgumentException("bytesPerCpu must be positive: " + bytes);
            }
            bytesPerCpu = bytes;
            return this;
        }

        /**
         * Sets whether the system is asked for huge pages, true by default. Then the first use of a span takes all of
         * its 2 MiB, and fewer address translations miss.
         *
         * @param wanted whether to ask
         * @return this
         */
        public Builder hugePages(boolean wanted) {
            hugePages = wanted;
            return this;
        }

        /**
         * Sets when memory goes back to the system: a size of which no batch went between a CPU and the central list
         * for between once and twice this time gives back its spans in which no buffer is used. By default they stay.
         * Costs a daemon thread that looks at the clock each time that the age is over, or each second.
         *
         * @param age at least a millisecond; more than 292 years are never
         * @return this
         * @throws IllegalArgumentException when it is shorter
         */
        public Builder maxIdleAge(Duration age) {
            if (age.compareTo(Duration.ofMillis(1)) < 0) {
                throw new IllegalArgumentException("maxIdleAge must be at least a millisecond: " + age);
            }
            maxIdleAge = age;
            return this;
        }

        /**
         * Looks for misuse. Every access to a segment or buffer after its release throws IllegalStateException, from
         * Java 22 on; so does a second release, before Java 22 unless somebody has acquired the same memory since. A
         * write after release by native code, a release of what is not the pool's, and a segment or buffer that became
         * unreachable in use (keep the one that was handed out, not only a slice of it) are told to the hook and, as
         * the event {@code org.rseq4j.PoolMisuse}, to the Flight Recorder. Makes each operation slower by microseconds:
         * for tests and for the search after a mistake. The system property {@code rseq4j.pools.detectMisuse=true} does
         * this for every pool, with a hook that logs.
         *
         * @param hook what to tell
         * @return this
         */
        public Builder detectMisuse(Consumer<? super PoolMisuse> hook) {
            misuseHook = Objects.requireNonNull(hook, "hook");
            return this;
        }

        /**
         * {@return the pool}
         *
         * @throws IllegalArgumentException when smallest is larger than largest
         */
        public PerCpuBufferPool build() {
            if (smallest > largest) {
                throw new IllegalArgumentException("smallest is larger than largest: " + smallest + ", " + largest);
            }
            return new PerCpuBufferPool(this);
        }

        private static int powerOfTwo(String name, int bytes) {
            if (bytes < MIN_SIZE || bytes > Span.BYTES || Integer.bitCount(bytes) != 1) {
                throw new IllegalArgumentException(
                        name + " must be a power of two from " + MIN_SIZE + " to " + Span.BYTES + ": " + bytes);
            }
            return bytes;
        }
    }

    /** A pool with the default properties. */
    public PerCpuBufferPool() {
        this(new Builder());
    }

    /** {@return the begin of a pool with other than the default properties} */
    public static Builder builder() {
        return new Builder();
    }

    private static void initialize() {
        FirstUse.prepare();
        Spans.initialize();
        Objects.requireNonNull(PoolMisuse.Kind.values());
        initialized = true;
    }

    private PerCpuBufferPool(Builder builder) {
        if (!initialized) {
            initialize();
        }
        Consumer<? super PoolMisuse> hook = builder.misuseHook;
        if (hook == null && Boolean.getBoolean("rseq4j.pools.detectMisuse")) {
            hook = misuse -> System.getLogger(PerCpuBufferPool.class.getName()).log(System.Logger.Level.WARNING,
                    misuse.kind() + ": " + misuse.object(), misuse.acquired());
        }
        loans = hook == null ? null : new BufferLoans(hook);
        spans = new Spans(builder.maxBytes >>> Span.SHIFT, builder.hugePages);
        smallestShift = Integer.numberOfTrailingZeros(builder.smallest);
        overflow = new Overflow(smallestShift);
        largest = builder.largest;
        plain = loans == null ? largest : 0;
        classes = new SizeClass[Integer.numberOfTrailingZeros(builder.largest) + 1];
        stacks = new AddressStacks(classes.length - smallestShift);
        for (int shift = smallestShift; shift < classes.length; shift++) {
            classes[shift] = new SizeClass(shift, SizeClass.capacity(shift, builder.bytesPerCpu), stacks, spans);
        }
        trimming = builder.maxIdleAge == null
                ? null
                : Trimmer.schedule(this, Durations.nanos(builder.maxIdleAge));
    }

    @Override
    final Object handedOut(long bytes) {
        if (bytes > 0 && bytes <= plain) {
            SizeClass sizeClass = classOf(bytes);
            long block = 0;
            try {
                block = block(sizeClass);
                if (block != 0) {
                    return spanOf(block).segment(block);
                }
            } catch (Throwable e) {
                // Calls nothing: there may be no stack for it.
                for (Span span : spans.table) {
                    if (span != null && span.key == block >>> Span.SHIFT && block != 0) {
                        FreeBlocks free = span.free;
                        int i = (int) (block - span.base >>> sizeClass.shift);
                        synchronized (free) {
                            try {
                                free.returned[i >> 6] |= 1L << i;
                            } catch (Throwable onEntry) {
                                free.returned[i >> 6] |= 1L << i;
                            }
                        }
                        free.someReturned = true;
                        sizeClass.errors = true;
                    }
                }
                throw e;
            }
        }
        return acquireSpecially(bytes).handedOut;
    }

    /**
     * Takes a buffer.
     *
     * @param bytes how large it is at least
     * @return a direct buffer that nobody else uses, from position 0 to its capacity, big-endian; its contents are
     *          arbitrary
     * @throws IllegalArgumentException when bytes is not positive, or more than 2<sup>31</sup> - 9, what a buffer can
     *              have
     * @throws IllegalStateException when the pool is closed
     * @throws OutOfMemoryError when the system has no memory; without native access when
     *             {@code -XX:MaxDirectMemorySize} allows no more
     */
    public ByteBuffer acquireByteBuffer(int bytes) {
        if (bytes > 0 && bytes <= plain) {
            SizeClass sizeClass = classOf(bytes);
            long block = 0;
            try {
                block = block(sizeClass);
                if (block != 0) {
                    return spanOf(block).buffer(block);
                }
            } catch (Throwable e) {
                // Calls nothing: there may be no stack for it.
                for (Span span : spans.table) {
                    if (span != null && span.key == block >>> Span.SHIFT && block != 0) {
                        FreeBlocks free = span.free;
                        int i = (int) (block - span.base >>> sizeClass.shift);
                        synchronized (free) {
                            try {
                                free.returned[i >> 6] |= 1L << i;
                            } catch (Throwable onEntry) {
                                free.returned[i >> 6] |= 1L << i;
                            }
                        }
                        free.someReturned = true;
                        sizeClass.errors = true;
                    }
                }
                throw e;
            }
        }
        if (bytes > LARGEST_BYTE_BUFFER) {
            throw new IllegalArgumentException("bytes must be at most " + LARGEST_BYTE_BUFFER + ": " + bytes);
        }
        View view = acquireSpecially(bytes);
        try {
            return view.buffer().clear().order(ByteOrder.BIG_ENDIAN);
        } catch (Throwable e) {
            if (!push(view.address)) {
                releaseSpecially(view.address, true);
            }
            throw e;
        }
    }

    /**
     * Gives a buffer back.
     *
     * @param buffer a buffer that was acquired from this pool, with any position, limit and order; the caller will not
     *             use its memory again
     * @throws NullPointerException when the buffer is null
     * @throws IllegalArgumentException when it is not a buffer of this pool
     * @throws IllegalStateException when misuse is looked for, and the buffer was released before, or input or output
     *             into it is going on
     */
    public void release(ByteBuffer buffer) {
        long address = View.address(buffer);
        if (!push(address)) {
            releaseSpecially(address, View.isAlive(buffer));
        }
    }

    private int shiftOf(long bytes) {
        return Math.max(smallestShift, Long.SIZE - Long.numberOfLeadingZeros(bytes - 1));
    }

    private SizeClass classOf(long bytes) {
        return classes[shiftOf(bytes)];
    }

    /** 0 when there is none in the pool. */
    private long block(SizeClass sizeClass) {
        if (closed) {
            throw closed();
        }
        long block = stacks.pop(sizeClass.stack);
        return block != 0 ? block : refill(sizeClass);
    }

    private long refill(SizeClass sizeClass) {
        long block = sizeClass.refill();
        if (block == 0 && sizeClass.mayLook() && moveMemory(sizeClass)) {
            block = sizeClass.refill();
        }
        return block;
    }

    /** Cuts a span into nothing that other sizes have and nobody uses; whether there is one. */
    private boolean moveMemory(SizeClass to) {
        boolean moved = spans.empty(null, 1) > 0;
        int looks = spans.table.length;
        int drained = 0;
        for (int shift = smallestShift; !moved && shift < classes.length; shift++) {
            int gathered = classes[shift] == to ? 0 : classes[shift].gather();
            moved = gathered > 0 && spans.empty(null, 1) > 0;
            looks += stacks.count();
            drained += gathered;
        }
        to.hasLooked(moved ? 0 : looks, drained);
        return moved;
    }

    private Span spanOf(long block) {
        Span span = spans.find(block);
        if (span == null) {
            throw closed();
        }
        return span;
    }

    @Override
    final boolean push(long address) {
        Span span = spans.find(address);
        if (span == null || (address & span.mask) != 0 || plain == 0) {
            return false;
        }
        SizeClass sizeClass = span.sizeClass;
        if (sizeClass == null) {
            return false;
        }
        if (!stacks.push(span.stack, span.capacity, address)) {
            sizeClass.flush(address);
        }
        return true;
    }

    private static IllegalStateException closed() {
        return new IllegalStateException("this pool is closed");
    }

    private View acquireSpecially(long bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException("bytes must be positive: " + bytes);
        }
        if (closed) {
            throw closed();
        }
        return loans == null ? acquireOutside(bytes) : acquireWatched(bytes);
    }

    private View acquireOutside(long bytes) {
        unpooled.increment();
        return bytes <= Span.BYTES ? overflow.acquire(shiftOf(bytes)) : large.acquire(bytes);
    }

    private View acquireWatched(long bytes) {
        loans.sweep();
        if (!Mapping.isNative()) {
            unpooled.increment();
            long size = bytes <= Span.BYTES ? 1L << shiftOf(bytes) : bytes;
            return loans.allocate(size, Math.min(size, Span.BYTES));
        }
        Headroom.ensure();
        long block = 0;
        View memory = null;
        try {
            block = bytes <= largest ? block(classOf(bytes)) : 0;
            memory = block != 0 ? spanOf(block).view(block) : acquireOutside(bytes);
            return loans.acquired(memory);
        } catch (Throwable e) {
            long address = memory != null ? memory.address : block;
            if (address != 0) {
                giveBack(address);
            }
            throw e;
        }
    }

    @Override
    final void releaseSpecially(long address, boolean alive) {
        if (loans != null) {
            loans.released(address, alive, this::giveBack);
        } else if (!releaseOutside(address) && !closed) { // a closed pool knows its buffers no more
            throw new IllegalArgumentException("not in use as a buffer of this pool: 0x" + Long.toHexString(address));
        }
    }

    private boolean releaseOutside(long address) {
        return overflow.release(address) || large.release(address);
    }

    /** Memory that was lent. */
    private void giveBack(View memory) {
        giveBack(memory.address);
    }

    private void giveBack(long address) {
        Span span = spans.find(address);
        if (span == null) {
            releaseOutside(address);
        } else if (span.sizeClass != null && !span.sizeClass.push(address)) {
            span.sizeClass.flush(address);
        }
    }

    /**
     * Gives the memory of free buffers back to the system, as far as whole spans are free, of each size of which no
     * batch went between a CPU and the central list since the last call. With {@link Builder#maxIdleAge} it is called
     * once in that time. Needs membarrier(2) to see the stacks of all CPUs; without, what is there stays.
     */
    @Override
    public void trim() {
        for (int shift = smallestShift; shift < classes.length; shift++) {
            classes[shift].trim();
        }
        spans.discard();
        overflow.trim();
        large.trim();
    }

    /**
     * Gives the free memory back. Buffers in use stay valid, and their release has no effect; buffers outside of the
     * pool are freed by theirs. No effect when closed already.
     */
    @Override
    public void close() {
        closed = true;
        if (trimming != null) {
            trimming.cancel();
        }
        for (int shift = smallestShift; shift < classes.length; shift++) {
            classes[shift].gather();
        }
        spans.empty(null, Integer.MAX_VALUE);
        spans.discard();
        spans.close();
        overflow.close();
        large.trim();
        stacks.close();
    }

    /** {@return what the pool has and did} */
    public BufferPoolStatistics statistics() {
        for (int attempt = 1;; attempt++) {
            int changes = spans.changes();
            BufferPoolStatistics statistics = read();
            // A span that went from or to a size meanwhile, to the idle age's trim for one, may be in one of the
            // numbers and not in another.
            if (changes >= 0 && changes == spans.changes() || attempt == MAX_ATTEMPTS) {
                return statistics;
            }
            Thread.yield();
        }
    }

    private BufferPoolStatistics read() {
        long refills = 0;
        long flushes = 0;
        long free = 0;
        for (int shift = smallestShift; shift < classes.length; shift++) {
            refills += classes[shift].refills();
            flushes += classes[shift].flushes();
            free += classes[shift].freeBytes();
        }
        return new BufferPoolStatistics(refills, flushes, unpooled.sum(), spans.givenBack() + overflow.givenBack(),
                spans.used() * Span.BYTES, free, overflow.bytes() + large.bytes());
    }

    /** {@return what the pool is, for people} */
    @Override
    public String toString() {
        return "PerCpuBufferPool" + statistics();
    }
}
