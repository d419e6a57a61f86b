package org.rseq4j.jcstress;

/** What the states of all queues have: elements, and what each side did. */
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

    final void add(boolean done, int value) {
        added += done ? value : 0;
    }

    final void addAlso(boolean done, int value) {
        addedAlso += done ? value : 0;
    }
}
