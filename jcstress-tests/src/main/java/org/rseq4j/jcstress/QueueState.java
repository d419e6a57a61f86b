// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import java.util.Queue;

/**
 * What the states of all queues have: elements, and what each side did. The actors cannot stand here: jcstress looks
 * for them in the class of the test only.
 */
class QueueState {
    int added;
    int addedAlso;
    int taken;
    int takenAlso;

    /** Plain: the queue publishes it. */
    static final class Element {
        int value;

        Element(int value) {
            this.value = value;
        }
    }

    static int value(Element element) {
        return element == null ? 0 : element.value;
    }

    /** The sum of what is left. */
    static int rest(Queue<Element> queue) {
        int sum = 0;
        for (int value = value(queue.poll()); value != 0; value = value(queue.poll())) {
            sum += value;
        }
        return queue.size() == 0 ? sum : -1;
    }

    final void add(boolean done, int value) {
        added += done ? value : 0;
    }

    final void addAlso(boolean done, int value) {
        addedAlso += done ? value : 0;
    }
}
