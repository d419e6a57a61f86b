// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.util.Queue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Every other thread offers elements to one queue, the others poll them; one thread alone does both by turns. Who finds
 * the queue full or empty yields. What counts is the elements polled.
 */
final class Transfers implements Workload {
    static final int CAPACITY = 1024;

    private final Queue<Object> queue;
    private final boolean alone;
    private final AtomicLong offered = new AtomicLong();
    private final Object element = new Object();

    Transfers(Queue<Object> queue, int threads) {
        this.queue = queue;
        this.alone = threads == 1;
    }

    @Override
    public long work(int thread, Stop stop) {
        return alone ? byTurns(stop) : thread % 2 == 0 ? offer(stop) : poll(stop);
    }

    private long byTurns(Stop stop) {
        long taken = 0;
        long given = 0;
        while (!stop.requested()) {
            for (int i = 0; i < BATCH; i++) {
                given += queue.offer(element) ? 1 : 0;
                taken += queue.poll() != null ? 1 : 0;
            }
        }
        offered.addAndGet(given);
        return taken;
    }

    private long offer(Stop stop) {
        long given = 0;
        while (!stop.requested()) {
            for (int i = 0; i < BATCH; i++) {
                if (queue.offer(element)) {
                    given++;
                } else {
                    Thread.yield();
                }
            }
        }
        offered.addAndGet(given);
        return 0;
    }

    private long poll(Stop stop) {
        long taken = 0;
        while (!stop.requested()) {
            for (int i = 0; i < BATCH; i++) {
                if (queue.poll() != null) {
                    taken++;
                } else {
                    Thread.yield();
                }
            }
        }
        return taken;
    }

    @Override
    public void check(long operations) {
        long left = 0;
        while (queue.poll() != null) {
            left++;
        }
        Workload.equal("elements polled", operations + left, offered.get());
    }
}
