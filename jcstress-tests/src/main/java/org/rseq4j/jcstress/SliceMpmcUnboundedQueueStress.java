// SPDX-License-Identifier: Apache-2.0
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
import org.rseq4j.queues.ShortSegments;
import org.rseq4j.queues.SliceMpmcUnboundedQueue;

/** {@link SliceMpmcUnboundedQueue}. An element that is not there is 0. Segments are of two slots. */
public class SliceMpmcUnboundedQueueStress {
    /** What all states have. */
    static class Queued extends QueueState {
        final SliceMpmcUnboundedQueue<Element> queue;

        Queued(int... values) {
            queue = ShortSegments.queue();
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

    @JCStressTest
    @Outcome(id = "0, 1", expect = ACCEPTABLE, desc = "poll -> offer")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "offer -> poll")
    @Outcome(expect = FORBIDDEN, desc = "an element is lost, is there twice, or came before what was written to it")
    @State
    public static class OfferPoll extends Queued {
        public OfferPoll() {
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
    @Outcome(expect = FORBIDDEN, desc = "one element was given to two, or a consumer did not find the one that was left")
    @State
    public static class PollPoll extends Queued {
        public PollPoll() {
            super(1, 2);
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
    @Outcome(id = {"0, 0", "0, 1", "1, 0",
            "1, 2"}, expect = ACCEPTABLE, desc = "none, one or both, in the order of the offers")
    @Outcome(expect = FORBIDDEN, desc = "the order of the offers was changed")
    @State
    public static class InOrder extends Queued {
        public InOrder() {
        }

        @Actor
        public void producer() {
            queue.offer(new Element(1));
            queue.offer(new Element(2));
        }

        @Actor
        public void consumer(II_Result r) {
            r.r1 = poll();
            r.r2 = poll();
        }

        @Arbiter
        public void after(II_Result r) {
            taken += rest();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "each element was polled, removed or left, once")
    @Outcome(expect = FORBIDDEN, desc = "a removed element was polled too, or another one is gone")
    @State
    public static class RemovePoll extends Queued {
        private final Element one = new Element(1);
        private boolean removed;

        public RemovePoll() {
            queue.offer(one);
            queue.offer(new Element(2));
        }

        @Actor
        public void remover() {
            removed = queue.remove(one);
        }

        @Actor
        public void consumer() {
            taken += poll();
            taken += poll();
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = 3 - taken - (removed ? 1 : 0) - rest();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "nothing is left over that was removed, nothing else is gone")
    @Outcome(expect = FORBIDDEN, desc = "an element that no filter takes out is gone, or one is there twice")
    @State
    public static class RemoveManyOffer extends Queued {
        private final Element odd = new Element(1);

        public RemoveManyOffer() {
            queue.offer(odd);
        }

        @Actor
        public void remover() {
            queue.removeIf(element -> element.value % 2 != 0);
            queue.removeAll(java.util.Set.of(odd));
        }

        @Actor
        public void producer() {
            add(queue.offer(new Element(2)), 2);
            add(queue.offer(new Element(4)), 4);
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = added - rest();
        }
    }

    @JCStressTest
    @Outcome(id = {"0", "2"}, expect = ACCEPTABLE, desc = "clear -> offer, or offer -> clear")
    @Outcome(expect = FORBIDDEN, desc = "an element from before is still there, or one is there twice")
    @State
    public static class ClearOffer extends Queued {
        public ClearOffer() {
            super(1);
        }

        @Actor
        public void clearer() {
            queue.retainAll(java.util.Set.of());
            queue.clear();
        }

        @Actor
        public void producer() {
            queue.offer(new Element(2));
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = rest();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "each element was polled, removed by the iterator or left, once")
    @Outcome(expect = FORBIDDEN, desc = "the iterator removed what was polled, or one is gone")
    @State
    public static class IteratePoll extends Queued {
        private int seen;

        public IteratePoll() {
            super(1, 2);
        }

        @Actor
        public void reader() {
            for (Element element : queue) {
                seen += element.value;
            }
            taken += value(queue.peek()) * 0;
        }

        @Actor
        public void consumer() {
            takenAlso += poll();
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = seen > 3 ? -seen : 3 - takenAlso - rest();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "what was offered was polled or is left")
    @Outcome(expect = FORBIDDEN, desc = "an element is lost, or is there twice")
    @State
    public static class RelaxedOfferRelaxedPoll extends Queued {
        public RelaxedOfferRelaxedPoll() {
        }

        @Actor
        public void producer() {
            add(queue.relaxedOffer(new Element(1)), 1);
            add(queue.relaxedOffer(new Element(2)), 2);
        }

        @Actor
        public void consumer() {
            taken += value(queue.relaxedPeek()) * 0;
            taken += value(queue.relaxedPoll());
            taken += value(queue.relaxedPoll());
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = added - taken - rest();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "what was filled in was drained or is left")
    @Outcome(expect = FORBIDDEN, desc = "a batch was lost in part, or is there twice")
    @State
    public static class FillDrain extends Queued {
        public FillDrain() {
        }

        @Actor
        public void producer() {
            int[] next = {1};
            queue.fill(() -> new Element(next[0]++), 3);
            queue.fill(() -> new Element(next[0]++));
            added = next[0] * (next[0] - 1) / 2;
        }

        @Actor
        public void consumer() {
            queue.drain(element -> taken += element.value, 2);
            queue.drain(element -> taken += element.value);
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = added - taken - rest();
        }
    }

    @JCStressTest
    @Outcome(id = "0", expect = ACCEPTABLE, desc = "what was filled in was drained or is left")
    @Outcome(expect = FORBIDDEN, desc = "a batch was lost in part, or is there twice")
    @State
    public static class FillDrainUntil extends Queued {
        public FillDrainUntil() {
        }

        @Actor
        public void producer() {
            int[] next = {1};
            int[] rounds = {2};
            queue.fill(() -> new Element(next[0]++), idle -> idle + 1, () -> rounds[0]-- > 0);
            added = next[0] * (next[0] - 1) / 2;
        }

        @Actor
        public void consumer() {
            int[] rounds = {2};
            queue.drain(element -> taken += element.value, idle -> idle + 1, () -> rounds[0]-- > 0);
        }

        @Arbiter
        public void after(I_Result r) {
            r.r1 = added - taken - rest();
        }
    }
}
