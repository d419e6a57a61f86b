// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.vm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * What the kernel counted: extensions that it granted, those whose timer fired, and those that ended without a yield.
 */
record Grants(long granted, long expired, long revoked) {
    private static final Path STATISTICS = Path.of("/sys/kernel/debug/rseq/stats");

    /** All counts of the kernel by its names. */
    static Map<String, Long> counts() throws IOException {
        Map<String, Long> counts = new HashMap<>();
        for (String line : Files.readAllLines(STATISTICS)) {
            String[] words = line.trim().split("[:\\s]+");
            if (words.length == 2) {
                counts.put(words[0], Long.parseLong(words[1]));
            }
        }
        return counts;
    }

    static Grants now() throws IOException {
        Map<String, Long> counts = counts();
        return new Grants(counts.get("sgrant"), counts.get("sexpir"), counts.get("srevok"));
    }

    Grants since(Grants before) {
        return plus(before, -1);
    }

    Grants plus(Grants other, int times) {
        return new Grants(granted + times * other.granted, expired + times * other.expired,
                revoked + times * other.revoked);
    }

    /**
     * Why nothing can be said about grants, or an empty string. A grant's timer is real while the processor is
     * emulated, and an emulator that lags behind has two timer interrupts at once, of which the second ends the grant
     * that the first gave. The sections of these tests take a tenth of a grant at most, so when many are revoked it is
     * the host that took the emulator's CPU away.
     */
    String hostIsBusy() {
        return revoked * 20 <= granted
                ? ""
                : revoked + " of " + granted + " grants were revoked, " + expired
                        + " of them by their timer, in sections that are a tenth as long: the host is busy";
    }
}
