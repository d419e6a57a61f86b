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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jctools.queues.MessagePassingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.stress.TestThreads;

/** Single interleavings, each made by hand where that can be done, that broke what a call promises. */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@SuppressWarnings("CollectionIncompatibleType") // a Probe is compared with any element
class QueueInterleavingsTest {
    /** It is another CPU's turn for the rest of the test, as that sees the queue at work all the time. */
    static void giveTheTurnAway(Turns turns) {
        long later = System.nanoTime() + TimeUnit.HOURS.toNanos(1);
        turns.holder = Integer.MAX_VALUE;
        turns.active = true;
        turns.wantedSince = later;
        turns.checkedAt = later;
    }

    @Test
    void aTimedCallTakesWhatIsThereAtItsEndThoughItIsAnotherCpusTurn() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(Turns.MIN_CAPACITY);
        giveTheTurnAway(queue.turns());
        for (int i = 0; i < Turns.MIN_CAPACITY; i++) {
            assertTrue(queue.offer(i, 1, TimeUnit.NANOSECONDS), "there was room");
        }
        for (int i = 0; i < Turns.MIN_CAPACITY; i++) {
            assertEquals(i, queue.poll(1, TimeUnit.NANOSECONDS), "there was an element");
        }
    }

    /** The turn goes from one CPU to the next all the time and never comes here, as where very many want it. */
    @Test
    void aCallWithoutATimeGoesOnHoweverManyOtherCpusTakeTurns() throws Exception {
        var queue = new SliceBlockingQueue<Integer>(2 * Turns.MIN_CAPACITY);
        Turns turns = queue.turns();
        giveTheTurnAway(turns);
        var over = new AtomicBoolean();
        Thread others = TestThreads.start(() -> {
            for (int cpu = 1 << 20; !over.get(); cpu++) {
                giveTheTurnAway(turns);
                turns.holder = cpu;
                Thread.yield();
            }
        });
        try {
            for (int i = 0; i < Turns.MIN_CAPACITY; i++) {
                assertTrue(queue.offer(i));
            }
            for (int i = 0; i < Turns.MIN_CAPACITY; i++) {
                assertEquals(i, queue.poll());
            }
        } finally {
            over.set(true);
            others.join();
        }
    }

    static Stream<QueueContractTest.Kind> messagePassing() {
        return QueueContractTest.ours().filter(kind -> kind.factory().get() instanceof MessagePassingQueue);
    }

    /** This thread stands for one that was stopped with both ends locked: what waits for it never returns. */
    @ParameterizedTest
    @MethodSource("messagePassing")
    @SuppressWarnings("unchecked")
    void relaxedCallsAndLooksWaitForNobody(QueueContractTest.Kind kind) {
        var queue = (MessagePassingQueue<Integer>) ofAHundred(kind);
        Ring[] rings = ((RingCollection<Integer>) queue).rings;
        long[] heads = new long[rings.length];
        long[] tails = new long[rings.length];
        for (int i = 0; i < rings.length; i++) {
            heads[i] = rings[i].lockHead();
            tails[i] = rings[i].lockTail();
        }
        assertFalse(queue.isEmpty());
        assertEquals(100, queue.size());
        assertNull(queue.relaxedPeek());
        for (int i = 0; i < 15; i++) { // the 16th of many rings does as the strict one
            assertFalse(queue.relaxedOffer(1));
            assertNull(queue.relaxedPoll());
        }
        for (int i = 0; i < rings.length; i++) {
            rings[i].tail = tails[i];
            rings[i].head = heads[i];
        }
        assertEquals(100, queue.size());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aRingWhoseUserIsStoppedIsGoneAround(int stopped) {
        var queue = new PerCpuQueue<Integer>(200, 2, 0);
        for (int i = 0; i < 50; i++) {
            assertEquals(Ring.DONE, queue.rings[i & 1].tryOffer(i & 1, 0));
        }
        Ring ring = queue.rings[stopped];
        long head = ring.lockHead();
        long tail = ring.lockTail();
        for (int i = 0; i < 50; i++) {
            assertTrue(queue.offer(1 - stopped));
        }
        for (int i = 0; i < 75; i++) {
            assertEquals(1 - stopped, queue.poll());
        }
        ring.tail = tail;
        ring.head = head;
        assertEquals(stopped, queue.poll());
    }

    // ---- Moves between rings ----

    /** Two elements have been copied to the other ring, and its tail is published; the thread is stopped there. */
    @Test
    void roomThatIsOnItsWayToAnotherRingIsNotOverlooked() throws Exception {
        var queue = new PerCpuQueue<Integer>(8, 2, 0);
        for (int i = 0; i < 4; i++) {
            assertEquals(Ring.DONE, queue.rings[0].tryOffer(i, 0));
        }
        Ring from = queue.rings[0];
        long head = from.lockHead();
        from.movesTo = head + 4;
        for (int i = 0; i < 4; i++) {
            assertEquals(Ring.DONE, queue.rings[1].tryOffer(i, 1));
        }
        var outcome = new AtomicReference<Object>("waits");
        Thread offerer = TestThreads.start(() -> outcome.set(queue.offer(8)));
        Thread filler = TestThreads.start(() -> assertEquals(1, queue.fill(() -> 9, 1)));
        Thread.sleep(20);
        from.head = head + 4;
        offerer.join();
        filler.join();
        assertEquals(true, outcome.get(), "full, though two places were free all the time");
        assertEquals(8, queue.size());
    }

    @Test
    void whoeverMovesElementsSaysSoBeforeTheyAreInBothRings() {
        var queue = new PerCpuQueue<Integer>(8, 2, 0);
        long before = queue.moves();
        assertFalse(queue.movedSince(before));
        assertEquals(0, queue.rings[0].moveTo(queue.rings[1], 2, 0, queue.calms));
        assertFalse(queue.movedSince(before), "there was nothing to move");
        assertEquals(Ring.DONE, queue.rings[0].tryOffer(1, 0));
        assertEquals(1, queue.rings[0].moveTo(queue.rings[1], 2, 0, queue.calms));
        assertTrue(queue.movedSince(before));
        long after = queue.moves();
        assertFalse(queue.movedSince(after));
        long head = queue.rings[1].lockHead();
        queue.rings[1].movesTo = head + 2;
        assertTrue(queue.movedSince(after));
        assertTrue(queue.movedSince(queue.moves()), "it is under way");
        queue.rings[1].head = head + 2;
        assertFalse(queue.movedSince(queue.moves()));
    }

    @Test
    void anIteratorCountsAsThereWhatMovesToAnotherRing() {
        var queue = new PerCpuQueue<Integer>(8, 2, 0);
        for (int i = 0; i < 4; i++) {
            assertEquals(Ring.DONE, queue.rings[0].tryOffer(i, 0));
        }
        Contents.Chunk polled = queue.contents[0].cursor().next();
        assertEquals(0, queue.rings[0].tryPoll(0));
        assertEquals(1, polled.present(0), "it has gone");
        Contents.Chunk moved = queue.contents[0].cursor().next();
        assertEquals(2, queue.rings[0].moveTo(queue.rings[1], 2, 0, queue.calms));
        assertEquals(0, moved.present(0), "it is in the other ring");
    }

    /** There is room for one more all the time, in one ring or the other, and one element at least. */
    @Test
    void thereIsRoomAndAnElementWhileElementsAreMoved() throws Exception {
        var queue = new PerCpuQueue<Integer>(8, 2, 0);
        for (int i = 0; i < 7; i++) {
            assertTrue(queue.offer(i));
        }
        var over = new AtomicBoolean();
        Thread mover = TestThreads.start(() -> {
            for (int i = 0; !over.get(); i++) {
                queue.rings[i & 1].moveTo(queue.rings[~i & 1], 4, 0, queue.calms);
            }
        });
        try {
            for (int i = 0; i < 20_000; i++) {
                assertTrue(queue.offer(i), "room for one");
                assertNotNull(queue.poll());
                assertEquals(1, queue.fill(() -> -1, 1), "room for one");
                assertNotNull(queue.poll());
            }
        } finally {
            over.set(true);
            mover.join();
        }
    }

    // ---- Reservations ----

    @Test
    void fillsThatAreOverAreForgotten() {
        var queue = new SliceMpmcArrayQueue<Integer>(1 << 20);
        for (int i = 0; i < 10_000; i++) {
            assertEquals(1, queue.fill(() -> 1, 1));
            assertEquals(1, queue.poll());
        }
        int kept = 0;
        for (Reservation each = queue.rings[0].reservations; each != null; each = each.next) {
            kept++;
        }
        assertTrue(kept <= 100, kept + " reservations");
    }

    // ---- Segments ----

    @Test
    void noSegmentIsReachableThatConsumersHaveLeft() {
        var queue = new SliceMpmcUnboundedQueue<Integer>();
        for (int i = 0; i < 3 * Ring.SEGMENT; i++) {
            assertTrue(queue.offer(i));
        }
        for (int i = 0; i < 2 * Ring.SEGMENT + 1; i++) {
            assertEquals(i, queue.poll());
        }
        assertNull(queue.rings[0].headSegment.previous);
    }

    // ---- Walks ----

    /** Is compared with elements, which somebody may use to do something to the queue. */
    private static final class Probe {
        private final Predicate<Object> is;
        private int asked;

        Probe(Predicate<Object> is) {
            this.is = is;
        }

        @Override
        public boolean equals(Object element) {
            if (++asked > 100_000) {
                throw new IllegalStateException("it follows what comes for ever");
            }
            return is.test(element);
        }

        @Override
        public int hashCode() {
            return 0;
        }
    }

    private static void turnOver(Queue<Integer> queue, int n) {
        for (int i = 0; i < n; i++) {
            queue.poll();
            queue.offer(1);
        }
    }

    private static Queue<Integer> ofAHundred(QueueContractTest.Kind kind) {
        Queue<Integer> queue = kind.factory().get();
        for (int i = 0; i < 100; i++) {
            queue.offer(i);
        }
        return queue;
    }

    /** At each look as many elements go and come as it looks at, or more. */
    @ParameterizedTest
    @MethodSource("org.rseq4j.queues.QueueContractTest#ours")
    void aWalkEndsHoweverManyElementsComeMeanwhile(QueueContractTest.Kind kind) {
        for (int n : new int[]{1, 2, 100}) {
            Queue<Integer> queue = ofAHundred(kind);
            var absent = new Probe(element -> {
                turnOver(queue, n);
                return false;
            });
            assertFalse(queue.contains(absent));
            assertFalse(queue.remove(absent));
            assertFalse(queue.removeIf(absent::equals));
            for (Integer element : queue) {
                assertFalse(absent.equals(element));
            }
            assertTrue(absent.asked < 10_000, absent.asked + " looks");
        }
    }

    static Stream<QueueContractTest.Kind> strict() {
        return QueueContractTest.ours().filter(kind -> !kind.name().startsWith("PerCpuQueue"));
    }

    @ParameterizedTest
    @MethodSource("strict")
    void aRemovalEndsThoughOthersTakeEachElementThatItFinds(QueueContractTest.Kind kind) {
        Queue<Integer> queue = ofAHundred(kind);
        assertFalse(queue.remove(new Probe(element -> {
            turnOver(queue, 1);
            return true;
        })));
    }

    /** Another 80 comes, then the first one goes, before it was looked at or as it is found. */
    @ParameterizedTest
    @MethodSource("strict")
    void aWalkFindsWhatIsThereAllTheTimeThoughItIsNotTheSameElement(QueueContractTest.Kind kind) {
        for (int when : new int[]{0, 80}) {
            for (boolean polled : new boolean[]{false, true}) {
                for (boolean removes : new boolean[]{false, true}) {
                    Queue<Integer> queue = ofAHundred(kind);
                    var done = new AtomicBoolean();
                    var wanted = new Probe(element -> {
                        if (element.equals(when) && done.compareAndSet(false, true)) {
                            queue.offer(80);
                            for (int i = 0; polled && i < 100; i++) {
                                queue.poll();
                            }
                            assertTrue(polled || queue.remove((Object) 80));
                        }
                        return element.equals(80);
                    });
                    assertTrue(removes ? queue.remove(wanted) : queue.contains(wanted));
                    assertEquals((polled ? 1 : 100) - (removes ? 1 : 0), queue.size());
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("org.rseq4j.queues.QueueContractTest#oursAndPeers")
    void aStreamWorksWhileElementsGo(QueueContractTest.Kind kind) {
        Queue<Integer> queue = ofAHundred(kind);
        for (int i = 0; i < 100; i++) {
            queue.offer(i);
        }
        Object[] shown = queue.stream().map(element -> {
            queue.poll();
            queue.poll();
            return element;
        }).toArray();
        assertTrue(shown.length <= 200, shown.length + " elements");
        assertTrue(queue.isEmpty());
    }

    // ---- Waiting ----

    @Test
    void aLookWhoseTimeIsOverDoesNotTakeEmptyForLocked() {
        var turns = new Turns(new Ring(Turns.MIN_CAPACITY, 0), true);
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < Turns.MIN_CAPACITY; i++) {
                assertEquals(Ring.DONE, turns.offerSlowly(i, Turns.AT_ONCE));
            }
            assertEquals(Ring.NONE, turns.offerSlowly(-1, Turns.AT_ONCE));
            for (int i = 0; i < Turns.MIN_CAPACITY; i++) {
                assertEquals(i, turns.pollSlowly(Turns.AT_ONCE));
            }
            assertNull(turns.pollSlowly(Turns.AT_ONCE));
        }
    }

    private static void awaitAsleep(Thread waiter, BooleanSupplier asks) throws InterruptedException {
        while (!asks.getAsBoolean() || waiter.getState() != Thread.State.WAITING) {
            Thread.sleep(1);
        }
    }

    /**
     * A thread that is woken each time for what others take at once, until they have to wait behind it; it takes
     * something as soon as it may, and is called.
     */
    private static Thread overtaken(Ring ring, Waiters waiters, boolean takers, AtomicBoolean may) throws Exception {
        if (!takers) {
            assertEquals(Ring.DONE, ring.tryOffer(0, 0));
        }
        Thread waiter = TestThreads.start(() -> await(waiters, may));
        // It asks, sleeps, is called, finds nothing, asks again; more than once in case that it wakes up by chance.
        for (int i = 0; i < 100 && !waiters.mustQueue(); i++) {
            awaitAsleep(waiter, () -> takers ? ring.wakeBeforeElement : ring.wakeBeforeRoom);
            long tail = ring.lockTail();
            long head = ring.lockHead();
            ring.tail = tail + 2;
            ring.head = head + 2;
            waiters.call();
            awaitAsleep(waiter, () -> takers ? ring.wakeBeforeElement : ring.wakeBeforeRoom);
        }
        assertTrue(waiters.mustQueue(), "who comes now goes past it");
        return waiter;
    }

    private static void await(Waiters waiters, AtomicBoolean may) {
        try {
            assertEquals("got", waiters.await((element, nanos) -> may.get() ? "got" : null, null, Long.MAX_VALUE));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** At last the others have to wait behind it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aWaiterThatIsOvertakenAgainAndAgainGoesFirst(boolean takers) throws Exception {
        var ring = new Ring(1, 0);
        var waiters = new Waiters(ring, takers, false, 0, new Yields(ring));
        var may = new AtomicBoolean();
        Thread waiter = overtaken(ring, waiters, takers, may);
        may.set(true);
        waiters.call();
        waiter.join();
        assertFalse(waiters.mustQueue());
        assertEquals(0, waiters.count());
    }

    /** Also as it joins the line, where one that was not overtaken lets it try. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoComesBehindAnOvertakenWaiterTakesNothingBeforeIt(boolean takers) throws Exception {
        var ring = new Ring(1, 0);
        var waiters = new Waiters(ring, takers, false, 0, new Yields(ring));
        var may = new AtomicBoolean();
        Thread waiter = overtaken(ring, waiters, takers, may);
        Thread newcomer = TestThreads.start(() -> await(waiters, new AtomicBoolean(true)));
        while (newcomer.isAlive() && (waiters.count() < 2 || newcomer.getState() != Thread.State.WAITING)) {
            Thread.sleep(1);
        }
        assertTrue(newcomer.isAlive(), "it went past");
        assertTrue(waiters.mustQueue());
        may.set(true);
        while (newcomer.isAlive()) {
            waiters.call();
            Thread.sleep(1);
        }
        waiter.join();
        assertEquals(0, waiters.count());
    }

    /** A thread that waits in line, and sleeps, until it may take something; and then takes until it is let go. */
    private static Thread inLine(Waiters waiters, AtomicBoolean may, CompletableFuture<?> letGo) throws Exception {
        int before = waiters.count();
        Thread waiter = TestThreads.start(() -> {
            try {
                waiters.await((element, nanos) -> {
                    if (!may.get()) {
                        return null;
                    }
                    letGo.join();
                    return "got";
                }, null, Long.MAX_VALUE);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
        awaitAsleep(waiter, () -> waiters.count() > before);
        return waiter;
    }

    /** One element more, or room for one, which nobody was called for. */
    private static void more(Ring ring, boolean takers) {
        if (takers) {
            ring.tail = ring.lockTail() + 2;
        } else {
            ring.head = ring.lockHead() + 2;
        }
    }

    private static Ring withNothing(boolean takers) {
        var ring = new Ring(4, 0);
        for (int i = 0; i < 4 && !takers; i++) {
            assertEquals(Ring.DONE, ring.tryOffer(0, 0));
        }
        return ring;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoComesToAFairQueueLeavesToThoseInLineWhatIsTheirs(boolean takers) throws Exception {
        Ring ring = withNothing(takers);
        var waiters = new Waiters(ring, takers, true, 0, new Yields(ring));
        assertFalse(waiters.mustQueue());
        var may = new AtomicBoolean();
        CompletableFuture<?> letGo = CompletableFuture.completedFuture(null);
        List<Thread> line = List.of(inLine(waiters, may, letGo), inLine(waiters, may, letGo));
        for (int there = 0; there <= 2; there++) {
            assertTrue(waiters.mustQueue(), "two in line, for each of whom there is one of " + there);
            more(ring, takers);
        }
        assertFalse(waiters.mustQueue(), "there are three for two in line");
        may.set(true);
        waiters.call();
        for (Thread waiter : line) {
            waiter.join();
        }
        assertEquals(0, waiters.count());
    }

    /** As when it has no CPU. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void oneInLineThatIsStoppedKeepsNobodyFromWhatIsTheirs(boolean takers) throws Exception {
        Ring ring = withNothing(takers);
        var waiters = new Waiters(ring, takers, true, 0, new Yields(ring));
        var may = new AtomicBoolean();
        CompletableFuture<?> free = CompletableFuture.completedFuture(null);
        var letGo = new CompletableFuture<Void>();
        Thread first = inLine(waiters, may, free);
        Thread stopped = inLine(waiters, may, letGo);
        Thread third = inLine(waiters, may, free);
        Thread fourth = inLine(waiters, may, free);
        for (int i = 0; i < 3; i++) {
            more(ring, takers);
        }
        may.set(true);
        waiters.call();
        first.join();
        third.join(60_000);
        assertFalse(third.isAlive(), "there is one for the third, but it waits for the second");
        assertTrue(stopped.isAlive());
        letGo.complete(null);
        stopped.join();
        fourth.join();
        assertEquals(0, waiters.count());
    }

    // ---- Errors ----

    @Test
    void anIteratorGoesOnWhereAnErrorHasStoppedIt() {
        var queue = new SliceMpmcArrayQueue<Integer>(200);
        for (int i = 0; i < 200; i++) {
            queue.offer(i);
        }
        Contents.Cursor cursor = queue.contents[0].cursor();
        var calls = new AtomicInteger();
        var iterator = new RingCollection.Elements<Integer>(() -> {
            if (calls.incrementAndGet() % 2 == 0) {
                throw new OutOfMemoryError("on purpose");
            }
            return cursor.next();
        });
        List<Integer> shown = new ArrayList<>();
        while (iterator.hasNext()) {
            try {
                shown.add(iterator.next());
            } catch (OutOfMemoryError e) {
                assertEquals("on purpose", e.getMessage());
            }
        }
        assertEquals(List.copyOf(queue), shown);
    }
}
