package org.rseq4j.queues;

import java.util.AbstractQueue;
import java.util.Collection;
import java.util.Iterator;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.rseq4j.Rseq;

/**
 * A bounded blocking queue, strictly first in, first out, that can stand wherever an
 * {@link java.util.concurrent.ArrayBlockingQueue} does, in an executor for example.
 *
 * <p>
 * <b>Order, emptiness and size</b> are those of {@link SliceMpmcArrayQueue}, of whose ring it is made: all single operations
 * are linearizable, nothing that is in the queue is overlooked, and the size is one that it had.
 *
 * <p>
 * <b>Waiting:</b> {@code put}, {@code take} and the forms with a time spin briefly, yield, then park, also on virtual threads,
 * whose carriers are free meanwhile. One parked thread at a time is woken. One that is woken and finds that running threads
 * are faster looks again every 20 us to 250 us, and after 10 ms goes first; so an element or room may wait for a waiter for up
 * to 250 us when those other threads stop coming, and no waiter waits for ever while the queue is in use. Interruption while
 * waiting, or before, ends in InterruptedException, and nothing was added or taken.
 *
 * <p>
 * <b>Fairness:</b> by default a thread that comes when there is room or an element goes first. In the fair form those that wait
 * go in order of arrival, and {@code put}, {@code take} and the forms with a time queue behind them; {@code offer} and
 * {@code poll} without a time never wait, and go first in both forms.
 *
 * <p>
 * <b>Whole-collection operations</b> (iterators, contains, remove(Object), removeIf, toArray) lock both ends while they copy
 * or close gaps. Iterators are weakly consistent: they show the elements as they were when the iterator was made, and remove
 * one only if it is still there. {@code drainTo} takes up to 64 elements under one lock; when the collection throws, those
 * that it did not take go back to the front.
 *
 * <p>
 * <b>It is not lock-free</b>, as {@link SliceMpmcArrayQueue} says; the same sections stand around its locks. No code of the
 * user runs under a lock.
 *
 * <p>
 * <b>Cost:</b> one atomic instruction an operation as long as nobody has to wait. CPUs take turns as there. Memory: a reference for each element, the
 * capacity rounded up to a power of two, and about 1.6 kilobytes; an object of 40 bytes for each thread that parks.
 *
 * <p>
 * Source: the ring of {@link SliceMpmcArrayQueue}; passing the wake-up on from waiter to waiter is from
 * {@link java.util.concurrent.LinkedBlockingQueue}.
 *
 * @param <E> the type of the elements
 * @since 0.1.0
 */
public final class SliceBlockingQueue<E> extends AbstractQueue<E> implements BlockingQueue<E> {
    private static final int BATCH = 64;

    private final Ring ring;
    private final Turns turns;
    private final Waiters takers;
    private final Waiters putters;

    /**
     * A queue that is not fair.
     *
     * @param capacity how many elements it holds at most, from 1 to 2^30
     * @throws IllegalArgumentException when the capacity is not in that range
     */
    public SliceBlockingQueue(int capacity) {
        this(capacity, false);
    }

    /**
     * A queue.
     *
     * @param capacity how many elements it holds at most, from 1 to 2^30
     * @param fair whether those that wait go in order of arrival
     * @throws IllegalArgumentException when the capacity is not in that range
     */
    public SliceBlockingQueue(int capacity, boolean fair) {
        this(capacity, fair, 0);
    }

    /** A queue whose indices start anywhere. */
    SliceBlockingQueue(int capacity, boolean fair, long start) {
        ring = new Ring(Ring.checkCapacity(capacity), start);
        turns = new Turns(ring, capacity >= Turns.LEAST);
        takers = new Waiters(ring, turns, true, fair);
        putters = new Waiters(ring, turns, false, fair);
    }

    /** After something came in; the flag stands on the line that the offer has just written. */
    private void came() {
        if (ring.takersWait) {
            takers.call();
        }
    }

    /** After something went out. */
    private void went() {
        if (ring.puttersWait) {
            putters.call();
        }
    }

    // ---- In ----

    /**
     * Adds an element.
     *
     * @param element the element
     * @return false when there is no room
     * @throws NullPointerException when the element is null
     */
    @Override
    public boolean offer(E element) {
        Objects.requireNonNull(element, "element");
        if (turns.offer(element)) {
            came();
            return true;
        }
        return false;
    }

    /**
     * Adds an element, waiting for room.
     *
     * @param element the element
     * @throws InterruptedException when the thread is interrupted; the element was not added
     * @throws NullPointerException when the element is null
     */
    @Override
    public void put(E element) throws InterruptedException {
        Objects.requireNonNull(element, "element");
        checkInterrupt();
        if (ring.puttersGate || !turns.offer(element)) {
            putters.await(element, Long.MAX_VALUE);
        }
        came();
    }

    /**
     * Adds an element, waiting for room for some time.
     *
     * @param element the element
     * @param time how long at most
     * @param unit the unit of the time
     * @return false when there was no room in that time
     * @throws InterruptedException when the thread is interrupted; the element was not added
     * @throws NullPointerException when the element or the unit is null
     */
    @Override
    public boolean offer(E element, long time, TimeUnit unit) throws InterruptedException {
        Objects.requireNonNull(element, "element");
        long nanos = unit.toNanos(time);
        checkInterrupt();
        if (ring.puttersGate || !turns.offer(element)) {
            if (nanos <= 0 || putters.await(element, nanos) == null) {
                return false;
            }
        }
        came();
        return true;
    }

    // ---- Out ----

    /** {@return the first element, which is taken out; null when there is none} */
    @Override
    @SuppressWarnings("unchecked")
    public E poll() {
        Object element = turns.poll();
        if (element != null) {
            went();
        }
        return (E) element;
    }

    /**
     * Takes the first element out, waiting for one.
     *
     * @return the element
     * @throws InterruptedException when the thread is interrupted; nothing was taken
     */
    @Override
    @SuppressWarnings("unchecked")
    public E take() throws InterruptedException {
        checkInterrupt();
        Object element = ring.takersGate ? null : turns.poll();
        if (element == null) {
            element = takers.await(null, Long.MAX_VALUE);
        }
        went();
        return (E) element;
    }

    /**
     * Takes the first element out, waiting for one for some time.
     *
     * @param time how long at most
     * @param unit the unit of the time
     * @return the element; null when none came in that time
     * @throws InterruptedException when the thread is interrupted; nothing was taken
     * @throws NullPointerException when the unit is null
     */
    @Override
    @SuppressWarnings("unchecked")
    public E poll(long time, TimeUnit unit) throws InterruptedException {
        long nanos = unit.toNanos(time);
        checkInterrupt();
        Object element = ring.takersGate ? null : turns.poll();
        if (element == null && nanos > 0) {
            element = takers.await(null, nanos);
        }
        if (element != null) {
            went();
        }
        return (E) element;
    }

    private static void checkInterrupt() throws InterruptedException {
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }

    /** {@return the first element, which stays; null when there is none} */
    @Override
    @SuppressWarnings("unchecked")
    public E peek() {
        return (E) ring.peek();
    }

    /**
     * Takes all elements that are there out, in batches.
     *
     * @param to gets them
     * @return how many it got
     * @throws NullPointerException when the collection is null
     * @throws IllegalArgumentException when the collection is this queue
     */
    @Override
    public int drainTo(Collection<? super E> to) {
        return drainTo(to, Integer.MAX_VALUE);
    }

    /**
     * Takes elements out, in batches.
     *
     * @param to gets them
     * @param limit how many at most; none when it is not positive
     * @return how many it got
     * @throws NullPointerException when the collection is null
     * @throws IllegalArgumentException when the collection is this queue
     */
    @Override
    @SuppressWarnings({"unchecked", "ReferenceEquality"}) // the same queue
    public int drainTo(Collection<? super E> to, int limit) {
        Objects.requireNonNull(to, "to");
        if (to == this) {
            throw new IllegalArgumentException("a queue cannot be drained to itself");
        }
        int most = Math.min(limit, size());
        Object[] batch = new Object[Math.max(0, Math.min(most, BATCH))];
        int done = 0;
        while (done < most) {
            int n = pollAll(batch, Math.min(most - done, batch.length));
            if (n == 0) {
                break;
            }
            int given = 0;
            try {
                while (given < n) {
                    to.add((E) batch[given]);
                    given++;
                }
            } finally {
                if (given < n) {
                    ring.giveBack(batch, given, n);
                    came();
                }
                went();
            }
            done += n;
        }
        return done;
    }

    private int pollAll(Object[] to, int n) {
        for (int spins = 0;; spins++) {
            int taken = ring.tryPollAll(to, n, Rseq.concurrencyId());
            if (taken >= 0) {
                return taken;
            }
            Ring.pause(spins);
        }
    }

    // ---- Collection ----

    @Override
    public int size() {
        return ring.size();
    }

    @Override
    public boolean isEmpty() {
        return ring.isEmpty();
    }

    @Override
    public int remainingCapacity() {
        return Math.max(0, ring.capacity() - ring.size());
    }

    @Override
    public void clear() {
        ring.clear();
        went();
    }

    @Override
    public boolean contains(Object element) {
        return element != null && ring.contains(element);
    }

    @Override
    public boolean remove(Object element) {
        boolean removed = element != null && ring.removeFirst(element);
        if (removed) {
            went();
        }
        return removed;
    }

    @Override
    @SuppressWarnings("unchecked")
    public boolean removeIf(Predicate<? super E> filter) {
        Objects.requireNonNull(filter, "filter");
        boolean removed = ring.removeIf(element -> filter.test((E) element)) > 0;
        if (removed) {
            went();
        }
        return removed;
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

    @Override
    @SuppressWarnings("unchecked")
    public void forEach(Consumer<? super E> action) {
        Objects.requireNonNull(action, "action");
        for (Object element : ring.snapshot().elements) {
            action.accept((E) element);
        }
    }

    /** {@return an iterator over the elements as they were when it was made} */
    @Override
    public Iterator<E> iterator() {
        return new Ring.Iterator<>(new Ring[]{ring}, this::went);
    }

    /** How many threads wait for an element; for tests. */
    int waitingTakers() {
        return takers.count();
    }

    /** How many threads wait for room; for tests. */
    int waitingPutters() {
        return putters.count();
    }
}
