// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import java.util.HashSet;
import java.util.Set;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SmallRings;

/** Queues in any order of calls by one thread, beside a set of what is in them. */
final class QueueFuzz {
    private QueueFuzz() {
    }

    static void run(Input input) {
        int capacity = input.below(6);
        PerCpuQueue<Integer> queue;
        try {
            queue = SmallRings.queue(capacity);
        } catch (IllegalArgumentException e) {
            expect(capacity < 1, "refused the capacity " + capacity);
            return;
        }
        expect(queue.capacity() >= capacity, "a capacity of " + queue.capacity() + " for " + capacity);
        Set<Integer> inside = new HashSet<>();
        for (int number = 0; !input.isEmpty(); number++) {
            switch (input.below(4)) {
                case 0, 1 -> {
                    boolean added = queue.offer(number);
                    expect(added || inside.size() >= capacity, "refused with " + inside.size() + " of " + capacity);
                    if (added) {
                        inside.add(number);
                    }
                }
                case 2 -> {
                    Integer taken = queue.poll();
                    expect(taken == null ? inside.isEmpty() : inside.remove(taken),
                            "polled " + taken + " of " + inside);
                }
                default -> {
                    try {
                        queue.offer(null);
                        throw new AssertionError("null was taken");
                    } catch (NullPointerException expected) {
                        expect(queue.size() == inside.size(), "null has changed the size");
                    }
                }
            }
            expect(queue.size() == inside.size(), "a size of " + queue.size() + ", not " + inside.size());
        }
    }

    private static void expect(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
