// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.function.Predicate;

/**
 * What is done to the elements in the middle of a ring: look at them, take some out.
 *
 * <p>
 * Elements are copied in chunks under the head's lock, and looked at without it. To take elements out, those before
 * them move up, so that only the head moves, and only its lock is needed; producers are not held up. Each such removal
 * is noted in a list, by which whoever holds the index of an element learns where it is now: so an iterator removes its
 * own element or none, shows none twice and passes none over.
 *
 * <p>
 * With the head locked, nothing is called from the first change of a slot to the store that unlocks.
 */
final class Contents {
    /** How many elements are copied under one lock at first. */
    private static final int CHUNK = 64;
    /** How often a search goes on for what it has missed; by then a chunk holds all that a ring can. */
    private static final int MAX_RENEWALS = 24;
    /**
     * How often a method that locks something calls itself before it does. HotSpot inlines a method into itself once
     * (MaxRecursiveInlineLevel), so the last of these calls has a compiled frame that it shares with no other method.
     *
     * <p>
     * A compiled frame can have objects that are not on the heap, of whatever was inlined into it. When it goes on in
     * the interpreter, they are put there. Where there is no memory for them, HotSpot throws an OutOfMemoryError and
     * ends the frame <em>without</em> its handlers, so a {@code finally} would not unlock. A walk makes such objects;
     * the methods that lock make none.
     */
    private static final int OWN_FRAME = 2;

    /** So many elements next to each other are moved by System.arraycopy. */
    private static final int LONG = 16;
    private static final Runnable NOBODY = () -> {};

    private final Ring ring;
    /** Tells those that asked to be told of room. */
    private final Runnable announce;

    Contents(Ring ring) {
        this(ring, NOBODY);
    }

    Contents(Ring ring, Runnable announce) {
        this.ring = ring;
        this.announce = announce;
    }

    /** Elements that stood next to each other, from an index on, after a removal. */
    static final class Chunk {
        final Contents contents;
        final Object[] elements;
        int count;
        long first;
        Removal known;
        /** {@link Ring#movesTo} as the elements were copied. */
        long moves;

        private Chunk(Contents contents, int most) {
            this.contents = contents;
            elements = new Object[most];
        }

        /**
         * The first element from one on that has not gone; the count when none is left. One that may have been moved to
         * another ring counts as there.
         */
        int present(int from) {
            // Before the removals and the moves, which are noted before the head goes past them.
            long head = contents.ring.head & -2;
            boolean moved = contents.ring.movesTo != moves;
            int at = from;
            while (at < count && hasGone(at, head, moved)) {
                at++;
            }
            return at;
        }

        private boolean hasGone(int at, long head, boolean moved) {
            long index = first + ((long) at << 1);
            for (Removal removal = known; (removal = removal.next) != null;) {
                index = removal.moved(index);
                if (index == Removal.GONE) {
                    return true;
                }
            }
            return index - head < 0 && !moved;
        }

        /** Removes an element unless it has gone. */
        boolean remove(int at) {
            var removal = new Removal(new long[]{first + ((long) at << 1)}, 1);
            return contents.remove(removal, known) > 0;
        }
    }

    /**
     * Goes through the elements from the first to what was the last when it began, however many come meanwhile. When a
     * search has missed an element that others took, it goes on to what is the last then: else it could find nothing
     * although there was such an element all the time, first one that was taken unseen, then another behind the end. If
     * it misses nothing from there on, there was none at that moment. Each time it copies twice as many at once, so it
     * misses something a few times at most.
     */
    final class Cursor {
        private final boolean searches;
        /** The index behind the last element. */
        private long last;
        private boolean ended;
        /** Whether others took an element before it was seen, or before it could be removed. */
        private boolean missed;
        private int renewals;
        private Removal known;
        /** The index of the next element; nothing before the first look. */
        private long next;
        private Segment segment;
        /** The index behind the last slot of the segment. */
        private long end;

        private Cursor(boolean searches) {
            this.searches = searches;
        }

        /** What was found has gone. */
        private void miss() {
            missed = true;
        }

        /** The next elements, null when there are none behind those that were seen. */
        Chunk next() {
            if (ended && !(searches && missed)) {
                return null;
            }
            var chunk = new Chunk(Contents.this, most());
            if (known != null) {
                catchUp(); // so that little is left to do with the head locked
            }
            copyLocked(chunk, OWN_FRAME);
            return chunk.count == 0 ? null : chunk;
        }

        private void copyLocked(Chunk chunk, int frames) {
            if (frames > 0) {
                copyLocked(chunk, frames - 1);
                return;
            }
            long h = ring.lockHead();
            try {
                begin(h);
                copy(chunk);
            } finally {
                ring.head = h;
            }
        }

        private int most() {
            long most = (long) CHUNK << renewals;
            return renewals == 0 ? CHUNK : (int) Math.min(most, Math.max(CHUNK, 2L * ring.size()));
        }

        private void begin(long h) {
            if (known == null) {
                known = ring.lastRemoval;
                next = h;
                last = ring.tail & -2;
            }
            catchUp();
            if (next - h < 0) {
                next = h;
                missed = true;
            }
            if (searches && missed && renewals < MAX_RENEWALS) {
                renewals++;
                last = ring.tail & -2;
            }
            missed = false;
            if (segment == null || ring.unbounded && end - h <= 0) {
                segment = ring.headSegment;
                end = ring.headEnd;
            }
        }

        /** Follows the removals since the last look. */
        private void catchUp() {
            for (Removal removal; (removal = known.next) != null;) {
                long moved = removal.movedNext(next);
                missed |= moved != next;
                next = moved;
                known = removal;
            }
        }

        /** Goes on by the last stores, so an error before them has passed nothing over. */
        private void copy(Chunk chunk) {
            chunk.known = known;
            chunk.first = next;
            chunk.moves = ring.movesTo;
            long index = next;
            Segment from = segment;
            long fromEnd = end;
            while (chunk.count < chunk.elements.length && index - last < 0) {
                while (ring.unbounded && index - fromEnd >= 0) {
                    from = from.next;
                    fromEnd += ring.mask + 1 << 1;
                }
                int slot = ring.slot(index);
                int most = Math.min(chunk.elements.length - chunk.count, ring.base + (int) ring.mask + 1 - slot);
                int n = (int) Math.min(most, last - index >> 1);
                System.arraycopy(from.slots, slot, chunk.elements, chunk.count, n);
                chunk.count += n;
                index += (long) n << 1;
            }
            segment = from;
            end = fromEnd;
            next = index;
            ended = index - last >= 0;
        }
    }

    /** A cursor that ends at what was last when it first looked. */
    Cursor cursor() {
        return new Cursor(false);
    }

    boolean contains(Object wanted) {
        var cursor = new Cursor(true);
        for (Chunk chunk; (chunk = cursor.next()) != null;) {
            for (int i = 0; i < chunk.count; i++) {
                if (wanted.equals(chunk.elements[i])) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Removes the first element that equals this one. */
    boolean removeFirst(Object wanted) {
        var cursor = new Cursor(true);
        for (Chunk chunk; (chunk = cursor.next()) != null;) {
            for (int i = 0; i < chunk.count; i++) {
                if (wanted.equals(chunk.elements[i])) {
                    if (chunk.remove(i)) {
                        return true;
                    }
                    cursor.miss();
                }
            }
        }
        return false;
    }

    /** Removes the elements for which the filter, called without a lock, is true; how many. */
    int removeIf(Predicate<Object> filter) {
        var removal = new Removal(new long[8], 0);
        Removal known = null;
        Cursor cursor = cursor();
        for (Chunk chunk; (chunk = cursor.next()) != null;) {
            known = known == null ? chunk.known : follow(removal, known, chunk.known);
            for (int i = 0; i < chunk.count; i++) {
                if (filter.test(chunk.elements[i])) {
                    removal.add(chunk.first + ((long) i << 1));
                }
            }
        }
        return removal.count() == 0 ? 0 : remove(removal, known);
    }

    /** Makes the indices right after one removal right after another one, or for null the last; which one that is. */
    private static Removal follow(Removal removal, Removal known, Removal last) {
        Removal now = known;
        for (Removal other; now != last && (other = now.next) != null; now = other) {
            removal.follow(other);
        }
        return now;
    }

    /** Takes out what stood at some indices after the removal that is known, if it is still there; how many. */
    private int remove(Removal removal, Removal known) {
        Removal now = follow(removal, known, null); // so that little is left to do with the head locked
        return removeLocked(removal, now, OWN_FRAME);
    }

    private int removeLocked(Removal removal, Removal known, int frames) {
        if (frames > 0) {
            return removeLocked(removal, known, frames - 1);
        }
        long h = lockHead();
        long newHead = h;
        try {
            follow(removal, known, null);
            removal.dropBefore(h);
            int count = removal.count();
            if (count > 0) {
                newHead = close(removal, removal.indices(), count, h);
            }
            return count;
        } finally {
            ring.head = newHead;
        }
    }

    /** With the head locked: moves what stands before and between some indices up. The new head. */
    private long close(Removal removal, long[] removed, int count, long h) {
        int first = ring.base;
        int last = first + (int) ring.mask;
        Segment from = segmentOf(removed[count - 1]);
        int fromSlot = ring.slot(removed[count - 1]);
        // Nothing is called from here on but System.arraycopy, which is done without if it throws.
        Segment to = from;
        int toSlot = fromSlot;
        for (int i = count - 1; i >= 0; i--) {
            if (fromSlot < first) {
                from = from.previous;
                fromSlot = last;
            }
            fromSlot--; // past the one that goes
            long left = removed[i] - (i == 0 ? h : removed[i - 1] + 2) >> 1;
            while (left > 0) {
                if (fromSlot < first) {
                    from = from.previous;
                    fromSlot = last;
                }
                if (toSlot < first) {
                    to = to.previous;
                    toSlot = last;
                }
                int most = fromSlot < toSlot ? fromSlot + 1 - first : toSlot + 1 - first;
                int n = left < most ? (int) left : most;
                left -= n;
                int fromEnd = fromSlot - n;
                int toEnd = toSlot - n;
                if (n >= LONG) {
                    try {
                        System.arraycopy(from.slots, fromEnd + 1, to.slots, toEnd + 1, n);
                        fromSlot = fromEnd;
                    } catch (Throwable e) {
                        // A StackOverflowError comes instead of the call, so nothing was copied.
                    }
                }
                while (fromSlot > fromEnd) {
                    to.slots[toSlot--] = from.slots[fromSlot--];
                }
                toSlot = toEnd;
            }
        }
        long newHead = h + ((long) count << 1);
        for (int i = 0; i < count; i++) {
            if (toSlot < first) {
                to = to.previous;
                toSlot = last;
            }
            to.slots[toSlot--] = null;
        }
        ring.lastRemoval.next = removal;
        ring.lastRemoval = removal;
        ring.seenTail = newHead;
        if (ring.unbounded) {
            while (newHead - ring.headEnd > 0) {
                Segment next = ring.headSegment.next;
                next.previous = null;
                ring.headSegment = next;
                ring.headSlots = next.slots;
                ring.headEnd += ring.mask + 1 << 1;
            }
        }
        return newHead;
    }

    /** With the head locked. */
    private Segment segmentOf(long index) {
        Segment segment = ring.headSegment;
        if (ring.unbounded) {
            for (long end = ring.headEnd; index - end >= 0; end += ring.mask + 1 << 1) {
                segment = segment.next;
            }
        }
        return segment;
    }

    /**
     * Removes everything that is there at one moment; producers stand still meanwhile, so that nothing comes behind it.
     */
    void clear() {
        for (int spins = 0; !tryClear(); spins++) {
            Ring.pause(spins);
        }
    }

    /** False when a producer has the tail. */
    boolean tryClear() {
        return tryClear(OWN_FRAME);
    }

    private boolean tryClear(int frames) {
        if (frames > 0) {
            return tryClear(frames - 1);
        }
        long h = lockHead();
        long t = 0;
        boolean locked = false;
        try {
            t = ring.tail;
            locked = ring.tryLockTail(t);
            if (locked) {
                h = clear(h, t);
            }
        } finally {
            ring.head = h;
            if (locked) {
                ring.tail = t;
            }
        }
        return locked;
    }

    /** With both locked: the new head. */
    private long clear(long from, long t) {
        // Nothing is called from here on.
        long h = from;
        Segment segment = ring.headSegment;
        if (ring.unbounded) {
            while (t - ring.headEnd > 0) {
                segment = segment.next;
                h = ring.headEnd;
                ring.headEnd += ring.mask + 1 << 1;
            }
            segment.previous = null;
            ring.headSegment = segment;
            ring.headSlots = segment.slots;
        }
        Object[] slots = segment.slots;
        while (h != t) {
            slots[ring.base + (int) (h >>> 1 & ring.mask)] = null;
            h += 2;
        }
        ring.seenTail = h;
        return h;
    }

    /** Locks the head once those that want to be told of room have been. */
    private long lockHead() {
        while (true) {
            long h = ring.lockHead();
            if (!ring.wakeBeforeRoom) {
                return h;
            }
            ring.head = h;
            announce.run();
        }
    }
}
