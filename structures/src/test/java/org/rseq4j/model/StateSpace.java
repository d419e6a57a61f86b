// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.model;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Every state that a model can reach, by breadth-first search: each step of each thread from each state, so every
 * interleaving. A state is an array of small numbers; a step is what one thread does at one moment that others can
 * tell from the next.
 */
final class StateSpace {
    /** A protocol as a machine of steps. */
    interface Model {
        byte[] initial();

        /**
         * Gives each state that may come next to {@code next}, each as an array of its own: none of a thread that has
         * ended or has to wait.
         */
        void steps(byte[] state, Next next);

        /** What must never be in any state; null when all is well. */
        String broken(byte[] state);

        /** What must not be where nothing goes on any more; null when all is well. */
        String brokenAtTheEnd(byte[] state);
    }

    /** Gets a state that may come next. */
    interface Next {
        void is(byte[] state);
    }

    /** What was found: the states that were explored, and what is broken, with the states on the way there. */
    record Found(int states, String broken, List<byte[]> way) {
        boolean isBroken() {
            return broken != null;
        }

        @Override
        public String toString() {
            var text = new StringBuilder().append(states).append(" states");
            if (broken != null) {
                text.append(", ").append(broken);
                way.forEach(state -> text.append('\n').append(Arrays.toString(state)));
            }
            return text.toString();
        }
    }

    private record Key(byte[] state) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && Arrays.equals(state, key.state);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(state);
        }
    }

    /** A bound for a model that was made too large by mistake. */
    private static final int MOST = 5_000_000;

    private final Model model;
    /** Each state that was reached, and the one that it was reached from. */
    private final Map<Key, Key> from = new HashMap<>();
    private final Deque<Key> open = new ArrayDeque<>();

    private StateSpace(Model model) {
        this.model = model;
    }

    static Found explore(Model model) {
        return new StateSpace(model).explore();
    }

    private Found explore() {
        reach(new Key(model.initial()), null);
        while (!open.isEmpty()) {
            Key key = open.poll();
            String broken = model.broken(key.state);
            if (broken == null && !goOn(key)) {
                broken = model.brokenAtTheEnd(key.state);
            }
            if (broken != null) {
                return new Found(from.size(), broken, way(key));
            }
            if (from.size() > MOST) {
                throw new IllegalStateException("more than " + MOST + " states");
            }
        }
        return new Found(from.size(), null, List.of());
    }

    /** Whether anything can happen in a state. */
    private boolean goOn(Key key) {
        int[] steps = new int[1];
        model.steps(key.state, state -> {
            steps[0]++;
            reach(new Key(state), key);
        });
        return steps[0] > 0;
    }

    private void reach(Key key, Key before) {
        if (!from.containsKey(key)) {
            from.put(key, before);
            open.add(key);
        }
    }

    private List<byte[]> way(Key last) {
        List<byte[]> way = new ArrayList<>();
        for (Key key = last; key != null; key = from.get(key)) {
            way.addFirst(key.state);
        }
        return way;
    }
}
