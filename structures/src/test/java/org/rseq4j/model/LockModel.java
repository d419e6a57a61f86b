// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.model;

/**
 * The lock's word and its queue: {@code org.rseq4j.locks.QueuedLock} and {@code WaitQueue}. Parks last until an
 * unpark, so a wake-up that is lost is a state in which nothing goes on. What depends on time (whether an heir may
 * reserve the lock, whether a timed call gives up) may happen at any moment. Spinning is left out: its tries are
 * those of a thread that comes.
 *
 * @param threads how many, each of which locks and unlocks
 * @param rounds so many times
 * @param fair the lock's form
 * @param timed whether the last thread may give up
 * @param fault what is broken on purpose
 */
record LockModel(int threads, int rounds, boolean fair, boolean timed, Fault fault) implements StateSpace.Model {
    enum Fault {
        NONE, NO_SECOND_LOOK, HEIR_STAYS, NO_WAKE_UP_BY_WHO_GIVES_UP, HEIR_NOT_FORGOTTEN_BEFORE_THE_LOOK
    }

    private static final int LOCKED = 1;
    private static final int RESERVED = 2;

    // The state: the word, the heir, the queue, then each thread's fields. Threads count from 1.
    private static final int WORD = 0;
    private static final int HEIR = 1;
    private static final int QUEUE = 2;
    private static final int PC = 0;
    private static final int SEEN = 1;
    private static final int PERMIT = 2;
    private static final int LEFT = 3;
    private static final int HOLDS = 4;
    /** Whether it wakes the first as it has released the lock, not as it gave up. */
    private static final int RELEASED = 5;
    private static final int FIELDS = 6;

    // Where a thread is.
    private static final int COME = 0;
    private static final int TRY = 1;
    private static final int JOIN = 2;
    private static final int LOOK = 3;
    private static final int LOOK_FIRST = 4;
    private static final int TAKE = 5;
    private static final int HEIR_OR_NOT = 6;
    private static final int RESERVE = 7;
    private static final int FORGET_HEIR = 8;
    private static final int MUST_PARK = 9;
    private static final int MUST_PARK_FIRST = 10;
    private static final int PARK = 11;
    private static final int LEAVE = 12;
    private static final int LEAVE_HEIR = 13;
    private static final int LEAVE_HEIR_SET = 14;
    private static final int LEFT_QUEUE = 15;
    private static final int INSIDE = 16;
    private static final int PASS = 17;
    private static final int UNLOCK = 18;
    private static final int UNLOCKED = 19;
    private static final int WAKE = 20;
    private static final int WAKE_FIRST = 21;
    private static final int WAKE_HEIR = 22;
    private static final int WAKE_LOOK = 23;
    private static final int UNPARK = 24;
    private static final int WAKE_UNDO = 25;

    @Override
    public byte[] initial() {
        byte[] s = new byte[QUEUE + threads + threads * FIELDS];
        for (int i = 1; i <= threads; i++) {
            s[at(i, LEFT)] = (byte) rounds;
        }
        return s;
    }

    private int at(int thread, int field) {
        return QUEUE + threads + (thread - 1) * FIELDS + field;
    }

    @Override
    public String broken(byte[] s) {
        int inside = 0;
        for (int i = 1; i <= threads; i++) {
            inside += s[at(i, HOLDS)];
        }
        return inside > 1 ? "two threads hold the lock" : null;
    }

    @Override
    public String brokenAtTheEnd(byte[] s) {
        for (int i = 1; i <= threads; i++) {
            if (s[at(i, LEFT)] > 0) {
                return "thread " + i + " sleeps for ever";
            }
        }
        return null;
    }

    @Override
    public void steps(byte[] state, StateSpace.Next next) {
        for (int i = 1; i <= threads; i++) {
            step(state, i, next);
        }
    }

    private void step(byte[] state, int i, StateSpace.Next next) {
        byte[] s = state.clone();
        int seen = s[at(i, SEEN)];
        switch (s[at(i, PC)]) {
            case COME -> {
                if (s[at(i, LEFT)] > 0) {
                    go(s, i, fair && s[QUEUE] != 0 ? JOIN : TRY, next);
                }
            }
            case TRY -> go(s, i, take(s, i, 0) ? INSIDE : JOIN, next);
            case JOIN -> {
                int end = QUEUE;
                while (s[end] != 0) {
                    end++;
                }
                s[end] = (byte) i;
                go(s, i, LOOK, next);
            }
            case LOOK -> {
                s[at(i, SEEN)] = s[WORD];
                go(s, i, (s[WORD] & LOCKED) != 0 ? HEIR_OR_NOT : LOOK_FIRST, next);
            }
            case LOOK_FIRST -> go(s, i, s[QUEUE] == i || !fair && seen == 0 ? TAKE : HEIR_OR_NOT, next);
            case TAKE -> go(s, i, take(s, i, seen) ? LEAVE : LOOK, next);
            case HEIR_OR_NOT -> lookWhetherHeir(s, i, next);
            case RESERVE -> {
                s[WORD] |= RESERVED;
                go(s, i, fault == Fault.HEIR_NOT_FORGOTTEN_BEFORE_THE_LOOK ? MUST_PARK : FORGET_HEIR, next);
            }
            case FORGET_HEIR -> {
                s[HEIR] = 0;
                go(s, i, MUST_PARK, next);
            }
            case MUST_PARK -> {
                s[at(i, SEEN)] = s[WORD];
                go(s, i, fault == Fault.NO_SECOND_LOOK || (s[WORD] & LOCKED) != 0 ? PARK : MUST_PARK_FIRST, next);
            }
            case MUST_PARK_FIRST -> go(s, i, s[QUEUE] != i && (fair || seen != 0) ? PARK : LOOK, next);
            case PARK -> {
                if (s[at(i, PERMIT)] != 0 || mayGiveUp(i)) {
                    s[at(i, PERMIT)] = 0;
                    go(s, i, LOOK, next);
                }
            }
            case LEAVE -> {
                int place = QUEUE;
                while (s[place] != i) {
                    place++;
                }
                for (; place < QUEUE + threads; place++) {
                    s[place] = place + 1 < QUEUE + threads ? s[place + 1] : 0;
                }
                go(s, i, LEAVE_HEIR, next);
            }
            case LEAVE_HEIR -> go(s, i, s[HEIR] == i && fault != Fault.HEIR_STAYS ? LEAVE_HEIR_SET : LEFT_QUEUE, next);
            case LEAVE_HEIR_SET -> {
                s[HEIR] = 0;
                go(s, i, LEFT_QUEUE, next);
            }
            case LEFT_QUEUE -> {
                if (s[at(i, HOLDS)] != 0) {
                    go(s, i, INSIDE, next);
                } else if ((s[WORD] & LOCKED) == 0 && fault != Fault.NO_WAKE_UP_BY_WHO_GIVES_UP) {
                    go(s, i, WAKE, next);
                } else {
                    end(s, i, next);
                }
            }
            default -> release(s, i, next);
        }
    }

    private void lookWhetherHeir(byte[] s, int i, StateSpace.Next next) {
        if (mayGiveUp(i)) {
            go(s.clone(), i, LEAVE, next);
        }
        if (s[HEIR] != i) {
            go(s, i, MUST_PARK, next);
            return;
        }
        go(s.clone(), i, LOOK, next); // its time has not come
        go(s, i, RESERVE, next);
    }

    private void release(byte[] s, int i, StateSpace.Next next) {
        int found = s[at(i, SEEN)];
        switch (s[at(i, PC)]) {
            case INSIDE -> go(s, i, UNLOCK, next);
            case UNLOCK -> {
                s[WORD] -= LOCKED;
                s[at(i, HOLDS)] = 0;
                s[at(i, RELEASED)] = 1;
                go(s, i, UNLOCKED, next);
            }
            case UNLOCKED -> {
                if (s[QUEUE] != 0) {
                    go(s, i, WAKE, next);
                } else {
                    end(s, i, next);
                }
            }
            case WAKE -> {
                if (s[HEIR] == 0) {
                    go(s, i, WAKE_FIRST, next);
                } else {
                    woken(s, i, next);
                }
            }
            case WAKE_FIRST -> {
                s[at(i, SEEN)] = s[QUEUE];
                if (s[QUEUE] != 0) {
                    go(s, i, WAKE_HEIR, next);
                } else {
                    woken(s, i, next);
                }
            }
            case WAKE_HEIR -> {
                boolean swapped = s[HEIR] == 0;
                if (swapped) {
                    s[HEIR] = (byte) found;
                }
                go(s, i, swapped ? WAKE_LOOK : WAKE, next);
            }
            case WAKE_LOOK -> go(s, i, s[QUEUE] == found ? UNPARK : WAKE_UNDO, next);
            case UNPARK -> {
                s[at(found, PERMIT)] = 1;
                woken(s, i, next);
            }
            case WAKE_UNDO -> {
                s[HEIR] = 0;
                go(s, i, WAKE, next);
            }
            case PASS -> {
                s[WORD] |= RESERVED;
                end(s, i, next);
            }
            default -> throw new AssertionError();
        }
    }

    private void woken(byte[] s, int i, StateSpace.Next next) {
        if (s[at(i, RELEASED)] != 0 && !fair && s[HEIR] != 0) {
            go(s.clone(), i, PASS, next); // that one was passed for long enough
        }
        end(s, i, next);
    }

    private boolean mayGiveUp(int i) {
        return timed && i == threads;
    }

    private boolean take(byte[] s, int i, int seen) {
        if (s[WORD] != seen) {
            return false;
        }
        s[WORD] = LOCKED;
        s[at(i, HOLDS)] = 1;
        return true;
    }

    private void go(byte[] s, int i, int pc, StateSpace.Next next) {
        s[at(i, PC)] = (byte) pc;
        next.is(s);
    }

    private void end(byte[] s, int i, StateSpace.Next next) {
        s[at(i, LEFT)]--;
        s[at(i, SEEN)] = 0;
        s[at(i, RELEASED)] = 0;
        go(s, i, COME, next);
    }
}
