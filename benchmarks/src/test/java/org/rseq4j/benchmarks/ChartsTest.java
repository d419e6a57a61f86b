// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChartsTest {
    @TempDir
    private Path folder;

    @BeforeEach
    void needsAFont() {
        assumeTrue(Charts.canDraw(), Charts.NO_FONT);
    }

    private static Result result(String contender, double rate, double... nanos) {
        Map<String, Result.Metric> percentiles = new LinkedHashMap<>();
        String[] names = {"p50", "p99", "p99.9", "p99.99"};
        for (int i = 0; i < nanos.length; i++) {
            percentiles.put("wait " + names[i], new Result.Metric("ns", List.of(List.of(nanos[i]))));
        }
        return new Result("s", contender, 4, Map.of("kind", "platform", "noise", "0"), "thrpt",
                new Result.Metric("ops/s", List.of(List.of(rate))), percentiles, Map.of());
    }

    private void isDrawn(String name) throws IOException {
        String svg = Files.readString(folder.resolve(name));
        assertTrue(svg.contains("<svg") && svg.stripTrailing().endsWith("</svg>"), name);
    }

    @Test
    void percentilesOfTimesThatAreFarApart() throws IOException {
        Charts.percentiles(folder.resolve("a.svg"), "a", "wait", List.of(result("rseq4j a", 1e6, 50, 4e3, 5e5, 6e8),
                result("b", 1e6, 0, 1, 2, 3)));
        isDrawn("a.svg");
    }

    @Test
    void ratesAgainstThreadsAndBars() throws IOException {
        List<Result> results = List.of(result("rseq4j a", 1e6), result("b", 0));
        Charts.throughput(folder.resolve("b.svg"), "b", results);
        Charts.bars(folder.resolve("c.svg"), "c", "rate", results);
        isDrawn("b.svg");
        isDrawn("c.svg");
    }

    @Test
    void theSameResultsMakeTheSameFile() throws IOException {
        for (String name : List.of("d.svg", "e.svg")) {
            Charts.factors(folder.resolve(name), "gains", List.of("a", "b"),
                    new TreeMap<>(Map.of("16", List.of(1.4, 21.0), "64", List.of(0.7, 3.3))));
        }
        String svg = Files.readString(folder.resolve("d.svg"));
        assertEquals(svg, Files.readString(folder.resolve("e.svg")));
        List<String> clips = Pattern.compile("clipPath id=\"([^\"]*)\"").matcher(svg).results()
                .map(clip -> clip.group(1)).toList();
        assertTrue(clips.size() > 1, svg);
        assertEquals(clips.size(), Set.copyOf(clips).size(), "each by its own name: " + clips);
    }
}
