// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.model;

/**
 * A bounded ring and those that sleep at its ends: {@code org.rseq4j.queues.Ring} and {@code Waiters}. Untimed parks
 * last until an unpark, so a wake-up that is lost is a state in which a thread sleeps although it could go on and
 * nothing else happens. The flags and indices are volatile or change by compare-and-set, so a step is one access of
 * one of them. An attempt that finds an end locked may try again or rest.
 *
 * @param capacity of the ring
 * @param takers threads that take
 * @param putters threads that put
 * @param takes how many elements each takes
 * @param puts how many each puts
 * @param timed whether the first taker may give up
 * @param fault what is broken on purpose
 */
record WaitersModel(int capacity, int takers, int putters, int takes, int puts, boolean timed, Fault fault)
        implements
            StateSpace.Model {
    enum Fault {
        NONE, NO_SECOND_LOOK, REQUEST_NOT_LOOKED_AT, NOT_PASSED_ON, OPERATIONS_UNDER_WAY_NOT_LOOKED_FOR,
        AWAKE_BEFORE_IT_IS_CALLED
    }

    // The state: what is shared by end, 0 for the head and takers, 1 for the tail and putters; both lines; each
    // thread's fields.
    private static final int INDEX = 0;
    private static final int LOCKED = 2;
    private static final int ASKED = 4;
    private static final int LINES = 6;
    private static final int PC = 0;
    private static final int SEEN = 1;
    private static final int LEFT = 2;
    private static final int PERMIT = 3;
    private static final int AWAKE = 4;
    private static final int GONE = 5;
    private static final int UNDER_WAY = 6;
    private static final int PHASE = 7;
    private static final int CALLED = 8;
    private static final int FIELDS = 9;

    // Which attempt it is.
    private static final int BEFORE = 0;
    private static final int IN_LINE = 1;
    private static final int CALLED_UP = 2;
    private static final int LAST = 3;

    // Where a thread is.
    private static final int READ = 0;
    private static final int LOOK = 1;
    private static final int LOCK = 2;
    private static final int LOOK_FOR_REQUEST = 3;
    private static final int MOVE = 4;
    private static final int UNLOCK = 5;
    private static final int CALL = 6;
    private static final int CALL_FIRST = 7;
    private static final int CALL_AWAKE = 8;
    private static final int CALL_UNPARK = 9;
    private static final int JOIN = 10;
    private static final int SLEEPY = 11;
    private static final int ASK = 12;
    private static final int LOOK_WHO_IS_UNDER_WAY = 13;
    private static final int PARK = 14;
    private static final int GO = 15;
    private static final int LEAVE = 16;
    private static final int PASS_ON = 17;
    private static final int PASS_ASK = 18;
    private static final int PASS_LOOK = 19;
    private static final int PASS_LOOK_AGAIN = 20;
    private static final int OWN_CALL = 21;
    private static final int OWN_FIRST = 22;
    private static final int OWN_AWAKE = 23;
    private static final int OWN_UNPARK = 24;

    private int threads() {
        return takers + putters;
    }

    @Override
    public byte[] initial() {
        byte[] s = new byte[LINES + 2 * threads() + threads() * FIELDS];
        for (int i = 1; i <= threads(); i++) {
            s[at(i, LEFT)] = (byte) (end(i) == 0 ? takes : puts);
        }
        return s;
    }

    private int at(int thread, int field) {
        return LINES + 2 * threads() + (thread - 1) * FIELDS + field;
    }

    private int line(int end) {
        return LINES + end * threads();
    }

    private int end(int thread) {
        return thread <= takers ? 0 : 1;
    }

    private boolean isReady(byte[] s, int end) {
        int elements = s[INDEX + 1] - s[INDEX];
        return end == 0 ? elements > 0 : elements < capacity;
    }

    @Override
    public String broken(byte[] s) {
        int elements = s[INDEX + 1] - s[INDEX];
        return elements < 0 || elements > capacity ? elements + " elements in the ring" : null;
    }

    @Override
    public String brokenAtTheEnd(byte[] s) {
        for (int i = 1; i <= threads(); i++) {
            if (s[at(i, LEFT)] > 0 && isReady(s, end(i))) {
                return (end(i) == 0 ? "taker " : "putter ") + i + " sleeps for ever";
            }
        }
        return null;
    }

    @Override
    public void steps(byte[] state, StateSpace.Next next) {
        for (int i = 1; i <= threads(); i++) {
            if (state[at(i, LEFT)] > 0) {
                attempt(state.clone(), i, next);
            }
        }
    }

    private void go(byte[] s, int i, int pc, StateSpace.Next next) {
        s[at(i, PC)] = (byte) pc;
        next.is(s);
    }

    // ---- One attempt at the ring ----

    private void attempt(byte[] s, int i, StateSpace.Next next) {
        int end = end(i);
        switch (s[at(i, PC)]) {
            case READ -> {
                if (s[LOCKED + end] != 0) {
                    busy(s, i, next);
                } else {
                    s[at(i, SEEN)] = s[INDEX + end];
                    go(s, i, LOOK, next);
                }
            }
            case LOOK -> {
                int other = s[INDEX + 1 - end];
                int seen = s[at(i, SEEN)];
                if (end == 0 ? other - seen > 0 : seen - other < capacity) {
                    go(s, i, LOCK, next);
                } else {
                    nothing(s, i, next);
                }
            }
            case LOCK -> {
                if (s[LOCKED + end] == 0 && s[INDEX + end] == s[at(i, SEEN)]) {
                    s[LOCKED + end] = 1;
                    go(s, i, fault == Fault.REQUEST_NOT_LOOKED_AT ? MOVE : LOOK_FOR_REQUEST, next);
                } else {
                    busy(s, i, next);
                }
            }
            case LOOK_FOR_REQUEST -> go(s, i, s[ASKED + end] != 0 ? UNLOCK : MOVE, next);
            case MOVE -> {
                s[LOCKED + end] = 0;
                if (isReady(s, end)) {
                    s[INDEX + end]++;
                    done(s, i, next);
                } else {
                    nothing(s, i, next);
                }
            }
            case UNLOCK -> {
                s[LOCKED + end] = 0;
                go(s, i, CALL, next);
            }
            case CALL, CALL_FIRST, CALL_AWAKE, CALL_UNPARK -> call(s, i, 1 - end, CALL, next);
            default -> inLine(s, i, next);
        }
    }

    /** Calls the first of a line, then tries again, or ends. */
    private void call(byte[] s, int i, int line, int from, StateSpace.Next next) {
        int called = s[at(i, CALLED)];
        switch (s[at(i, PC)] - from) {
            case CALL - CALL -> {
                s[ASKED + 1 - line] = 0;
                go(s, i, from + 1, next);
            }
            case CALL_FIRST - CALL -> {
                int first = first(s, line, true);
                s[at(i, CALLED)] = (byte) first;
                if (first != 0) {
                    go(s, i, from + 2, next);
                } else {
                    afterCall(s, i, from, next);
                }
            }
            case CALL_AWAKE - CALL -> {
                s[at(called, AWAKE)] = 1;
                go(s, i, from + 3, next);
            }
            default -> {
                s[at(called, PERMIT)] = 1;
                s[at(i, CALLED)] = 0;
                afterCall(s, i, from, next);
            }
        }
    }

    private void afterCall(byte[] s, int i, int from, StateSpace.Next next) {
        if (from == CALL) {
            go(s, i, READ, next);
        } else {
            end(s, i, next);
        }
    }

    /** The first of a line, 0 when there is none; who calls takes those out that are gone. */
    private int first(byte[] s, int end, boolean calls) {
        while (calls && s[line(end)] != 0 && s[at(s[line(end)], GONE)] != 0) {
            remove(s, end, s[line(end)]);
        }
        return s[line(end)];
    }

    private void remove(byte[] s, int end, int thread) {
        int to = line(end);
        for (int from = line(end); from < line(end) + threads(); from++) {
            if (s[from] != thread) {
                s[to++] = s[from];
            }
        }
        while (to < line(end) + threads()) {
            s[to++] = 0;
        }
    }

    // ---- What an attempt led to ----

    private void done(byte[] s, int i, StateSpace.Next next) {
        if (s[at(i, PHASE)] == BEFORE) {
            end(s, i, next);
        } else {
            go(s, i, GO, next);
        }
    }

    private void busy(byte[] s, int i, StateSpace.Next next) {
        go(s.clone(), i, READ, next);
        switch (s[at(i, PHASE)]) {
            case BEFORE -> go(s, i, JOIN, next);
            case LAST -> go(s, i, GO, next);
            default -> go(s, i, SLEEPY, next);
        }
    }

    private void nothing(byte[] s, int i, StateSpace.Next next) {
        switch (s[at(i, PHASE)]) {
            case BEFORE -> go(s, i, JOIN, next);
            case LAST -> go(s, i, GO, next);
            case IN_LINE -> go(s, i, s[at(i, UNDER_WAY)] != 0 ? SLEEPY : PARK, next);
            default -> go(s, i, SLEEPY, next);
        }
    }

    // ---- In the line ----

    private void inLine(byte[] s, int i, StateSpace.Next next) {
        int end = end(i);
        switch (s[at(i, PC)]) {
            case JOIN -> {
                int place = line(end);
                while (s[place] != 0) {
                    place++;
                }
                s[place] = (byte) i;
                s[at(i, AWAKE)] = (byte) (fault == Fault.AWAKE_BEFORE_IT_IS_CALLED ? 1 : 0);
                go(s, i, SLEEPY, next);
            }
            case SLEEPY -> {
                boolean first = first(s, end, false) == i;
                s[at(i, PHASE)] = IN_LINE;
                s[at(i, UNDER_WAY)] = 0;
                s[at(i, SEEN)] = (byte) (first ? 1 : 0);
                go(s, i, ASK, next);
            }
            case ASK -> {
                s[at(i, AWAKE)] = 0;
                if (s[at(i, SEEN)] != 0) {
                    go(s, i, LOOK_WHO_IS_UNDER_WAY, next);
                } else {
                    attemptInLine(s, i, next);
                }
            }
            case LOOK_WHO_IS_UNDER_WAY -> {
                if (s[at(i, SEEN)] != 2) {
                    s[ASKED + 1 - end] = 1;
                    s[at(i, SEEN)] = 2;
                    next.is(s);
                    return;
                }
                if (fault != Fault.OPERATIONS_UNDER_WAY_NOT_LOOKED_FOR) {
                    s[at(i, UNDER_WAY)] = s[LOCKED + 1 - end];
                }
                attemptInLine(s, i, next);
            }
            case PARK -> {
                if (timed && i == 1) {
                    byte[] over = s.clone();
                    over[at(i, PHASE)] = LAST;
                    go(over, i, READ, next);
                }
                if (s[at(i, PERMIT)] != 0) {
                    s[at(i, PERMIT)] = 0;
                    s[at(i, PHASE)] = CALLED_UP;
                    go(s, i, s[at(i, AWAKE)] != 0 ? READ : SLEEPY, next);
                }
            }
            default -> leave(s, i, next);
        }
    }

    private void attemptInLine(byte[] s, int i, StateSpace.Next next) {
        s[at(i, SEEN)] = 0;
        if (fault == Fault.NO_SECOND_LOOK) {
            nothing(s, i, next);
        } else {
            go(s, i, READ, next);
        }
    }

    private void leave(byte[] s, int i, StateSpace.Next next) {
        int end = end(i);
        int first = first(s, end, false);
        switch (s[at(i, PC)]) {
            case GO -> {
                s[at(i, GONE)] = 1;
                go(s, i, LEAVE, next);
            }
            case LEAVE -> {
                remove(s, end, i);
                go(s, i, PASS_ON, next);
            }
            case PASS_ON -> {
                if (first != 0 && s[at(first, AWAKE)] == 0 && fault != Fault.NOT_PASSED_ON) {
                    go(s, i, PASS_ASK, next);
                } else {
                    end(s, i, next);
                }
            }
            case PASS_ASK -> {
                s[ASKED + 1 - end] = 1;
                go(s, i, PASS_LOOK, next);
            }
            case PASS_LOOK -> go(s, i, s[LOCKED + 1 - end] != 0 ? OWN_CALL : PASS_LOOK_AGAIN, next);
            case PASS_LOOK_AGAIN -> {
                if (isReady(s, end)) {
                    go(s, i, OWN_CALL, next);
                } else {
                    end(s, i, next);
                }
            }
            case OWN_CALL, OWN_FIRST, OWN_AWAKE, OWN_UNPARK -> call(s, i, end, OWN_CALL, next);
            default -> throw new AssertionError();
        }
    }

    private void end(byte[] s, int i, StateSpace.Next next) {
        s[at(i, LEFT)]--;
        for (int field : new int[]{SEEN, PERMIT, AWAKE, GONE, UNDER_WAY, PHASE, CALLED}) {
            s[at(i, field)] = 0;
        }
        go(s, i, READ, next);
    }
}
