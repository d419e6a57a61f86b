// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.View;

/**
 * Spans: where the memory comes from, which span an address is in, and which ones are cut into nothing.
 *
 * <p>
 * Memory is mapped some spans at a time and touched when it is used. It is unmapped when the pool and all its buffers
 * are unreachable. The table has open addressing and is at most half full. A larger one takes its place by one
 * compare-and-set, with the spans that are new; who loses maps anew. A reader got its address by a stack or a central
 * list that whoever cut the span had passed before.
 */
final class Spans {
    private static final int SPANS_AT_ONCE = 16;
    private static final Span[] CLOSED = new Span[2];
    private static final VarHandle TABLE;

    static {
        try {
            TABLE = MethodHandles.lookup().findVarHandle(Spans.class, "table", Span[].class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
        rehearse();
    }

    private final long most;
    private final boolean hugePages;
    volatile Span[] table = new Span[64];
    /** Whether there are as many spans as may be. */
    private volatile boolean grown;
    private volatile boolean closed;
    /** How often a span was cut into nothing; what that was when none was found. */
    private final AtomicInteger emptied = new AtomicInteger();
    private volatile int noneEmpty = -1;
    private final AtomicLong givenBack = new AtomicLong();
    /** How many changes have begun, of which spans are cut or which blocks are on stacks, and how many have ended. */
    private final AtomicInteger begun = new AtomicInteger();
    private final AtomicInteger ended = new AtomicInteger();
    /** Ends that were not counted, as there was no stack for a call: an assignment. Two at once count as one. */
    int endsLost;

    Spans(long most, boolean hugePages) {
        this.most = most;
        this.hugePages = hugePages;
    }

    /**
     * Links what an acquire or release may come to near the end of a stack: to link something takes much more of it.
     */
    private static void rehearse() {
        var spans = new Spans(1, false);
        var span = new Span(View.ofNothing(Span.BYTES), null);
        spans.table[1] = span;
        var list = new CentralList(Span.SHIFT, null, spans);
        spans.cut(list);
        list.give(span.base);
        spans.giveBack(span);
        spans.map();
    }

    /** Does nothing, but initializes this class. */
    static void initialize() {
        // see above
    }

    /** The span that an address is in; null when that is none of these. */
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

    /** Cuts a span for a list; false at the bound. */
    boolean cut(CentralList list) {
        do {
            int seen = emptied.get();
            if (seen != noneEmpty) {
                if (cutAny(list)) {
                    return true;
                }
                noneEmpty = seen;
            }
        } while (map());
        return false;
    }

    private boolean cutAny(CentralList list) {
        begin();
        try {
            for (Span span : table) {
                if (span != null && span.cut(list)) {
                    list.hasGot(span);
                    return true;
                }
            }
            return false;
        } finally {
            try {
                end();
            } catch (Throwable e) {
                endsLost++;
            }
        }
    }

    /** Cuts spans into nothing, up to so many, all of whose blocks are free, those of a list or of any; how many. */
    int empty(CentralList list, int n) {
        int count = 0;
        begin();
        try {
            for (Span span : table) {
                if (count < n && span != null && span.empty(list)) {
                    count++;
                }
            }
        } finally {
            if (count > 0) {
                emptied.getAndIncrement();
            }
            try {
                end();
            } catch (Throwable e) {
                endsLost++;
            }
        }
        return count;
    }

    /** Gives the pages of the spans that are cut into nothing to the system. */
    void discard() {
        for (Span span : table) {
            if (span != null) {
                discard(span);
            }
        }
    }

    private void discard(Span span) {
        if (span.discard()) {
            emptied.getAndIncrement(); // it could not be cut meanwhile
            givenBack.getAndIncrement();
        }
    }

    /** Cuts this span into nothing and gives its pages to the system, if all of its blocks are free. */
    void giveBack(Span span) {
        begin();
        try {
            if (span.empty(null)) {
                emptied.getAndIncrement();
            }
        } finally {
            try {
                end();
            } catch (Throwable e) {
                endsLost++;
            }
        }
        discard(span);
    }

    /** Maps more spans; false at the bound. */
    private boolean map() {
        if (grown) {
            return false;
        }
        Span[] old = table;
        int mapped = count(old);
        if (mapped >= most || closed) {
            grown = true;
            return false;
        }
        Span[] more = allocate((int) Math.min(SPANS_AT_ONCE, most - mapped));
        int length = old.length;
        while ((mapped + more.length) * 2 > length) {
            length *= 2;
        }
        Span[] larger = new Span[length];
        putAll(larger, old);
        putAll(larger, more);
        if (TABLE.compareAndSet(this, old, larger)) {
            emptied.getAndIncrement();
        }
        return true;
    }

    private Span[] allocate(int n) {
        if (!Mapping.isNative()) {
            return new Span[]{new Span(View.allocate(Span.BYTES, Span.BYTES), null)};
        }
        Mapping mapping = Mapping.anonymous((n + 1L) * Span.BYTES);
        long aligned = mapping.base + Span.BYTES - 1 & -Span.BYTES;
        if (hugePages) {
            mapping.adviseHugePages(aligned - mapping.base, (long) n * Span.BYTES);
        }
        View memory = View.of(mapping, aligned - mapping.base, (long) n * Span.BYTES);
        Span[] spans = new Span[n];
        for (int i = 0; i < n; i++) {
            spans[i] = new Span(memory.slice((long) i * Span.BYTES, Span.BYTES), mapping);
        }
        return spans;
    }

    private static void putAll(Span[] spans, Span[] added) {
        for (Span span : added) {
            if (span != null) {
                int i = (int) span.key & spans.length - 1;
                while (spans[i] != null) {
                    i = i + 1 & spans.length - 1;
                }
                spans[i] = span;
            }
        }
    }

    private static int count(Span[] spans) {
        int count = 0;
        for (Span span : spans) {
            count += span == null ? 0 : 1;
        }
        return count;
    }

    /** How many spans are cut into blocks. */
    long used() {
        long used = 0;
        for (Span span : table) {
            used += span == null || span.free(null) == null ? 0 : 1;
        }
        return used;
    }

    /** A change begins of what {@link #changes} tells. */
    void begin() {
        begun.getAndIncrement();
    }

    void end() {
        ended.getAndIncrement();
    }

    /** How often spans were cut or cut into nothing, and stacks emptied; negative while one of it is going on. */
    int changes() {
        int count = ended.get() + endsLost;
        return count == begun.get() ? count & Integer.MAX_VALUE : -1;
    }

    /** How often a span was given back. */
    long givenBack() {
        return givenBack.get();
    }

    /** Forgets all memory: it is unmapped when no buffer of it is reachable. */
    void close() {
        closed = true; // before the table, which whoever maps reads first
        table = CLOSED;
    }
}
