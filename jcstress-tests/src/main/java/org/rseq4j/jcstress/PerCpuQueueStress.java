package org.rseq4j.jcstress;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.I_Result;
import org.rseq4j.queues.PerCpuQueue;

/** {@link PerCpuQueue}. An element that is not there is 0. */
public class PerCpuQueueStress {
    /** Plain: the queue publishes it. */
    static final class Element {
        int value;

        Element(int value) {
            this.value = value;
        }
    }

    /** What all states have. */
    static class Queued {
        final PerCpuQueue<Element> queue;

        Queued(int capacity, int... values) {
            queue = new PerCpuQueue<>(capacity);
            for (int value : values) {
                queue.offer(new Element(value));
            }
        }

        int poll() {
            Element element = queue.poll();
            return element == null ? 0 : element.value;
        }

        /** The sum of what is left. */
        int rest() {
            int sum = 0;
            for (int value = poll(); value != 0; value = poll()) {
                sum += value;
            }
            return queue.size() == 0 ? sum : -1;
        }
    }

    @JCStressTest
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "poll -> offer")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "offer -> poll")
    @Outcome(expect = FORBIDDEN, desc = "an element is lost, is there twice, or came before what was written to it")
    @State
    public static class OfferPoll extends Queued {
        public OfferPoll() {
            super(4);
        }

        @Actor
        public void producer() {
            queue.offer(new Element(1));
        }

        @Actor
        public void consumer(II_Result r) {
            r.r1 = poll();
        }

        @Arbiter
        public void after(II_Result r) {
            r.r2 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = "7", expect = ACCEPTABLE, desc = "all three are there")
    @Outcome(expect = FORBIDDEN, desc = "two were put in one place, or one is there twice")
    @State
    public static class OfferOfferOffer extends Queued {
        public OfferOfferOffer() {
            super(8);
        }

        @Actor
        public void one() {
            queue.offer(new Element(1));
        }

        @Actor
        public void two() {
            queue.offer(new Element(2));
        }

        @Actor
        public void four() {
            queue.offer(new Element(4));
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = {"1, 2, 0", "2, 1, 0"}, expect = ACCEPTABLE, desc = "each has another element")
    @Outcome(expect = FORBIDDEN, desc = "one element was given to two, or one was not found by a consumer alone with it")
    @State
    public static class PollPoll extends Queued {
        public PollPoll() {
            super(8, 1, 2);
        }

        @Actor
        public void one(III_Result r) {
            r.r1 = poll();
        }

        @Actor
        public void two(III_Result r) {
            r.r2 = poll();
        }

        @Arbiter
        public void after(III_Result r) {
            r.r3 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = "true", expect = ACCEPTABLE, desc = "as many are there as offers said, and no more than fit")
    @Outcome(expect = FORBIDDEN, desc = "a full ring took one more, or an offer said that it was added and it was not")
    @State
    public static class OfferOfferPollWhenFull extends Queued {
        private int added;
        private int alsoAdded;
        private int polled;

        public OfferOfferPollWhenFull() {
            super(1);
        }

        @Actor
        public void one() {
            added += queue.offer(new Element(1)) ? 1 : 0;
            added += queue.offer(new Element(2)) ? 2 : 0;
        }

        @Actor
        public void two() {
            alsoAdded += queue.offer(new Element(4)) ? 4 : 0;
            alsoAdded += queue.offer(new Element(8)) ? 8 : 0;
        }

        @Actor
        public void consumer() {
            polled = poll();
        }

        @Arbiter
        public void after(org.openjdk.jcstress.infra.results.Z_Result r) {
            r.r1 = queue.size() <= queue.capacity() && added + alsoAdded == polled + rest();
        }
    }
}
