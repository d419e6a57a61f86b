package org.rseq4j.pools;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.rseq4j.pools.PoolMisuse.Kind;

/**
 * The buffers that are in use, of a pool that looks for misuse. Each loan has an arena of its own, which ends with the
 * release: from then on the JDK refuses every access by a segment or buffer of that loan. What native code still writes there
 * is found by a pattern in the block.
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
        /** 0 when the memory is not the pool's. */
        final long block;
        final Arena arena;
        final Throwable acquired = new Throwable("acquired by " + Thread.currentThread());

        Loan(MemorySegment segment, long block, Arena arena, ReferenceQueue<MemorySegment> queue) {
            super(segment, queue);
            address = segment.address();
            bytes = segment.byteSize();
            this.block = block;
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

    /** A block, or with null as its span memory of this size that is not the pool's. */
    MemorySegment acquired(Span span, long block, long bytes) {
        sweep();
        Arena arena = Arena.ofShared();
        MemorySegment segment = span == null ? null : span.segment(block, arena);
        if (segment == null) {
            segment = arena.allocate(bytes, PerCpuBufferPool.LEAST);
            back.remove(segment.address());
        } else {
            check(segment, block);
        }
        Loan loan = new Loan(segment, span == null ? 0 : block, arena, unreachable);
        out.put(loan.address, loan);
        return segment;
    }

    private void check(MemorySegment segment, long block) {
        Throwable last = back.remove(block);
        if (last == null) {
            return;
        }
        MemorySegment expected = MemorySegment.ofArray(new byte[(int) segment.byteSize()]).fill(PATTERN);
        long at = segment.mismatch(expected);
        if (at >= 0) {
            report(new PoolMisuse(Kind.USED_AFTER_RELEASE, describe(block) + ", at byte " + at, last));
        }
    }

    /**
     * Ends the loan; the block that comes back to the pool, 0 when there is none.
     *
     * @param alive whether the memory may be used: not what was released before, but it may be somebody else's where that was, when
     *            it was not the pool's
     */
    long released(long address, boolean alive, Spans spans) {
        Loan loan = out.remove(address);
        if (loan == null) {
            Throwable last = back.get(address);
            if (last != null && !alive) {
                report(new PoolMisuse(Kind.RELEASED_TWICE, describe(address), last));
                throw new IllegalStateException("released twice: " + describe(address), last);
            }
            report(new PoolMisuse(Kind.FOREIGN, describe(address), null));
            throw new IllegalArgumentException("not in use as a buffer of this pool: " + describe(address));
        }
        try {
            loan.arena.close();
        } catch (IllegalStateException e) {
            out.put(address, loan); // input or output is going on, on this memory
            throw e;
        }
        loan.clear();
        Span span = loan.address == loan.block ? spans.find(address) : null;
        if (span != null) {
            span.segment(loan.block).fill(PATTERN);
        }
        back.put(address, loan.acquired);
        return loan.block;
    }

    private void sweep() {
        for (Reference<?> gone; (gone = unreachable.poll()) != null;) {
            Loan loan = (Loan) gone;
            if (out.get(loan.address) == loan) {
                report(new PoolMisuse(Kind.LEAKED, loan.description(), loan.acquired));
            }
        }
    }

    private void report(PoolMisuse misuse) {
        PoolEvents.misuse(misuse);
        try {
            hook.accept(misuse);
        } catch (RuntimeException e) {
            System.getLogger(PerCpuBufferPool.class.getName()).log(System.Logger.Level.WARNING,
                    "the misuse hook failed", e);
        }
    }
}
