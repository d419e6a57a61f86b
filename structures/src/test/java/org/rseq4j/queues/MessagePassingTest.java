// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.YieldingIdleStrategy;
import org.jctools.queues.MessagePassingQueue;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.rseq4j.stress.TestThreads;

/** MessagePassingQueue and java.util.Queue on one thread, for each kind of queue and start of its indices. */
@Tag("java")
class MessagePassingTest {
    /** How a queue is made; strict ones keep the order. */
    record Kind(String name, boolean strict, IntFunction<MessagePassingQueue<Integer>> factory) {
        MessagePassingQueue<Integer> make(int capacity) {
            return factory.apply(capacity);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    static List<Kind> kinds() {
        return List.of(new Kind("SliceMpmcArrayQueue", true, SliceMpmcArrayQueue::new),
                new Kind("SliceMpmcArrayQueue, indices before 0", true, c -> new SliceMpmcArrayQueue<>(c, -3)),
                new Kind("SliceMpmcArrayQueue, indices before 2^63", true,
                        c -> new SliceMpmcArrayQueue<>(c, Long.MAX_VALUE - 3)),
                new Kind("SliceMpmcArrayQueue, indices before 2^62", true,
                        c -> new SliceMpmcArrayQueue<>(c, Long.MAX_VALUE / 2 - 3)),
                new Kind("PerCpuQueue", false, PerCpuQueue::new),
                new Kind("PerCpuQueue of one ring", true, c -> new PerCpuQueue<>(c, 1, 0)),
                new Kind("PerCpuQueue of five rings, indices before 0", false, c -> new PerCpuQueue<>(c, 5, -3)));
    }

    @SuppressWarnings("unchecked")
    private static int offerAll(MessagePassingQueue<Integer> queue, List<Integer> elements) {
        return queue instanceof PerCpuQueue
                ? ((PerCpuQueue<Integer>) queue).offerAll(elements)
                : ((SliceMpmcArrayQueue<Integer>) queue).offerAll(elements);
    }

    private static void assertSame(Kind kind, List<Integer> expected, List<Integer> actual) {
        if (kind.strict) {
            assertEquals(expected, actual);
        } else {
            assertEquals(expected.stream().sorted().toList(), actual.stream().sorted().toList());
        }
    }

    private static List<Integer> numbers(int from, int to) {
        List<Integer> numbers = new ArrayList<>();
        for (int i = from; i < to; i++) {
            numbers.add(i);
        }
        return numbers;
    }

    private static List<Integer> pollAll(MessagePassingQueue<Integer> queue) {
        List<Integer> all = new ArrayList<>();
        for (Integer element; (element = queue.poll()) != null;) {
            all.add(element);
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void holdsItsCapacityAndNoMore(Kind kind) {
        for (int capacity : new int[]{1, 2, 3, 5, 64, 100}) {
            var queue = kind.make(capacity);
            assertTrue(queue.capacity() >= capacity);
            for (int round = 0; round < 5; round++) {
                assertTrue(queue.isEmpty());
                assertNull(queue.peek());
                assertNull(queue.poll());
                for (int i = 0; i < queue.capacity(); i++) {
                    assertEquals(i, queue.size());
                    assertTrue(queue.offer(i));
                }
                assertFalse(queue.offer(-1));
                assertEquals(queue.capacity(), queue.size());
                assertNotNull(queue.peek());
                assertSame(kind, numbers(0, queue.capacity()), pollAll(queue));
                assertEquals(0, queue.size());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void relaxedCallsGetEverywhereWhenRepeated(Kind kind) {
        var queue = kind.make(100);
        int next = 0;
        for (int i = 0; i < 100_000; i++) {
            if (queue.relaxedOffer(next)) {
                next++;
            }
        }
        assertEquals(queue.capacity(), next);
        assertNotNull(queue.relaxedPeek());
        Set<Integer> got = new HashSet<>();
        for (int i = 0; i < 100_000; i++) {
            Integer element = queue.relaxedPoll();
            if (element != null) {
                assertTrue(got.add(element));
            }
        }
        assertEquals(new HashSet<>(numbers(0, next)), got);
        assertNull(queue.relaxedPeek());
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void fillsAndDrainsInBatches(Kind kind) {
        var queue = kind.make(200);
        var next = new AtomicInteger();
        assertEquals(0, queue.fill(next::getAndIncrement, 0));
        assertEquals(100, queue.fill(next::getAndIncrement, 100));
        assertEquals(100, queue.size());
        int rest = queue.fill(next::getAndIncrement);
        assertEquals(queue.capacity() - 100, rest);
        assertEquals(0, queue.fill(next::getAndIncrement, 10));
        assertEquals(queue.capacity(), next.get(), "the supplier was asked for nothing that was not added");
        List<Integer> got = new ArrayList<>();
        assertEquals(0, queue.drain(got::add, 0));
        assertEquals(70, queue.drain(got::add, 70));
        assertEquals(queue.capacity() - 70, queue.drain(got::add));
        assertEquals(0, queue.drain(got::add));
        assertSame(kind, numbers(0, queue.capacity()), got);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void offersAllThatThereIsRoomFor(Kind kind) {
        var queue = kind.make(100);
        assertEquals(0, offerAll(queue, List.of()));
        assertEquals(60, offerAll(queue, numbers(0, 60)));
        assertEquals(queue.capacity() - 60, offerAll(queue, numbers(60, 300)));
        assertEquals(0, offerAll(queue, numbers(0, 1)));
        assertSame(kind, numbers(0, queue.capacity()), pollAll(queue));
        assertThrows(NullPointerException.class, () -> offerAll(queue, Arrays.asList(1, null)));
        assertThrows(NullPointerException.class, () -> offerAll(queue, null));
        assertTrue(queue.isEmpty());
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void drainsAndFillsWhileTheConditionHolds(Kind kind) {
        var queue = kind.make(200);
        var next = new AtomicInteger();
        var waits = new AtomicInteger();
        queue.fill(next::getAndIncrement, counter -> {
            waits.incrementAndGet();
            return counter + 1;
        }, () -> waits.get() < 3);
        assertEquals(queue.capacity(), next.get());
        assertEquals(3, waits.get());
        List<Integer> got = new ArrayList<>();
        queue.drain(got::add, counter -> {
            assertEquals(waits.getAndIncrement() - 3, counter);
            return counter + 1;
        }, () -> waits.get() < 6);
        assertSame(kind, numbers(0, next.get()), got);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void aConsumerThatThrowsLosesOnlyTheElementThatItWasGiven(Kind kind) {
        var queue = kind.make(200);
        queue.fill(new AtomicInteger()::getAndIncrement, 150);
        List<Integer> got = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            int stop = got.size() + 7 * i + 1;
            assertThrows(IllegalStateException.class, () -> queue.drain(element -> {
                got.add(element);
                if (got.size() == stop) {
                    throw new IllegalStateException("on purpose");
                }
            }));
            assertEquals(150 - got.size(), queue.size());
            assertFalse(queue.isEmpty());
            assertNotNull(queue.peek());
        }
        got.addAll(pollAll(queue));
        assertSame(kind, numbers(0, 150), got);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void aSupplierThatThrowsLosesNothing(Kind kind) {
        var queue = kind.make(200);
        var next = new AtomicInteger();
        for (int i = 0; i < 3; i++) {
            int stop = next.get() + 5 + 30 * i;
            assertThrows(IllegalStateException.class, () -> queue.fill(() -> {
                if (next.get() == stop) {
                    throw new IllegalStateException("on purpose");
                }
                return next.getAndIncrement();
            }));
            assertEquals(next.get(), queue.size());
        }
        assertThrows(NullPointerException.class, () -> queue.fill(() -> null, 10));
        queue.fill(next::getAndIncrement);
        assertEquals(queue.capacity(), queue.size(), "the reservations were given back");
        assertSame(kind, numbers(0, next.get()), pollAll(queue));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void whatAFillHasReservedIsFullToOthersAndNothingElseIs(Kind kind) {
        var queue = kind.make(320);
        var next = new AtomicInteger();
        var others = new AtomicInteger();
        int reserved = queue.fill(() -> {
            if (next.get() == 0) {
                others.set(queue.fill(() -> -1, queue.capacity()));
                assertFalse(queue.offer(-1));
                assertEquals(0, queue.fill(() -> -1, 1));
            }
            return next.getAndIncrement();
        }, RingQueue.BATCH);
        assertEquals(RingQueue.BATCH, reserved);
        assertEquals(queue.capacity() - reserved, others.get());
        assertEquals(queue.capacity(), queue.size());
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void suppliersAndConsumersMayUseTheQueue(Kind kind) {
        var queue = kind.make(64);
        var next = new AtomicInteger();
        assertTrue(queue.fill(() -> {
            queue.offer(1000);
            queue.poll();
            return next.getAndIncrement();
        }, 20) > 0);
        int size = queue.size();
        var moved = new AtomicInteger();
        assertEquals(size, queue.drain(element -> {
            moved.incrementAndGet();
            queue.offer(element);
            assertNotNull(queue.poll());
            queue.clear();
            queue.offer(element);
            queue.clear();
        }, size) + size - moved.get());
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void rejectsBadArguments(Kind kind) {
        var queue = kind.make(4);
        assertThrows(NullPointerException.class, () -> queue.offer(null));
        assertThrows(NullPointerException.class, () -> queue.relaxedOffer(null));
        assertThrows(IllegalArgumentException.class, () -> queue.drain(null));
        assertThrows(IllegalArgumentException.class, () -> queue.drain(null, 1));
        assertThrows(IllegalArgumentException.class, () -> queue.drain(element -> {}, -1));
        assertThrows(IllegalArgumentException.class, () -> queue.fill(null));
        assertThrows(IllegalArgumentException.class, () -> queue.fill(null, 1));
        assertThrows(IllegalArgumentException.class, () -> queue.fill(() -> 1, -1));
        assertThrows(IllegalArgumentException.class, () -> queue.fill(() -> 1, null, () -> true));
        assertThrows(IllegalArgumentException.class, () -> queue.fill(() -> 1, counter -> counter, null));
        assertThrows(IllegalArgumentException.class, () -> queue.drain(null, counter -> counter, () -> true));
        assertThrows(IllegalArgumentException.class, () -> queue.drain(element -> {}, null, () -> true));
        assertTrue(queue.isEmpty());
        for (int capacity : new int[]{0, -1, Integer.MIN_VALUE, (1 << 30) + 1, Integer.MAX_VALUE}) {
            assertThrows(IllegalArgumentException.class, () -> kind.make(capacity));
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    @SuppressWarnings("unchecked")
    void keepsTheContractOfAQueue(Kind kind) {
        var queue = (java.util.Queue<Integer>) kind.make(2);
        assertThrows(java.util.NoSuchElementException.class, queue::remove);
        assertThrows(java.util.NoSuchElementException.class, queue::element);
        while (queue.offer(1)) {
            assertEquals(1, queue.element());
        }
        assertThrows(IllegalStateException.class, () -> queue.add(2));
        assertThrows(NullPointerException.class, () -> queue.removeIf(null));
        assertFalse(queue.contains(null));
        assertFalse(queue.remove(null));
        var iterator = queue.iterator();
        assertThrows(IllegalStateException.class, iterator::remove);
        queue.clear();
        while (iterator.hasNext()) {
            assertEquals(1, iterator.next(), "the iterator shows what was there");
        }
        assertThrows(java.util.NoSuchElementException.class, iterator::next);
        iterator.remove();
        assertThrows(IllegalStateException.class, iterator::remove);
        assertTrue(queue.isEmpty());
    }

    @ParameterizedTest
    @MethodSource("kinds")
    @SuppressWarnings("unchecked")
    void removalFromTheMiddleKeepsTheOthersInOrder(Kind kind) {
        var queue = (java.util.AbstractQueue<Integer>) kind.make(40);
        for (int i = 0; i < 40; i++) {
            queue.add(i % 10);
        }
        assertTrue(queue.remove(3));
        assertTrue(queue.removeIf(element -> element > 5));
        var iterator = queue.iterator();
        while (iterator.hasNext()) {
            if (iterator.next() == 1) {
                iterator.remove();
            }
        }
        List<Integer> expected = new ArrayList<>(List.of(0, 2, 4, 5, 0, 2, 3, 4, 5, 0, 2, 3, 4, 5, 0, 2, 3, 4, 5));
        if (kind.strict) {
            assertEquals(expected, new ArrayList<>(queue));
        }
        assertEquals(expected.size(), queue.size());
        queue.offer(77);
        assertTrue(queue.contains(77));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void waitsByAnIdleStrategy(Kind kind) throws Exception {
        var queue = kind.make(4);
        int count = System.getenv("RSEQ4J_VM") == null ? 20_000 : 2_000;
        Thread producer = TestThreads.start(() -> {
            try {
                var idle = new BackoffIdleStrategy();
                for (int i = 0; i < count; i++) {
                    IdleWaiting.put(queue, i, idle);
                }
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        boolean[] seen = new boolean[count];
        var idle = YieldingIdleStrategy.INSTANCE;
        for (int i = 0; i < count; i++) {
            int element = IdleWaiting.take(queue, idle);
            assertFalse(seen[element]);
            seen[element] = true;
            if (kind.strict) {
                assertEquals(i, element);
            }
        }
        producer.join();
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> IdleWaiting.take(queue, idle));
        while (queue.offer(1)) {
            assertFalse(Thread.currentThread().isInterrupted());
        }
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> IdleWaiting.put(queue, 1, idle));
        assertThrows(NullPointerException.class, () -> IdleWaiting.put(queue, null, idle));
        assertThrows(NullPointerException.class, () -> IdleWaiting.take(queue, null));
        assertThrows(NullPointerException.class, () -> IdleWaiting.by(null));
        var drained = new AtomicInteger();
        queue.drain(element -> drained.incrementAndGet(), IdleWaiting.by(idle), () -> drained.get() < queue.capacity());
        assertEquals(queue.capacity(), drained.get());
    }
}
