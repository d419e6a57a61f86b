// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.AbstractQueue;
import java.util.Arrays;
import java.util.Collection;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.function.Predicate;

/** What all queues do alike: the methods of a collection, over one ring or several. */
abstract class RingCollection<E> extends AbstractQueue<E> {
    final Ring[] rings;
    final Contents[] contents;

    RingCollection(Ring[] rings, Contents[] contents) {
        this.rings = rings;
        this.contents = contents;
    }

    /** Where an iterator gets its elements from. */
    interface Chunks {
        /** The next ones; null at the end. */
        Contents.Chunk next();
    }

    static Contents[] contentsOf(Ring[] rings) {
        return Arrays.stream(rings).map(Contents::new).toArray(Contents[]::new);
    }

    @Override
    public int size() {
        long size = 0;
        for (Ring ring : rings) {
            size += ring.size();
        }
        return (int) Math.min(size, Integer.MAX_VALUE);
    }

    @Override
    public boolean isEmpty() {
        return rings[0].isEmpty();
    }

    @Override
    public void clear() {
        for (Contents each : contents) {
            each.clear();
        }
    }

    @Override
    public boolean contains(Object element) {
        if (element != null) {
            for (Contents each : contents) {
                if (each.contains(element)) {
                    return true;
                }
            }
        }
        return false;
    }

    @Override
    public boolean remove(Object element) {
        if (element != null) {
            for (Contents each : contents) {
                if (each.removeFirst(element)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** {@inheritDoc} When the filter throws, nothing is removed from the ring that it was looking at. */
    @Override
    @SuppressWarnings("unchecked")
    public boolean removeIf(Predicate<? super E> filter) {
        Objects.requireNonNull(filter, "filter");
        int removed = 0;
        for (Contents each : contents) {
            removed += each.removeIf(element -> filter.test((E) element));
        }
        return removed > 0;
    }

    @Override
    public boolean removeAll(Collection<?> all) {
        Objects.requireNonNull(all, "all");
        return removeIf(all::contains);
    }

    @Override
    public boolean retainAll(Collection<?> all) {
        Objects.requireNonNull(all, "all");
        return removeIf(element -> !all.contains(element));
    }

    /**
     * {@return a weakly consistent iterator from the first element to the last} It never throws
     * ConcurrentModificationException, shows each element that is there all the while once and none twice, and may or
     * may not show those that come meanwhile. Of those that have gone it shows at most the next one, which
     * {@code hasNext()} has promised. It removes the element that it showed last, unless that has gone, and no other.
     */
    @Override
    public Iterator<E> iterator() {
        return new Elements<>(contents[0].cursor()::next);
    }

    /** {@return a spliterator over what the iterator shows} It knows no size, so streams work beside other threads. */
    @Override
    public Spliterator<E> spliterator() {
        return Spliterators.spliteratorUnknownSize(iterator(),
                Spliterator.ORDERED | Spliterator.NONNULL | Spliterator.CONCURRENT);
    }

    /** Elements chunk by chunk. */
    static final class Elements<E> implements Iterator<E> {
        private final Chunks chunks;
        /** What is shown next, also if it goes before that. */
        private Contents.Chunk chunk;
        private int next;
        /** One that was copied, but not yet gone through. */
        private Contents.Chunk ahead;
        private Contents.Chunk lastChunk;
        private int last;

        Elements(Chunks chunks) {
            this.chunks = chunks;
            chunk = chunks.next();
        }

        @Override
        public boolean hasNext() {
            return chunk != null;
        }

        @Override
        @SuppressWarnings("unchecked")
        public E next() {
            if (chunk == null) {
                throw new NoSuchElementException();
            }
            Contents.Chunk shown = chunk;
            int at = next;
            // An error while the next one is looked for shows nothing and passes nothing over.
            Contents.Chunk following = shown;
            int then = shown.present(at + 1);
            while (following != null && then == following.count) {
                if (following == ahead || ahead == null) {
                    ahead = chunks.next();
                }
                following = ahead;
                then = following == null ? 0 : following.present(0);
            }
            ahead = null;
            next = then;
            chunk = following;
            lastChunk = shown;
            last = at;
            return (E) shown.elements[at];
        }

        @Override
        public void remove() {
            if (lastChunk == null) {
                throw new IllegalStateException("no element to remove");
            }
            Contents.Chunk of = lastChunk;
            lastChunk = null;
            of.remove(last);
        }
    }
}
