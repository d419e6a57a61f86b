// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

/** A piece of a ring's memory. A bounded ring has one, its own neighbour; an unbounded one has a chain of them. */
final class Segment {
    final Object[] slots;
    Segment next;
    Segment previous;

    Segment(Object[] slots) {
        this.slots = slots;
    }
}
