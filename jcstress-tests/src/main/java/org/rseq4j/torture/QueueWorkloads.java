// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;
import org.rseq4j.queues.SliceMpmcUnboundedQueue;
import org.rseq4j.queues.SmallRings;

/** Queues. */
final class QueueWorkloads {
    private QueueWorkloads() {
    }

    static List<Workload> all() {
        PerCpuQueue<long[]> perCpu = SmallRings.queue(64);
        SliceMpmcArrayQueue<long[]> strict = new SliceMpmcArrayQueue<>(64);
        SliceMpmcUnboundedQueue<long[]> unbounded = new SliceMpmcUnboundedQueue<>();
        return List.of(new Queue("PerCpuQueue", perCpu::offer, perCpu::poll),
                new Queue("SliceMpmcArrayQueue", strict::offer, strict::poll),
                new Queue("SliceMpmcUnboundedQueue", unbounded::offer, unbounded::poll),
                waiting("SliceBlockingQueue", new SliceBlockingQueue<>(64)),
                waiting("SliceBlockingQueue, fair", new SliceBlockingQueue<>(64, true)),
                waiting("SliceBlockingQueue, unbounded", new SliceBlockingQueue<>()));
    }

    private static Queue waiting(String name, SliceBlockingQueue<long[]> queue) {
        return new Queue(name, element -> queue.offer(element, 100, TimeUnit.MICROSECONDS),
                () -> queue.poll(100, TimeUnit.MICROSECONDS));
    }

    private interface Offer {
        boolean offer(long[] element) throws InterruptedException;
    }

    private interface Poll {
        long[] poll() throws InterruptedException;
    }

    private static final class Queue extends Workload {
        private final Offer offer;
        private final Poll poll;
        private final AtomicLong next = new AtomicLong();
        private final LongAdder offered = new LongAdder();
        private final LongAdder polled = new LongAdder();
        private final LongAdder offeredCount = new LongAdder();
        private final LongAdder polledCount = new LongAdder();

        Queue(String name, Offer offer, Poll poll) {
            super(name);
            this.offer = offer;
            this.poll = poll;
        }

        @Override
        void step(SplittableRandom random) throws InterruptedException {
            int n = random.nextInt(1, 12);
            for (int i = 0; i < n; i++) {
                long number = next.incrementAndGet();
                if (offer.offer(new long[]{number, ~number})) {
                    offered.add(number * number);
                    offeredCount.increment();
                }
            }
            n = random.nextInt(1, 12);
            for (int i = 0; i < n && take(); i++) {
                continue;
            }
        }

        private boolean take() throws InterruptedException {
            long[] element = poll.poll();
            if (element == null) {
                return false;
            }
            if (element[0] != ~element[1]) {
                violation("an element was handed out before it was written, or twice: " + element[0]);
            }
            element[1] = 0;
            polled.add(element[0] * element[0]);
            polledCount.increment();
            return true;
        }

        @Override
        void check() throws InterruptedException {
            while (take()) {
                continue;
            }
            equal("the elements", offeredCount.sum(), polledCount.sum());
            equal("the squares of the elements", offered.sum(), polled.sum());
        }
    }
}
