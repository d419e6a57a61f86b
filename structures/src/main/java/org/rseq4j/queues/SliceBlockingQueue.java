// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.io.InvalidObjectException;
import java.io.ObjectInputStream;
import java.io.Serializable;
import java.time.Duration;
import java.util.Collection;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A blocking queue, strictly first in, first out, bounded or not, for more threads than CPUs. It can stand wherever an
 * {@link java.util.concurrent.ArrayBlockingQueue} or a {@link java.util.concurrent.LinkedBlockingQueue} does, in an
 * executor for example. Without a capacity it has no bound.
 *
 * <p>
 * <b>Order:</b> single operations are linearizable, as those of {@link SliceMpmcArrayQueue}, of whose ring it is made.
 * It is no more lock-free than that queue; no code of the caller runs under a lock.
 *
 * <p>
 * <b>Waiting:</b> {@code put}, {@code take} and the timed forms spin briefly, yield, then park; a virtual thread leaves
 * its carrier free. No waiter waits for ever while the queue is in use. A timed call keeps its time and can be
 * interrupted, even while a thread that holds an end of the queue is stopped. An interrupt ends in
 * InterruptedException, and nothing was added or taken.
 *
 * <p>
 * <b>Fairness:</b> by default a thread that arrives when there is an element or room goes first, until the first waiter
 * has waited for 0.2 ms ({@link Builder#overtaking}). In the fair form what is there belongs to the waiters in order of
 * arrival, one to each, and {@code put}, {@code take} and the timed forms queue behind them unless there is more.
 * {@code offer} and {@code poll} without a time never wait in line.
 *
 * <p>
 * <b>Errors:</b> a call that throws, even a StackOverflowError or OutOfMemoryError, has done nothing: no element is
 * lost or doubled, no waiter forgotten. When the collection given to {@code drainTo} throws, the element that it was
 * given is gone, and no other.
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before it added an element is visible to the thread that takes or sees it.
 *
 * <p>
 * <b>Cost:</b> one atomic instruction an operation while nobody has to wait. Memory: a reference for each element, the
 * capacity rounded up to a power of two, or the segments of {@link SliceMpmcUnboundedQueue}; 2 KB; up to three
 * small objects for each thread that waits.
 *
 * @param <E> the type of the elements
 * @since 0.1.0
 */
public final class SliceBlockingQueue<E> extends RingCollection<E> implements BlockingQueue<E>, Serializable {
    /*
     * Source: the ring of SliceMpmcArrayQueue, with its turns; passing the wake-up on from waiter to waiter is from
     * java.util.concurrent.LinkedBlockingQueue.
     *
     * Serialization. A queue goes into a stream as its elements. Reading one that refers to the queue itself ends in a
     * ClassCastException. The stream's filter is asked about the capacity as about an array of that length.
     *
     * Waiting. Where yields have lately taken long, threads park at once (Yields). One parked thread at a time is
     * woken, just before the element or the room that it waits for comes (Waiters). A thread that is woken and finds
     * that running threads are faster looks again every 20 us to 250 us. So an element or room may wait that long for
     * a waiter when those other threads stop coming. A timed call looks once more when the time is over, past all
     * others and regardless of turns. If an error comes as a waiter is to be woken, the next operation wakes it.
     *
     * Searches are those of SliceMpmcArrayQueue. An iterator refers to at most one element that has gone, the next one.
     */
    private static final long serialVersionUID = 1;
    /** Nanoseconds for which a call that may wait tries before it waits in line. */
    private static final long FIRST_TRY = 100_000;
    /** Nanoseconds after which a thread that waits goes before those that come. */
    static final long OVERTAKING = 200_000;

    private final transient Ring ring;
    private final transient Turns turns;
    private final transient Waiters takers;
    private final transient Waiters putters;
    private final transient boolean fair;
    private final transient long overtaking;
    private final transient Waiters.Attempt in;
    private final transient Waiters.Attempt out;

    /** A queue without a bound that is not fair. */
    public SliceBlockingQueue() {
        this(Rings.unbounded(), false, OVERTAKING);
    }

    /**
     * A queue without a bound that is not fair and holds these elements.
     *
     * @param elements what it holds at first, in the order of their iterator
     * @throws NullPointerException when the collection or an element is null
     */
    @SuppressWarnings("this-escape")
    public SliceBlockingQueue(Collection<? extends E> elements) {
        this();
        addAll(elements);
    }

    /**
     * A bounded queue that is not fair.
     *
     * @param capacity how many elements it holds at most, from 1 to 2^30
     * @throws IllegalArgumentException when the capacity is not in that range
     */
    public SliceBlockingQueue(int capacity) {
        this(capacity, false);
    }

    /**
     * A bounded queue.
     *
     * @param capacity how many elements it holds at most, from 1 to 2^30
     * @param fair whether those that wait go in order of arrival
     * @throws IllegalArgumentException when the capacity is not in that range
     */
    public SliceBlockingQueue(int capacity, boolean fair) {
        this(capacity, fair, 0);
    }

    /**
     * A bounded queue that holds these elements.
     *
     * @param capacity how many elements it holds at most, from 1 to 2^30
     * @param fair whether those that wait go in order of arrival
     * @param elements what it holds at first, in the order of their iterator
     * @throws IllegalArgumentException when the capacity is not in that range, or the elements are more
     * @throws NullPointerException when the collection or an element is null
     */
    @SuppressWarnings("this-escape")
    public SliceBlockingQueue(int capacity, boolean fair, Collection<? extends E> elements) {
        this(capacity, fair);
        for (E element : elements) {
            if (!offer(element)) {
                throw new IllegalArgumentException("more elements than the capacity " + capacity);
            }
        }
    }

    /** A bounded queue whose indices start anywhere. */
    SliceBlockingQueue(int capacity, boolean fair, long start) {
        this(Rings.bounded(capacity, start), fair, OVERTAKING);
    }

    SliceBlockingQueue(Ring ring, boolean fair, long overtaking) {
        this(ring, fair, overtaking, new Yields(ring));
    }

    private SliceBlockingQueue(Ring ring, boolean fair, long overtaking, Yields yields) {
        this(ring, fair, overtaking, yields, new Waiters(ring, true, fair, overtaking, yields),
                new Waiters(ring, false, fair, overtaking, yields));
    }

    private SliceBlockingQueue(Ring ring, boolean fair, long overtaking, Yields yields, Waiters takers,
            Waiters putters) {
        super(new Ring[]{ring}, new Contents[]{new Contents(ring, putters::call)});
        this.ring = ring;
        this.fair = fair;
        this.overtaking = overtaking;
        this.takers = takers;
        this.putters = putters;
        turns = new Turns(ring, ring.capacity() >= Turns.MIN_CAPACITY, takers::call, putters::call, yields);
        in = (element, nanos) -> {
            int outcome = turns.offerSlowly(element, nanos);
            return outcome == Ring.DONE ? element : outcome == Ring.NONE ? null : Ring.BUSY;
        };
        out = (none, nanos) -> turns.pollSlowly(nanos);
    }

    /** {@return a builder of queues without a bound, not fair} */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * What a queue is to be like. Not for several threads.
     *
     * @since 0.1.0
     */
    public static final class Builder {
        private int capacity;
        private boolean fair;
        private long overtaking = OVERTAKING;

        private Builder() {
        }

        /**
         * Gives it a bound.
         *
         * @param elements how many elements it holds at most, from 1 to 2^30
         * @return this
         * @throws IllegalArgumentException when the number is not in that range
         */
        public Builder capacity(int elements) {
            capacity = Rings.checkCapacity(elements);
            return this;
        }

        /**
         * Says whether waiting threads are served in order of arrival; they are not by default.
         *
         * @param whether whether they do
         * @return this
         */
        public Builder fair(boolean whether) {
            fair = whether;
            return this;
        }

        /**
         * For how long arriving threads may pass a waiting one, 0.2 ms by default. A short time makes waits even and
         * costs throughput.
         *
         * @param most how long, not negative
         * @return this
         * @throws IllegalArgumentException when it is negative
         * @throws NullPointerException when it is null
         */
        public Builder overtaking(Duration most) {
            if (most.isNegative()) {
                throw new IllegalArgumentException("a time must not be negative: " + most);
            }
            overtaking = most.compareTo(Duration.ofDays(1)) > 0 ? Duration.ofDays(1).toNanos() : most.toNanos();
            return this;
        }

        /**
         * Makes a queue.
         *
         * @param <E> the type of the elements
         * @return an empty one
         */
        public <E> SliceBlockingQueue<E> build() {
            return new SliceBlockingQueue<>(capacity == 0 ? Rings.unbounded() : Rings.bounded(capacity, 0), fair,
                    overtaking);
        }
    }

    // ---- In ----

    /**
     * Adds an element.
     *
     * @param element the element
     * @return false when there is no room; never without a bound
     * @throws NullPointerException when the element is null
     */
    @Override
    public boolean offer(E element) {
        Objects.requireNonNull(element, "element");
        return turns.offer(element);
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
        offerWaiting(element, Long.MAX_VALUE);
    }

    /**
     * Adds an element, waiting for room for some time.
     *
     * @param element the element
     * @param time how long at most; when not positive, the call waits for nothing but a locked end, and for that 5 ms
     * @param unit the unit of the time
     * @return false when there was no room in that time, nor at its end
     * @throws InterruptedException when the thread is interrupted; the element was not added
     * @throws NullPointerException when the element or the unit is null
     */
    @Override
    public boolean offer(E element, long time, TimeUnit unit) throws InterruptedException {
        Objects.requireNonNull(element, "element");
        return offerWaiting(element, unit.toNanos(time));
    }

    private boolean offerWaiting(E element, long nanos) throws InterruptedException {
        checkInterrupt();
        if (nanos <= 0) {
            return Waiters.lastLook(in, element) != null;
        }
        return !putters.mustQueue() && turns.offer(element, Math.min(nanos, FIRST_TRY)) > 0
                || putters.await(in, element, nanos) != null;
    }

    // ---- Out ----

    /** {@return the first element, which is taken out; null when there is none} */
    @Override
    @SuppressWarnings("unchecked")
    public E poll() {
        return (E) turns.poll();
    }

    /**
     * Takes the first element out, waiting for one.
     *
     * @return the element
     * @throws InterruptedException when the thread is interrupted; nothing was taken
     */
    @Override
    public E take() throws InterruptedException {
        return pollWaiting(Long.MAX_VALUE);
    }

    /**
     * Takes the first element out, waiting for one for some time.
     *
     * @param time how long at most; when not positive, the call waits for nothing but a locked end, and for that 5 ms
     * @param unit the unit of the time
     * @return the element; null when none came in that time and there is none at its end
     * @throws InterruptedException when the thread is interrupted; nothing was taken
     * @throws NullPointerException when the unit is null
     */
    @Override
    public E poll(long time, TimeUnit unit) throws InterruptedException {
        return pollWaiting(unit.toNanos(time));
    }

    @SuppressWarnings({"unchecked", "ReferenceEquality"}) // BUSY is one object
    private E pollWaiting(long nanos) throws InterruptedException {
        checkInterrupt();
        if (nanos <= 0) {
            return (E) Waiters.lastLook(out, null);
        }
        Object element = takers.mustQueue() ? Ring.BUSY : turns.poll(Math.min(nanos, FIRST_TRY));
        if (element == null || element == Ring.BUSY) {
            element = takers.await(out, null, nanos);
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
     * Takes all elements that are there out, one by one.
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
     * Takes elements out, one by one; when the collection throws, the element that it was given is gone, and no other.
     *
     * @param to gets them
     * @param limit how many at most; none when it is not positive
     * @return how many it got
     * @throws NullPointerException when the collection is null
     * @throws IllegalArgumentException when the collection is this queue
     */
    @Override
    @SuppressWarnings("ReferenceEquality") // the same queue
    public int drainTo(Collection<? super E> to, int limit) {
        Objects.requireNonNull(to, "to");
        if (to == this) {
            throw new IllegalArgumentException("a queue cannot be drained to itself");
        }
        int most = Math.min(limit, size());
        int done = 0;
        for (E element; done < most && (element = poll()) != null; done++) {
            to.add(element);
        }
        return done;
    }

    // ---- Collection ----

    /**
     * {@return how many more elements there is room for} Without a bound it is {@code Integer.MAX_VALUE} less the size,
     * as {@link java.util.concurrent.LinkedBlockingQueue} has it; an offer succeeds also when that is 0.
     */
    @Override
    public int remainingCapacity() {
        return Math.max(0, ring.capacity() - ring.size());
    }

    @Override
    @SuppressWarnings("unchecked")
    public void forEach(Consumer<? super E> action) {
        Objects.requireNonNull(action, "action");
        for (E element : this) {
            action.accept(element);
        }
    }

    /** For tests. */
    Turns turns() {
        return turns;
    }

    /** For tests. */
    Waiters takers() {
        return takers;
    }

    /** How many threads wait for an element; for tests. */
    int waitingTakers() {
        return takers.count();
    }

    /** How many threads wait for room; for tests. */
    int waitingPutters() {
        return putters.count();
    }

    // ---- Serialization ----

    private Object writeReplace() {
        return new SerializedQueue(SerializedQueue.BLOCKING, ring.unbounded ? 0 : ring.capacity(), fair, overtaking,
                toArray());
    }

    private void readObject(ObjectInputStream stream) throws InvalidObjectException {
        throw new InvalidObjectException("a queue comes as its elements");
    }
}
