// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;
import org.rseq4j.queues.ShortSegments;
import org.rseq4j.queues.SliceBlockingQueue;

/** {@link SliceBlockingQueue}. An element that is not there is 0. */
public class SliceBlockingQueueStress {
    /** What all states have. */
    static class Queued extends QueueState {
        /** For CPUs to take turns. */
        static final int LARGE = 64;
        final SliceBlockingQueue<Element> queue;

        Queued(int capacity, int... values) {
            queue = new SliceBlockingQueue<>(capacity);
            for (int value : values) {
                queue.offer(new Element(value));
            }
        }

        final int poll() {
            return value(queue.poll());
        }

        final int rest() {
            return rest(queue);
        }
    }

    // include queue.states

    // include bounded.states

    // include in-order.states

    @JCStressTest
    @Outcome(id = "3", expect = ACCEPTABLE, desc = "the producer waits for room, the consumer for elements")
    @Outcome(expect = FORBIDDEN, desc = "a wake-up is lost, or an element")
    @State
    public static class PutTake extends Queued {
        public PutTake() {
            super(1);
        }

        @Actor
        public void producer() {
            Checked.run(() -> {
                queue.put(new Element(1));
                queue.put(new Element(2));
            });
        }

        @Actor
        public void consumer() {
            Checked.run(() -> {
                taken += value(queue.take());
                taken += value(queue.take());
            });
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = rest() == 0 ? taken : -1;
        }
    }

    @JCStressTest
    @Outcome(id = "3, 0", expect = ACCEPTABLE, desc = "each consumer has an element")
    @Outcome(expect = FORBIDDEN, desc = "a wake-up went to the wrong one and another sleeps on, or an element was given to two")
    @State
    public static class PutTakeTake extends Queued {
        public PutTakeTake() {
            super(2);
        }

        @Actor
        public void producer() {
            Checked.run(() -> {
                queue.put(new Element(1));
                queue.put(new Element(2));
            });
        }

        @Actor
        public void one() {
            Checked.run(() -> {
                taken = value(queue.take());
            });
        }

        @Actor
        public void two() {
            Checked.run(() -> {
                takenAlso = value(queue.take());
            });
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = taken + takenAlso;
            r.r2 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = "6, 0", expect = ACCEPTABLE, desc = "each consumer has an element")
    @Outcome(expect = FORBIDDEN, desc = "a wake-up is lost at the end of a segment, or an element")
    @State
    public static class PutTakeTakeWithoutBound {
        private final SliceBlockingQueue<QueueState.Element> queue = ShortSegments.blockingQueue();
        private int taken;
        private int takenAlso;

        @Actor
        public void producer() {
            Checked.run(() -> {
                queue.put(new QueueState.Element(1));
                queue.put(new QueueState.Element(2));
                queue.put(new QueueState.Element(3));
            });
        }

        @Actor
        public void one() {
            Checked.run(() -> {
                taken = QueueState.value(queue.take());
            });
        }

        @Actor
        public void two() {
            Checked.run(() -> {
                takenAlso = QueueState.value(queue.take()) + QueueState.value(queue.take());
            });
        }

        @Arbiter
        public void after(II_Result r) {
            r.r1 = taken + takenAlso;
            r.r2 = QueueState.rest(queue);
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "what was offered in time was polled in time or is left")
    @Outcome(expect = FORBIDDEN, desc = "an element was handed to a waiter that had gone")
    @State
    public static class TimedOfferTimedPoll extends Queued {
        public TimedOfferTimedPoll() {
            super(1);
        }

        @Actor
        public void producer() {
            Checked.run(() -> {
                add(queue.offer(new Element(1), 500, TimeUnit.NANOSECONDS), 1);
                add(queue.offer(new Element(2), 500, TimeUnit.NANOSECONDS), 2);
            });
        }

        @Actor
        public void consumer() {
            Checked.run(() -> {
                taken += value(queue.poll(500, TimeUnit.NANOSECONDS));
                taken += value(queue.poll(500, TimeUnit.NANOSECONDS));
            });
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = added - taken - rest();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "what was offered was drained or is left")
    @Outcome(expect = FORBIDDEN, desc = "an element is lost, or is there twice")
    @State
    public static class OfferDrainTo extends Queued {
        public OfferDrainTo() {
            super(4);
        }

        @Actor
        public void producer() {
            add(queue.offer(new Element(1)), 1);
            add(queue.offer(new Element(2)), 2);
            add(queue.offer(new Element(4)), 4);
        }

        @Actor
        public void consumer() {
            List<Element> all = new ArrayList<>();
            queue.drainTo(all, 1);
            queue.drainTo(all);
            queue.forEach(element -> takenAlso = element.value);
            all.forEach(element -> taken += element.value);
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = added - taken - rest();
        }
    }
}
