// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.pools.PoolMisuse.Kind;

/**
 * The buffers that are in use, of a pool that looks for misuse. Each loan has an arena of its own, which ends with the
 * release: from then on the JDK refuses every access by a segment or buffer of that loan. What native code still writes
 * there is found by a pattern in the block.
 */
final class BufferLoans {
    private static final byte PATTERN = (byte) 0xDB;

    private final ConcurrentHashMap<Long, Loan> out = new ConcurrentHashMap<>();
    /** Where each address was last acquired that is not in use. */
    private final ConcurrentHashMap<Long, Throwable> back = new ConcurrentHashMap<>();
    private final ReferenceQueue<MemorySegment> unreachable = new ReferenceQueue<>();
    private final Consumer<? super PoolMisuse> hook;

    /** The weak reference is to the segment that was handed out, which a buffer on it refers to. */
    private static final class Loan extends WeakReference<MemorySegment> {
        final long address;
        final long bytes;
        /** The memory as the pool knows it; null when it is the arena's. */
        final MemorySegment memory;
        final Arena arena;
        final Throwable acquired = new Throwable("acquired by " + Thread.currentThread());

        Loan(MemorySegment segment, MemorySegment memory, Arena arena, ReferenceQueue<MemorySegment> queue) {
            super(segment, queue);
            address = segment.address();
            bytes = segment.byteSize();
            this.memory = memory;
            this.arena = arena;
        }

        String description() {
            return describe(address) + " of " + bytes + " bytes";
        }
    }

    BufferLoans(Consumer<? super PoolMisuse> hook) {
        this.hook = hook;
    }

    private static String describe(long address) {
        return "buffer at 0x" + Long.toHexString(address);
    }

    /** Lends memory of the pool. An error leaves it the caller's. */
    MemorySegment acquired(MemorySegment memory) {
        Arena arena = Arena.ofShared();
        MemorySegment segment = Mapping.view(memory, arena);
        check(segment);
        return lend(segment, memory, arena);
    }

    /** Lends memory of the arena's, where segments cannot end without. */
    MemorySegment allocate(long bytes, long alignment) {
        Arena arena = Arena.ofShared();
        try {
            MemorySegment segment = arena.allocate(bytes, alignment);
            back.remove(segment.address());
            return lend(segment, null, arena);
        } catch (Throwable e) {
            arena.close();
            throw e;
        }
    }

    private MemorySegment lend(MemorySegment segment, MemorySegment memory, Arena arena) {
        Loan loan = new Loan(segment, memory, arena, unreachable);
        out.put(loan.address, loan);
        return segment;
    }

    private void check(MemorySegment segment) {
        Throwable last = back.get(segment.address());
        if (last == null) {
            return;
        }
        MemorySegment pattern = MemorySegment.ofArray(new byte[(int) Math.min(segment.byteSize(), Span.BYTES)])
                .fill(PATTERN);
        // What is larger than a span was given to the system.
        long at = segment.byteSize() > Span.BYTES ? -1 : segment.mismatch(pattern);
        back.remove(segment.address());
        if (at >= 0) {
            report(new PoolMisuse(Kind.USED_AFTER_RELEASE, describe(segment.address()) + ", at byte " + at, last));
        }
    }

    /**
     * Ends the loan and gives the memory to the pool.
     *
     * @param alive whether the memory may be used: not what was released before, but it may be somebody else's where
     *             that was, when
     *            it was not the pool's
     */
    void released(long address, boolean alive, Consumer<MemorySegment> pool) {
        Loan loan = out.get(address);
        if (loan == null || !loan.arena.scope().isAlive()) {
            Throwable last = back.get(address);
            if (last != null && !alive) {
                report(new PoolMisuse(Kind.RELEASED_TWICE, describe(address), last));
                throw new IllegalStateException("released twice: " + describe(address), last);
            }
            report(new PoolMisuse(Kind.FOREIGN, describe(address), null));
            throw new IllegalArgumentException("not in use as a buffer of this pool: " + describe(address));
        }
        back.put(address, loan.acquired);
        loan.arena.close(); // of two threads one does; throws while input or output is going on
        try {
            loan.clear();
            out.remove(address, loan);
            if (loan.memory != null && loan.bytes <= Span.BYTES) {
                loan.memory.fill(PATTERN);
            }
        } finally {
            if (loan.memory != null) {
                pool.accept(loan.memory);
            }
        }
    }

    /** Reports what became unreachable in use. */
    void sweep() {
        for (Reference<?> gone; (gone = unreachable.poll()) != null;) {
            Loan loan = (Loan) gone;
            if (loan.arena.scope().isAlive() && out.get(loan.address) == loan) {
                report(new PoolMisuse(Kind.LEAKED, loan.description(), loan.acquired));
            }
        }
    }

    private void report(PoolMisuse misuse) {
        PoolEvents.misuse(misuse);
        try {
            hook.accept(misuse);
        } catch (Throwable e) {
            System.getLogger(PerCpuBufferPool.class.getName()).log(System.Logger.Level.WARNING,
                    "the misuse hook failed", e);
        }
    }
}
