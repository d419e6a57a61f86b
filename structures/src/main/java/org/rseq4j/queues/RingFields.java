// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

/**
 * The fields of a ring, each group on cache lines of its own. Indices count in twos: the lowest bit of an index is the
 * lock of its end.
 *
 * <p>
 * A padding is 128 bytes of longs, and bytes that fill the gaps which alignment leaves before it: the JVM puts small
 * fields of a subclass into such gaps of its superclasses.
 */
final class RingFields {
    private RingFields() {
    }

    @SuppressWarnings("UnusedVariable")
    abstract static class PadBefore {
        private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
        private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;
    }

    /** Never written again. */
    abstract static class Constants extends PadBefore {
        /** Index in a segment's array of its first slot. */
        final int base;
        /** The slots of a segment, a power of two, minus one. */
        final long mask;
        /** The capacity in units of the indices. */
        final long room;
        /** Whether the ring is a chain of segments that has no bound. */
        final boolean unbounded;

        Constants(int base, int slots, long room, boolean unbounded) {
            this.base = base;
            this.mask = slots - 1;
            this.room = room;
            this.unbounded = unbounded;
        }
    }

    @SuppressWarnings("UnusedVariable")
    abstract static class PadConstants extends Constants {
        private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
        private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

        PadConstants(int base, int slots, long room, boolean unbounded) {
            super(base, slots, room, unbounded);
        }
    }

    /** The producers' line. All but the tail and the request belongs to whoever has the tail locked. */
    abstract static class Producers extends PadConstants {
        volatile long tail;
        /** Where the tail may go without another look. */
        long limit;
        Segment tailSegment;
        Object[] tailSlots;
        /** A list of what fills have reserved and not yet used. */
        Reservation reservations;
        /** How many there have been. */
        int reserved;
        /** Who last added an element: a CPU or a concurrency ID. */
        int lastProducer = -1;
        /** Whether the last look found little room. */
        boolean littleRoom;
        /** The bits of the tail that are 0 where it is worth to wait for more room, see {@link Ring#rarer}. */
        int tailGathers;
        /** A waiter is to be woken before the next element comes. */
        volatile boolean wakeBeforeElement;

        Producers(int base, int slots, long room, boolean unbounded) {
            super(base, slots, room, unbounded);
        }
    }

    @SuppressWarnings("UnusedVariable")
    abstract static class PadProducers extends Producers {
        private byte b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14;
        private long p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;

        PadProducers(int base, int slots, long room, boolean unbounded) {
            super(base, slots, room, unbounded);
        }
    }

    /** The consumers' line. All but the head and the request belongs to whoever has the head locked. */
    abstract static class Consumers extends PadProducers {
        volatile long head;
        /** How far the head may go without another look at the tail. */
        long seenTail;
        Segment headSegment;
        Object[] headSlots;
        /** The index behind the last slot of the head's segment. */
        long headEnd;
        /** Who last took an element. */
        int lastConsumer = -1;
        /** Whether the last look found few elements. */
        boolean fewElements;
        /** The bits of the head that are 0 where it is worth to wait for more elements, see {@link Ring#rarer}. */
        int headGathers;
        /** A waiter is to be woken before the next room comes. */
        volatile boolean wakeBeforeRoom;
        /**
         * Where the head goes by the last move from here to another ring. Written before the elements are there, so
         * until the head is as far they may be in both rings, and this room in neither.
         */
        volatile long movesTo;
        /** The last removal from the middle; older ones are reachable only from iterators that may need them. */
        Removal lastRemoval = new Removal(new long[0], 0);
        /** An unbounded ring's empty segment. Written under either lock or none: losing one costs an allocation. */
        volatile Segment spare;

        Consumers(int base, int slots, long room, boolean unbounded) {
            super(base, slots, room, unbounded);
        }
    }
}
