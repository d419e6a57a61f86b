// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Iterator;
import java.util.Objects;
import java.util.function.Predicate;
import org.rseq4j.Rseq;

/**
 * A bounded queue for many producers and many consumers, with a ring for each CPU. Its order is relaxed.
 *
 * <p>
 * <b>Order:</b> each ring is first in, first out. Elements of different rings have no order, so the elements of one
 * producer may overtake each other when it moves to another CPU, or when part of its ring is moved to another. Take
 * {@link SliceMpmcArrayQueue} where order matters. No ring is forgotten: consumers move elements from the others in
 * turn.
 *
 * <p>
 * <b>Emptiness:</b> {@code poll}, {@code peek} and {@code isEmpty} report an empty queue only after they found each
 * ring empty while no elements were moved between them: never while an element is there whose offer returned before the
 * call, unless other consumers took all such elements meanwhile. {@code offer} reports a full queue in the same way;
 * room that a running {@link #fill(Supplier, int) fill} has reserved counts as full. Relaxed calls, except
 * {@code relaxedPeek}, look at their own ring only; one of 16 that fail looks everywhere. {@code size} may count an
 * element twice that is being moved, or miss it.
 *
 * <p>
 * <b>It is not lock-free.</b> A ring has a lock for each end, held for some nanoseconds, or about a microsecond while
 * elements are moved. The kernel is asked not to schedule a holder out. No code of the caller runs under a lock. A call
 * that throws, even a StackOverflowError, has done nothing and leaves nothing locked; a consumer that throws costs the
 * element that it was given.
 *
 * <p>
 * <b>Happens-before:</b> what a thread did before it added an element is visible to the thread that takes or sees it.
 *
 * <p>
 * <b>Cost:</b> one atomic instruction an operation, and one read of the concurrency ID. Memory for each CPU that the
 * JVM may use: a reference for each element of its ring, rounded up to a power of two, 1 KB, and 32 KB between rings of
 * 32 elements or more.
 *
 * <p>
 * It is not serializable, as JCTools' queues are not.
 *
 * @param <E> the type of the elements
 * @since 0.1.0
 */
@SuppressWarnings("ReferenceEquality") // BUSY is one object
public final class PerCpuQueue<E> extends RingQueue<E> {
    /*
     * Source: rings as in SliceMpmcArrayQueue; moving half of what another has is from work stealing (Hendler and
     * Shavit, "Non-blocking steal-half work queues", 2002).
     *
     * The ring of a thread is chosen by its concurrency ID; without rseq from the thread's number. As long as each CPU
     * runs both producers and consumers, no cache line moves between CPUs. A call that finds its ring empty while
     * another has elements, or full while another has room, first yields to its CPU's other threads; if that does not
     * help, up to 256 elements are moved between the two rings at once. A ring that a thread holds which was scheduled
     * out is yielded to a few times, then left out. A strict call that finds locks taken and nothing anywhere else
     * spins briefly, then yields.
     *
     * No ring is forgotten. At each 1024th element that a ring gave out, its consumer moves up to 64 elements from the
     * front of another ring that has some, in turn, into it, as far as there is room. So a ring whose CPU has no
     * consumers is passed over by about 1024 polls of each other CPU, times the number of such rings, and is itself
     * served in order.
     *
     * Whole-collection operations look at ring after ring while no elements are moved: clear and removeIf pass over
     * nothing that was there when they began; an iterator copies all references when it is made.
     *
     * The 32 KB between rings keep the garbage collector's cards of different CPUs apart, but for small rings, which
     * tests have.
     */
    /** The most elements that are moved between rings at once. */
    private static final int MOVE = 256;
    /** Fewer are not worth a move. */
    private static final int FEW = 4;
    /** How often the own CPU's threads get a chance when the own ring is in use, before others are. */
    private static final int YIELDS = 4;
    /** One of so many relaxed calls that fail looks at the other rings. */
    private static final int LOOK_INTERVAL = 16;
    /** After so many elements from a ring others are looked at. */
    private static final int MOVE_INTERVAL = 1024;
    /** References between the slots of two rings: 32 KB, whose cards in the collector's table fill a cache line. */
    private static final int CARDS = 8192;
    /**
     * Smaller rings are full or empty all the time: with rings of 8 the threads yield and move elements instead of
     * passing them on, and one ring for all makes four times as much. Rings of 32 are level with it.
     */
    private static final int SMALL = 32;
    private static final long LARGEST_ARRAY = 1 << 26;

    private static final int HINTS = 64;
    private static final int FAILED_OFFERS = 32;
    private static final int FAILED_POLLS = 48;
    private static final int VICTIM = 49;

    final Calm.Calms calms = new Calm.Calms();
    /** For each ring, what its users last did; racy, only hints. */
    private final int[] hints;
    /** Whether there are more CPUs than rings. */
    private final boolean shared;

    /**
     * A queue with as many rings as the JVM has processors, or fewer, so that each has room for 32 elements.
     *
     * @param capacity how many elements it holds at least, from 1 to 2^30, shared out equally between the rings and
     *             rounded up so that all are equal
     * @throws IllegalArgumentException when the capacity is not in that range
     */
    public PerCpuQueue(int capacity) {
        this(capacity, ringsFor(capacity), 0);
    }

    static int ringsFor(int capacity) {
        return Math.max(1, Math.min(processors(), capacity / SMALL));
    }

    private static int processors() {
        return Math.min(Runtime.getRuntime().availableProcessors(), Rseq.cpuCount());
    }

    /** A queue with a number of rings whose indices start anywhere. */
    PerCpuQueue(int capacity, int rings, long start) {
        super(rings(Rings.checkCapacity(capacity), rings, start));
        hints = new int[HINTS * (rings + 1)];
        shared = rings < processors();
    }

    private static Ring[] rings(int capacity, int n, long start) {
        Ring[] rings = new Ring[n];
        int each = (int) ((capacity + n - 1L) / n);
        int gap = each < SMALL ? 2 * Ring.PAD : CARDS;
        long stride = Ring.slots(each) + (long) gap;
        Object[] shared = stride * n <= LARGEST_ARRAY ? new Object[(int) stride * n] : null;
        for (int i = 0; i < n; i++) {
            rings[i] = shared == null
                    ? new Ring(each, start)
                    : new Ring(shared, (int) stride * i + gap / 2, each, start);
        }
        return rings;
    }

    @Override
    int first() {
        return shard(rings.length);
    }

    /** Lets this CPU's other threads go on; where another CPU may be at work in the ring, only after some spins. */
    private void pause(int tries) {
        if (shared) {
            Ring.pause(tries);
        } else {
            Thread.yield();
        }
    }

    private Ring after(int ring, int n) {
        int next = ring + n;
        return rings[next < rings.length ? next : next - rings.length];
    }

    // ---- In ----

    /**
     * Adds an element.
     *
     * @param element the element
     * @return false when every ring was found full
     * @throws NullPointerException when the element is null
     */
    @Override
    public boolean offer(E element) {
        Objects.requireNonNull(element, "element");
        int shard = first();
        return rings[shard].tryOffer(element, shard) > 0 || offerAnywhere(element) != null;
    }

    /**
     * Adds an element if the own ring has room; one of 16 failing calls tries the others, too.
     *
     * @param element the element
     * @return false when it was not added
     * @throws NullPointerException when the element is null
     */
    @Override
    public boolean relaxedOffer(E element) {
        Objects.requireNonNull(element, "element");
        int shard = first();
        return rings[shard].tryOffer(element, shard) > 0
                || ++hints[shard * HINTS + FAILED_OFFERS] % LOOK_INTERVAL == 0 && offerAnywhere(element) != null;
    }

    @Override
    Ring ringWithRoom() {
        Ring own = rings[first()];
        return own.free() > 0 ? own : offerAnywhere(null);
    }

    private static int tryOffer(Ring ring, Object element, int shard) {
        if (element == null) {
            return ring.free() > 0 ? Ring.DONE : Ring.NONE;
        }
        return ring.tryOffer(element, shard);
    }

    /** The ring that has got the element, or for null has room; null when every ring was found full. */
    private Ring offerAnywhere(Object element) {
        for (int tries = 0;; tries++) {
            long stamp = moves();
            int shard = first();
            Ring own = rings[shard];
            int outcome = tryOffer(own, element, shard);
            if (outcome > 0) {
                return own;
            }
            boolean again = outcome < 0;
            // Before the first look elsewhere, and while the own ring is in use, the own CPU's other threads get a
            // chance.
            if (tries >= (outcome < 0 ? YIELDS : 1)) {
                for (int i = 1; i < rings.length; i++) {
                    Ring other = after(shard, i);
                    int free = other.free();
                    if (free > 0) {
                        int moved = outcome < 0 || free < FEW
                                ? 0
                                : own.moveTo(other, share(free, other.lastProducer == shard), shard, calms);
                        Ring there = moved > 0 ? own : other;
                        int outcomeThere = tryOffer(there, element, shard);
                        if (outcomeThere > 0) {
                            return there;
                        }
                        again |= moved != 0 || outcomeThere < 0;
                    }
                }
                if (!again && !movedSince(stamp)) {
                    return null;
                }
            } else if (!again && noneHasRoom(shard) && !movedSince(stamp)) {
                return null;
            }
            pause(tries);
        }
    }

    private boolean noneHasRoom(int shard) {
        for (int i = 1; i < rings.length; i++) {
            if (after(shard, i).free() > 0) {
                return false;
            }
        }
        return true;
    }

    /** How many of those that could be moved are: all, when this CPU was the last to use that end of the other ring. */
    private static int share(int number, boolean mine) {
        return Math.min(MOVE, mine ? number : number + 1 >> 1);
    }

    /**
     * Adds as many of these elements as there is room for, the first ones, in batches to one ring after the other.
     *
     * @param elements the elements, in the order of their iterator
     * @return how many were added
     * @throws NullPointerException when the collection or an element is null; then nothing is added
     */
    public int offerAll(Collection<? extends E> elements) {
        Object[] all = checked(elements);
        int done = 0;
        while (done < all.length) {
            int shard = first();
            int n = rings[shard].tryOfferAll(all, done, all.length - done, shard);
            done += Math.max(n, 0);
            if (done < all.length) {
                if (offerAnywhere(all[done]) == null) {
                    break;
                }
                done++;
            }
        }
        return done;
    }

    // ---- Out ----

    /** {@return an element, which is taken out; null when every ring was found empty} */
    @Override
    @SuppressWarnings("unchecked")
    public E poll() {
        int shard = first();
        Ring own = rings[shard];
        Object element = own.tryPoll(shard);
        if (element == null || element == Ring.BUSY) {
            element = pollAnywhere();
        } else if ((own.head >>> 1 & MOVE_INTERVAL - 1) == 0) {
            try {
                fetch(shard);
            } catch (VirtualMachineError ignored) {
                // The element is taken: an error, also at the call itself, must not lose it. The next turn does it.
            }
        }
        return (E) element;
    }

    /**
     * {@return an element, which is taken out; null when the own ring has none, but one of 16 such calls tries the
     * others}
     */
    @Override
    @SuppressWarnings("unchecked")
    public E relaxedPoll() {
        int shard = first();
        Ring own = rings[shard];
        Object element = own.tryPoll(shard);
        if (element == null || element == Ring.BUSY) {
            element = ++hints[shard * HINTS + FAILED_POLLS] % LOOK_INTERVAL == 0 ? pollAnywhere() : null;
        } else if ((own.head >>> 1 & MOVE_INTERVAL - 1) == 0) {
            try {
                fetch(shard);
            } catch (VirtualMachineError ignored) {
                // The element is taken: an error, also at the call itself, must not lose it. The next turn does it.
            }
        }
        return (E) element;
    }

    /** Moves some elements of another ring that has any to the own one. */
    private void fetch(int shard) {
        int from = victim(shard);
        for (int i = 0; i < rings.length; i++) {
            Ring other = after(from, i);
            if (other != rings[shard] && !other.isEmpty()) {
                other.moveTo(rings[shard], BATCH, shard, calms);
                hints[shard * HINTS + VICTIM] = from + i + 1;
                return;
            }
        }
    }

    /** The ring to look at first when the own one has nothing. */
    private int victim(int shard) {
        return Math.floorMod(hints[shard * HINTS + VICTIM], rings.length);
    }

    private Object pollAnywhere() {
        for (int tries = 0;; tries++) {
            long stamp = moves();
            int shard = first();
            Ring own = rings[shard];
            Object element = own.tryPoll(shard);
            boolean again = element == Ring.BUSY;
            if (element != null && !again) {
                return element;
            }
            // As in offerAnywhere.
            if (tries >= (again ? YIELDS : 1)) {
                boolean inUse = again;
                int from = victim(shard);
                for (int i = 0; i < rings.length; i++) {
                    Ring other = after(from, i);
                    int size = other == own ? 0 : other.size();
                    if (size > 0) {
                        int moved = inUse || size < FEW
                                ? 0
                                : other.moveTo(own, share(size, other.lastConsumer == shard), shard, calms);
                        element = moved > 0 ? own.tryPoll(shard) : other.tryPoll(shard);
                        if ((other.head >>> 1 & MOVE_INTERVAL - 1) == 0 || moved > 0) {
                            hints[shard * HINTS + VICTIM] = from + i + 1;
                        }
                        if (element != null && element != Ring.BUSY) {
                            return element;
                        }
                        again |= moved != 0 || element == Ring.BUSY;
                    }
                }
                if (!again && !movedSince(stamp)) {
                    return null;
                }
            } else if (!again && noneHasElements(shard) && !movedSince(stamp)) {
                return null;
            }
            pause(tries);
        }
    }

    private boolean noneHasElements(int shard) {
        for (int i = 1; i < rings.length; i++) {
            if (!after(shard, i).isEmpty()) {
                return false;
            }
        }
        return true;
    }

    /** {@return an element, which stays; null when every ring was found empty} */
    @Override
    @SuppressWarnings("unchecked")
    public E peek() {
        for (int tries = 0;; tries++) {
            long stamp = moves();
            boolean busy = false;
            int shard = first();
            for (int i = 0; i < rings.length; i++) {
                Object element = after(shard, i).tryPeek();
                if (element == Ring.BUSY) {
                    busy = true;
                } else if (element != null) {
                    return (E) element;
                }
            }
            if (!busy && !movedSince(stamp)) {
                return null;
            }
            Ring.pause(tries);
        }
    }

    /** {@return an element, which stays; null when no ring has any that no other thread is taking} */
    @Override
    @SuppressWarnings("unchecked")
    public E relaxedPeek() {
        int shard = first();
        for (int i = 0; i < rings.length; i++) {
            Object element = after(shard, i).tryPeek();
            if (element != null && element != Ring.BUSY) {
                return (E) element;
            }
        }
        return null;
    }

    // ---- Collection ----

    @Override
    public boolean isEmpty() {
        for (int tries = 0;; tries++) {
            long stamp = moves();
            for (Ring ring : rings) {
                if (!ring.isEmpty()) {
                    return false;
                }
            }
            if (!movedSince(stamp)) {
                return true;
            }
            Ring.pause(tries);
        }
    }

    /** Removes all elements that are there when it begins, and perhaps some that come meanwhile. */
    @Override
    public void clear() {
        Calm calm = calms.begin(rings);
        try {
            super.clear();
        } finally {
            calm.over = true;
        }
    }

    @Override
    public boolean contains(Object element) {
        Calm calm = calms.begin(rings);
        try {
            return super.contains(element);
        } finally {
            calm.over = true;
        }
    }

    @Override
    public boolean remove(Object element) {
        Calm calm = calms.begin(rings);
        try {
            return super.remove(element);
        } finally {
            calm.over = true;
        }
    }

    /**
     * {@inheritDoc} No elements are moved between rings while the filter is asked.
     */
    @Override
    public boolean removeIf(Predicate<? super E> filter) {
        Objects.requireNonNull(filter, "filter");
        Calm calm = calms.begin(rings);
        try {
            return super.removeIf(filter);
        } finally {
            calm.over = true;
        }
    }

    /**
     * {@return an iterator over the elements as they were, ring by ring, when it was made} It shows each that was there
     * all that while once, and none twice. Of those that have gone it shows at most the next one, and those of rings
     * from which elements were moved to another ring since. It removes an element that it showed unless that has gone
     * or was moved since, and never another one.
     */
    @Override
    public Iterator<E> iterator() {
        var chunks = new ArrayDeque<Contents.Chunk>();
        Calm calm = calms.begin(rings);
        try {
            for (Contents each : contents) {
                Contents.Cursor cursor = each.cursor();
                for (Contents.Chunk chunk; (chunk = cursor.next()) != null;) {
                    chunks.add(chunk);
                }
            }
        } finally {
            calm.over = true;
        }
        return new Elements<>(chunks::poll);
    }
}
