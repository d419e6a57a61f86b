package org.rseq4j.vm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * What the kernel counted: extensions that it granted, and those whose timer fired.
 */
record Grants(long granted, long expired) {
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
        return new Grants(counts.get("sgrant"), counts.get("sexpir"));
    }

    Grants since(Grants before) {
        return new Grants(granted - before.granted, expired - before.expired);
    }

    /**
     * Why nothing can be said about grants, or an empty string. A grant's timer is real while the processor is emulated: the
     * sections of these tests take a tenth of it, so when many expire the host has taken the emulator's CPU away.
     */
    String hostIsBusy() {
        return expired * 20 <= granted
                ? ""
                : expired + " of " + granted + " grants expired in sections that are a tenth as long: the host is busy";
    }
}
