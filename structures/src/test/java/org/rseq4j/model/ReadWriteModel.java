// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.model;

/**
 * The gate of the read-write lock and its readers: {@code org.rseq4j.locks.ReadSide}, {@code WriteSide} and {@code
 * Readers}. A reader's stores to its slot go through a store buffer, first in, first out, as on x86, and reach memory
 * at any later moment; an atomic instruction or a fence waits until the buffer is empty; a membarrier empties all of
 * them. Parks last until an unpark.
 *
 * @param readers how many threads read
 * @param rounds how many times each thread does what it does
 * @param fault what is broken on purpose
 */
record ReadWriteModel(int readers, int rounds, Fault fault) implements StateSpace.Model {
    enum Fault {
        NONE, NO_MEMBARRIER, NO_FENCE_BEFORE_THE_LOOK_FOR_A_WRITER, GATE_READ_BEFORE_THE_SLOT_IS_WRITTEN,
        WRITER_PARKS_WITHOUT_A_LOOK
    }

    private static final int WRITER = 1;
    private static final int BY_WORD = 2;

    // The state: what is shared, then the writer's fields, then each reader's.
    private static final int GATE = 0;
    private static final int WORD = 1;
    private static final int TURN = 2; // the writers' lock
    private static final int WAITING = 3;
    private static final int W_PC = 4;
    private static final int W_LEFT = 5;
    private static final int W_PERMIT = 6;
    private static final int W_COUNT = 7;
    private static final int W_MAY_HAVE_SLOTS = 8;
    private static final int W_SLOT = 9;
    private static final int READERS = 10;
    private static final int PC = 0;
    private static final int LEFT = 1;
    private static final int SLOT = 2;
    private static final int LATEST = 3; // the slot, as its thread sees it
    private static final int BUFFERED = 4;
    private static final int BUFFER = 5; // bits, the oldest lowest
    private static final int FIELDS = 6;

    // Where a reader is.
    private static final int COME = 0;
    private static final int LOOK = 1;
    private static final int BACK_OUT = 2;
    private static final int COUNT = 3;
    private static final int LOOK_BY_WORD = 4;
    private static final int ALLOW_SLOTS = 5;
    private static final int INSIDE = 6;
    private static final int UNCOUNT = 7;
    private static final int WAKE = 8;
    private static final int WAIT = 9;
    private static final int GIVE_TURN = 10;
    private static final int LEFT_LOCK = 11;
    private static final int FENCE = 12;
    private static final int WAKE_AND_END = 13;
    private static final int COME_LATE = 14;

    // Where the writer is.
    private static final int W_COME = 0;
    private static final int W_RAISE = 1;
    private static final int W_BARRIER = 2;
    private static final int W_COUNT_SLOTS = 3;
    private static final int W_COUNT_WORD = 4;
    private static final int W_ANNOUNCE = 5;
    private static final int W_PARK = 6;
    private static final int W_INSIDE = 7;
    private static final int W_LOWER = 8;
    private static final int W_GIVE_TURN = 9;
    private static final int W_STOP_WAITING = 10;

    @Override
    public byte[] initial() {
        byte[] s = new byte[READERS + readers * FIELDS];
        s[W_LEFT] = (byte) rounds;
        for (int i = 0; i < readers; i++) {
            s[at(i, LEFT)] = (byte) rounds;
        }
        return s;
    }

    private static int at(int reader, int field) {
        return READERS + reader * FIELDS + field;
    }

    @Override
    public String broken(byte[] s) {
        for (int i = 0; i < readers; i++) {
            if (s[W_PC] == W_INSIDE && s[at(i, PC)] == INSIDE) {
                return "reader " + i + " is inside beside the writer";
            }
        }
        return null;
    }

    @Override
    public String brokenAtTheEnd(byte[] s) {
        if (s[W_LEFT] > 0) {
            return "the writer sleeps for ever";
        }
        for (int i = 0; i < readers; i++) {
            if (s[at(i, LEFT)] > 0) {
                return "reader " + i + " waits for ever";
            }
        }
        return null;
    }

    @Override
    public void steps(byte[] state, StateSpace.Next next) {
        for (int i = 0; i < readers; i++) {
            if (state[at(i, BUFFERED)] > 0) {
                byte[] s = state.clone();
                drain(s, i);
                next.is(s);
            }
            read(state.clone(), i, next);
        }
        write(state.clone(), next);
    }

    // ---- Stores of a reader ----

    private static void drain(byte[] s, int i) {
        s[at(i, SLOT)] = (byte) (s[at(i, BUFFER)] & 1);
        s[at(i, BUFFER)] >>= 1;
        s[at(i, BUFFERED)]--;
    }

    private static void store(byte[] s, int i, int value) {
        s[at(i, LATEST)] = (byte) value;
        s[at(i, BUFFER)] |= (byte) (value << s[at(i, BUFFERED)]);
        s[at(i, BUFFERED)]++;
    }

    private static boolean isVisible(byte[] s, int i) {
        return s[at(i, BUFFERED)] == 0;
    }

    private static void go(byte[] s, int i, int pc, StateSpace.Next next) {
        s[at(i, PC)] = (byte) pc;
        next.is(s);
    }

    private void read(byte[] s, int i, StateSpace.Next next) {
        switch (s[at(i, PC)]) {
            case COME -> {
                if (s[at(i, LEFT)] == 0) {
                    return;
                }
                if (fault == Fault.GATE_READ_BEFORE_THE_SLOT_IS_WRITTEN) {
                    go(s, i, s[GATE] == 0 ? COME_LATE : COUNT, next);
                    return;
                }
                store(s, i, 1);
                go(s, i, LOOK, next);
            }
            case COME_LATE -> {
                store(s, i, 1);
                go(s, i, INSIDE, next);
            }
            case LOOK -> go(s, i, s[GATE] == 0 ? INSIDE : BACK_OUT, next);
            case BACK_OUT -> {
                store(s, i, 0);
                go(s, i, COUNT, next);
            }
            case COUNT -> {
                if (isVisible(s, i)) {
                    s[WORD]++;
                    go(s, i, LOOK_BY_WORD, next);
                }
            }
            case LOOK_BY_WORD -> {
                if ((s[GATE] & WRITER) != 0) {
                    go(s, i, UNCOUNT, next);
                    return;
                }
                if (s[GATE] == BY_WORD) {
                    go(s.clone(), i, ALLOW_SLOTS, next); // its time has come
                }
                go(s, i, INSIDE, next);
            }
            case ALLOW_SLOTS -> {
                if (s[GATE] == BY_WORD) {
                    s[GATE] = 0;
                }
                go(s, i, INSIDE, next);
            }
            case UNCOUNT -> {
                s[WORD]--;
                go(s, i, WAKE, next);
            }
            case WAKE -> {
                s[W_PERMIT] |= s[WAITING];
                go(s, i, WAIT, next);
            }
            case WAIT -> {
                if (s[TURN] == 0) { // with the writers' lock the gate is not raised
                    s[TURN] = 1;
                    s[WORD]++;
                    go(s, i, GIVE_TURN, next);
                }
            }
            case GIVE_TURN -> {
                s[TURN] = 0;
                go(s, i, INSIDE, next);
            }
            default -> leave(s, i, next);
        }
    }

    private void leave(byte[] s, int i, StateSpace.Next next) {
        switch (s[at(i, PC)]) {
            case INSIDE -> {
                if (s[at(i, LATEST)] == 1) {
                    store(s, i, 0);
                    go(s, i, LEFT_LOCK, next);
                } else {
                    s[WORD]--;
                    go(s, i, LEFT_LOCK, next);
                }
            }
            case LEFT_LOCK -> {
                if ((s[GATE] & WRITER) == 0) {
                    end(s, i, next);
                } else {
                    boolean fence = fault != Fault.NO_FENCE_BEFORE_THE_LOOK_FOR_A_WRITER;
                    go(s, i, fence ? FENCE : WAKE_AND_END, next);
                }
            }
            case FENCE -> {
                if (isVisible(s, i)) {
                    go(s, i, WAKE_AND_END, next);
                }
            }
            case WAKE_AND_END -> {
                s[W_PERMIT] |= s[WAITING];
                end(s, i, next);
            }
            default -> throw new AssertionError();
        }
    }

    private static void end(byte[] s, int i, StateSpace.Next next) {
        s[at(i, LEFT)]--;
        go(s, i, COME, next);
    }

    // ---- The writer ----

    private static void goWriter(byte[] s, int pc, StateSpace.Next next) {
        s[W_PC] = (byte) pc;
        next.is(s);
    }

    private static void count(byte[] s, StateSpace.Next next) {
        s[W_COUNT] = 0;
        s[W_SLOT] = 0;
        goWriter(s, s[W_MAY_HAVE_SLOTS] != 0 ? W_COUNT_SLOTS : W_COUNT_WORD, next);
    }

    private void write(byte[] s, StateSpace.Next next) {
        switch (s[W_PC]) {
            case W_COME -> {
                if (s[W_LEFT] > 0 && s[TURN] == 0) {
                    s[TURN] = 1;
                    goWriter(s, W_RAISE, next);
                }
            }
            case W_RAISE -> {
                s[W_MAY_HAVE_SLOTS] |= (byte) ((s[GATE] & BY_WORD) == 0 ? 1 : 0);
                s[GATE] |= WRITER | BY_WORD;
                if (s[W_MAY_HAVE_SLOTS] != 0) {
                    goWriter(s, W_BARRIER, next);
                } else {
                    count(s, next);
                }
            }
            case W_BARRIER -> {
                for (int i = 0; i < readers && fault != Fault.NO_MEMBARRIER; i++) {
                    while (s[at(i, BUFFERED)] > 0) {
                        drain(s, i);
                    }
                }
                count(s, next);
            }
            case W_COUNT_SLOTS -> {
                s[W_COUNT] += s[at(s[W_SLOT], SLOT)];
                s[W_SLOT]++;
                goWriter(s, s[W_SLOT] < readers ? W_COUNT_SLOTS : W_COUNT_WORD, next);
            }
            case W_COUNT_WORD -> {
                boolean alone = s[W_COUNT] + s[WORD] == 0;
                s[W_MAY_HAVE_SLOTS] = (byte) (s[W_COUNT] != 0 ? 1 : 0);
                s[W_COUNT] = 0;
                s[W_SLOT] = 0;
                if (alone) {
                    goWriter(s, s[WAITING] != 0 ? W_STOP_WAITING : W_INSIDE, next);
                } else {
                    goWriter(s, s[WAITING] != 0 ? W_PARK : W_ANNOUNCE, next);
                }
            }
            case W_ANNOUNCE -> {
                goWriter(s.clone(), W_LOWER, next); // a try, or a deadline
                s[WAITING] = 1;
                if (fault == Fault.WRITER_PARKS_WITHOUT_A_LOOK) {
                    goWriter(s, W_PARK, next);
                } else {
                    count(s, next);
                }
            }
            case W_PARK -> {
                if (s[W_PERMIT] != 0) {
                    s[W_PERMIT] = 0;
                    count(s, next);
                }
            }
            case W_STOP_WAITING -> {
                s[WAITING] = 0;
                goWriter(s, W_INSIDE, next);
            }
            case W_INSIDE -> goWriter(s, W_LOWER, next);
            case W_LOWER -> {
                s[GATE] = BY_WORD;
                goWriter(s, W_GIVE_TURN, next);
            }
            case W_GIVE_TURN -> {
                s[TURN] = 0;
                s[W_LEFT]--;
                goWriter(s, W_COME, next);
            }
            default -> throw new AssertionError();
        }
    }
}
