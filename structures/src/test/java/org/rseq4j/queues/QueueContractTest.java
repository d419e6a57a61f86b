// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InvalidClassException;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.time.Duration;
import java.util.AbstractCollection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jctools.queues.MessagePassingQueue;
import org.jctools.queues.MpmcArrayQueue;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.stress.Allocated;
import org.rseq4j.stress.TestThreads;

/** What the table in docs/lab/queues.md says of each call, beside j.u.c. and JCTools where they say the same. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("java")
class QueueContractTest {
    record Kind(String name, Supplier<Queue<Integer>> factory) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** All of ours, room for a thousand at least. */
    static Stream<Kind> ours() {
        return Stream.of(new Kind("SliceMpmcArrayQueue", () -> new SliceMpmcArrayQueue<>(1000)),
                new Kind("SliceMpmcUnboundedQueue", SliceMpmcUnboundedQueue::new),
                new Kind("SliceMpmcUnboundedQueue, short segments",
                        () -> new SliceMpmcUnboundedQueue<>(Ring.unbounded(2, -3))),
                new Kind("SliceBlockingQueue", () -> new SliceBlockingQueue<>(1000)),
                new Kind("SliceBlockingQueue without a bound", SliceBlockingQueue::new),
                new Kind("PerCpuQueue", () -> new PerCpuQueue<>(1000)),
                new Kind("PerCpuQueue of one ring", () -> new PerCpuQueue<>(1000, 1, -5)));
    }

    static Stream<Kind> oursAndPeers() {
        return Stream.concat(ours(), Stream.of(new Kind("ArrayBlockingQueue", () -> new ArrayBlockingQueue<>(1000)),
                new Kind("LinkedBlockingQueue", LinkedBlockingQueue::new),
                new Kind("ConcurrentLinkedQueue", ConcurrentLinkedQueue::new)));
    }

    static Stream<Kind> messagePassing() {
        return Stream.concat(ours().filter(kind -> kind.factory.get() instanceof MessagePassingQueue),
                Stream.of(new Kind("MpmcArrayQueue", () -> new MpmcArrayQueue<>(1000))));
    }

    private static void join(Thread thread) throws InterruptedException {
        thread.join(60_000);
        assertFalse(thread.isAlive(), "a thread did not end");
    }

    // ---- Waiting ----

    /** An attempt that fails until the time is over, and then succeeds. */
    @Test
    void aTimedCallLooksOnceMoreWhenItsTimeIsOver() throws Exception {
        for (boolean fair : new boolean[]{false, true}) {
            for (long nanos : new long[]{1, 1_000, 3_000_000}) {
                var ring = new Ring(4, 0);
                var waiters = new Waiters(ring, true, fair, 0, new Yields(ring));
                long over = System.nanoTime() + nanos;
                assertEquals("late", waiters.await(
                        (element, most) -> System.nanoTime() - over >= 0 ? "late" : null, null, nanos));
                assertEquals(0, waiters.count());
            }
        }
    }

    static Stream<Arguments> fairnessAndMicroseconds() {
        return Stream.of(-1L, 0L, 3_000L)
                .flatMap(micros -> Stream.of(Arguments.of(false, micros), Arguments.of(true, micros)));
    }

    @ParameterizedTest
    @MethodSource("fairnessAndMicroseconds")
    void timedCallsEndBesideAThreadThatIsStoppedInTheQueue(boolean fair, long micros) throws Exception {
        var queue = new SliceBlockingQueue<Integer>(4, fair);
        Ring ring = queue.rings[0];
        long tail = ring.lockTail();
        assertNull(queue.poll(micros, TimeUnit.MICROSECONDS), "empty, and its producers' end is locked");
        assertFalse(queue.offer(1, micros, TimeUnit.MICROSECONDS));
        ring.tail = tail;
        assertTrue(queue.offer(1, micros, TimeUnit.MICROSECONDS));
        long head = ring.lockHead();
        assertNull(queue.poll(micros, TimeUnit.MICROSECONDS), "its consumers' end is locked");
        for (int i = 0; i < 3; i++) {
            assertTrue(queue.offer(1, micros, TimeUnit.MICROSECONDS));
        }
        assertFalse(queue.offer(1, micros, TimeUnit.MICROSECONDS));
        ring.head = head;
        assertEquals(1, queue.poll(micros, TimeUnit.MICROSECONDS));
    }

    @Test
    void anInterruptEndsWaitingForAThreadThatIsStoppedInTheQueue() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(4);
        queue.add(1);
        Ring ring = queue.rings[0];
        long head = ring.lockHead();
        long tail = ring.lockTail();
        for (boolean takes : new boolean[]{true, false}) {
            var interrupted = new AtomicBoolean();
            Thread thread = TestThreads.start(() -> {
                try {
                    if (takes) {
                        queue.take();
                    } else {
                        queue.put(2);
                    }
                } catch (InterruptedException e) {
                    interrupted.set(true);
                }
            });
            thread.interrupt();
            join(thread);
            assertTrue(interrupted.get());
        }
        ring.tail = tail;
        ring.head = head;
        assertEquals(List.of(1), List.copyOf(queue));
    }

    @Test
    void whoeverWaitsForAStoppedThreadGoesOnWhenThatDoes() throws Exception {
        var queue = new SliceBlockingQueue<Integer>();
        Ring ring = queue.rings[0];
        long head = ring.lockHead();
        long tail = ring.lockTail();
        Thread taker = TestThreads.start(() -> {
            try {
                queue.take();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        Thread offerer = TestThreads.start(() -> queue.offer(1));
        Thread.sleep(20);
        ring.tail = tail;
        ring.head = head;
        join(offerer);
        join(taker);
        assertTrue(queue.isEmpty());
    }

    // ---- Many rings ----

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void aConsumerThatOnlyDrainsGetsToEachRing(int ring) {
        var queue = new PerCpuQueue<Integer>(3000, 3, 0);
        assertEquals(Ring.DONE, queue.rings[ring].tryOffer(-1, ring));
        boolean seen = false;
        for (int i = 0; i < 100_000 && !seen; i++) {
            queue.offer(i);
            boolean[] there = new boolean[1];
            queue.drain(element -> there[0] |= element == -1, 1);
            seen = there[0];
        }
        assertTrue(seen, "a ring was forgotten");
    }

    @Test
    void whoGoesFromRingToRingPassesNothingOverThatIsMovedMeanwhile() throws Exception {
        var queue = new PerCpuQueue<Integer>(1024, 2, 0);
        for (int i = 0; i < 500; i++) {
            assertEquals(Ring.DONE, queue.rings[0].tryOffer(i, 0));
        }
        var over = new AtomicBoolean();
        Thread mover = TestThreads.start(() -> {
            for (int i = 0; !over.get(); i++) {
                queue.rings[i & 1].moveTo(queue.rings[~i & 1], 256, 0, queue.calms);
            }
        });
        try {
            for (int i = 0; i < 300; i++) {
                assertEquals(500, new ArrayList<>(queue).stream().distinct().count());
                assertTrue(queue.contains(i));
                assertFalse(queue.isEmpty());
                assertNotNull(queue.peek());
                var iterator = queue.iterator();
                int shown = 0;
                for (; iterator.hasNext(); iterator.next()) {
                    shown++;
                }
                assertEquals(500, shown);
            }
            for (int i = 0; i < 250; i++) {
                assertTrue(queue.remove((Object) i));
            }
            queue.removeIf(element -> element < 400);
            assertEquals(100, queue.stream().distinct().count());
            queue.clear();
            assertTrue(queue.isEmpty());
        } finally {
            over.set(true);
            join(mover);
        }
    }

    // ---- Collection ----

    /** Not of many rings: the first of all is another one once the thread has been moved to another CPU. */
    static Stream<Kind> ofOneOrder() {
        return oursAndPeers().filter(kind -> !kind.name.equals("PerCpuQueue"));
    }

    @ParameterizedTest
    @MethodSource("ofOneOrder")
    void anIteratorRemovesItsOwnElementOrNone(Kind kind) {
        Queue<Integer> queue = kind.factory.get();
        for (int i = 0; i < 3; i++) {
            queue.add(7); // the same object each time
        }
        Iterator<Integer> iterator = queue.iterator();
        iterator.next();
        queue.poll();
        iterator.remove();
        assertEquals(2, queue.size());
    }

    /** By each call that takes elements out: the iterator may show the one that it has promised, and no other. */
    @ParameterizedTest
    @MethodSource("oursAndPeers")
    void anIteratorShowsOfThoseThatHaveGoneAtMostTheNextOne(Kind kind) {
        List<Consumer<Queue<Integer>>> takings = List.of(Queue::clear, queue -> queue.removeIf(element -> true),
                queue -> queue.removeAll(List.copyOf(queue)), queue -> queue.retainAll(List.of()), queue -> {
                    // From many rings elements may be moved to another one, and are then taken for there.
                    while (!kind.name.equals("PerCpuQueue") && queue.poll() != null) {
                        continue;
                    }
                    queue.clear();
                }, queue -> {
                    for (Integer element : List.copyOf(queue)) {
                        queue.remove((Object) element);
                    }
                }, queue -> {
                    for (Iterator<Integer> other = queue.iterator(); other.hasNext(); other.remove()) {
                        other.next();
                    }
                });
        for (Consumer<Queue<Integer>> taking : takings) {
            for (int seen = 0; seen < 200; seen += 9) {
                Queue<Integer> queue = kind.factory.get();
                for (int i = 0; i < 200; i++) {
                    queue.add(i);
                }
                Iterator<Integer> iterator = queue.iterator();
                for (int i = 0; i < seen; i++) {
                    iterator.next();
                }
                taking.accept(queue);
                queue.add(-1);
                List<Integer> gone = new ArrayList<>();
                iterator.forEachRemaining(gone::add);
                gone.remove((Object) (-1));
                assertTrue(gone.size() <= 1, seen + " seen, then " + gone);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("oursAndPeers")
    void anIteratorPassesOverWhatHasGoneAndOverNothingElse(Kind kind) {
        Queue<Integer> queue = kind.factory.get();
        for (int i = 0; i < 300; i++) {
            queue.add(i);
        }
        Iterator<Integer> iterator = queue.iterator();
        Integer promised = List.copyOf(queue).get(0);
        queue.removeIf(element -> element % 3 == 0);
        for (int i = 0; i < 50; i++) {
            queue.poll();
        }
        List<Integer> left = new ArrayList<>(queue);
        List<Integer> shown = new ArrayList<>();
        iterator.forEachRemaining(shown::add);
        shown.remove(promised);
        left.remove(promised);
        if (kind.name.equals("PerCpuQueue")) { // what a poll has moved to another ring is taken for there
            assertTrue(shown.containsAll(left));
        } else {
            assertEquals(left, shown);
        }
    }

    /** Random calls beside iterators that stand somewhere, and a list that says what is to be there. */
    @ParameterizedTest
    @MethodSource("ours")
    void removalsFromTheMiddleLeaveTheRightElements(Kind kind) {
        long seed = System.nanoTime();
        var random = new Random(seed);
        Queue<Integer> queue = kind.factory.get();
        List<Integer> model = new ArrayList<>();
        List<Iterator<Integer>> iterators = new ArrayList<>();
        List<Integer> shown = new ArrayList<>();
        for (int next = 0; next < 20_000; next++) {
            switch (random.nextInt(9)) {
                case 0, 1, 2 -> {
                    if (model.size() < 300) {
                        queue.add(next);
                        model.add(next);
                    }
                }
                case 3 -> {
                    Integer element = queue.poll();
                    if (element != null) {
                        assertTrue(model.remove(element), "seed " + seed);
                    }
                }
                case 4 -> {
                    if (iterators.size() < 5) {
                        iterators.add(queue.iterator());
                        shown.add(null);
                    }
                }
                case 5 -> {
                    Integer element = model.isEmpty() ? -1 : model.get(random.nextInt(model.size()));
                    assertEquals(model.remove(element), queue.remove((Object) element), "seed " + seed);
                }
                case 6 -> {
                    if (random.nextInt(20) == 0) {
                        int rest = random.nextInt(4);
                        queue.removeIf(element -> element % 4 == rest);
                        model.removeIf(element -> element % 4 == rest);
                    }
                }
                default -> {
                    if (!iterators.isEmpty()) {
                        int at = random.nextInt(iterators.size());
                        if (shown.get(at) != null && random.nextBoolean()) {
                            iterators.get(at).remove();
                            Integer element = shown.set(at, null);
                            // Of many rings it stays when it was moved to another one meanwhile.
                            if (!kind.name.equals("PerCpuQueue") || !queue.contains(element)) {
                                model.remove(element);
                            }
                        } else if (iterators.get(at).hasNext()) {
                            shown.set(at, iterators.get(at).next());
                        } else {
                            iterators.remove(at);
                            shown.remove(at);
                        }
                    }
                }
            }
            assertEquals(model.size(), queue.size(), "seed " + seed);
        }
        assertEquals(model, queue.stream().sorted().toList(), "seed " + seed);
    }

    /** An element that is asked for its number, and uses the queue at the first question of each operation. */
    private static final class Meddler {
        final int number;
        final Queue<Object> queue;
        private static boolean done;

        Meddler(int number, Queue<Object> queue) {
            this.number = number;
            this.queue = queue;
        }

        /** What leaves the number of elements as it is, but not their order. */
        static void meddle(Queue<Object> queue) {
            if (!done) {
                done = true;
                assertTrue(queue.offer(queue.poll()));
                assertNotNull(queue.peek());
                assertFalse(queue.isEmpty());
                assertFalse(queue.contains(""));
                assertFalse(queue.remove(""));
                assertFalse(queue.removeIf(element -> false));
                assertEquals(queue.size(), queue.toArray().length);
                Iterator<Object> iterator = queue.iterator();
                Object shown = iterator.next();
                iterator.remove();
                assertTrue(queue.add(shown));
            }
        }

        @Override
        public boolean equals(Object other) {
            meddle(queue);
            return other instanceof Meddler meddler && meddler.number == number;
        }

        @Override
        public int hashCode() {
            meddle(queue);
            return number;
        }

        @Override
        public String toString() {
            meddle(queue);
            return Integer.toString(number);
        }
    }

    /** None of its locks is held then. */
    @ParameterizedTest
    @MethodSource("ours")
    @SuppressWarnings("unchecked")
    void whatAQueueCallsMayUseTheQueue(Kind kind) {
        var queue = (Queue<Object>) (Queue<?>) kind.factory.get();
        for (int i = 0; i < 300; i++) {
            queue.add(new Meddler(i, queue));
        }
        List<Supplier<Integer>> operations = new ArrayList<>(List.<Supplier<Integer>>of(
                () -> queue.contains(new Meddler(200, queue)) ? 0 : 1,
                () -> queue.remove(new Meddler(201, queue)) ? 1 : 0,
                () -> queue.removeIf(element -> element.toString().equals("202")) ? 1 : 0,
                () -> queue.removeAll(Set.of(new Meddler(203, queue))) ? 1 : 0,
                () -> queue.retainAll(new AbstractCollection<>() {
                    @Override
                    public boolean contains(Object element) {
                        return !element.toString().equals("204");
                    }

                    @Override
                    public Iterator<Object> iterator() {
                        throw new AssertionError();
                    }

                    @Override
                    public int size() {
                        return 1;
                    }
                }) ? 1 : 0, () -> queue.toString().isEmpty() ? 1 : 0, () -> {
                    queue.forEach(element -> Meddler.meddle(queue));
                    return 0;
                }, () -> queue.stream().map(Object::toString).anyMatch(""::equals) ? 1 : 0));
        if (queue instanceof MessagePassingQueue<?>) {
            var passing = (MessagePassingQueue<Object>) queue;
            operations.add(() -> passing.drain(element -> Meddler.meddle(queue), 5));
            operations.add(() -> -passing.fill(() -> {
                Meddler.meddle(queue);
                return new Meddler(400, queue);
            }, 3));
        }
        if (queue instanceof SliceBlockingQueue<?>) {
            operations.add(() -> ((SliceBlockingQueue<Object>) queue).drainTo(new ArrayList<>() {
                private static final long serialVersionUID = 1;

                @Override
                public boolean add(Object element) {
                    Meddler.meddle(queue);
                    return super.add(element);
                }
            }, 5));
        }
        for (Supplier<Integer> operation : operations) {
            int size = queue.size();
            Meddler.done = false;
            int removed = operation.get();
            assertTrue(Meddler.done);
            assertEquals(size - removed, queue.size());
        }
        int left = queue.size();
        assertEquals(left, queue.stream().map(element -> ((Meddler) element).number).filter(i -> i < 400).distinct()
                .count() + queue.stream().filter(element -> ((Meddler) element).number == 400).count());
        assertTrue(queue.removeIf(element -> {
            queue.clear();
            return true;
        }) || queue.isEmpty());
        assertTrue(queue.isEmpty());
        assertTrue(queue.offer(1));
        assertEquals(1, queue.poll());
    }

    /** In one segment, in several, and around the end of an array; single elements go, and runs of several. */
    @ParameterizedTest
    @ValueSource(ints = {0, 2, 16, 64, 1024})
    void longRunsMoveUpOverWhatGoes(int segment) {
        for (int seed = 0; seed < 300; seed++) {
            var random = new Random(seed);
            Queue<Integer> queue = segment == 0
                    ? new SliceMpmcArrayQueue<>(500, random.nextInt(512))
                    : new SliceMpmcUnboundedQueue<>(Ring.unbounded(segment, -2));
            int most = segment == 0 ? 500 : 3000;
            List<Integer> model = new ArrayList<>();
            for (int i = 0; i < most; i++) {
                queue.add(i);
                model.add(i);
            }
            for (int i = random.nextInt(most / 4); i > 0; i--) {
                assertEquals(model.remove(0), queue.poll());
            }
            boolean[] go = new boolean[most];
            for (int i = 1 + random.nextInt(8); i > 0; i--) {
                int from = random.nextInt(most);
                Arrays.fill(go, from, Math.min(most, from + 1 + random.nextInt(3) * random.nextInt(40)), true);
            }
            assertEquals(model.removeIf(i -> go[i]), queue.removeIf(i -> go[i]), "seed " + seed);
            assertEquals(model, List.copyOf(queue), "seed " + seed);
            Integer last = model.remove(model.size() - 1);
            assertTrue(queue.remove((Object) last));
            queue.add(-1);
            model.add(-1);
            for (Integer element : model) {
                assertEquals(element, queue.poll(), "seed " + seed);
            }
            assertNull(queue.poll());
            for (Object left : ((RingCollection<Integer>) queue).rings[0].headSlots) {
                assertNull(left, "what has gone is kept, seed " + seed);
            }
        }
    }

    private record Counted(int number, AtomicInteger asked) {
        @Override
        public boolean equals(Object other) {
            asked.incrementAndGet();
            return other instanceof Counted counted && counted.number == number;
        }

        @Override
        public int hashCode() {
            return number;
        }
    }

    @Test
    void theFirstOfAMillionIsFoundAndRemovedWithoutALookAtTheOthers() {
        var asked = new AtomicInteger();
        var queue = new SliceBlockingQueue<Counted>(1_000_000);
        for (int i = 0; i < 1_000_000; i++) {
            queue.add(new Counted(i, asked));
        }
        assertTrue(queue.remove(new Counted(0, asked)));
        assertTrue(queue.contains(new Counted(1, asked)));
        assertEquals(2, asked.get());
        assertEquals(999_999, queue.size());
        assertEquals(1, queue.peek().number);
    }

    @Test
    void anUnboundedQueueGivesItsMemoryBackAndKeepsASpareSegment() {
        var queue = new SliceMpmcUnboundedQueue<Integer>();
        Ring ring = queue.ring;
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < 10 * Ring.SEGMENT; i++) {
                queue.offer(i);
            }
            for (int i = 0; i < 10 * Ring.SEGMENT; i++) {
                assertEquals(i, queue.poll());
            }
            assertNull(ring.tailSegment.next);
            assertNull(ring.headSegment.previous);
            assertTrue(ring.headSegment == ring.tailSegment || ring.headSegment.next == ring.tailSegment);
        }
        for (int i = 0; i < Ring.SEGMENT; i++) {
            queue.offer(i);
        }
        queue.clear();
        assertNull(queue.poll());
        for (Object left : ring.headSlots) {
            assertNull(left, "what was cleared is kept");
        }
    }

    @Test
    void constructorsWithACollectionAreThoseOfThePeers() {
        List<Integer> some = List.of(1, 2, 3);
        assertEquals("[1, 2, 3]", new SliceBlockingQueue<>(some).toString());
        assertEquals("[1, 2, 3]", new SliceBlockingQueue<>(3, true, some).toString());
        assertEquals("[1, 2, 3]", new SliceMpmcUnboundedQueue<>(some).toString());
        assertThrows(IllegalArgumentException.class, () -> new SliceBlockingQueue<>(2, false, some));
        assertThrows(IllegalArgumentException.class, () -> new ArrayBlockingQueue<>(2, false, some));
        assertThrows(NullPointerException.class, () -> new SliceBlockingQueue<>(Arrays.asList(1, null)));
        assertThrows(NullPointerException.class, () -> new SliceMpmcUnboundedQueue<>(Arrays.asList(1, null)));
        assertThrows(NullPointerException.class, () -> new SliceBlockingQueue<Integer>(null));
        assertEquals(Integer.MAX_VALUE - 3, new SliceBlockingQueue<>(some).remainingCapacity());
        assertEquals(Integer.MAX_VALUE - 3, new LinkedBlockingQueue<>(some).remainingCapacity());
        assertEquals(1, new SliceBlockingQueue<>(4, true, some).remainingCapacity());
    }

    @Test
    void aBuilderMakesWhatItWasTold() {
        SliceBlockingQueue<Integer> queue = SliceBlockingQueue.builder().capacity(2).fair(true)
                .overtaking(Duration.ZERO)
                .build();
        assertEquals(2, queue.remainingCapacity());
        assertEquals(Integer.MAX_VALUE, SliceBlockingQueue.builder().build().remainingCapacity());
        assertThrows(IllegalArgumentException.class, () -> SliceBlockingQueue.builder().capacity(0));
        assertThrows(IllegalArgumentException.class,
                () -> SliceBlockingQueue.builder().overtaking(Duration.ofNanos(-1)));
        assertThrows(NullPointerException.class, () -> SliceBlockingQueue.builder().overtaking(null));
    }

    static Stream<Queue<Integer>> serializable() {
        List<Integer> some = List.of(1, 2, 3);
        return Stream.of(new SliceBlockingQueue<>(some), new SliceBlockingQueue<>(5, true, some),
                new SliceBlockingQueue<>(3, false), new SliceMpmcUnboundedQueue<>(some));
    }

    @ParameterizedTest
    @MethodSource("serializable")
    @SuppressWarnings("unchecked")
    void aQueueComesOutOfAStreamAsItWentIn(Queue<Integer> queue) throws Exception {
        var bytes = new ByteArrayOutputStream();
        try (var out = new ObjectOutputStream(bytes)) {
            out.writeObject(queue);
        }
        try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            var copy = (Queue<Integer>) in.readObject();
            assertEquals(queue.getClass(), copy.getClass());
            assertEquals(List.copyOf(queue), List.copyOf(copy));
            if (queue instanceof SliceBlockingQueue<Integer> blocking) {
                assertEquals(blocking.remainingCapacity(), ((SliceBlockingQueue<Integer>) copy).remainingCapacity());
            }
        }
    }

    /** Of the JDK's queue the stream has the array; of ours a number of few bytes, which must not do more than that. */
    @Test
    void aStreamsFilterRefusesACapacityAsItDoesAnArray() throws Exception {
        for (Queue<Integer> queue : List.of(new SliceBlockingQueue<Integer>(2000),
                new SliceBlockingQueue<Integer>(2000, true),
                new ArrayBlockingQueue<Integer>(2000))) {
            queue.add(1);
            assertThrows(InvalidClassException.class, () -> copy(queue, "maxarray=1999"));
            assertEquals(1, copy(queue, "maxarray=2000").poll());
        }
        for (Queue<Integer> queue : List.of(new SliceBlockingQueue<Integer>(),
                new SliceMpmcUnboundedQueue<Integer>())) {
            queue.add(1);
            assertEquals(1, copy(queue, "maxarray=1").poll());
        }
    }

    @SuppressWarnings("unchecked")
    private static Queue<Integer> copy(Queue<Integer> queue, String filter) throws Exception {
        var bytes = new ByteArrayOutputStream();
        try (var out = new ObjectOutputStream(bytes)) {
            out.writeObject(queue);
        }
        try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            in.setObjectInputFilter(ObjectInputFilter.Config.createFilter(filter));
            return (Queue<Integer>) in.readObject();
        }
    }

    /** An element that knows the queue that it is in. */
    static final class Homing implements Serializable {
        private static final long serialVersionUID = 1;
        @SuppressWarnings("serial") // it is
        Queue<Object> home;
    }

    /** The JDK's queues come out whole; of ours the stream has the elements first, and must not make it null. */
    @Test
    void anElementThatNamesItsQueueIsRefusedAndNotChanged() throws Exception {
        for (Queue<Object> queue : List.<Queue<Object>>of(new SliceBlockingQueue<>(),
                new SliceMpmcUnboundedQueue<>())) {
            var element = new Homing();
            element.home = queue;
            queue.add(element);
            var bytes = new ByteArrayOutputStream();
            try (var out = new ObjectOutputStream(bytes)) {
                out.writeObject(queue);
            }
            try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
                assertThrows(ClassCastException.class, in::readObject);
            }
        }
    }

    // ---- Message passing ----

    /** With one consumer, what it has peeked at is there to be polled. */
    @ParameterizedTest
    @MethodSource("messagePassing")
    @SuppressWarnings("unchecked")
    void aRelaxedPeekShowsNothingThatIsNotThereYet(Kind kind) throws Exception {
        var queue = (MessagePassingQueue<Integer>) kind.factory.get();
        var over = new AtomicBoolean();
        Thread producer = TestThreads.start(() -> {
            for (int i = 0; !over.get(); i++) {
                if (queue.size() < 500) {
                    queue.offer(i);
                }
            }
        });
        try {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(300);
            while (System.nanoTime() < end) {
                for (int i = 0; i < 1000; i++) {
                    if (queue.relaxedPeek() != null) {
                        assertFalse(queue.isEmpty());
                        assertNotNull(queue.poll());
                    }
                }
            }
        } finally {
            over.set(true);
            join(producer);
        }
    }

    @ParameterizedTest
    @MethodSource("messagePassing")
    @SuppressWarnings("unchecked")
    void whatFindsNothingAllocatesNothing(Kind kind) throws Exception {
        var queue = (MessagePassingQueue<Integer>) kind.factory.get();
        MessagePassingQueue.Consumer<Integer> consumer = element -> {};
        long empty = Allocated.by(10_000, () -> {
            queue.drain(consumer, 10);
            queue.poll();
            queue.relaxedPoll();
            queue.peek();
            queue.relaxedPeek();
        });
        assertTrue(empty < 10_000, () -> empty + " bytes in 10,000 rounds");
        if (queue.capacity() == MessagePassingQueue.UNBOUNDED_CAPACITY) {
            return;
        }
        while (queue.offer(1)) {
            continue;
        }
        MessagePassingQueue.Supplier<Integer> supplier = () -> 1;
        long full = Allocated.by(10_000, () -> {
            queue.fill(supplier, 10);
            queue.offer(1);
            queue.relaxedOffer(1);
        });
        assertTrue(full < 10_000, () -> full + " bytes in 10,000 rounds");
    }

    static Stream<Kind> blocking() {
        return Stream.of(new Kind("SliceBlockingQueue", () -> new SliceBlockingQueue<>(1000)),
                new Kind("fair SliceBlockingQueue", () -> new SliceBlockingQueue<>(1000, true)),
                new Kind("SliceBlockingQueue without a bound", SliceBlockingQueue::new),
                new Kind("ArrayBlockingQueue", () -> new ArrayBlockingQueue<>(1000)));
    }

    @ParameterizedTest
    @MethodSource("blocking")
    void aBlockingQueueThatNobodyWaitsForAllocatesNothing(Kind kind) throws Exception {
        var queue = (BlockingQueue<Integer>) kind.factory.get();
        Integer element = 1;
        List<Integer> to = new ArrayList<>();
        int[] seen = new int[1];
        long bytes = Allocated.by(10_000, () -> {
            queue.poll();
            queue.poll(0, TimeUnit.SECONDS);
            queue.drainTo(to);
            queue.put(element);
            queue.offer(element, 1, TimeUnit.DAYS);
            queue.put(element);
            queue.take();
            queue.poll(1, TimeUnit.DAYS);
            queue.drainTo(to, 5);
            to.clear();
            seen[0] += queue.size() + queue.remainingCapacity() + (queue.isEmpty() ? 1 : 0);
        });
        assertTrue(bytes < 10_000, () -> bytes + " bytes in 10,000 rounds");
    }

    @Test
    void aWaitAllocatesThreeObjectsAtMost() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(1);
        int waits = 200;
        var taking = new FutureTask<>(() -> {
            queue.take(); // for warming up
            long before = Allocated.bytes();
            for (int i = 0; i < waits; i++) {
                queue.take();
            }
            return Allocated.bytes() - before;
        });
        Thread taker = TestThreads.startDaemon(taking);
        Integer element = 1;
        for (int i = 0; i <= waits; i++) {
            while (queue.waitingTakers() == 0) {
                Thread.sleep(1);
            }
            queue.put(element);
        }
        join(taker);
        long bytes = taking.get();
        assertTrue(bytes < waits * 3 * 32 + 1_000, bytes + " bytes in " + waits + " waits");
    }

    /** This thread stands for one that was stopped with both ends locked. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void looksAtABlockingQueueWaitForNobody(boolean fair) {
        var queue = new SliceBlockingQueue<Integer>(4, fair, List.of(1, 2, 3));
        Ring ring = queue.rings[0];
        long head = ring.lockHead();
        long tail = ring.lockTail();
        assertFalse(queue.isEmpty());
        assertEquals(3, queue.size());
        assertEquals(1, queue.remainingCapacity());
        ring.tail = tail;
        ring.head = head;
        assertEquals(List.of(1, 2, 3), List.copyOf(queue));
    }

    @ParameterizedTest
    @MethodSource("messagePassing")
    @SuppressWarnings("unchecked")
    void aFillAllocatesAnObjectAndADrainNone(Kind kind) throws Exception {
        if (kind.name.endsWith("short segments")) {
            return; // it has one spare segment, and needs one for each second element
        }
        var queue = (MessagePassingQueue<Integer>) kind.factory.get();
        Integer element = 1;
        int[] drained = new int[1];
        MessagePassingQueue.Consumer<Integer> consumer = each -> drained[0]++;
        MessagePassingQueue.Supplier<Integer> supplier = () -> element;
        long bytes = Allocated.by(2_000, () -> {
            assertEquals(32, queue.fill(supplier, 32));
            assertEquals(32, queue.drain(consumer, 40));
        });
        assertTrue(bytes < 2_000 * 24 + 2_000, () -> bytes + " bytes in 2,000 rounds");
    }

    @ParameterizedTest
    @MethodSource("ours")
    void anElementThatComesAndGoesAllocatesNothing(Kind kind) throws Exception {
        if (kind.name.endsWith("short segments")) {
            return; // it has one spare segment, and needs one for each second element
        }
        Queue<Integer> queue = kind.factory.get();
        Integer element = 1;
        long bytes = Allocated.by(20_000, () -> {
            queue.offer(element);
            queue.offer(element);
            queue.poll();
            queue.peek();
            queue.poll();
            queue.clear();
        });
        // To clear several rings it needs an object.
        long most = kind.name.startsWith("PerCpuQueue") ? 20_000 * 32 + 20_000 : 20_000;
        assertTrue(bytes < most, bytes + " bytes in 20,000 rounds");
    }

    @ParameterizedTest
    @MethodSource("ours")
    void aSearchAllocates300BytesFor64Elements(Kind kind) throws Exception {
        Queue<Integer> queue = kind.factory.get();
        for (int i = 0; i < 640; i++) {
            queue.offer(i);
        }
        long bytes = Allocated.by(1, () -> {
            assertFalse(queue.contains(-1));
            assertFalse(queue.remove((Object) (-1)));
        }) / 2;
        assertTrue(bytes < 15 * 400, bytes + " bytes for 640 elements");
    }

    @Test
    void anUnboundedQueueAllocatesNothingForAnElement() throws Exception {
        var queue = new SliceBlockingQueue<Integer>();
        Integer element = 1;
        long bytes = Allocated.by(100_000, () -> {
            queue.offer(element);
            queue.offer(element);
            queue.poll();
            queue.poll();
        });
        assertTrue(bytes < 100_000, bytes + " bytes in 100,000 rounds");
    }
}
