// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalDouble;

/**
 * How much of the CPUs' time others took from when this was made to the last look: other programs, and what the host of
 * a virtual machine took away. This JVM and those of its children that have ended are not others.
 */
final class OtherPrograms {
    /** Of a result's environment: a share of the CPUs' time, from 0 to 1. */
    static final String NAME = "others";

    /** In /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal. */
    private static final int IDLE = 3;
    private static final int WAITING = 4;
    private static final int FIELDS = 8;

    private final Times begun = Times.now();
    private volatile Times latest = begun;

    /** In the kernel's ticks. */
    record Times(long all, long busy, long own) {
        private static Times now() {
            try {
                return of(Files.readString(Path.of("/proc/stat")), Files.readString(Path.of("/proc/self/stat")));
            } catch (IOException e) {
                return null; // not Linux
            }
        }

        /** Of these two files. */
        static Times of(String all, String self) {
            long[] ticks = Arrays.stream(all.lines().findFirst().orElseThrow().trim().split("\\s+")).skip(1)
                    .limit(FIELDS).mapToLong(Long::parseLong).toArray();
            long sum = Arrays.stream(ticks).sum();
            // Behind the name, which may contain anything: utime, stime, and the children's are the 12th to 15th.
            long own = Arrays.stream(self.substring(self.lastIndexOf(')') + 1).trim().split(" ")).skip(11).limit(4)
                    .mapToLong(Long::parseLong).sum();
            return new Times(sum, sum - ticks[IDLE] - ticks[WAITING], own);
        }

        OptionalDouble others(Times later) {
            long time = later.all - all;
            return time <= 0
                    ? OptionalDouble.empty()
                    : OptionalDouble.of(Math.max(0, later.busy - busy - (later.own - own)) / (double) time);
        }
    }

    /** To be called when children have ended: the time of one that runs is counted as others'. */
    void look() {
        latest = Times.now();
    }

    /** {@return the environment with the share until the last look; as it is where the system does not tell} */
    JsonNode notedIn(JsonNode environment) {
        Times until = latest;
        if (begun == null || until == null || !(environment instanceof ObjectNode)) {
            return environment;
        }
        ObjectNode noted = environment.deepCopy();
        begun.others(until).ifPresent(share -> noted.put(NAME, Math.round(share * 1000) / 1000.0));
        return noted;
    }

    /** {@return when something was measured, of which commit, and what else ran meanwhile} */
    static String words(JsonNode environment) {
        String date = environment.path("date").asText();
        return "Commit " + environment.path("commit").asText() + (date.isEmpty() ? "" : ", " + date)
                + (environment.has(NAME)
                        ? "; others took " + Math.round(environment.get(NAME).asDouble() * 100)
                                + "% of the CPUs' time"
                        : "; what else ran was not measured");
    }
}
