package org.rseq4j.queues;

import java.util.AbstractQueue;
import java.util.Arrays;
import java.util.Collection;
import java.util.Iterator;
import java.util.Objects;
import java.util.function.Predicate;
import org.jctools.queues.MessagePassingQueue;
import org.rseq4j.Rseq;

/** What the two message passing queues have in common: all that is not the way of one element in or out. */
abstract class RingQueue<E> extends AbstractQueue<E> implements MessagePassingQueue<E> {
    /** The most elements that are taken or put under one lock. */
    static final int BATCH = 64;

    final Ring[] rings;

    RingQueue(Ring[] rings) {
        this.rings = rings;
    }

    /** The ring to begin with. */
    abstract int first();

    /** Takes up to n elements; 0 only when there are none. */
    abstract int pollAll(Object[] to, int n);

    /** A stamp to ask {@link #movedSince} about. */
    long moves() {
        return 0;
    }

    /** Whether elements went from one ring to another since the stamp, so that a look at all rings may have missed them. */
    boolean movedSince(long stamp) {
        return false;
    }

    // ---- Collection ----

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
        long stamp;
        do {
            stamp = moves();
            for (Ring ring : rings) {
                if (!ring.isEmpty()) {
                    return false;
                }
            }
        } while (movedSince(stamp));
        return true;
    }

    @Override
    public int capacity() {
        return rings.length * rings[0].capacity();
    }

    @Override
    public void clear() {
        for (Ring ring : rings) {
            ring.clear();
        }
    }

    @Override
    public boolean contains(Object element) {
        if (element == null) {
            return false;
        }
        long stamp;
        do {
            stamp = moves();
            for (Ring ring : rings) {
                if (ring.contains(element)) {
                    return true;
                }
            }
        } while (movedSince(stamp));
        return false;
    }

    @Override
    public boolean remove(Object element) {
        if (element == null) {
            return false;
        }
        long stamp;
        do {
            stamp = moves();
            for (Ring ring : rings) {
                if (ring.removeFirst(element)) {
                    return true;
                }
            }
        } while (movedSince(stamp));
        return false;
    }

    @Override
    @SuppressWarnings("unchecked")
    public boolean removeIf(Predicate<? super E> filter) {
        Objects.requireNonNull(filter, "filter");
        int removed = 0;
        for (Ring ring : rings) {
            removed += ring.removeIf(element -> filter.test((E) element));
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
     * {@return an iterator over the elements as they were when it was made, or when it came to them; it never throws
     * ConcurrentModificationException, and removes an element only if it is still there}
     */
    @Override
    public Iterator<E> iterator() {
        return new Ring.Iterator<>(rings, () -> {});
    }

    // ---- MessagePassingQueue ----

    /**
     * Takes elements in batches, each under one lock and in one section, and hands them over one by one without a lock.
     *
     * <p>
     * A batch of at most 64 has left the queue before its first element is handed over. When the consumer throws, the
     * elements of the batch that it was not given go back to the front.
     *
     * @param consumer gets the elements
     * @param limit how many at most
     * @return how many it was given
     * @throws IllegalArgumentException when the consumer is null or the limit negative
     */
    @Override
    public int drain(Consumer<E> consumer, int limit) {
        check(consumer != null, "the consumer is null");
        check(limit >= 0, "the limit is negative: " + limit);
        Object[] batch = new Object[Math.min(limit, BATCH)];
        int done = 0;
        while (done < limit) {
            int n = pollAll(batch, Math.min(limit - done, batch.length));
            if (n == 0) {
                break;
            }
            accept(consumer, batch, n);
            done += n;
        }
        return done;
    }

    @SuppressWarnings("unchecked")
    private void accept(Consumer<E> consumer, Object[] batch, int n) {
        int given = 0;
        try {
            while (given < n) {
                consumer.accept((E) batch[given++]);
            }
        } finally {
            if (given < n) {
                rings[first()].giveBack(batch, given, n);
            }
        }
    }

    /**
     * Takes elements in batches until there are none, as {@link #drain(Consumer, int)} does.
     *
     * @param consumer gets the elements
     * @return how many it was given
     * @throws IllegalArgumentException when the consumer is null
     */
    @Override
    public int drain(Consumer<E> consumer) {
        return drain(consumer, Integer.MAX_VALUE);
    }

    /**
     * Takes elements in batches as long as the condition says, and waits by the strategy when there are none.
     *
     * @param consumer gets the elements
     * @param wait how to wait
     * @param exit is asked before each batch
     * @throws IllegalArgumentException when an argument is null
     */
    @Override
    public void drain(Consumer<E> consumer, WaitStrategy wait, ExitCondition exit) {
        check(consumer != null, "the consumer is null");
        check(wait != null, "the wait strategy is null");
        check(exit != null, "the exit condition is null");
        int idle = 0;
        while (exit.keepRunning()) {
            idle = drain(consumer, BATCH) == 0 ? wait.idle(idle) : 0;
        }
    }

    /**
     * Adds elements in batches of at most 64: room is reserved, the supplier is asked without a lock, then the batch goes in
     * under one lock and in one section.
     *
     * <p>
     * Reserved room counts as full to others while the supplier works. When the supplier throws or returns null, what it gave
     * before is in the queue and the rest of the reservation is given back.
     *
     * @param supplier gives the elements
     * @param limit how many at most
     * @return how many were added
     * @throws IllegalArgumentException when the supplier is null or the limit negative
     * @throws NullPointerException when the supplier returned null
     */
    @Override
    public int fill(Supplier<E> supplier, int limit) {
        check(supplier != null, "the supplier is null");
        check(limit >= 0, "the limit is negative: " + limit);
        Object[] batch = new Object[Math.min(limit, BATCH)];
        int done = 0;
        while (done < limit) {
            int n = fillBatch(supplier, batch, Math.min(limit - done, batch.length));
            if (n == 0) {
                break;
            }
            done += n;
        }
        return done;
    }

    private int fillBatch(Supplier<E> supplier, Object[] batch, int limit) {
        int first = first();
        for (int i = 0; i < rings.length; i++) {
            Ring ring = rings[first + i < rings.length ? first + i : first + i - rings.length];
            int reservation = ring.free() == 0 ? 0 : ring.reserve(limit);
            if (reservation > 0) {
                int n = 0;
                try {
                    while (n < reservation) {
                        batch[n] = Objects.requireNonNull(supplier.get(), "the supplier returned null");
                        n++;
                    }
                } finally {
                    ring.fillReserved(batch, n, reservation, first());
                    Arrays.fill(batch, null);
                }
                return n;
            }
        }
        return 0;
    }

    /**
     * Adds elements in batches until there is no room or as many as the capacity were added, as {@link #fill(Supplier, int)}
     * does.
     *
     * @param supplier gives the elements
     * @return how many were added
     * @throws IllegalArgumentException when the supplier is null
     * @throws NullPointerException when the supplier returned null
     */
    @Override
    public int fill(Supplier<E> supplier) {
        return fill(supplier, capacity());
    }

    /**
     * Adds elements in batches as long as the condition says, and waits by the strategy when there is no room.
     *
     * @param supplier gives the elements
     * @param wait how to wait
     * @param exit is asked before each batch
     * @throws IllegalArgumentException when an argument is null
     * @throws NullPointerException when the supplier returned null
     */
    @Override
    public void fill(Supplier<E> supplier, WaitStrategy wait, ExitCondition exit) {
        check(supplier != null, "the supplier is null");
        check(wait != null, "the wait strategy is null");
        check(exit != null, "the exit condition is null");
        int idle = 0;
        while (exit.keepRunning()) {
            idle = fill(supplier, BATCH) == 0 ? wait.idle(idle) : 0;
        }
    }

    private static void check(boolean good, String otherwise) {
        if (!good) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    /** The elements of a collection as an array that nobody else has, none of them null. */
    static Object[] checked(Collection<?> elements) {
        Object[] all = elements.toArray();
        for (Object element : all) {
            Objects.requireNonNull(element, "element");
        }
        return all;
    }

    /** The running thread's index below a number of rings. */
    static int user(int rings) {
        int id = Rseq.concurrencyId();
        return id < rings ? id : id % rings;
    }
}
