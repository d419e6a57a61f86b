// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.model;

/**
 * Objects that an executor makes for those who wait: {@code org.rseq4j.pools.Making}, {@code Makings} and {@code
 * WaitingRoom}. The fields are volatile, or guarded by the room's lock, or written before a volatile one, so a step is
 * one access of a volatile field, with what the lock guards after it. Word that there is something to sweep is left by
 * two stores in a row: these are one step, but for who made an object. The pool's places are shut all the time, and
 * putting an object there, or taking one, is one step. Parks last until an unpark. What depends on time (whether a
 * timed acquire gives up, whether closing does without the lock) may happen at any moment. A caller that runs the task
 * itself is the case in which a worker does so before the caller goes on. Each asker acquires once and gives the object
 * back, which discards it where there is no room: a thread that acquires twice is two askers of which one comes later.
 *
 * @param maximum how many objects may exist
 * @param places how many of them the pool has room for
 * @param askers threads that acquire
 * @param workers the executor's threads
 * @param timed how many of the askers may give up
 * @param failing what may fail
 * @param naps whether the first asker may wake up once although nobody called it
 * @param closes whether a thread closes the pool
 * @param fault what is broken on purpose
 */
record MakingModel(int maximum, int places, int askers, int workers, int timed, Failing failing, boolean naps,
        boolean closes, Fault fault) implements StateSpace.Model {
    enum Fault {
        NONE, STATE_READ_BEFORE_WHO_LEFT, SUBMITTED_OVERWRITTEN, FAILURE_TAKEN_BACK, REFUSED_BUT_BEGUN,
        LEFT_WITHOUT_A_LOOK, WORD_CLEARED_UNREAD, WORD_CLEARED_AFTER_THE_SWEEP, NOT_UNLINKED_AS_CLOSED
    }

    /** What may fail: nothing; the factory; the executor. The last one throws always, with the task in its queue. */
    enum Failing {
        NOTHING, FACTORY, REFUSING, REFUSING_QUEUED
    }

    // The state: what is shared, what only who has the lock knows, the line, what was granted, each thread's fields.
    private static final int LOCKED = 0;
    private static final int UNSERVED = 1;
    private static final int UNSWEPT = 2;
    private static final int CLOSED = 3;
    private static final int SUPPLY_CLOSED = 4;
    private static final int EXISTING = 5;
    private static final int WAITING = 6;
    private static final int POOLED = 7;
    private static final int DISCARDED = 8; // objects whose permits are not back yet
    private static final int LIVING = 9; // objects that there really are
    private static final int UNPLACED = 10;
    private static final int SWEEPS = 11;
    private static final int AT = 12;
    private static final int OBJECT = 13;
    private static final int GIVES = 14;
    private static final int LINE = 15;
    private static final int PC = 0;
    private static final int AFTER = 1; // where it goes on after it has served
    private static final int OWN = 2; // a worker's task; whether an asker has napped
    private static final int THROWN = 3;
    private static final int PERMIT = 4;
    private static final int GIVEN = 5;
    private static final int OUTCOME = 6;
    private static final int STATE = 7;
    private static final int REFUSED = 8;
    private static final int ABANDONED = 9;
    private static final int FAILURE = 10;
    private static final int TASKS = 11;
    private static final int FIELDS = 12;

    // What an asker was given.
    private static final int AN_OBJECT = 1;
    private static final int HAS_LEFT = 2;
    private static final int IS_CLOSED = 3;

    // The state of a making.
    private static final int OFFERED = 0;
    private static final int GRANTED = 1;
    private static final int SUBMITTED = 2;
    private static final int BEGUN = 3;
    private static final int MADE = 4;
    private static final int GONE = 5;

    /** Where a thread is. */
    private enum Pc {
        // An asker.
        COME, LOCK, NOT_LOCKED, ENTER, ENTER_SWEEP, ENTER_POP, ENTER_LINE, ENTERED, WAIT, LOOK_WHETHER_GRANTED, SUBMIT,
        SUBMIT_SET, EXECUTE, THREW, NOTE_FAILURE, NOTE_REFUSED, REFUSED_WORD, REPORT, LOOK_FAILURE, LEAVE, LEFT_WORD,
        PARK, WOKEN, LOOK_CLOSED, CLOSE_OWN, LOOK_AGAIN, THROW, ABANDON, LOOK_GRANTED_AGAIN, GRANTED_WORD, KNOW,
        BACK_CLOSED, BACK_KEEP, BACK_UNSERVED, BACK_SUPPLY_CLOSED, DISCARD_ALL, ENDED,
        // A worker.
        IDLE, BEGIN, MAKE_CLOSED, MAKE, MAKE_FAILED, MAKE_TAKE_BACK, SET_MADE, SET_GONE, RAN_UNSWEPT, RAN_UNSERVED,
        RAN_REPORT,
        // Who closes the pool.
        CLOSE_SUPPLY, CLOSE_LOCK, CLOSE, CLOSE_UNLOCK, CLOSE_UNSERVED,
        // Who serves.
        WORD, TRY_LOCK, CLEAR, LOOK_UNSWEPT, CLEAR_UNSWEPT, SWEEP_DISCARDED, IS_MADE, IS_GONE, GONE_ABANDONED,
        GONE_GRANTED, GONE_REFUSED, GONE_TAKE, GONE_AGAIN, KEEP_CLOSED, KEEP, OFFER, KEPT_CLOSED, KEPT_POP,
        SWEPT_UNSERVED, TICKET, TICKET_CLOSED, TICKET_POP, GIFT, GIVE_CLOSED, GIVE, GIVE_UNPARK, GRANT_CLOSED,
        GRANT_GIVEN, GRANT_OFFERED, GRANT_ABANDONED, GRANT, GRANT_LEFT, GRANT_STILL, GRANT_UNDO, GRANT_UNPARK,
        REST_CLOSED, REST_KEEP, REST_KEPT, REST_POP, UNLOCK,
        // Who discards.
        HOOK, HOOK_WORD;

        private static final Pc[] ALL = values();
    }

    MakingModel with(Fault other) {
        return new MakingModel(maximum, places, askers, workers, timed, failing, naps, closes, other);
    }

    private int threads() {
        return askers + workers + (closes ? 1 : 0);
    }

    private int at(int thread, int field) {
        return LINE + 2 * askers + thread * FIELDS + field;
    }

    /** Where the makings stand that were granted. */
    private int granted() {
        return LINE + askers;
    }

    @Override
    public byte[] initial() {
        byte[] s = new byte[LINE + 2 * askers + threads() * FIELDS];
        for (int i = askers; i < threads(); i++) {
            s[at(i, PC)] = (byte) (i < askers + workers ? Pc.IDLE : Pc.CLOSE_SUPPLY).ordinal();
        }
        return s;
    }

    @Override
    public String broken(byte[] s) {
        if (s[LIVING] > maximum || s[LIVING] < 0) {
            return s[LIVING] + " objects exist";
        }
        return s[EXISTING] > maximum || s[EXISTING] < 0 ? s[EXISTING] + " permits are in use" : null;
    }

    @Override
    public String brokenAtTheEnd(byte[] s) {
        for (int i = 0; i < threads(); i++) {
            Pc pc = Pc.ALL[s[at(i, PC)]];
            if (pc != Pc.ENDED && pc != Pc.IDLE) {
                return "thread " + i + " waits for ever";
            }
        }
        if (s[LIVING] != s[POOLED]) {
            return s[POOLED] + " objects are in the pool, " + s[LIVING] + " exist";
        }
        if (s[EXISTING] != s[LIVING]) {
            return s[LIVING] + " objects exist, with " + s[EXISTING] + " permits";
        }
        if (s[WAITING] != 0) {
            return s[WAITING] + " count as waiting";
        }
        return s[CLOSED] != 0 && s[POOLED] > 0 ? "an object is in a closed pool" : null;
    }

    @Override
    public void steps(byte[] state, StateSpace.Next next) {
        for (int i = 0; i < threads(); i++) {
            step(state, i, next);
        }
    }

    private void step(byte[] state, int i, StateSpace.Next next) {
        Pc pc = Pc.ALL[state[at(i, PC)]];
        byte[] s = state.clone();
        if (pc.compareTo(Pc.WAIT) < 0) {
            enter(s, i, pc, next);
        } else if (pc.compareTo(Pc.ABANDON) < 0) {
            await(s, i, pc, next);
        } else if (pc.compareTo(Pc.IDLE) < 0) {
            giveBack(s, i, pc, next);
        } else if (pc.compareTo(Pc.CLOSE_SUPPLY) < 0) {
            run(s, i, pc, next);
        } else if (pc.compareTo(Pc.WORD) < 0) {
            close(s, i, pc, next);
        } else if (pc.compareTo(Pc.IS_MADE) < 0) {
            serve(s, i, pc, next);
        } else if (pc.compareTo(Pc.TICKET) < 0) {
            sweep(s, i, pc, next);
        } else if (pc.compareTo(Pc.GRANT_CLOSED) < 0) {
            serveLine(s, i, pc, next);
        } else if (pc.compareTo(Pc.REST_CLOSED) < 0) {
            grant(s, i, pc, next);
        } else {
            endServing(s, i, pc, next);
        }
    }

    private void go(byte[] s, int i, Pc pc, StateSpace.Next next) {
        s[at(i, PC)] = (byte) pc.ordinal();
        forget(s);
        next.is(s);
    }

    /** Forgets what nobody looks at any more, so that it makes no states of its own. */
    private void forget(byte[] s) {
        for (int i = 0; i < threads(); i++) {
            Pc pc = Pc.ALL[s[at(i, PC)]];
            if (pc.compareTo(Pc.WORD) < 0) {
                s[at(i, AFTER)] = 0;
            } else {
                pc = Pc.ALL[s[at(i, AFTER)]];
            }
            if (i < askers && pc.compareTo(Pc.THROW) >= 0) {
                forget(s, i, PERMIT, PERMIT);
                forget(s, i, OWN, OWN);
                forget(s, i, FAILURE, FAILURE);
                if (pc.compareTo(Pc.KNOW) > 0 && !isKnown(s, i)) {
                    forget(s, i, GIVEN, FIELDS - 1);
                }
            }
        }
    }

    private void forget(byte[] s, int i, int first, int last) {
        for (int field = first; field <= last; field++) {
            s[at(i, field)] = 0;
        }
    }

    /** Whether who has the lock, or has it later, or a worker will look at what an asker has left. */
    private boolean isKnown(byte[] s, int asker) {
        boolean isKnown = s[at(asker, TASKS)] != 0;
        for (int place = LINE; place < LINE + 2 * askers; place++) {
            isKnown |= s[place] == asker + 1;
        }
        for (int i = askers; i < askers + workers; i++) {
            isKnown |= s[at(i, PC)] > Pc.IDLE.ordinal() && s[at(i, PC)] < Pc.RAN_UNSWEPT.ordinal()
                    && s[at(i, OWN)] == asker;
        }
        return isKnown;
    }

    private void set(byte[] s, int field, int i, Pc pc, StateSpace.Next next) {
        s[field] = 1;
        go(s, i, pc, next);
    }

    /** Serves, then goes on there. */
    private void startServing(byte[] s, int i, Pc after, StateSpace.Next next) {
        s[at(i, AFTER)] = (byte) after.ordinal();
        go(s, i, Pc.WORD, next);
    }

    /** As that, after it has left word. */
    private void leaveWord(byte[] s, int i, Pc after, StateSpace.Next next) {
        s[UNSERVED] = 1;
        s[at(i, AFTER)] = (byte) after.ordinal();
        go(s, i, Pc.TRY_LOCK, next); // who has taken that word meanwhile has the lock
    }

    private void leaveBothWords(byte[] s, int i, Pc after, StateSpace.Next next) {
        s[UNSWEPT] = 1;
        leaveWord(s, i, after, next);
    }

    private void discard(byte[] s, int i, Pc after, StateSpace.Next next) {
        s[at(i, AFTER)] = (byte) after.ordinal();
        go(s, i, Pc.HOOK, next);
    }

    private boolean keep(byte[] s) {
        boolean kept = s[POOLED] < places;
        s[POOLED] += (byte) (kept ? 1 : 0);
        return kept;
    }

    private static boolean pop(byte[] s) {
        boolean popped = s[POOLED] > 0;
        s[POOLED] -= (byte) (popped ? 1 : 0);
        return popped;
    }

    // ---- Who acquires: PerCpuPool.miss, WaitingRoom.acquire and enter ----

    private void enter(byte[] s, int i, Pc pc, StateSpace.Next next) {
        switch (pc) {
            case COME -> go(s, i, s[SUPPLY_CLOSED] != 0 ? Pc.ENDED : Pc.LOCK, next);
            case LOCK -> {
                if (i > 0 && isAlike(i) && s[at(i - 1, PC)] <= Pc.LOCK.ordinal()) {
                    return; // the same with the two exchanged
                }
                if (i < timed || s[CLOSED] != 0) {
                    go(s.clone(), i, Pc.NOT_LOCKED, next);
                }
                if (s[LOCKED] == 0) {
                    set(s, LOCKED, i, Pc.ENTER, next);
                }
            }
            case NOT_LOCKED -> { // without serving
                s[UNSERVED] = 1;
                set(s, UNSWEPT, i, Pc.ENDED, next);
            }
            case ENTER -> {
                s[at(i, GIVEN)] = (byte) (s[CLOSED] != 0 ? IS_CLOSED : 0);
                go(s, i, s[CLOSED] != 0 ? Pc.ENTERED : Pc.ENTER_SWEEP, next);
            }
            case ENTER_SWEEP -> {
                if (s[UNSWEPT] != 0) {
                    sweepDiscarded(s);
                }
                go(s, i, s[WAITING] == 0 ? Pc.ENTER_POP : Pc.ENTER_LINE, next);
            }
            case ENTER_POP -> {
                boolean popped = pop(s);
                s[at(i, GIVEN)] = (byte) (popped ? AN_OBJECT : 0);
                go(s, i, popped ? Pc.ENTERED : Pc.ENTER_LINE, next);
            }
            case ENTER_LINE -> {
                int end = LINE;
                while (s[end] != 0) {
                    end++;
                }
                s[end] = (byte) (i + 1);
                s[WAITING]++;
                set(s, UNSERVED, i, Pc.ENTERED, next);
            }
            case ENTERED -> {
                s[LOCKED] = 0;
                startServing(s, i, Pc.WAIT, next);
            }
            default -> throw new AssertionError();
        }
    }

    /** Whether an asker does the same as the one before it, so that it is enough that it comes later. */
    private boolean isAlike(int i) {
        return i != timed && !(naps && i == 1);
    }

    private static void sweepDiscarded(byte[] s) {
        s[EXISTING] -= s[DISCARDED];
        s[DISCARDED] = 0;
    }

    // ---- Who waits: WaitingRoom.await, Making.submit ----

    private void await(byte[] s, int i, Pc pc, StateSpace.Next next) {
        switch (pc) {
            case WAIT -> {
                int given = s[at(i, GIVEN)];
                go(s, i, given == 0 ? Pc.LOOK_WHETHER_GRANTED : given == AN_OBJECT ? Pc.ABANDON : Pc.THROW, next);
            }
            case LOOK_WHETHER_GRANTED -> go(s, i, s[at(i, STATE)] == GRANTED ? Pc.SUBMIT : Pc.LOOK_FAILURE, next);
            case SUBMIT -> {
                s[at(i, REFUSED)] = 0;
                go(s, i, Pc.SUBMIT_SET, next);
            }
            case SUBMIT_SET -> {
                s[at(i, STATE)] = SUBMITTED;
                go(s, i, Pc.EXECUTE, next);
            }
            case EXECUTE -> {
                if (failing == Failing.REFUSING) {
                    go(s.clone(), i, Pc.THREW, next);
                }
                s[at(i, TASKS)]++;
                go(s, i, failing == Failing.REFUSING_QUEUED ? Pc.THREW : Pc.LOOK_FAILURE, next);
            }
            case THREW -> go(s, i, s[at(i, STATE)] == SUBMITTED ? Pc.NOTE_FAILURE : Pc.LOOK_FAILURE, next);
            case NOTE_FAILURE -> set(s, at(i, FAILURE), i, Pc.NOTE_REFUSED, next);
            case NOTE_REFUSED -> set(s, at(i, REFUSED), i, Pc.REFUSED_WORD, next);
            case REFUSED_WORD -> leaveBothWords(s, i, Pc.REPORT, next);
            case REPORT -> set(s, at(i, PERMIT), i, Pc.LOOK_FAILURE, next);
            case LOOK_FAILURE -> go(s, i, s[at(i, FAILURE)] != 0 ? Pc.LEAVE : Pc.PARK, next);
            default -> sleep(s, i, pc, next);
        }
    }

    private void sleep(byte[] s, int i, Pc pc, StateSpace.Next next) {
        switch (pc) {
            case LEAVE -> {
                boolean left = s[at(i, GIVEN)] == 0;
                s[at(i, GIVEN)] = left ? HAS_LEFT : s[at(i, GIVEN)];
                go(s, i, left ? Pc.LEFT_WORD : Pc.WAIT, next);
            }
            case LEFT_WORD -> leaveBothWords(s, i, Pc.WAIT, next);
            case PARK -> {
                if (i < timed) {
                    go(s.clone(), i, Pc.LEAVE, next);
                }
                if (naps && i == 0 && s[at(i, OWN)] == 0) {
                    set(s.clone(), at(i, OWN), i, Pc.WOKEN, next);
                }
                if (s[at(i, PERMIT)] != 0) {
                    s[at(i, PERMIT)] = 0;
                    go(s, i, Pc.WOKEN, next);
                }
            }
            case WOKEN -> go(s, i, s[at(i, GIVEN)] == 0 ? Pc.LOOK_CLOSED : Pc.WAIT, next);
            case LOOK_CLOSED -> go(s, i, s[CLOSED] != 0 ? Pc.CLOSE_OWN : Pc.LOOK_AGAIN, next);
            case CLOSE_OWN -> {
                s[at(i, GIVEN)] = s[at(i, GIVEN)] == 0 ? IS_CLOSED : s[at(i, GIVEN)];
                go(s, i, Pc.WAIT, next);
            }
            case LOOK_AGAIN -> leaveWord(s, i, Pc.WAIT, next);
            case THROW -> {
                s[UNSWEPT] = 1;
                set(s, UNSERVED, i, Pc.ABANDON, next);
            }
            default -> throw new AssertionError();
        }
    }

    // ---- Who has an object, or none for good: the end of WaitingRoom.acquire, PerCpuPool.give ----

    private void giveBack(byte[] s, int i, Pc pc, StateSpace.Next next) {
        switch (pc) {
            case ABANDON ->
                set(s, at(i, ABANDONED), i, fault == Fault.LEFT_WITHOUT_A_LOOK ? Pc.KNOW : Pc.LOOK_GRANTED_AGAIN, next);
            case LOOK_GRANTED_AGAIN -> go(s, i, s[at(i, STATE)] == GRANTED ? Pc.GRANTED_WORD : Pc.KNOW, next);
            case GRANTED_WORD -> leaveBothWords(s, i, Pc.KNOW, next);
            case KNOW -> set(s, at(i, OUTCOME), i, s[at(i, GIVEN)] == AN_OBJECT ? Pc.BACK_CLOSED : Pc.ENDED, next);
            case BACK_CLOSED -> {
                if (s[CLOSED] != 0) {
                    discard(s, i, Pc.ENDED, next);
                } else {
                    go(s, i, Pc.BACK_KEEP, next);
                }
            }
            case BACK_KEEP -> {
                if (keep(s)) {
                    go(s, i, Pc.BACK_UNSERVED, next);
                } else {
                    discard(s, i, Pc.ENDED, next);
                }
            }
            case BACK_UNSERVED -> leaveWord(s, i, Pc.BACK_SUPPLY_CLOSED, next);
            case BACK_SUPPLY_CLOSED -> go(s, i, s[SUPPLY_CLOSED] != 0 ? Pc.DISCARD_ALL : Pc.ENDED, next);
            case DISCARD_ALL -> {
                if (pop(s)) {
                    discard(s, i, Pc.DISCARD_ALL, next);
                } else {
                    go(s, i, Pc.ENDED, next);
                }
            }
            case ENDED -> {
            }
            default -> throw new AssertionError();
        }
    }

    // ---- The executor: Making.run ----

    private void run(byte[] s, int i, Pc pc, StateSpace.Next next) {
        int making = s[at(i, OWN)];
        switch (pc) {
            case IDLE -> {
                for (int other = 0; other < askers; other++) {
                    if (s[at(other, TASKS)] > 0) {
                        byte[] taken = s.clone();
                        taken[at(other, TASKS)]--;
                        taken[at(i, OWN)] = (byte) other;
                        go(taken, i, Pc.BEGIN, next);
                    }
                }
            }
            case BEGIN -> {
                boolean begun = s[at(making, STATE)] == SUBMITTED;
                s[at(making, STATE)] = begun ? BEGUN : s[at(making, STATE)];
                s[at(i, OWN)] = begun ? s[at(i, OWN)] : 0;
                go(s, i, begun ? Pc.MAKE_CLOSED : Pc.RAN_UNSWEPT, next);
            }
            case MAKE_CLOSED -> go(s, i, s[SUPPLY_CLOSED] != 0 ? Pc.SET_GONE : Pc.MAKE, next);
            case MAKE -> {
                if (failing == Failing.FACTORY) {
                    set(s.clone(), at(i, THROWN), i, Pc.MAKE_FAILED, next);
                }
                s[LIVING]++;
                go(s, i, fault == Fault.FAILURE_TAKEN_BACK ? Pc.MAKE_TAKE_BACK : Pc.SET_MADE, next);
            }
            case MAKE_FAILED -> set(s, at(making, FAILURE), i, Pc.SET_GONE, next);
            case MAKE_TAKE_BACK -> {
                s[at(making, FAILURE)] = 0;
                go(s, i, Pc.SET_MADE, next);
            }
            case SET_MADE, SET_GONE -> {
                s[at(making, STATE)] = (byte) (pc == Pc.SET_MADE ? MADE : GONE);
                s[at(i, OWN)] = s[at(i, THROWN)] == 0 ? 0 : s[at(i, OWN)]; // whom it reports to
                go(s, i, Pc.RAN_UNSWEPT, next);
            }
            case RAN_UNSWEPT -> set(s, UNSWEPT, i, Pc.RAN_UNSERVED, next);
            case RAN_UNSERVED -> leaveWord(s, i, Pc.RAN_REPORT, next);
            case RAN_REPORT -> {
                s[at(making, PERMIT)] |= s[at(i, THROWN)];
                s[at(i, THROWN)] = 0;
                s[at(i, OWN)] = 0;
                go(s, i, Pc.IDLE, next);
            }
            default -> throw new AssertionError();
        }
    }

    // ---- Who closes the pool: Upkeep.close, WaitingRoom.close ----

    private void close(byte[] s, int i, Pc pc, StateSpace.Next next) {
        switch (pc) {
            case CLOSE_SUPPLY -> set(s, SUPPLY_CLOSED, i, Pc.CLOSE_LOCK, next);
            case CLOSE_LOCK -> {
                go(s.clone(), i, Pc.CLOSE, next); // for who has the lock was stopped
                if (s[LOCKED] == 0) {
                    s[LOCKED] = 1;
                    set(s, at(i, OWN), i, Pc.CLOSE, next);
                }
            }
            case CLOSE -> set(s, CLOSED, i, s[at(i, OWN)] != 0 ? Pc.CLOSE_UNLOCK : Pc.CLOSE_UNSERVED, next);
            case CLOSE_UNLOCK -> {
                s[LOCKED] = 0;
                go(s, i, Pc.CLOSE_UNSERVED, next);
            }
            case CLOSE_UNSERVED -> leaveWord(s, i, Pc.DISCARD_ALL, next);
            default -> throw new AssertionError();
        }
    }

    // ---- Who serves: WaitingRoom.serve ----

    private void serve(byte[] s, int i, Pc pc, StateSpace.Next next) {
        Pc after = Pc.ALL[s[at(i, AFTER)]];
        switch (pc) {
            case WORD -> go(s, i, s[UNSERVED] != 0 ? Pc.TRY_LOCK : after, next);
            case TRY_LOCK -> {
                boolean locks = s[LOCKED] == 0;
                s[LOCKED] = 1;
                go(s, i, locks ? Pc.CLEAR : after, next);
            }
            case CLEAR -> {
                s[UNSERVED] = 0;
                go(s, i, Pc.LOOK_UNSWEPT, next);
            }
            case LOOK_UNSWEPT -> {
                s[SWEEPS] = s[UNSWEPT];
                if (fault == Fault.WORD_CLEARED_AFTER_THE_SWEEP && s[SWEEPS] != 0) {
                    go(s, i, Pc.SWEEP_DISCARDED, next);
                } else if (s[SWEEPS] != 0 || fault == Fault.WORD_CLEARED_UNREAD) {
                    go(s, i, Pc.CLEAR_UNSWEPT, next);
                } else {
                    beginLine(s, i, next);
                }
            }
            case CLEAR_UNSWEPT -> {
                s[UNSWEPT] = 0;
                if (fault == Fault.WORD_CLEARED_AFTER_THE_SWEEP || s[SWEEPS] == 0) {
                    beginLine(s, i, next);
                } else {
                    go(s, i, Pc.SWEEP_DISCARDED, next);
                }
            }
            case SWEEP_DISCARDED -> {
                sweepDiscarded(s);
                s[AT] = 0;
                nextMaking(s, i, next);
            }
            default -> throw new AssertionError();
        }
    }

    // ---- Makings.sweep, Making.isGone ----

    private void nextMaking(byte[] s, int i, StateSpace.Next next) {
        if (s[UNPLACED] != 0) {
            s[UNSWEPT] = 1; // only who has the lock looks
            go(s, i, Pc.SWEPT_UNSERVED, next);
        } else if (s[AT] < askers && s[granted() + s[AT]] != 0) {
            go(s, i, Pc.IS_MADE, next);
        } else if (fault == Fault.WORD_CLEARED_AFTER_THE_SWEEP) {
            go(s, i, Pc.CLEAR_UNSWEPT, next);
        } else {
            beginLine(s, i, next);
        }
    }

    private void sweep(byte[] s, int i, Pc pc, StateSpace.Next next) {
        int making = s[granted() + s[AT]] - 1;
        switch (pc) {
            case IS_MADE -> go(s, i, s[at(making, STATE)] == MADE ? Pc.KEEP_CLOSED : Pc.IS_GONE, next);
            case IS_GONE -> {
                boolean later = fault == Fault.STATE_READ_BEFORE_WHO_LEFT;
                goneOr(later ? Pc.GONE_GRANTED : Pc.GONE_ABANDONED, s[at(making, STATE)] == GONE, s, i, next);
            }
            case GONE_ABANDONED -> {
                boolean left = s[at(making, ABANDONED)] != 0;
                if (fault == Fault.STATE_READ_BEFORE_WHO_LEFT) {
                    goneOr(Pc.GONE_REFUSED, left, s, i, next);
                } else {
                    go(s, i, left ? Pc.GONE_GRANTED : Pc.GONE_REFUSED, next);
                }
            }
            case GONE_GRANTED -> {
                boolean granted = s[at(making, STATE)] == GRANTED;
                if (fault == Fault.STATE_READ_BEFORE_WHO_LEFT) {
                    go(s, i, granted ? Pc.GONE_ABANDONED : Pc.GONE_REFUSED, next);
                } else {
                    goneOr(Pc.GONE_REFUSED, granted, s, i, next);
                }
            }
            case GONE_REFUSED -> {
                if (s[at(making, REFUSED)] != 0) {
                    go(s, i, Pc.GONE_TAKE, next);
                } else {
                    s[AT]++;
                    nextMaking(s, i, next);
                }
            }
            case GONE_TAKE -> {
                boolean taken = s[at(making, STATE)] == SUBMITTED || fault == Fault.REFUSED_BUT_BEGUN;
                s[at(making, STATE)] = taken ? GONE : s[at(making, STATE)];
                goneOr(Pc.GONE_AGAIN, taken, s, i, next);
            }
            case GONE_AGAIN -> {
                if (s[at(making, STATE)] == GONE) {
                    goneOr(pc, true, s, i, next);
                } else {
                    s[AT]++;
                    nextMaking(s, i, next);
                }
            }
            default -> keepMade(s, i, pc, next);
        }
    }

    /** Takes back the permit of what will not be made, or goes on there. */
    private void goneOr(Pc pc, boolean gone, byte[] s, int i, StateSpace.Next next) {
        if (gone) {
            s[EXISTING]--;
            remove(s, granted() + s[AT], granted() + askers);
            nextMaking(s, i, next);
        } else {
            go(s, i, pc, next);
        }
    }

    private static void remove(byte[] s, int place, int end) {
        for (int i = place; i < end; i++) {
            s[i] = i + 1 < end ? s[i + 1] : 0;
        }
    }

    private void keepMade(byte[] s, int i, Pc pc, StateSpace.Next next) {
        switch (pc) {
            case KEEP_CLOSED -> {
                s[UNPLACED] = s[CLOSED];
                go(s, i, s[CLOSED] != 0 ? Pc.OFFER : Pc.KEEP, next);
            }
            case KEEP -> {
                s[UNPLACED] = (byte) (keep(s) ? 0 : 1);
                go(s, i, Pc.OFFER, next);
            }
            case OFFER -> {
                int place = granted() + s[AT];
                s[at(s[place] - 1, STATE)] = OFFERED;
                remove(s, place, granted() + askers);
                if (s[UNPLACED] == 0) {
                    go(s, i, Pc.KEPT_CLOSED, next);
                } else {
                    nextMaking(s, i, next);
                }
            }
            case KEPT_CLOSED -> {
                if (s[CLOSED] != 0) {
                    go(s, i, Pc.KEPT_POP, next);
                } else {
                    nextMaking(s, i, next);
                }
            }
            case KEPT_POP -> {
                s[UNPLACED] = (byte) (pop(s) ? 1 : 0);
                nextMaking(s, i, next);
            }
            case SWEPT_UNSERVED -> {
                s[UNSERVED] = 1;
                beginLine(s, i, next);
            }
            default -> throw new AssertionError();
        }
    }

    // ---- WaitingRoom.serveLine ----

    private void beginLine(byte[] s, int i, StateSpace.Next next) {
        s[OBJECT] = s[UNPLACED];
        s[UNPLACED] = 0;
        s[GIVES] = 1;
        s[AT] = 0;
        nextTicket(s, i, next);
    }

    private void nextTicket(byte[] s, int i, StateSpace.Next next) {
        if (s[AT] < askers && s[LINE + s[AT]] != 0 && (s[GIVES] != 0 || s[SWEEPS] != 0)) {
            go(s, i, Pc.TICKET, next);
        } else {
            s[AT] = 0;
            nextGrant(s, i, next);
        }
    }

    private void serveLine(byte[] s, int i, Pc pc, StateSpace.Next next) {
        int asker = s[LINE + s[AT]] - 1;
        int given = s[at(asker, GIVEN)];
        switch (pc) {
            case TICKET -> {
                if (s[at(asker, OUTCOME)] != 0 || given == HAS_LEFT || given == IS_CLOSED) {
                    boolean counted = given == IS_CLOSED && fault != Fault.NOT_UNLINKED_AS_CLOSED;
                    s[WAITING] -= (byte) (given == HAS_LEFT || counted ? 1 : 0);
                    remove(s, LINE + s[AT], LINE + askers);
                    nextTicket(s, i, next);
                } else if (s[GIVES] != 0 && given == 0) {
                    go(s, i, s[OBJECT] != 0 ? Pc.GIFT : Pc.TICKET_CLOSED, next);
                } else {
                    s[AT]++;
                    nextTicket(s, i, next);
                }
            }
            case TICKET_CLOSED -> go(s, i, s[CLOSED] != 0 ? Pc.GIFT : Pc.TICKET_POP, next);
            case TICKET_POP -> {
                s[OBJECT] = (byte) (pop(s) ? 1 : 0);
                go(s, i, Pc.GIFT, next);
            }
            case GIFT -> {
                if (s[CLOSED] != 0) {
                    go(s, i, Pc.GIVE_CLOSED, next);
                } else if (s[OBJECT] != 0) {
                    go(s, i, Pc.GIVE, next);
                } else {
                    s[GIVES] = 0;
                    s[AT]++;
                    nextTicket(s, i, next);
                }
            }
            case GIVE_CLOSED, GIVE -> {
                if (given != 0) {
                    nextTicket(s, i, next);
                } else {
                    s[at(asker, GIVEN)] = (byte) (pc == Pc.GIVE ? AN_OBJECT : IS_CLOSED);
                    s[OBJECT] = pc == Pc.GIVE ? 0 : s[OBJECT];
                    s[WAITING] -= (byte) (pc == Pc.GIVE || fault == Fault.NOT_UNLINKED_AS_CLOSED ? 1 : 0);
                    go(s, i, Pc.GIVE_UNPARK, next);
                }
            }
            case GIVE_UNPARK -> {
                s[at(asker, PERMIT)] = 1;
                s[AT] += (byte) (given == AN_OBJECT || fault == Fault.NOT_UNLINKED_AS_CLOSED ? 1 : 0);
                nextTicket(s, i, next);
            }
            default -> throw new AssertionError();
        }
    }

    // ---- WaitingRoom.grant, Making.grant ----

    private void nextGrant(byte[] s, int i, StateSpace.Next next) {
        int inProgress = 0;
        while (inProgress < askers && s[granted() + inProgress] != 0) {
            inProgress++;
        }
        boolean more = s[AT] < askers && s[LINE + s[AT]] != 0 && inProgress < s[WAITING] && s[EXISTING] < maximum;
        go(s, i, more ? Pc.GRANT_CLOSED : s[OBJECT] != 0 ? Pc.REST_CLOSED : Pc.UNLOCK, next);
    }

    private void grant(byte[] s, int i, Pc pc, StateSpace.Next next) {
        int making = s[LINE + s[AT]] - 1;
        switch (pc) {
            case GRANT_CLOSED -> {
                if (s[CLOSED] != 0) {
                    go(s, i, s[OBJECT] != 0 ? Pc.REST_CLOSED : Pc.UNLOCK, next);
                } else {
                    go(s, i, Pc.GRANT_GIVEN, next);
                }
            }
            case GRANT_GIVEN -> grantIf(s[at(making, GIVEN)] == 0, Pc.GRANT_OFFERED, s, i, next);
            case GRANT_OFFERED -> grantIf(s[at(making, STATE)] == OFFERED, Pc.GRANT_ABANDONED, s, i, next);
            case GRANT_ABANDONED -> grantIf(s[at(making, ABANDONED)] == 0, Pc.GRANT, s, i, next);
            case GRANT -> {
                s[at(making, STATE)] = GRANTED;
                go(s, i, Pc.GRANT_LEFT, next);
            }
            case GRANT_LEFT -> {
                if (s[at(making, ABANDONED)] == 0) {
                    granted(s, i, making, next);
                } else {
                    go(s, i, fault == Fault.SUBMITTED_OVERWRITTEN ? Pc.GRANT_UNDO : Pc.GRANT_STILL, next);
                }
            }
            case GRANT_STILL -> {
                if (s[at(making, STATE)] == GRANTED) {
                    go(s, i, Pc.GRANT_UNDO, next);
                } else {
                    granted(s, i, making, next);
                }
            }
            case GRANT_UNDO -> {
                s[at(making, STATE)] = OFFERED;
                grantIf(false, pc, s, i, next);
            }
            case GRANT_UNPARK -> {
                s[at(making, PERMIT)] = 1;
                grantIf(false, pc, s, i, next);
            }
            default -> throw new AssertionError();
        }
    }

    /** Goes on there, or to the next in line. */
    private void grantIf(boolean may, Pc pc, byte[] s, int i, StateSpace.Next next) {
        if (may) {
            go(s, i, pc, next);
        } else {
            s[AT]++;
            nextGrant(s, i, next);
        }
    }

    private void granted(byte[] s, int i, int making, StateSpace.Next next) {
        for (int place = granted() + askers - 1; place > granted(); place--) {
            s[place] = s[place - 1];
        }
        s[granted()] = (byte) (making + 1);
        s[EXISTING]++;
        go(s, i, Pc.GRANT_UNPARK, next);
    }

    // ---- The end of serveLine and serve; Supply.discard ----

    private void endServing(byte[] s, int i, Pc pc, StateSpace.Next next) {
        switch (pc) {
            case REST_CLOSED -> go(s, i, s[CLOSED] != 0 ? Pc.UNLOCK : Pc.REST_KEEP, next);
            case REST_KEEP -> {
                boolean kept = keep(s);
                s[OBJECT] = (byte) (kept ? 0 : 1);
                go(s, i, kept ? Pc.REST_KEPT : Pc.UNLOCK, next);
            }
            case REST_KEPT -> go(s, i, s[CLOSED] != 0 ? Pc.REST_POP : Pc.UNLOCK, next);
            case REST_POP -> {
                s[OBJECT] = (byte) (pop(s) ? 1 : 0);
                go(s, i, Pc.UNLOCK, next);
            }
            case UNLOCK -> {
                boolean left = s[OBJECT] != 0;
                for (int field : new int[]{LOCKED, SWEEPS, AT, OBJECT, GIVES}) {
                    s[field] = 0;
                }
                go(s, i, left ? Pc.HOOK : Pc.WORD, next);
            }
            case HOOK -> {
                s[LIVING]--;
                s[DISCARDED]++;
                go(s, i, Pc.HOOK_WORD, next);
            }
            case HOOK_WORD -> leaveBothWords(s, i, Pc.ALL[s[at(i, AFTER)]], next);
            default -> throw new AssertionError();
        }
    }
}
