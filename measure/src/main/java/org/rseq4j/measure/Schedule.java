// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.util.ArrayList;
import java.util.List;
import org.rseq4j.RseqStatus;
import org.rseq4j.RseqStatus.SliceState;
import org.rseq4j.measure.Result.Extension;

/**
 * Who is measured, and for how long.
 *
 * @param seats all of them, family by family
 * @param cpus that threads are counted by
 * @param rounds that count, of each seat with each number of threads; one before them warms up
 * @param millis of a round
 */
record Schedule(List<Seat> seats, int cpus, int rounds, long millis) {
    private static final int ROUNDS = 5;
    private static final long LEAST_MILLIS = 10;
    /** What a JVM takes to start and to end. */
    private static final long START_MILLIS = 400;

    /** A contender in a JVM of its own. */
    record Seat(Contender contender, Extension extension) {
        List<String> options() {
            return switch (extension) {
                case OFF -> List.of("-Drseq4j.sliceExtension=off");
                case SIMULATED -> List.of("-Drseq4j.benchmark.simulateRequests=true");
                case ON, NONE -> List.of();
            };
        }
    }

    /** What fits into so many seconds. */
    static Schedule of(int seconds, RseqStatus status, int cpus) {
        List<Seat> seats = new ArrayList<>();
        for (Contender contender : Contender.values()) {
            extensions(contender, status).forEach(extension -> seats.add(new Seat(contender, extension)));
        }
        long each = seats.stream().mapToLong(seat -> Contender.threads(seat.contender.family, cpus).size()).sum()
                * (ROUNDS + 1);
        long millis = (seconds * 1000L - START_MILLIS * seats.size()) / each;
        return new Schedule(seats, cpus, ROUNDS, Math.max(LEAST_MILLIS, millis));
    }

    private static List<Extension> extensions(Contender contender, RseqStatus status) {
        boolean enabled = status.sliceExtension() == SliceState.ENABLED;
        if (contender.family == Family.SECTION) {
            return enabled
                    ? List.of(Extension.ON)
                    : status.registration() == RseqStatus.Registration.NONE
                            ? List.of()
                            : List.of(Extension.SIMULATED);
        }
        return enabled && contender.asks ? List.of(Extension.ON, Extension.OFF) : List.of(Extension.NONE);
    }

    List<Seat> of(Family family) {
        return seats.stream().filter(seat -> seat.contender.family == family).toList();
    }
}
