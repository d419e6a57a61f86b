// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * When a request passed each step between its arrival and its answer: nanoseconds of {@link System#nanoTime()}, which
 * on Linux is one clock (CLOCK_MONOTONIC) for the client's process and the server's.
 *
 * @param times when it arrived, then the end of each of the parts
 * @param awayNanos of it the client's thread did not run, so that answers waited for being read
 */
record Trip(long[] times, long awayNanos) {
    /** A request's time, cut into these. */
    enum Part {
        CONNECTION("for a free connection"),
        HANDLER("until its handler runs"),
        POOL("pool"),
        BODY("reading and rendering"),
        COUNTERS("counters"),
        QUEUE("queue"),
        ANSWER("until the answer is read");

        final String title;

        Part(String title) {
            this.title = title;
        }
    }

    /** The header of an answer in which the server tells its times. */
    static final String HEADER = "Server-Steps";

    /** The steps that the server tells of, the handler's begin first. */
    static final int SERVER_STEPS = Part.ANSWER.ordinal() - Part.HANDLER.ordinal();

    /** What the server notes of a request under way. */
    static final class Steps {
        private final StringBuilder times = new StringBuilder();

        void passed() {
            times.append(times.isEmpty() ? "" : ",").append(System.nanoTime());
        }

        @Override
        public String toString() {
            return times.toString();
        }
    }

    static Trip of(long arrivedNanos, long sentNanos, String serverSteps, long receivedNanos, long awayNanos) {
        long[] server = Arrays.stream(serverSteps.split(",")).mapToLong(Long::parseLong).toArray();
        if (server.length != SERVER_STEPS) {
            throw new IllegalArgumentException("steps: " + serverSteps);
        }
        return new Trip(LongStream.concat(LongStream.concat(LongStream.of(arrivedNanos, sentNanos),
                Arrays.stream(server)), LongStream.of(receivedNanos)).toArray(), awayNanos);
    }

    long allNanos() {
        return times[times.length - 1] - times[0];
    }

    long nanos(Part part) {
        return times[part.ordinal() + 1] - times[part.ordinal()];
    }

    /** {@return the part that took longest} */
    Part longest() {
        return Stream.of(Part.values()).max(Comparator.comparingLong(this::nanos)).orElseThrow();
    }

    long begunNanos() {
        return times[0];
    }

    long endNanos() {
        return times[times.length - 1];
    }

    /** One word for any number of them; never empty. */
    static String write(List<Trip> trips) {
        return trips.stream()
                .map(trip -> LongStream.concat(LongStream.of(trip.awayNanos), Arrays.stream(trip.times))
                        .mapToObj(Long::toString).collect(Collectors.joining(",")))
                .collect(Collectors.joining(";", "trips;", ""));
    }

    static List<Trip> read(String word) {
        return Stream.of(word.split(";")).skip(1).map(trip -> {
            long[] numbers = Stream.of(trip.split(",")).mapToLong(Long::parseLong).toArray();
            return new Trip(Arrays.copyOfRange(numbers, 1, numbers.length), numbers[0]);
        }).toList();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Trip trip && awayNanos == trip.awayNanos && Arrays.equals(times, trip.times);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(times);
    }

    @Override
    public String toString() {
        return write(List.of(this));
    }
}
