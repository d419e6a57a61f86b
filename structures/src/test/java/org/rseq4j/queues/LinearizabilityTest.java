// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.queues.Histories.Call;
import org.rseq4j.queues.Histories.Kind;
import org.rseq4j.queues.Histories.Step;

/** Histories of the two strict queues, for rseq4j.test.seconds in all (default 1). */
@Tag("java")
class LinearizabilityTest {
    private static final long NANOS = TimeUnit.SECONDS.toNanos(Integer.getInteger("rseq4j.test.seconds", 1)) / 3;
    private static final List<Kind> SINGLE = List.of(Kind.OFFER, Kind.POLL, Kind.OFFER, Kind.POLL, Kind.PEEK,
            Kind.SIZE, Kind.IS_EMPTY);
    /** Not the drain: it takes more than one batch when elements come meanwhile. */
    private static final List<Kind> ALL = java.util.Arrays.stream(Kind.values()).filter(kind -> kind != Kind.DRAIN_TWO)
            .toList();
    private static final long SEED = System.nanoTime();

    private static Step mpmc(Queue<Integer> queue) {
        var mpmc = (SliceMpmcArrayQueue<Integer>) queue;
        return (kind, argument) -> switch (kind) {
            case OFFER_TWO -> mpmc.offerAll(List.of(argument, argument + 1));
            case DRAIN_TWO -> {
                List<Integer> taken = new ArrayList<>();
                mpmc.drain(taken::add, 2);
                yield taken;
            }
            default -> ofQueue(queue).run(kind, argument);
        };
    }

    private static Step blocking(Queue<Integer> queue) {
        var blocking = (SliceBlockingQueue<Integer>) queue;
        return (kind, argument) -> switch (kind) {
            // Not by the timed forms without a time: these give up where a thread that has no CPU has locked the end.
            case OFFER -> queue.offer(argument);
            case POLL -> {
                Integer element = queue.poll();
                yield element == null ? 0 : element;
            }
            case DRAIN_TWO -> {
                List<Integer> taken = new ArrayList<>();
                blocking.drainTo(taken, 2);
                yield taken;
            }
            default -> ofQueue(queue).run(kind, argument);
        };
    }

    private static Step ofQueue(Queue<Integer> queue) {
        return (kind, argument) -> switch (kind) {
            case OFFER -> queue.offer(argument);
            case POLL -> orZero(queue.poll());
            case PEEK -> orZero(queue.peek());
            case SIZE -> queue.size();
            case IS_EMPTY -> queue.isEmpty();
            case REMOVE -> queue.remove((Object) argument);
            case CONTAINS -> queue.contains(argument);
            case CLEAR -> {
                queue.clear();
                yield 0;
            }
            default -> throw new AssertionError(kind);
        };
    }

    private static Object orZero(Integer element) {
        return element == null ? 0 : element;
    }

    private static void check(Queue<Integer> queue, int capacity, int threads, List<Kind> kinds,
            Function<Queue<Integer>, Step> steps) throws Exception {
        assertNull(Histories.search(queue, capacity, threads, 5, kinds, SEED, NANOS / 2, steps), "seed " + SEED);
    }

    @Test
    void mpmcArrayQueueIsLinearizable() throws Exception {
        check(new SliceMpmcArrayQueue<>(3), 3, 3, SINGLE, LinearizabilityTest::mpmc);
        check(new SliceMpmcArrayQueue<>(1), 1, 4, SINGLE, LinearizabilityTest::mpmc);
        check(new SliceMpmcArrayQueue<>(3), 3, 3, ALL, LinearizabilityTest::mpmc);
    }

    /** As in large queues; in a small one each turn ends soon. */
    @Test
    void mpmcArrayQueueIsLinearizableWhereCpusTakeTurns() throws Exception {
        check(new SliceMpmcArrayQueue<>(3, 0, true), 3, 3, SINGLE, LinearizabilityTest::mpmc);
        check(new SliceMpmcArrayQueue<>(1, -20, true), 1, 4, SINGLE, LinearizabilityTest::mpmc);
        check(new SliceMpmcArrayQueue<>(2, 0, true), 2, 4, ALL, LinearizabilityTest::mpmc);
    }

    @Test
    void mpmcArrayQueueIsLinearizableWhereItsIndicesWrapAround() throws Exception {
        check(new SliceMpmcArrayQueue<>(2, -20), 2, 3, ALL, LinearizabilityTest::mpmc);
        check(new SliceMpmcArrayQueue<>(2, Long.MAX_VALUE - 20), 2, 3, ALL, LinearizabilityTest::mpmc);
        check(new SliceMpmcArrayQueue<>(2, Integer.MAX_VALUE - 20), 2, 3, ALL, LinearizabilityTest::mpmc);
    }

    /** Both change an end of the queue by what they see of the other. */
    @Test
    void partsOfBatchesAndClearingTakeEffectAtOneMoment() throws Exception {
        List<Kind> batches = List.of(Kind.OFFER_TWO, Kind.POLL, Kind.PEEK, Kind.IS_EMPTY);
        check(new SliceMpmcArrayQueue<>(2), 2, 2, batches, LinearizabilityTest::mpmc);
        check(new SliceMpmcArrayQueue<>(3), 3, 3, batches, LinearizabilityTest::mpmc);
        List<Kind> clearing = List.of(Kind.OFFER, Kind.OFFER, Kind.CLEAR, Kind.SIZE, Kind.POLL);
        check(new SliceMpmcArrayQueue<>(4), 4, 3, clearing, LinearizabilityTest::mpmc);
        check(new SliceBlockingQueue<>(4), 4, 3, clearing, LinearizabilityTest::blocking);
        check(new SliceMpmcUnboundedQueue<>(Ring.unbounded(2, -3)), Integer.MAX_VALUE, 3, clearing,
                LinearizabilityTest::ofQueue);
    }

    @Test
    void aBatchOfWhichAPartFitsWaitsForTheConsumers() {
        var ring = new Ring(2, 0);
        assertEquals(Ring.DONE, ring.tryOffer(1, 0));
        long head = ring.lockHead();
        assertEquals(Ring.LOCKED, ring.tryOfferAll(new Object[]{2, 3}, 0, 2, 0));
        assertEquals(1, ring.size(), "nothing was added");
        ring.head = head;
        assertEquals(1, ring.tryOfferAll(new Object[]{2, 3}, 0, 2, 0));
        assertEquals(1, ring.tryPoll(0));
        assertEquals(2, ring.tryPoll(0));
    }

    @Test
    void clearWaitsForTheProducers() {
        var ring = new Ring(2, 0);
        var contents = new Contents(ring);
        assertEquals(Ring.DONE, ring.tryOffer(1, 0));
        long tail = ring.lockTail();
        assertFalse(contents.tryClear());
        assertEquals(1, ring.size(), "nothing was removed");
        ring.tail = tail;
        assertTrue(contents.tryClear());
        assertTrue(ring.isEmpty());
    }

    @Test
    void blockingQueueIsLinearizable() throws Exception {
        List<Kind> kinds = ALL.stream().filter(kind -> kind != Kind.OFFER_TWO && kind != Kind.DRAIN_TWO).toList();
        check(new SliceBlockingQueue<>(3), 3, 3, kinds, LinearizabilityTest::blocking);
        check(new SliceBlockingQueue<>(2, true), 2, 4, kinds, LinearizabilityTest::blocking);
    }

    /** Segments of two and of one, so that almost each call is at the end of one. */
    @Test
    void queuesWithoutABoundAreLinearizable() throws Exception {
        List<Kind> kinds = ALL.stream().filter(kind -> kind != Kind.OFFER_TWO && kind != Kind.DRAIN_TWO).toList();
        check(new SliceMpmcUnboundedQueue<>(Ring.unbounded(2, -3)), Integer.MAX_VALUE, 3, kinds,
                LinearizabilityTest::ofQueue);
        check(new SliceMpmcUnboundedQueue<>(Ring.unbounded(1, 0)), Integer.MAX_VALUE, 4, kinds,
                LinearizabilityTest::ofQueue);
        check(new SliceBlockingQueue<>(Ring.unbounded(2, 0), false, 1_000), Integer.MAX_VALUE, 4, kinds,
                LinearizabilityTest::blocking);
    }

    @Test
    void theCheckerRejectsWhatAQueueDoesNotDo() {
        Call offer1 = new Call(Kind.OFFER, 1, true, 1, 2);
        Call offer2 = new Call(Kind.OFFER, 2, true, 3, 4);
        assertTrue(Histories.linearizable(List.of(offer1, offer2, new Call(Kind.POLL, 0, 1, 5, 6)), List.of(), 2));
        assertFalse(Histories.linearizable(List.of(offer1, offer2, new Call(Kind.POLL, 0, 2, 5, 6)), List.of(), 2));
        assertFalse(Histories.linearizable(List.of(offer1, new Call(Kind.POLL, 0, 0, 5, 6)), List.of(), 2),
                "empty behind a finished offer");
        assertTrue(Histories.linearizable(List.of(offer1, new Call(Kind.POLL, 0, 0, 0, 6)), List.of(), 2));
        assertFalse(Histories.linearizable(List.of(offer1, offer2), List.of(), 1), "more than the capacity");
        assertFalse(Histories.linearizable(List.of(new Call(Kind.POLL, 0, 7, 5, 6), new Call(Kind.POLL, 0, 7, 5, 6)),
                List.of(7), 2), "an element twice");
    }

    @Test
    void theSearchFindsAQueueThatIsNotFirstInFirstOut() throws Exception {
        Queue<Integer> stack = new java.util.AbstractQueue<>() {
            private final ConcurrentLinkedDeque<Integer> all = new ConcurrentLinkedDeque<>();

            @Override
            public boolean offer(Integer element) {
                all.push(element);
                return true;
            }

            @Override
            public Integer poll() {
                return all.poll();
            }

            @Override
            public Integer peek() {
                return all.peek();
            }

            @Override
            public int size() {
                return all.size();
            }

            @Override
            public java.util.Iterator<Integer> iterator() {
                return all.iterator();
            }
        };
        assertNotNull(Histories.search(stack, Integer.MAX_VALUE, 2, 5, List.of(Kind.OFFER, Kind.OFFER, Kind.POLL), SEED,
                TimeUnit.SECONDS.toNanos(30), LinearizabilityTest::ofQueue), "seed " + SEED);
    }
}
