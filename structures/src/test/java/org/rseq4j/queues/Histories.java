// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.rseq4j.stress.TestThreads;

/**
 * Records histories of calls on a bounded queue and decides whether they are linearizable: Wing and Gong's search
 * (1993) with the states that were seen, as in Lowe's "Testing for linearizability" (2017).
 */
final class Histories {
    enum Kind {
        OFFER, POLL, PEEK, SIZE, IS_EMPTY, OFFER_TWO, DRAIN_TWO, REMOVE, CONTAINS, CLEAR
    }

    /** A call: its moments are drawn from one counter, so they are in a total order. */
    record Call(Kind kind, int argument, Object result, long begun, long ended) {
    }

    interface Step {
        Object run(Kind kind, int argument) throws Exception;
    }

    private Histories() {
    }

    /** Whether some order of the calls that respects time is one that a sequential bounded queue allows. */
    static boolean linearizable(List<Call> calls, List<Integer> before, int capacity) {
        Call[] all = calls.toArray(new Call[0]);
        return search(all, 0, List.copyOf(before), capacity, new HashSet<>());
    }

    private record State(long done, List<Integer> queue) {
    }

    private static boolean search(Call[] calls, long done, List<Integer> queue, int capacity, Set<State> seen) {
        if (Long.bitCount(done) == calls.length) {
            return true;
        }
        if (!seen.add(new State(done, queue))) {
            return false;
        }
        long firstEnd = Long.MAX_VALUE;
        for (int i = 0; i < calls.length; i++) {
            if ((done & 1L << i) == 0) {
                firstEnd = Math.min(firstEnd, calls[i].ended);
            }
        }
        for (int i = 0; i < calls.length; i++) {
            if ((done & 1L << i) == 0 && calls[i].begun <= firstEnd) {
                List<Integer> after = new ArrayList<>(queue);
                if (apply(calls[i].kind, calls[i].argument, after, capacity).equals(calls[i].result)
                        && search(calls, done | 1L << i, List.copyOf(after), capacity, seen)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** What the sequential queue does and returns; no element is 0. */
    static Object apply(Kind kind, int argument, List<Integer> queue, int capacity) {
        return switch (kind) {
            case OFFER -> queue.size() < capacity && queue.add(argument);
            case POLL -> queue.isEmpty() ? 0 : queue.remove(0);
            case PEEK -> queue.isEmpty() ? 0 : queue.get(0);
            case SIZE -> queue.size();
            case IS_EMPTY -> queue.isEmpty();
            case OFFER_TWO -> {
                int n = Math.min(2, capacity - queue.size());
                for (int i = 0; i < n; i++) {
                    queue.add(argument + i);
                }
                yield n;
            }
            case DRAIN_TWO -> {
                List<Integer> taken = new ArrayList<>();
                while (taken.size() < 2 && !queue.isEmpty()) {
                    taken.add(queue.remove(0));
                }
                yield taken;
            }
            case REMOVE -> queue.remove((Integer) argument);
            case CONTAINS -> queue.contains(argument);
            case CLEAR -> {
                queue.clear();
                yield 0;
            }
        };
    }

    /**
     * Runs threads that each do a few calls at about the same time, again and again, on one queue.
     *
     * @return null, or a history that is not linearizable
     */
    static String search(Queue<Integer> queue, int capacity, int threads, int calls, List<Kind> kinds, long seed,
            long nanos, Function<Queue<Integer>, Step> steps) throws Exception {
        var clock = new AtomicLong();
        var failure = new AtomicReference<Throwable>();
        Call[][] histories = new Call[threads][calls];
        List<Integer> before = new ArrayList<>();
        String[] bad = new String[1];
        boolean[] over = new boolean[1];
        long deadline = System.nanoTime() + nanos;
        // Between two rounds one thread judges the last one, while the others wait.
        var barrier = new CyclicBarrier(threads, () -> {
            if (histories[0][0] != null) {
                List<Call> all = new ArrayList<>();
                for (Call[] history : histories) {
                    all.addAll(Arrays.asList(history));
                    Arrays.fill(history, null);
                }
                // What is left at the end is part of the history: a poll of all, after everything.
                List<Integer> rest = new ArrayList<>();
                for (Integer element; (element = queue.poll()) != null;) {
                    long now = clock.incrementAndGet();
                    all.add(new Call(Kind.POLL, 0, element, now, clock.incrementAndGet()));
                    rest.add(element);
                }
                if (!linearizable(all, before, capacity)) {
                    bad[0] = "with " + before + " before: " + all;
                }
                before.clear();
                if (rest.size() % 2 == 1) { // begin some rounds with elements inside
                    for (Integer element : rest) {
                        queue.add(element);
                        before.add(element);
                    }
                }
            }
            over[0] = bad[0] != null || failure.get() != null || System.nanoTime() > deadline;
        });
        List<Thread> all = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int number = i;
            all.add(TestThreads.start(() -> {
                try {
                    var random = new java.util.Random(seed * 31 + number);
                    Step step = steps.apply(queue);
                    int next = number << 20 | 11;
                    while (true) {
                        barrier.await(60, TimeUnit.SECONDS);
                        if (over[0]) {
                            return;
                        }
                        for (int call = 0; call < calls; call++) {
                            Kind kind = kinds.get(random.nextInt(kinds.size()));
                            int argument = kind == Kind.REMOVE || kind == Kind.CONTAINS
                                    ? random.nextInt(threads) << 20 | (next & 0xFFFFF) - 1 - random.nextInt(4)
                                    : next;
                            next += 2;
                            long begun = clock.incrementAndGet();
                            Object result = step.run(kind, argument);
                            histories[number][call] = new Call(kind, argument, result, begun,
                                    clock.incrementAndGet());
                            if (random.nextInt(64) == 0) {
                                Thread.yield();
                            }
                        }
                        next = number << 20 | next & 0x3FF;
                    }
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                }
            }));
        }
        for (Thread thread : all) {
            thread.join();
        }
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
        return bad[0];
    }
}
