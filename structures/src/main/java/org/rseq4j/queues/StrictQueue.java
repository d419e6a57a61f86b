// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.Objects;

/** What the strict queues have in common: one ring, at whose ends CPUs take turns. */
abstract class StrictQueue<E> extends RingQueue<E> {
    final Ring ring;
    final Turns turns;

    StrictQueue(Ring ring, boolean turns) {
        super(new Ring[]{ring});
        this.ring = ring;
        this.turns = new Turns(ring, turns);
    }

    @Override
    final int first() {
        return 0;
    }

    /**
     * Adds an element at the end.
     *
     * @param element the element
     * @return false when there was no room
     * @throws NullPointerException when the element is null
     */
    @Override
    public boolean offer(E element) {
        Objects.requireNonNull(element, "element");
        return turns.offer(element);
    }

    /**
     * Adds an element at the end, unless that would take long.
     *
     * @param element the element
     * @return false when there was no room, another thread was adding elements, or another CPU had its turn
     * @throws NullPointerException when the element is null
     */
    @Override
    public boolean relaxedOffer(E element) {
        Objects.requireNonNull(element, "element");
        return turns.relaxedOffer(element);
    }

    /** {@return the first element, which is taken out; null when there is none} */
    @Override
    @SuppressWarnings("unchecked")
    public E poll() {
        return (E) turns.poll();
    }

    /**
     * {@return the first element, which is taken out; null when there is none, another thread is taking one, or another
     * CPU has its turn}
     */
    @Override
    @SuppressWarnings("unchecked")
    public E relaxedPoll() {
        return (E) turns.relaxedPoll();
    }

    /** {@return the first element, which stays; null when there is none} */
    @Override
    @SuppressWarnings("unchecked")
    public E peek() {
        return (E) ring.peek();
    }

    /** {@return the first element, which stays; null when there is none or another thread is taking it} */
    @Override
    @SuppressWarnings({"unchecked", "ReferenceEquality"}) // BUSY is one object
    public E relaxedPeek() {
        Object element = ring.tryPeek();
        return element == Ring.BUSY ? null : (E) element;
    }
}
