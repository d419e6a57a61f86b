// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.HdrHistogram.Histogram;
import org.agrona.concurrent.IdleStrategy;
import org.jctools.queues.MpmcArrayQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;
import org.rseq4j.queues.UnfinishedOffers;

/**
 * N producers and N consumers on a queue of 1024 elements, each with the time of its offer. A consumer of ours that
 * finds nothing looks whether an offer stands between its claim and its publication; with one CPU its producer was
 * scheduled out there. Each such offer is counted once, and once more when it is still unfinished after a millisecond.
 * Made for the test kernel: {@code bin/bench --vm queue-stalls}.
 */
final class QueueStallsSuite implements Suite {
    static final String STALLS = "stalls over 1 ms";
    private static final long LONG = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int CAPACITY = 1024;

    private static final class Stamp {
        long nanos;
    }

    @Override
    public String name() {
        return "queue-stalls";
    }

    @Override
    public boolean isForTestKernel() {
        return true;
    }

    @Override
    public List<Integer> threads() {
        return List.of(2, 8);
    }

    @Override
    public int workers(int threads) {
        return 2 * threads;
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        contenders.put("rseq4j SliceMpmcArrayQueue", threads -> {
            var queue = new SliceMpmcArrayQueue<Stamp>(CAPACITY);
            return new Stalls(threads, queue, new UnfinishedOffers(queue));
        });
        contenders.put("JCTools MpmcArrayQueue",
                threads -> new Stalls(threads, new MpmcArrayQueue<>(CAPACITY), null));
        return contenders;
    }

    private static final class Stalls implements Contender {
        private final int n;
        private final Queue<Stamp> queue;
        private final UnfinishedOffers offers;
        private final Times times;
        /** The unfinished offer that was seen last; negative when it was counted as a stall. */
        private final AtomicLong seen = new AtomicLong();
        private volatile long since;
        private final AtomicLong unfinished = new AtomicLong();
        private final AtomicLong stalls = new AtomicLong();

        Stalls(int n, Queue<Stamp> queue, UnfinishedOffers offers) {
            this.n = n;
            this.queue = queue;
            this.offers = offers;
            times = new Times(n);
        }

        @Override
        public long work(int worker, Round round) {
            return worker < n ? -Math.max(1, produce(round)) : consume(round, times.of(worker - n));
        }

        private long produce(Round round) {
            IdleStrategy idle = Waiting.YIELD.make();
            // In turn, more than the queue holds: no garbage, whose collection would stop threads. A consumer that is
            // scheduled out with one in its hand may find a later time in it.
            var stamps = new Stamp[2 * CAPACITY];
            Arrays.setAll(stamps, i -> new Stamp());
            long done = 0;
            while (round.running()) {
                Stamp stamp = stamps[(int) done & stamps.length - 1];
                stamp.nanos = System.nanoTime();
                if (queue.offer(stamp)) {
                    done++;
                    idle.reset();
                } else {
                    idle.idle();
                }
            }
            return done;
        }

        private long consume(Round round, Histogram times) {
            IdleStrategy idle = Waiting.YIELD.make();
            long done = 0;
            while (round.running()) {
                Stamp stamp = queue.poll();
                if (stamp != null) {
                    times.recordValue(Math.clamp(System.nanoTime() - stamp.nanos, 0, Times.LONGEST));
                    done++;
                    idle.reset();
                } else {
                    if (offers != null) {
                        probe(offers.current());
                    }
                    idle.idle();
                }
            }
            return done;
        }

        private void probe(long offer) {
            if (offer == 0) {
                return;
            }
            long last = seen.get();
            if (Math.abs(last) != offer && seen.compareAndSet(last, offer)) {
                since = System.nanoTime();
                unfinished.incrementAndGet();
            } else if (last == offer && System.nanoTime() - since > LONG && seen.compareAndSet(offer, -offer)) {
                stalls.incrementAndGet();
            }
        }

        @Override
        public Map<String, Double> counts() {
            queue.clear(); // what is left would count the time up to the next round
            return offers == null
                    ? Map.of()
                    : Map.of("unfinished offers", (double) unfinished.getAndSet(0), STALLS,
                            (double) stalls.getAndSet(0));
        }

        @Override
        public Map<String, Histogram> latencies() {
            return times.taken("time in queue");
        }
    }
}
