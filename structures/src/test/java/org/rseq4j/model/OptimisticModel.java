// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.model;

/**
 * Optimistic reading of the read-write lock: {@code org.rseq4j.locks.ReadSide.tryOptimisticRead} and {@code validate},
 * beside {@code WriteSide}. The reader's loads may be done in any order that its fences and acquires allow, and the
 * writer's stores may come to memory in any order that its releases and atomic instructions allow, as on ARM, or as a
 * compiler may have it.
 *
 * @param writes how many times the writer changes both of two words to the same new value
 * @param fault what is broken on purpose
 */
record OptimisticModel(int writes, Fault fault) implements StateSpace.Model {
    enum Fault {
        NONE, NO_FENCE_IN_VALIDATE, STAMP_READ_PLAINLY, GATE_LOWERED_PLAINLY, WRITES_NOT_COUNTED, NO_FENCE_AFTER_RAISE
    }

    private static final int WRITER = 1;
    private static final int ONE_WRITE = 2;

    // The state: the gate and the data in memory, the writer's stores that are not there yet, the reader's loads.
    private static final int GATE = 0;
    private static final int X = 1;
    private static final int Y = 2;
    private static final int W_PC = 3;
    private static final int W_LEFT = 4;
    /** Which of the raised gate, x, y and the lowered gate memory has not yet, as bits; what, and that of the gate. */
    private static final int PENDING = 5;
    private static final int VALUE = 6;
    private static final int LOWERED = 7;
    private static final int DONE = 8; // which loads, as bits
    private static final int STAMP = 9;
    private static final int SEEN_X = 10;
    private static final int SEEN_Y = 11;
    private static final int SEEN_GATE = 12;
    private static final int LENGTH = 13;

    private static final int TO_X = 1;
    private static final int TO_Y = 2;
    private static final int TO_GATE = 4;
    private static final int TO_RAISE = 8;
    private static final int FIRST = 1;
    private static final int DATA_X = 2;
    private static final int DATA_Y = 4;
    private static final int SECOND = 8;
    private static final int ALL = 15;

    // Where the writer is.
    private static final int RAISE = 0;
    private static final int STORE = 1;
    private static final int LOWER = 2;

    @Override
    public byte[] initial() {
        byte[] s = new byte[LENGTH];
        s[GATE] = ONE_WRITE;
        s[W_LEFT] = (byte) writes;
        return s;
    }

    @Override
    public String broken(byte[] s) {
        boolean valid = s[DONE] == ALL && (s[STAMP] & WRITER) == 0 && s[SEEN_GATE] == s[STAMP];
        return valid && s[SEEN_X] != s[SEEN_Y] ? "a valid read saw " + s[SEEN_X] + " and " + s[SEEN_Y] : null;
    }

    @Override
    public String brokenAtTheEnd(byte[] s) {
        return s[DONE] == ALL && s[W_LEFT] == 0 ? null : "somebody waits";
    }

    @Override
    public void steps(byte[] state, StateSpace.Next next) {
        load(state, FIRST, 0, STAMP, GATE, next);
        int before = fault == Fault.STAMP_READ_PLAINLY ? 0 : FIRST; // a volatile load: what comes later is done later
        load(state, DATA_X, before, SEEN_X, X, next);
        load(state, DATA_Y, before, SEEN_Y, Y, next);
        // A volatile load stays behind the other one, but data that was loaded in between only for the fence.
        int beforeSecond = fault == Fault.NO_FENCE_IN_VALIDATE ? FIRST : FIRST | DATA_X | DATA_Y;
        load(state, SECOND, beforeSecond, SEEN_GATE, GATE, next);
        reachMemory(state, next);
        write(state.clone(), next);
    }

    private static void load(byte[] state, int which, int before, int to, int from, StateSpace.Next next) {
        if ((state[DONE] & which) == 0 && (state[DONE] & before) == before) {
            byte[] s = state.clone();
            s[to] = s[from];
            s[DONE] |= (byte) which;
            next.is(s);
        }
    }

    /** One of the writer's stores, whichever may. */
    private void reachMemory(byte[] state, StateSpace.Next next) {
        if ((state[PENDING] & TO_RAISE) != 0) {
            byte[] s = state.clone();
            s[GATE] |= WRITER;
            s[PENDING] &= ~TO_RAISE;
            next.is(s);
        }
        for (int which : new int[]{TO_X, TO_Y}) {
            if ((state[PENDING] & which) != 0) {
                byte[] s = state.clone();
                s[which == TO_X ? X : Y] = s[VALUE];
                s[PENDING] &= (byte) ~which;
                next.is(s);
            }
        }
        boolean isInOrder = (state[PENDING] & (TO_X | TO_Y)) == 0;
        if ((state[PENDING] & (TO_GATE | TO_RAISE)) == TO_GATE // both are one word
                && (isInOrder || fault == Fault.GATE_LOWERED_PLAINLY)) {
            byte[] s = state.clone();
            s[GATE] = s[LOWERED];
            s[PENDING] &= ~TO_GATE;
            next.is(s);
        }
    }

    private void write(byte[] s, StateSpace.Next next) {
        switch (s[W_PC]) {
            case RAISE -> {
                // An atomic instruction: what came before is there. What comes later may overtake its store.
                if (s[W_LEFT] > 0 && s[PENDING] == 0) {
                    s[PENDING] = TO_RAISE;
                    s[W_PC] = STORE;
                    next.is(s);
                }
            }
            case STORE -> {
                if ((s[PENDING] & TO_RAISE) == 0 || fault == Fault.NO_FENCE_AFTER_RAISE) {
                    s[VALUE] = s[W_LEFT];
                    s[PENDING] |= TO_X | TO_Y;
                    s[W_PC] = LOWER;
                    next.is(s);
                }
            }
            case LOWER -> {
                int counted = fault == Fault.WRITES_NOT_COUNTED ? 0 : ONE_WRITE;
                s[LOWERED] = (byte) ((s[GATE] & ~WRITER) + counted);
                s[PENDING] |= TO_GATE;
                s[W_LEFT]--;
                s[W_PC] = RAISE;
                next.is(s);
            }
            default -> throw new AssertionError();
        }
    }
}
