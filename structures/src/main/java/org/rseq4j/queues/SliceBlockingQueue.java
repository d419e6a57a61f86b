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
 * A blocking queue, strictly first in, first out, bounded or not, that can stand wherever an
 * {@link java.util.concurrent.ArrayBlockingQueue} or a {@link java.util.concurrent.LinkedBlockingQueue} does, in an
 * executor for example. Without a capacity it has no bound.
 *
 * <p>
 * <b>Order, emptiness and size</b> are those of {@link SliceMpmcArrayQueue}, of whose ring it is made: all single
 * operations are linearizable, nothing that is in the queue is overlooked, and the size is one that it had.
 *
 * <p>
 * <b>Waiting:</b> {@code put}, {@code take} and the forms with a time spin briefly, yield, then park, also on virtual
 * threads, whose carriers are free meanwhile. One parked thread at a time is woken, just before the element or the room
 * that it waits for comes. One that is woken and finds that running threads are faster looks again every 20 us to 250
 * us, and goes first once it has waited for 0.2 ms, or as long as {@link Builder#overtaking} says; so an element or
 * room may wait for a waiter for up to 250 us when those other threads stop coming, and no waiter waits for ever while
 * the queue is in use. Interruption while waiting, or before, ends in InterruptedException, and nothing was added or
 * taken. A call with a time looks once more when the time is over, past all others and whoever's turn it is; it keeps
 * its time, and can be interrupted, also while a stopped thread has an end of the queue locked.
 *
 * <p>
 * <b>Fairness:</b> by default a thread that comes when there is room or an element goes first. In the fair form those
 * that wait go in order of arrival, and {@code put}, {@code take} and the forms with a time queue behind them; {@code
 * offer} and {@code poll} without a time never wait in line, and go first in both forms.
 *
 * <p>
 * <b>Errors:</b> a call that throws, also a StackOverflowError or an OutOfMemoryError, has done nothing: no element is
 * lost or doubled, no end stays locked, no waiter is forgotten: if the error came as it was to be woken, the next
 * operation wakes it. When the collection of a {@code drainTo} throws, the
 * element that it was given is gone, and no other.
 *
 * <p>
 * <b>Whole-collection operations:</b> iterators are weakly consistent, show each element that is there all the while
 * once and none twice, of those that have gone at most the next one, and remove their own element or none.
 * {@code contains}, {@code remove(Object)} and iterators look at what is there when they begin, however much comes
 * meanwhile, and copy 64 elements at a time under the consumers' lock, more when others take elements faster than a
 * search looks at them; {@code remove(Object)} gives up after others took what it had found 24 times. A removal from
 * the middle moves those before it up under that lock, so the first of a million goes at once.
 *
 * <p>
 * <b>It is not lock-free</b>, as {@link SliceMpmcArrayQueue} says; the same sections stand around its locks. No code of
 * the user runs under a lock.
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before it added an element is visible to the thread that takes or sees the
 * element.
 *
 * <p>
 * <b>Cost:</b> one atomic instruction an operation as long as nobody has to wait. CPUs take turns as there. Memory: a
 * reference for each element, the capacity rounded up to a power of two, or the segments of
 * {@link SliceMpmcUnboundedQueue}; about 1.6 kilobytes; two objects of 24 bytes for each thread that waits in line.
 *
 * <p>
 * Source: the ring of {@link SliceMpmcArrayQueue}; passing the wake-up on from waiter to waiter is from
 * {@link java.util.concurrent.LinkedBlockingQueue}.
 *
 * @param <E> the type of the elements
 * @since 0.1.0
 */
public final class SliceBlockingQueue<E> extends RingCollection<E> implements BlockingQueue<E>, Serializable {
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
        this(Ring.unbounded(), false, OVERTAKING);
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
        this(new Ring(Ring.checkCapacity(capacity), start), fair, OVERTAKING);
    }

    SliceBlockingQueue(Ring ring, boolean fair, long overtaking) {
        this(ring, fair, overtaking, new Waiters(ring, true, fair, overtaking),
                new Waiters(ring, false, fair, overtaking));
    }

    private SliceBlockingQueue(Ring ring, boolean fair, long overtaking, Waiters takers, Waiters putters) {
        super(new Ring[]{ring}, new Contents[]{new Contents(ring, putters::call)});
        this.ring = ring;
        this.fair = fair;
        this.overtaking = overtaking;
        this.takers = takers;
        this.putters = putters;
        turns = new Turns(ring, ring.capacity() >= Turns.LEAST, takers::call, putters::call);
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
            capacity = Ring.checkCapacity(elements);
            return this;
        }

        /**
         * Lets those that wait go in order of arrival, or not.
         *
         * @param whether whether they do
         * @return this
         */
        public Builder fair(boolean whether) {
            fair = whether;
            return this;
        }

        /**
         * For how long threads that come may go past one that waits. A short time makes waits even and costs
         * throughput; the default is on the page Queues of the documentation, with the curve.
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
            return new SliceBlockingQueue<>(capacity == 0 ? Ring.unbounded() : new Ring(capacity, 0), fair, overtaking);
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
     * @param time how long at most
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
            return turns.offer(element);
        }
        return !putters.goFirst() && turns.offer(element, Math.min(nanos, FIRST_TRY)) > 0
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
     * @param time how long at most
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
            return (E) turns.poll();
        }
        Object element = takers.goFirst() ? Ring.BUSY : turns.poll(Math.min(nanos, FIRST_TRY));
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
