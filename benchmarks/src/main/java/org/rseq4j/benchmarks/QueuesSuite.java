// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;
import org.agrona.concurrent.IdleStrategy;

/**
 * Elements from N producers to N consumers; N is the number of threads on the command line, of both or, with a number
 * of its own for one side, of the other. In five shapes:
 * <ul>
 * <li>{@code queues}: one element a call, and who finds the queue full or empty waits by the {@link Waiting} chosen;
 * <li>{@code queues-blocking}: put and take;
 * <li>{@code queues-batch}: 32 elements a call, by fill and drain, or what the queue has in their place;
 * <li>{@code queues-burst}: a producer sends 100 elements and waits until they have been consumed, then the next 100:
 * JCTools' burst cost. An operation is a burst;
 * <li>{@code queues-round-trip}: through a queue to a consumer and by another queue back: JCTools' round trip. An
 * operation is there and back.
 * </ul>
 * In the first three a thread may have work with each element: nanoseconds in the property {@code rseq4j.bench.work}.
 * One of 32 elements carries the time of its offer; it is taken anew at each attempt, so that
 * waiting for room is not time in the queue, and queues without a bound get the capacity's by tickets, taken 16 at a
 * time, 32 with batches, and besides what the threads have of these: otherwise they would be compared with more memory
 * than the others, and with producers that never wait.
 */
final class QueuesSuite implements Suite {
    private static final int CAPACITY = Integer.getInteger("rseq4j.bench.capacity", 1024);
    private static final String WAITING = System.getProperty("rseq4j.bench.waiting", "yield");
    /** How many there are whatever the number of threads; null for as many as that says. */
    private static final Integer PRODUCERS = Integer.getInteger("rseq4j.bench.producers");
    private static final Integer CONSUMERS = Integer.getInteger("rseq4j.bench.consumers");
    private static final int WORK = Integer.getInteger("rseq4j.bench.work", 0);
    private static final int TIMED = 32;
    private static final int BURST = 100;
    private static final Object END = new Object();
    private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);

    /** What the threads do. */
    enum Shape {
        SINGLE("queues", List.of(1, 4, 16, 64)), BLOCKING("queues-blocking", List.of(1, 4, 16, 64)), BATCH(
                "queues-batch", List.of(1, 4, 16, 64)),
        BURSTS("queues-burst",
                List.of(1, 4, 16)),
        ROUND_TRIP("queues-round-trip", List.of(1, 4, 16));

        private final String suite;
        private final List<Integer> threads;

        Shape(String suite, List<Integer> threads) {
            this.suite = suite;
            this.threads = threads;
        }

        /** Whether a queue takes part: one call of a kind, where the shape knows only one. */
        boolean has(String queue) {
            boolean blocking = queue.endsWith("put take");
            return this == BLOCKING ? blocking : !blocking && !(this == BATCH && queue.endsWith("relaxed"));
        }
    }

    private final Shape shape;
    private final Integer producers;
    private final Integer consumers;

    QueuesSuite(Shape shape) {
        this(shape, PRODUCERS, CONSUMERS);
    }

    /** With numbers of producers and of consumers, null for the number of threads. */
    QueuesSuite(Shape shape, Integer producers, Integer consumers) {
        this.shape = shape;
        this.producers = producers;
        this.consumers = consumers;
    }

    @Override
    public String name() {
        return shape.suite;
    }

    @Override
    public List<Integer> threads() {
        return shape.threads;
    }

    @Override
    public List<Integer> virtualThreads() {
        return List.of(500);
    }

    @Override
    public int workers(int threads) {
        return sides(threads).producers + sides(threads).consumers;
    }

    @Override
    public int operationsTimed() {
        return shape == Shape.BURSTS || shape == Shape.ROUND_TRIP ? 1 : TIMED;
    }

    @Override
    public List<String> jvmArguments(String contender) {
        List<String> arguments = new ArrayList<>(List.of("-Drseq4j.bench.capacity=" + CAPACITY,
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED")); // Agrona
        if (shape != Shape.BLOCKING) {
            arguments.add("-Drseq4j.bench.waiting=" + WAITING);
        }
        if (WORK > 0) {
            arguments.addAll(Calibrated.jvmArguments());
            arguments.add("-Drseq4j.bench.work=" + WORK);
        }
        if (producers != null) {
            arguments.add("-Drseq4j.bench.producers=" + producers);
        }
        if (consumers != null) {
            arguments.add("-Drseq4j.bench.consumers=" + consumers);
        }
        return arguments;
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        for (String name : Queues.names()) {
            if (shape.has(name)) {
                contenders.put(name, threads -> make(name, threads));
            }
        }
        return contenders;
    }

    private Contender make(String name, int threads) {
        Queues.Transfer queue = Queues.make(name, CAPACITY);
        Sides sides = sides(threads);
        return switch (shape) {
            case SINGLE, BLOCKING -> new Single(sides, queue);
            case BATCH -> new Batches(sides, queue);
            case BURSTS -> new Bursts(sides, queue);
            case ROUND_TRIP -> new RoundTrips(sides, queue, Queues.make(name, CAPACITY));
        };
    }

    /** How many work on each side. */
    private record Sides(int producers, int consumers) {
    }

    private Sides sides(int threads) {
        return new Sides(producers == null ? threads : producers, consumers == null ? threads : consumers);
    }

    /** What a thread has to do besides with an element. */
    private static void process() {
        if (WORK > 0 && Calibrated.multiply(1, Calibrated.HUNDRED_NANOSECONDS * WORK / 100) == 0) {
            throw new AssertionError("the work was optimised away");
        }
    }

    private static IdleStrategy waiting() {
        return Waiting.valueOf(WAITING.toUpperCase(Locale.ROOT)).make();
    }

    /** An element with the time at which it set out. */
    private static final class Stamp {
        long nanos;
    }

    /** Producers are the first workers, consumers the others. */
    private abstract static class Flow implements Contender {
        private final Sides sides;
        final Queues.Transfer queue;
        private final Times times;
        /** Producers that are done, over all rounds: a consumer leaves when all are and nothing is there. */
        private final AtomicInteger done = new AtomicInteger();
        private final int[] rounds;
        private final AtomicLong offered = new AtomicLong();
        private final AtomicLong polled = new AtomicLong();

        Flow(Sides sides, Queues.Transfer queue) {
            this.sides = sides;
            this.queue = queue;
            times = new Times(sides.producers + sides.consumers);
            rounds = new int[sides.consumers];
        }

        @Override
        public final long work(int worker, Round round) throws Exception {
            if (worker < sides.producers) {
                return producer(worker, round, times.of(worker));
            }
            rounds[worker - sides.producers]++;
            return consumer(worker - sides.producers, times.of(worker));
        }

        private long producer(int number, Round round, Histogram times) throws Exception {
            long[] offers = new long[1];
            try {
                return produce(number, round, times, offers);
            } finally {
                offered.addAndGet(offers[0]);
                if (done.incrementAndGet() % sides.producers == 0 && queue.blocks()) {
                    for (int i = 0; i < sides.consumers; i++) {
                        queue.offer(END);
                    }
                }
            }
        }

        private long consumer(int number, Histogram times) throws Exception {
            long[] polls = new long[1];
            try {
                return consume(number, times, polls);
            } finally {
                polled.addAndGet(polls[0]);
            }
        }

        /** Counts the elements that it offered in the array; {@return as {@link Contender#work}}. */
        abstract long produce(int number, Round round, Histogram times, long[] offers) throws Exception;

        /** Likewise, those that it polled. */
        abstract long consume(int number, Histogram times, long[] polls) throws Exception;

        /** {@return whether nothing will come any more; to be asked after a poll that found nothing} */
        final boolean over(int consumer) {
            return done.get() == rounds[consumer] * sides.producers && queue.isEmpty();
        }

        final void record(Histogram times, long begun) {
            times.recordValue(Math.clamp(System.nanoTime() - begun, 0, Times.LONGEST));
        }

        /** {@return what is recorded in the times} */
        String timed() {
            return "time in queue";
        }

        @Override
        public final Map<String, Histogram> latencies() {
            return times.taken(timed());
        }

        @Override
        public void close() {
            if (offered.get() != polled.get()) {
                throw new IllegalStateException(offered + " elements were offered and " + polled + " polled");
            }
        }
    }

    /**
     * A bound for a queue that has none: the capacity, and what the threads have of tickets. Without the latter so many
     * producers that are scheduled out with a ticket each would have all of the room, and the queue would be empty.
     */
    static final class Room {
        static final int BATCH = 16;
        private static final int SENT = 16;
        private static final int RECEIVED = 48;

        private final long[] words = new long[64];
        private final long bound;

        /** For so many threads, each of which has a ticket for so many elements at most. */
        Room(int threads, int ticket) {
            bound = CAPACITY + (long) threads * ticket;
        }

        /** Waits for room for a batch; {@return false when the round ended before} */
        boolean take(int count, Round round, IdleStrategy idle) {
            long ticket = (long) WORDS.getAndAdd(words, SENT, (long) count) + count;
            if (ticket - (long) WORDS.getAcquire(words, RECEIVED) > bound) {
                idle.reset();
                do {
                    if (!round.running()) {
                        WORDS.getAndAdd(words, SENT, (long) -count);
                        return false;
                    }
                    idle.idle();
                } while (ticket - (long) WORDS.getAcquire(words, RECEIVED) > bound);
            }
            return true;
        }

        void give(int count) {
            WORDS.getAndAdd(words, RECEIVED, (long) count);
        }
    }

    /** One element a call. */
    private static final class Single extends Flow {
        private final Room room;

        Single(Sides sides, Queues.Transfer queue) {
            super(sides, queue);
            room = queue.bounded() ? null : new Room(sides.producers + sides.consumers, Room.BATCH);
        }

        @Override
        long produce(int number, Round round, Histogram times, long[] offers) throws Exception {
            Object plain = new Object();
            IdleStrategy idle = waiting();
            long done = 0;
            rounds : while (round.running()) {
                for (int i = 0; i < TIMED; i++) {
                    if (room != null && i % Room.BATCH == 0 && !room.take(Room.BATCH, round, idle)) {
                        break rounds;
                    }
                    process();
                    Stamp stamp = null;
                    Object element = plain;
                    if (i == 0) {
                        stamp = new Stamp();
                        stamp.nanos = System.nanoTime();
                        element = stamp;
                    }
                    if (!queue.offer(element)) {
                        idle.reset();
                        do {
                            if (!round.running()) {
                                break rounds;
                            }
                            idle.idle();
                            if (stamp != null) {
                                stamp.nanos = System.nanoTime();
                            }
                        } while (!queue.offer(element));
                    }
                    done++;
                }
            }
            offers[0] = done;
            return -Math.max(1, done);
        }

        @Override
        @SuppressWarnings("ReferenceEquality") // END is one object
        long consume(int number, Histogram times, long[] polls) throws Exception {
            IdleStrategy idle = waiting();
            long done = 0;
            int kept = 0;
            boolean failed = false;
            while (true) {
                Object element = queue.poll();
                if (element == null) {
                    if (!failed) {
                        failed = true;
                        idle.reset();
                        if (room != null) {
                            room.give(kept);
                            kept = 0;
                        }
                    }
                    if (over(number)) {
                        break;
                    }
                    idle.idle();
                } else if (element == END) {
                    break;
                } else {
                    failed = false;
                    done++;
                    if (room != null && ++kept == Room.BATCH) {
                        room.give(kept);
                        kept = 0;
                    }
                    if (element instanceof Stamp stamp) {
                        record(times, stamp.nanos);
                    }
                    process();
                }
            }
            if (room != null) {
                room.give(kept);
            }
            polls[0] = done;
            return done;
        }
    }

    /** 32 elements a call. */
    private static final class Batches extends Flow {
        private final Room room;

        Batches(Sides sides, Queues.Transfer queue) {
            super(sides, queue);
            room = queue.bounded() ? null : new Room(sides.producers, TIMED);
        }

        @Override
        long produce(int number, Round round, Histogram times, long[] offers) throws Exception {
            Object plain = new Object();
            var source = new Queues.Source() {
                private int given;

                @Override
                public Object get() {
                    process();
                    if (given++ % TIMED != 0) {
                        return plain;
                    }
                    var stamp = new Stamp();
                    stamp.nanos = System.nanoTime();
                    return stamp;
                }
            };
            IdleStrategy idle = waiting();
            long done = 0;
            boolean failed = false;
            while (round.running()) {
                if (room != null && !room.take(TIMED, round, idle)) {
                    break;
                }
                int count = queue.fill(source, TIMED);
                if (count > 0) {
                    failed = false;
                    done += count;
                } else {
                    if (!failed) {
                        failed = true;
                        idle.reset();
                    }
                    idle.idle();
                }
            }
            offers[0] = done;
            return -Math.max(1, done);
        }

        @Override
        long consume(int number, Histogram times, long[] polls) {
            var sink = new Queues.Sink() {
                @Override
                public void accept(Object element) {
                    if (element instanceof Stamp stamp) {
                        record(times, stamp.nanos);
                    }
                    process();
                }
            };
            IdleStrategy idle = waiting();
            long done = 0;
            boolean failed = false;
            while (true) {
                int count = queue.drain(sink, TIMED);
                if (count > 0) {
                    failed = false;
                    done += count;
                    if (room != null) {
                        room.give(count);
                    }
                } else {
                    if (over(number)) {
                        break;
                    }
                    if (!failed) {
                        failed = true;
                        idle.reset();
                    }
                    idle.idle();
                }
            }
            polls[0] = done;
            return done;
        }
    }

    /** 100 elements at once, and all of them consumed before the next. */
    private static final class Bursts extends Flow {
        private final Burst[] bursts;

        /** What is left of one producer's burst: with its word, each element of it. */
        private static final class Burst {
            private final long[] words = new long[48];

            void consumed() {
                WORDS.getAndAdd(words, 24, 1L);
            }

            long consumedSoFar() {
                return (long) WORDS.getAcquire(words, 24);
            }
        }

        Bursts(Sides sides, Queues.Transfer queue) {
            super(sides, queue);
            bursts = new Burst[sides.producers];
            for (int i = 0; i < bursts.length; i++) {
                bursts[i] = new Burst();
            }
        }

        @Override
        String timed() {
            return "burst";
        }

        @Override
        long produce(int number, Round round, Histogram times, long[] offers) throws Exception {
            Burst burst = bursts[number];
            IdleStrategy idle = waiting();
            long done = 0;
            while (round.running()) {
                long begun = System.nanoTime();
                long due = burst.consumedSoFar() + BURST;
                for (int i = 0; i < BURST; i++) {
                    if (!queue.offer(burst)) {
                        idle.reset();
                        do {
                            idle.idle();
                        } while (!queue.offer(burst));
                    }
                }
                if (burst.consumedSoFar() != due) {
                    idle.reset();
                    do {
                        idle.idle();
                    } while (burst.consumedSoFar() != due);
                }
                record(times, begun);
                done++;
            }
            offers[0] = done * BURST;
            return done;
        }

        @Override
        long consume(int number, Histogram times, long[] polls) throws Exception {
            IdleStrategy idle = waiting();
            long done = 0;
            boolean failed = false;
            while (true) {
                Object element = queue.poll();
                if (element != null) {
                    failed = false;
                    ((Burst) element).consumed();
                    done++;
                } else {
                    if (over(number)) {
                        break;
                    }
                    if (!failed) {
                        failed = true;
                        idle.reset();
                    }
                    idle.idle();
                }
            }
            polls[0] = done;
            return -Math.max(1, done);
        }
    }

    /** There by one queue and back by the other. With several threads a producer takes whoever's element comes back. */
    private static final class RoundTrips extends Flow {
        private final Queues.Transfer back;

        RoundTrips(Sides sides, Queues.Transfer there, Queues.Transfer back) {
            super(sides, there);
            this.back = back;
        }

        @Override
        String timed() {
            return "round trip";
        }

        @Override
        long produce(int number, Round round, Histogram times, long[] offers) throws Exception {
            IdleStrategy idle = waiting();
            Object element = new Stamp();
            long done = 0;
            while (round.running()) {
                ((Stamp) element).nanos = System.nanoTime();
                offer(queue, element, idle);
                element = back.poll();
                if (element == null) {
                    idle.reset();
                    do {
                        idle.idle();
                        element = back.poll();
                    } while (element == null);
                }
                record(times, ((Stamp) element).nanos);
                done++;
            }
            offers[0] = done;
            return done;
        }

        private static void offer(Queues.Transfer queue, Object element, IdleStrategy idle)
                throws InterruptedException {
            if (!queue.offer(element)) {
                idle.reset();
                do {
                    idle.idle();
                } while (!queue.offer(element));
            }
        }

        @Override
        long consume(int number, Histogram times, long[] polls) throws Exception {
            IdleStrategy idle = waiting();
            long done = 0;
            boolean failed = false;
            while (true) {
                Object element = queue.poll();
                if (element != null) {
                    offer(back, element, idle);
                    failed = false;
                    done++;
                } else {
                    if (over(number)) {
                        break;
                    }
                    if (!failed) {
                        failed = true;
                        idle.reset();
                    }
                    idle.idle();
                }
            }
            polls[0] = done;
            return -Math.max(1, done);
        }
    }
}
