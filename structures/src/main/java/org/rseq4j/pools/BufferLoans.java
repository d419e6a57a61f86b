// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.rseq4j.internal.memory.View;
import org.rseq4j.pools.PoolMisuse.Kind;

/**
 * The buffers that are in use, of a pool that looks for misuse. From Java 22 on each loan has an arena of its own,
 * which ends with the release: from then on the JDK refuses every access by a segment or buffer of that loan. What
 * native code still writes there is found by a pattern in the block.
 */
final class BufferLoans {
    private static final byte PATTERN = (byte) 0xDB;

    private final ConcurrentHashMap<Long, Loan> out = new ConcurrentHashMap<>();
    /** What was last lent of each address that is not in use. */
    private final ConcurrentHashMap<Long, Last> back = new ConcurrentHashMap<>();
    private final ReferenceQueue<Object> unreachable = new ReferenceQueue<>();
    private final Consumer<? super PoolMisuse> hook;

    /** A loan that has ended: where it was acquired, and how many bytes have the pattern since. */
    private record Last(Throwable acquired, long bytes) {
    }

    /** The weak reference is to what was handed out, which all that was made of it refers to. */
    private static final class Loan extends WeakReference<Object> {
        final long address;
        final long bytes;
        /** The memory as the pool knows it; null when it is the loan's own. */
        final View memory;
        final View.Loan term;
        final Throwable acquired = new Throwable("acquired by " + Thread.currentThread());

        Loan(View view, View memory, View.Loan term, ReferenceQueue<Object> queue) {
            super(view.handedOut, queue);
            address = view.address;
            bytes = view.size;
            this.memory = memory;
            this.term = term;
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
    View acquired(View memory) {
        var term = new View.Loan();
        View view = term.lend(memory);
        check(view);
        return lend(view, memory, term);
    }

    /** Lends memory of the loan's own, where views cannot end without. */
    View allocate(long bytes, long alignment) {
        var term = new View.Loan();
        try {
            View view = term.allocate(bytes, alignment);
            back.remove(view.address);
            return lend(view, null, term);
        } catch (Throwable e) {
            term.end();
            throw e;
        }
    }

    private View lend(View view, View memory, View.Loan term) {
        Loan loan = new Loan(view, memory, term, unreachable);
        out.put(loan.address, loan);
        return view;
    }

    /** Looks for the pattern, as far as the last loan was: that may have been of another size. */
    private void check(View view) {
        Last last = back.remove(view.address);
        if (last == null || view.size > Span.BYTES) {
            return; // what is larger than a span was given to the system
        }
        long filled = Math.min(last.bytes, view.size);
        long at = view.firstOther(PATTERN);
        if (at >= 0 && at < filled && !isZero(view, filled)) {
            report(new PoolMisuse(Kind.USED_AFTER_RELEASE, describe(view.address) + ", at byte " + at, last.acquired));
        }
    }

    /** As memory is that was given to the system meanwhile. */
    private static boolean isZero(View view, long bytes) {
        long other = view.firstOther((byte) 0);
        return other < 0 || other >= bytes;
    }

    /**
     * Ends the loan and gives the memory to the pool.
     *
     * @param alive whether the memory may be used: not what was released before, but it may be somebody else's where
     *             that was, when it was not the pool's
     */
    void released(long address, boolean alive, Consumer<View> pool) {
        Loan loan = out.get(address);
        if (loan == null || !loan.term.isAlive() || View.tells() && !alive) {
            Last ended = back.get(address);
            Throwable last = ended == null ? null : ended.acquired;
            if (!alive && (last != null || loan != null && View.tells())) {
                report(new PoolMisuse(Kind.RELEASED_TWICE, describe(address), last));
                throw new IllegalStateException("released twice: " + describe(address), last);
            }
            report(new PoolMisuse(Kind.FOREIGN, describe(address), null));
            throw new IllegalArgumentException("not in use as a buffer of this pool: " + describe(address));
        }
        back.put(address, new Last(loan.acquired, loan.bytes));
        loan.term.end(); // of two threads one does; throws while input or output is going on
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
            if (loan.term.isAlive() && out.get(loan.address) == loan) {
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
