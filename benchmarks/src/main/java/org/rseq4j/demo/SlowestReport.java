// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToLongFunction;

/** Where the slowest one in ten thousand spent their time, for each side and rate. */
final class SlowestReport {
    private final List<Side> sides;
    private final Pauses pauses;

    SlowestReport(List<Side> sides, Pauses pauses) {
        this.sides = sides;
        this.pauses = pauses;
    }

    Map<String, Object> addTo(Map<String, Object> tree) {
        Map<String, Object> all = new LinkedHashMap<>();
        for (Side side : sides) {
            Map<Integer, Object> rates = new TreeMap<>();
            side.slowest.forEach((percent, trips) -> rates.put(percent, means(trips)));
            all.put(side.name(), rates);
        }
        tree.put("slowestMillis", all);
        return tree;
    }

    private Map<String, Object> means(List<Trip> trips) {
        Map<String, Object> means = new LinkedHashMap<>();
        means.put("requests", trips.size());
        means.put("all", mean(trips, Trip::allNanos));
        for (Trip.Part part : Trip.Part.values()) {
            means.put(part.name().toLowerCase(Locale.ROOT), mean(trips, trip -> trip.nanos(part)));
        }
        means.put("collections", mean(trips, pauses::nanos));
        means.put("clientAway", mean(trips, Trip::awayNanos));
        return means;
    }

    private static double mean(List<Trip> trips, ToLongFunction<Trip> nanos) {
        return trips.stream().mapToLong(nanos).average().orElse(0) / 1e6;
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("\nWhere the slowest one in 10,000 spent their time, means in ms:\n");
        for (Side side : sides) {
            side.slowest.forEach((percent, trips) -> {
                text.append(String.format(Locale.ROOT, "%s at %d%%: %d requests, %.2f ms%n", side.name(), percent,
                        trips.size(), mean(trips, Trip::allNanos)));
                for (Trip.Part part : Trip.Part.values()) {
                    line(text, part.title, mean(trips, trip -> trip.nanos(part)),
                            trips.stream().filter(trip -> trip.longest() == part).count() + " of them mostly so");
                }
                line(text, "(the collector stopped the server)", mean(trips, pauses::nanos), "");
                line(text, "(the client's thread was away)", mean(trips, Trip::awayNanos), "");
            });
        }
        return text.append("What is in brackets is part of the times above it.\n").toString();
    }

    private static void line(StringBuilder text, String title, double millis, String remark) {
        text.append(String.format(Locale.ROOT, "  %-36s%10.3f", title, millis))
                .append(remark.isEmpty() ? "" : "   ").append(remark).append('\n');
    }
}
