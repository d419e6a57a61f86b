// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.util.Iterator;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jctools.queues.MessagePassingQueue;

/** A queue: no element is doubled, an operation that threw loses one at most, and places are as many as before. */
final class QueueSubject extends Subject {
    /** Enough for what a victim offers in one round. */
    private static final int ELEMENTS = 1 << 14;
    private static final byte OFFERED = 1;
    private static final byte ACCEPTED = 2;
    private static final byte REFUSED = 3;

    private static final String[] PLAIN = {"offer", "poll", "peek", "offer", "poll", "size", "contains", "remove",
            "iterate",
            "removeIf"};
    private static final String[] BLOCKING = {"offer", "poll", "timed offer", "timed poll", "peek", "offer", "poll",
            "size",
            "contains", "remove", "iterate", "removeIf"};
    private static final String[] PASSING = {"offer", "poll", "relaxedOffer", "relaxedPoll", "peek", "relaxedPeek",
            "fill",
            "drain", "size", "contains", "remove", "iterate", "removeIf"};
    /** JCTools' queues have no remove. */
    private static final String[] PASSING_ONLY = {"offer", "poll", "relaxedOffer", "relaxedPoll", "peek", "relaxedPeek",
            "fill",
            "drain", "size"};

    static final class Element {
        /** How often it came out. */
        int out;
    }

    private final Queue<Element> queue;
    private final BlockingQueue<Element> blocking;
    private final MessagePassingQueue<Element> passing;
    /** Negative: unbounded. */
    private final int capacity;
    private final Element[] elements = new Element[ELEMENTS];
    private final byte[] states = new byte[ELEMENTS];
    /** One that is never in the queue. */
    private final Element stranger = new Element();
    /** What a thread offers that goes on beside the victim. */
    private final Element[] late = {new Element(), new Element(), new Element(), new Element()};
    private final boolean[] acceptedLate = new boolean[late.length];
    /** Where results go that nobody needs. */
    volatile int sink;
    private int next;
    private int takers;
    private int taken;
    private final MessagePassingQueue.Consumer<Element> consumer = this::consume;
    private final MessagePassingQueue.Supplier<Element> supplier = this::supply;
    private final Predicate<Element> never = this::isNever;

    @SuppressWarnings("unchecked")
    QueueSubject(Queue<Element> queue, int capacity) {
        super(queue instanceof BlockingQueue
                ? BLOCKING
                : queue instanceof MessagePassingQueue<?>
                        ? queue.getClass().getName().startsWith("org.jctools") ? PASSING_ONLY : PASSING
                        : PLAIN);
        this.queue = queue;
        this.capacity = capacity;
        blocking = queue instanceof BlockingQueue<Element> b ? b : null;
        passing = queue instanceof MessagePassingQueue<?> ? (MessagePassingQueue<Element>) queue : null;
        for (int i = 0; i < ELEMENTS; i++) {
            elements[i] = new Element();
        }
    }

    @Override
    void run(int operation) throws Exception {
        if (next >= ELEMENTS - 16) {
            return;
        }
        switch (operation(operation)) {
            case "offer" -> {
                int i = begin();
                end(i, queue.offer(elements[i]));
            }
            case "timed offer" -> {
                int i = begin();
                end(i, blocking.offer(elements[i], 1, TimeUnit.MICROSECONDS));
            }
            case "relaxedOffer" -> {
                int i = begin();
                end(i, passing.relaxedOffer(elements[i]));
            }
            case "poll" -> {
                takers++;
                take(queue.poll());
            }
            case "timed poll" -> {
                takers++;
                take(blocking.poll(1, TimeUnit.MICROSECONDS));
            }
            case "relaxedPoll" -> {
                takers++;
                take(passing.relaxedPoll());
            }
            case "fill" -> passing.fill(supplier, 3);
            case "drain" -> {
                takers++;
                passing.drain(consumer, 3);
                taken++;
            }
            case "peek" -> queue.peek();
            case "relaxedPeek" -> passing.relaxedPeek();
            case "size" -> sink = queue.size();
            case "contains" -> sink = queue.contains(stranger) ? 1 : 0;
            case "remove" -> sink = queue.remove(stranger) ? 1 : 0;
            case "iterate" -> {
                int count = 0;
                for (Iterator<Element> all = queue.iterator(); all.hasNext();) {
                    count += all.next() == null ? 1 : 0;
                }
                if (count > 0) {
                    throw new IllegalStateException("an iterator gave null");
                }
            }
            case "removeIf" -> queue.removeIf(never);
            default -> throw new IllegalStateException(operation(operation));
        }
    }

    private int begin() {
        states[next] = OFFERED;
        return next++;
    }

    private void end(int i, boolean accepted) {
        states[i] = accepted ? ACCEPTED : REFUSED;
    }

    private void take(Element element) {
        if (element != null) {
            element.out++;
        }
        taken++;
    }

    private void consume(Element element) {
        element.out++;
        callback();
    }

    private Element supply() {
        callback();
        int i = next++;
        states[i] = OFFERED; // what fill accepted is not told one by one
        return elements[i];
    }

    private boolean isNever(Element element) {
        callback();
        return element == null;
    }

    @Override
    void others() throws Exception {
        for (int i = 0; i < 4; i++) {
            if (blocking != null) {
                int mine = begin();
                end(mine, blocking.offer(elements[mine], 2, TimeUnit.MILLISECONDS));
                takers++;
                take(blocking.poll(2, TimeUnit.MILLISECONDS));
            } else if (passing != null) {
                int mine = begin();
                end(mine, passing.relaxedOffer(elements[mine]));
                takers++;
                take(passing.relaxedPoll());
            }
        }
    }

    @Override
    void waiters() {
        for (int i = 0; i < late.length; i++) {
            acceptedLate[i] = queue.offer(late[i]);
            Element element = queue.poll();
            if (element != null) {
                element.out++;
            }
        }
        queue.removeIf(element -> element == stranger);
    }

    @Override
    String check() throws Exception {
        for (Element element = queue.poll(); element != null; element = queue.poll()) {
            element.out++;
        }
        int lost = 0;
        for (int i = 0; i < late.length; i++) {
            if (late[i].out != (acceptedLate[i] ? 1 : 0)) {
                return "an element came out " + late[i].out + " times, though its offer returned " + acceptedLate[i];
            }
        }
        for (int i = 0; i < next; i++) {
            int out = elements[i].out;
            if (out > 1) {
                return "an element came out " + out + " times";
            }
            if (out > 0 && states[i] == REFUSED) {
                return "an element came out that was refused";
            }
            lost += out == 0 && states[i] == ACCEPTED ? 1 : 0;
        }
        if (lost > takers - taken) {
            return lost + " elements lost, " + (takers - taken) + " operations that take elements threw";
        }
        if (queue.poll() != null || queue.size() != 0 || !queue.isEmpty()) {
            return "not empty after all came out: size " + queue.size();
        }
        return places();
    }

    private String places() throws Exception {
        int places = capacity < 0 ? 1000 : capacity;
        for (int round = 0; round < 2; round++) {
            int accepted = 0;
            while (accepted < (capacity < 0 ? places : ELEMENTS) && queue.offer(elements[accepted])) {
                accepted++;
            }
            if (accepted != places) {
                return "it takes " + accepted + " elements, not " + places;
            }
            for (int i = 0; i < places; i++) {
                if ((blocking != null ? blocking.take() : queue.poll()) == null) {
                    return "it had " + places + " elements, and gives " + i;
                }
            }
        }
        return null;
    }
}
