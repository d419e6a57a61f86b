// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.rseq4j.benchmarks.Simulation.Outcome;
import org.rseq4j.benchmarks.Simulation.Requests;
import org.rseq4j.benchmarks.Simulation.Setting;

/** Simulated time only: nothing here depends on the machine. */
class SimulationTest {
    private static final long TENTH = 100_000_000;

    private static Setting setting(int cpus, int threads) {
        return new Setting(cpus, threads, 700, 1_400, 200, 0, Setting.sliceFor(cpus), 1_000_000, 1_000, 5_000);
    }

    @Test
    void theSameSeedGivesTheSameOutcome() {
        assertEquals(Simulation.run(setting(4, 16), Requests.NONE, TENTH, 1),
                Simulation.run(setting(4, 16), Requests.NONE, TENTH, 1));
    }

    @Test
    void aThreadAloneHoldsTheLockAsOftenAsItsWorkAllows() {
        for (Requests requests : Requests.values()) {
            Outcome outcome = Simulation.run(setting(1, 1), requests, TENTH, 1);
            assertEquals(1e9 / 2_100, outcome.holds(), 0.01 * outcome.holds());
            assertEquals(0, outcome.preempted());
            assertEquals(0, outcome.switches());
            assertEquals(0, outcome.grants());
            assertEquals(outcome.holds(), outcome.least());
        }
    }

    @Test
    void theLockIsNeverHeldMoreThanTheTimeThatThereIs() {
        for (int cpus : new int[]{1, 2, 28}) {
            for (Requests requests : Requests.values()) {
                Outcome outcome = Simulation.run(setting(cpus, 4 * cpus), requests, TENTH, 2);
                assertTrue(outcome.holds() * 700 < 1.01e9, () -> cpus + " CPUs, " + requests + ": " + outcome);
                assertTrue(outcome.holds() > 0);
            }
        }
    }

    @Test
    void withoutRequestsNothingIsGranted() {
        Outcome outcome = Simulation.run(setting(4, 32), Requests.NONE, TENTH, 3);
        assertEquals(0, outcome.grants());
        assertEquals(0, outcome.expired());
        assertTrue(outcome.preempted() > 0);
    }

    @Test
    void noMoreGrantsExpireThanWereGivenAndHoldersAreKeptWhereAHoldIsShort() {
        for (Requests requests : Requests.values()) {
            Outcome outcome = Simulation.run(setting(4, 32), requests, TENTH, 4);
            assertTrue(outcome.expired() <= outcome.grants());
        }
        Outcome kept = Simulation.run(setting(4, 32), Requests.AROUND_TRY_AND_HOLD, TENTH, 4);
        assertTrue(kept.grants() > 0);
        assertEquals(0, kept.expired());
        assertEquals(0, kept.preempted());
    }

    @Test
    void aGrantThatIsShorterThanAHoldIsNoHelp() {
        var longHolds = new Setting(2, 16, 50_000, 10_000, 200, 0, Setting.sliceFor(2), 1_000_000, 1_000, 5_000);
        Outcome outcome = Simulation.run(longHolds, Requests.AROUND_TRY_AND_HOLD, 10 * TENTH, 5);
        assertTrue(outcome.expired() > 0);
        assertTrue(outcome.preempted() > 0);
    }

    @Test
    void sectionsAroundTryAndHoldGainAsMuchAsThereAreThreadsForEachCpu() {
        Outcome without = Simulation.run(setting(8, 32), Requests.NONE, 10 * TENTH, 6);
        Outcome with = Simulation.run(setting(8, 32), Requests.AROUND_TRY_AND_HOLD, TENTH, 6);
        assertEquals(4, with.holds() / without.holds(), 1.5);
    }

    @Test
    void aSettingThatCannotBeIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> setting(0, 1));
        assertThrows(IllegalArgumentException.class, () -> setting(1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Setting(1, 1, 0, 0, 0, 0, 1, 1, 0, 1));
    }
}
