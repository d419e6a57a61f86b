package org.rseq4j.pools;

import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import org.rseq4j.internal.Mapping;

/**
 * The memory of a buffer pool: where it comes from, and which span an address is in.
 *
 * <p>
 * Memory is mapped some spans at a time and touched when it is used. It is unmapped when the pool and all its buffers are
 * unreachable. The table has open addressing, is at most half full, and is replaced when it grows; entries are replaced but
 * never removed. It is written under this object's lock, and read without: the reader got its address by a stack or a lock
 * that the writer had passed before.
 */
final class Spans {
    private static final int SPANS_AT_ONCE = 16;

    private final long most;
    private final boolean hugePages;
    private volatile Span[] table = new Span[64];
    private final ArrayDeque<Span> empty = new ArrayDeque<>();
    private long mapped;
    private long taken;
    private long givenBack;

    Spans(long most, boolean hugePages) {
        this.most = most;
        this.hugePages = hugePages;
    }

    /** The span that an address is in; null when that is none of this pool's. */
    Span find(long address) {
        Span[] spans = table;
        long key = address >>> Span.SHIFT;
        for (int i = (int) key & spans.length - 1;; i = i + 1 & spans.length - 1) {
            Span span = spans[i];
            if (span == null || span.key == key) {
                return span;
            }
        }
    }

    /** A span cut for a size; null at the bound. */
    synchronized Span take(SizeClass sizeClass) {
        if (empty.isEmpty() && !map()) {
            return null;
        }
        Span span = empty.pop().cut(sizeClass);
        put(table, span);
        taken++;
        return span;
    }

    /** Takes a span back in which no block is used. */
    synchronized void giveBack(Span span) {
        span.discard();
        Span uncut = span.cut(null);
        put(table, uncut);
        empty.push(uncut);
        givenBack++;
    }

    private boolean map() {
        long n = Math.min(SPANS_AT_ONCE, most - mapped);
        if (n <= 0) {
            return false;
        }
        if (Mapping.isNative()) {
            Mapping mapping = Mapping.anonymous((n + 1) * Span.BYTES);
            long aligned = mapping.base + Span.BYTES - 1 & -Span.BYTES;
            if (hugePages) {
                mapping.adviseHugePages(aligned - mapping.base, n * Span.BYTES);
            }
            var memory = mapping.asSegment(aligned - mapping.base, n * Span.BYTES, Arena.ofAuto());
            for (long i = n - 1; i >= 0; i--) {
                add(new Span(memory.asSlice(i * Span.BYTES, Span.BYTES), mapping, null));
            }
        } else {
            add(new Span(Arena.ofAuto().allocate(Span.BYTES, Span.BYTES), null, null));
        }
        return true;
    }

    private void add(Span span) {
        mapped++;
        if (mapped * 2 > table.length) {
            Span[] larger = new Span[table.length * 2];
            for (Span old : table) {
                if (old != null) {
                    put(larger, old);
                }
            }
            table = larger;
        }
        put(table, span);
        empty.push(span);
    }

    private static void put(Span[] spans, Span span) {
        int i = (int) span.key & spans.length - 1;
        while (spans[i] != null && spans[i].key != span.key) {
            i = i + 1 & spans.length - 1;
        }
        spans[i] = span;
    }

    /** How many spans are cut into blocks. */
    synchronized long used() {
        return mapped - empty.size();
    }

    /** How often a span was taken or given back: what did not change in between was one state. */
    synchronized long changes() {
        return taken + givenBack;
    }

    /** How often a span was given back. */
    synchronized long givenBack() {
        return givenBack;
    }

    /** Forgets all memory: it is unmapped when no buffer of it is reachable. */
    synchronized void close() {
        table = new Span[2];
        empty.clear();
        mapped = most;
    }
}
