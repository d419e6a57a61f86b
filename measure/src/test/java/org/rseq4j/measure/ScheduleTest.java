// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.rseq4j.RseqStatus;
import org.rseq4j.RseqStatus.Mode;
import org.rseq4j.RseqStatus.Registration;
import org.rseq4j.RseqStatus.SliceState;
import org.rseq4j.measure.Result.Extension;
import org.rseq4j.measure.Schedule.Seat;

class ScheduleTest {
    private static RseqStatus status(Registration registration, SliceState state) {
        return new RseqStatus("Linux 7.2.0", "glibc 2.41", "amd64", registration, "", Mode.V2, 33, 4, 0, 0, 0, 0, state,
                "");
    }

    @Test
    void onAndOffWhereTheKernelHasTheExtension() {
        Schedule schedule = Schedule.of(60, status(Registration.LIBC, SliceState.ENABLED), 4);
        assertEquals(
                List.of(new Seat(Contender.SLICE_LOCK, Extension.ON), new Seat(Contender.SLICE_LOCK, Extension.OFF),
                        new Seat(Contender.REENTRANT_LOCK, Extension.NONE)),
                schedule.of(Family.LOCK));
        assertEquals(List.of(new Seat(Contender.SECTION, Extension.ON)), schedule.of(Family.SECTION));
        assertEquals(List.of("-Drseq4j.sliceExtension=off"), schedule.of(Family.LOCK).get(1).options());
    }

    @Test
    void onceWhereItHasNot() {
        Schedule schedule = Schedule.of(60, status(Registration.LIBC, SliceState.KERNEL_LACKS_IT), 4);
        assertEquals(List.of(new Seat(Contender.SLICE_LOCK, Extension.NONE),
                new Seat(Contender.REENTRANT_LOCK, Extension.NONE)), schedule.of(Family.LOCK));
        assertEquals(List.of(new Seat(Contender.SECTION, Extension.SIMULATED)), schedule.of(Family.SECTION));
        assertEquals(List.of(), Schedule.of(60, status(Registration.NONE, SliceState.NOT_REGISTERED), 4)
                .of(Family.SECTION));
    }

    @Test
    void theRoundsFitIntoTheTime() {
        for (int cpus : new int[]{1, 2, 256}) {
            Schedule schedule = Schedule.of(60, status(Registration.LIBC, SliceState.ENABLED), cpus);
            long rounds = schedule.seats().stream()
                    .mapToLong(seat -> Contender.threads(seat.contender().family, cpus).size()).sum()
                    * (schedule.rounds() + 1);
            assertTrue(rounds * schedule.millis() <= 60_000, schedule.toString());
            assertTrue(schedule.millis() >= 50, schedule.toString());
        }
        assertEquals(List.of(1, 4), Contender.threads(Family.LOCK, 1));
        assertFalse(Schedule.of(1, status(Registration.LIBC, SliceState.ENABLED), 2).millis() < 1);
    }
}
