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
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SmallRings;

/** {@link PerCpuQueue}. An element that is not there is 0. */
public class PerCpuQueueStress {
    /** What all states have. */
    static class Queued extends QueueState {
        static final int LARGE = 8;
        final PerCpuQueue<Element> queue;

        Queued(int capacity, int... values) {
            queue = SmallRings.queue(capacity);
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

    // include message-passing.states

    // include offer-all.states
}
