// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.model;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** No interleaving of the protocols breaks them, and each fault that is made on purpose is found. */
@Tag("jvm")
@Tag("platform") // once is enough
class ProtocolsTest {
    private static final MakingModel GIVE_UP = making(1, 1, 2, 2, MakingModel.Failing.NOTHING, false);
    private static final MakingModel REFUSED_QUEUED = making(1, 0, 2, 0, MakingModel.Failing.REFUSING_QUEUED, false);
    private static final MakingModel CLOSED = making(1, 1, 1, 1, MakingModel.Failing.REFUSING_QUEUED, true);

    @Test
    void everySleeperAtARingIsCalled() {
        holds("two takers, a putter of two, room for two", waiters(2, 2, 1, 1, 2, false));
        holds("two takers of which one gives up, a putter, room for one", waiters(1, 2, 1, 1, 1, true));
        holds("a taker, two putters, room for one", waiters(1, 1, 2, 1, 1, false));
        holds("a taker and a putter of three, room for one", waiters(1, 1, 1, 3, 3, false));
        holds("a taker that gives up and a putter of three, room for two", waiters(2, 1, 1, 3, 3, true));
    }

    @Test
    void everyWaiterForALockGetsIt() {
        for (boolean fair : new boolean[]{false, true}) {
            String form = fair ? ", fair" : "";
            holds("two threads, three times" + form, new LockModel(2, 3, fair, false, LockModel.Fault.NONE));
            holds("two threads, three times, one gives up" + form,
                    new LockModel(2, 3, fair, true, LockModel.Fault.NONE));
            holds("three threads" + form, new LockModel(3, 1, fair, false, LockModel.Fault.NONE));
            holds("three threads, one gives up" + form, new LockModel(3, 1, fair, true, LockModel.Fault.NONE));
        }
    }

    @Test
    void noReaderIsInsideBesideAWriter() {
        holds("two readers and a writer, twice", new ReadWriteModel(2, 2, ReadWriteModel.Fault.NONE));
        holds("three readers and a writer", new ReadWriteModel(3, 1, ReadWriteModel.Fault.NONE));
    }

    @Test
    void aValidOptimisticReadIsOfOneWrite() {
        holds("three writes", new OptimisticModel(3, OptimisticModel.Fault.NONE));
    }

    @Test
    void everyObjectThatAnExecutorMakesIsThere() {
        holds("two askers that may give up", GIVE_UP);
        holds("the executor queues and throws, no room", REFUSED_QUEUED);
        holds("the same with one asker, and closed meanwhile", CLOSED);
        holds("two objects, room for one", making(2, 1, 2, 0, MakingModel.Failing.NOTHING, false));
        holds("the factory fails", making(1, 1, 2, 0, MakingModel.Failing.FACTORY, false));
        holds("the executor refuses", making(1, 1, 2, 1, MakingModel.Failing.REFUSING, false));
    }

    private static MakingModel making(int maximum, int places, int askers, int timed, MakingModel.Failing failing,
            boolean closes) {
        return new MakingModel(maximum, places, askers, 1, timed, failing, closes, closes, MakingModel.Fault.NONE);
    }

    private static WaitersModel waiters(int capacity, int takers, int putters, int takes, int puts, boolean timed) {
        return new WaitersModel(capacity, takers, putters, takes, puts, timed, WaitersModel.Fault.NONE);
    }

    private static void holds(String what, StateSpace.Model model) {
        StateSpace.Found found = StateSpace.explore(model);
        System.out.printf("%s, %s: %,d states%n", model.getClass().getSimpleName(), what, found.states());
        assertFalse(found.isBroken(), found::toString);
    }

    @ParameterizedTest
    @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
    void aFaultOfTheSleepersIsFound(WaitersModel.Fault fault) {
        isFound(new WaitersModel(2, 2, 1, 1, 2, false, fault));
    }

    @ParameterizedTest
    @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
    void aFaultOfTheLockIsFound(LockModel.Fault fault) {
        isFound(new LockModel(3, 1, false, true, fault));
    }

    @ParameterizedTest
    @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
    void aFaultOfTheReadWriteLockIsFound(ReadWriteModel.Fault fault) {
        isFound(new ReadWriteModel(2, 2, fault));
    }

    @ParameterizedTest
    @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
    void aFaultOfOptimisticReadingIsFound(OptimisticModel.Fault fault) {
        isFound(new OptimisticModel(2, fault));
    }

    @ParameterizedTest
    @EnumSource(names = "NONE", mode = EnumSource.Mode.EXCLUDE)
    void aFaultOfWhatAnExecutorMakesIsFound(MakingModel.Fault fault) {
        isFound(switch (fault) {
            case FAILURE_TAKEN_BACK, REFUSED_BUT_BEGUN -> REFUSED_QUEUED.with(fault);
            case NOT_UNLINKED_AS_CLOSED -> CLOSED.with(fault);
            default -> GIVE_UP.with(fault);
        });
    }

    private static void isFound(StateSpace.Model model) {
        StateSpace.Found found = StateSpace.explore(model);
        System.out.printf("%s: %s after %,d states, %d steps%n", model, found.broken(), found.states(),
                found.way().size());
        assertTrue(found.isBroken(), model::toString);
    }
}
