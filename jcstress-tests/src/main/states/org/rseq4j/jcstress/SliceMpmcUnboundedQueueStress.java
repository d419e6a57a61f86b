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
        static final int LARGE = 64;
        final SliceMpmcUnboundedQueue<Element> queue;

        /** The capacity is that of other queues. */
        Queued(int capacity, int... values) {
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

    // include queue.states

    // include in-order.states

    // include message-passing.states
}
