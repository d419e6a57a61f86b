package org.rseq4j.queues;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import org.rseq4j.Rseq;
import org.rseq4j.internal.Section;
import org.rseq4j.internal.ThreadArea;

/**
 * A bounded queue for many producers and many consumers, with one ring for each CPU.
 *
 * <p>
 * <b>It relaxes the order of a queue</b>: each ring is first in, first out; elements of different rings have no order, so
 * the elements of one producer that was moved to another CPU may overtake each other.
 *
 * <p>
 * {@code offer} puts the element on the current CPU's ring, or on another when it is full or in use; {@code poll} takes from
 * the current CPU's ring first, then from the others. A ring is entered under a try-lock that is held for a few nanoseconds;
 * nobody waits for a ring while there is another.
 *
 * @param <E> the type of the elements
 * @since 0.1.0
 */
public final class PerCpuQueue<E> {
    private final Ring[] rings;

    /** One CPU's ring; its fields stand apart from the next ring's by padding. */
    private static final class Ring {
        private static final VarHandle LOCKED;

        static {
            try {
                LOCKED = MethodHandles.lookup().findVarHandle(Ring.class, "locked", int.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        @SuppressWarnings("UnusedVariable")
        private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14;
        @SuppressWarnings("UnusedVariable") // by LOCKED
        private int locked;
        private int head;
        private volatile int size;
        private final Object[] elements;
        @SuppressWarnings("UnusedVariable")
        private long q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14;

        Ring(int capacity) {
            elements = new Object[capacity];
        }

        boolean tryLock() {
            return (int) LOCKED.getOpaque(this) == 0 && LOCKED.compareAndSet(this, 0, 1);
        }

        void unlock() {
            LOCKED.setRelease(this, 0);
        }
    }

    /**
     * A queue.
     *
     * @param capacity how many elements it holds at least, shared out equally between the CPUs
     * @throws IllegalArgumentException when the capacity is not positive
     */
    public PerCpuQueue(int capacity) {
        if (capacity <= 0) {
            throw new IllegalArgumentException("capacity must be positive: " + capacity);
        }
        rings = new Ring[Rseq.cpuCount()];
        for (int i = 0; i < rings.length; i++) {
            rings[i] = new Ring(Math.ceilDiv(capacity, rings.length));
        }
    }

    /**
     * Adds an element unless every ring is full.
     *
     * @param element the element
     * @return false when every ring was found full
     * @throws NullPointerException when the element is null
     */
    public boolean offer(E element) {
        Objects.requireNonNull(element, "element");
        while (true) {
            boolean taken = false;
            int cpu = Rseq.cpuId();
            for (int i = 0; i < rings.length; i++) {
                int outcome = offer(rings[cpu], element);
                if (outcome > 0) {
                    return true;
                }
                taken |= outcome < 0;
                cpu = cpu + 1 == rings.length ? 0 : cpu + 1;
            }
            if (!taken) {
                return false;
            }
            Thread.onSpinWait();
            Thread.yield(); // its holder was scheduled out
        }
    }

    /** {@return an element, or null when every ring was found empty} */
    @SuppressWarnings("unchecked")
    public E poll() {
        while (true) {
            boolean taken = false;
            int cpu = Rseq.cpuId();
            for (int i = 0; i < rings.length; i++) {
                Ring ring = rings[cpu];
                if (ring.size > 0) {
                    Object element = poll(ring);
                    if (element != null) {
                        return (E) element;
                    }
                    taken |= ring.size > 0;
                }
                cpu = cpu + 1 == rings.length ? 0 : cpu + 1;
            }
            if (!taken) {
                return null;
            }
            Thread.yield();
        }
    }

    /** {@return how many elements the rings hold; exact while nobody uses the queue} */
    public int size() {
        int size = 0;
        for (Ring ring : rings) {
            size += ring.size;
        }
        return size;
    }

    /** {@return how many elements the queue can hold} */
    public int capacity() {
        return rings.length * rings[0].elements.length;
    }

    /** 1: added; 0: full; -1: in use. */
    private int offer(Ring ring, E element) {
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        int outcome = -1;
        if (ring.tryLock()) {
            int size = ring.size;
            outcome = 0;
            if (size < ring.elements.length) {
                int tail = ring.head + size;
                ring.elements[tail < ring.elements.length ? tail : tail - ring.elements.length] = element;
                ring.size = size + 1;
                outcome = 1;
            }
            ring.unlock();
        }
        Section.end(section);
        return outcome;
    }

    private Object poll(Ring ring) {
        long section = Section.isSupported() ? Section.begin(ThreadArea.find()) : 0;
        Object element = null;
        if (ring.tryLock()) {
            int size = ring.size;
            if (size > 0) {
                int head = ring.head;
                element = ring.elements[head];
                ring.elements[head] = null;
                ring.head = head + 1 == ring.elements.length ? 0 : head + 1;
                ring.size = size - 1;
            }
            ring.unlock();
        }
        Section.end(section);
        return element;
    }
}
