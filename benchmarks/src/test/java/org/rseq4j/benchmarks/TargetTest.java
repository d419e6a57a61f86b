// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.rseq4j.benchmarks.Target.Relation;
import org.rseq4j.benchmarks.Target.Verdict;

class TargetTest {
    private static final Map<String, String> PLAIN = Map.of("kind", "platform", "noise", "0");

    private static Target times(double bound, Integer... threads) {
        return new Target("g", "asks", "s", "ours", List.of("a", "b"), null, Relation.TIMES_AT_LEAST, bound,
                List.of(threads), Map.of(), null);
    }

    private static Result result(String contender, int threads, Double... samples) {
        return ResultFileTest.result("s", contender, threads, PLAIN, samples);
    }

    @Test
    void theBestPeerCounts() {
        var run = List.of(result("ours", 2, 10.0), result("a", 2, 2.0), result("b", 2, 5.0));
        Target.Outcome outcome = times(3, 2).judge(List.of(run));
        assertEquals(Verdict.MISSED, outcome.verdict());
        assertEquals("b", outcome.points().get(0).peer());
        assertEquals(2.0, outcome.points().get(0).value().median());
        assertEquals(Verdict.REACHED, times(2, 2).judge(List.of(run)).verdict());
    }

    @Test
    void everyNumberOfThreadsHasToReachIt() {
        var run = List.of(result("ours", 2, 10.0), result("a", 2, 2.0), result("b", 2, 1.0), result("ours", 4, 3.0),
                result("a", 4, 2.0), result("b", 4, 1.0));
        assertEquals(Verdict.REACHED, times(1.5, 2, 4).judge(List.of(run)).verdict());
        assertEquals(Verdict.MISSED, times(2, 2, 4).judge(List.of(run)).verdict());
        assertEquals(Verdict.NOT_MEASURED, times(1.5, 2, 8).judge(List.of(run)).verdict());
        assertEquals(Verdict.MISSED, times(2, 4, 8).judge(List.of(run)).verdict());
    }

    @Test
    void oursAndThePeersComeFromOneRunTheNewestThatHasThemAll() {
        var newest = List.of(result("ours", 2, 10.0));
        var newer = List.of(result("ours", 2, 6.0), result("a", 2, 2.0), result("b", 2, 1.0));
        var old = List.of(result("ours", 2, 1.0), result("a", 2, 2.0), result("b", 2, 1.0));
        assertEquals(3.0, times(3, 2).judge(List.of(newest, newer, old)).points().get(0).value().median());
        assertEquals(Verdict.NOT_MEASURED, times(3, 2).judge(List.of(newest)).verdict());
        assertEquals(Verdict.NOT_MEASURED, times(3, 2).judge(List.of()).verdict());
    }

    @Test
    void anotherSettingIsAnotherMeasurement() {
        var target = new Target("g", "asks", "s", "ours", List.of("a"), null, Relation.TIMES_AT_LEAST, 1, List.of(2),
                Map.of("kind", "virtual", "inside", "100"), null);
        var fits = Map.of("kind", "virtual", "noise", "0", "inside", "100");
        for (Map<String, String> other : List.of(PLAIN, Map.of("kind", "virtual", "noise", "2", "inside", "100"),
                Map.of("kind", "virtual", "noise", "0", "inside", "50"),
                Map.of("kind", "virtual", "noise", "0", "inside", "100", "consumers", "1"),
                Map.of("kind", "virtual", "noise", "0", "inside", "100", "producers", "1"))) {
            assertEquals(Verdict.NOT_MEASURED,
                    target.judge(List.of(List.of(ResultFileTest.result("s", "ours", 2, other, 2.0),
                            ResultFileTest.result("s", "a", 2, other, 1.0)))).verdict(),
                    other::toString);
        }
        assertEquals(Verdict.REACHED, target.judge(List.of(List.of(ResultFileTest.result("s", "ours", 2, fits, 2.0),
                ResultFileTest.result("s", "a", 2, fits, 1.0)))).verdict());
    }

    @Test
    void notBelowIsReachedWhereNoDifferenceCanBeShown() {
        var run = List.of(result("ours", 2, 8.0, 9.0, 11.0), result("a", 2, 10.0), result("b", 2, 1.0));
        assertEquals(Verdict.REACHED, times(1, 2).judge(List.of(run)).verdict());
        Target.Outcome outcome = times(1.01, 2).judge(List.of(run));
        assertEquals(Verdict.MISSED, outcome.verdict());
        assertTrue(outcome.points().get(0).words().endsWith("missed, within the spread"));
        var below = List.of(result("ours", 2, 8.0, 9.0), result("a", 2, 10.0), result("b", 2, 1.0));
        assertEquals(Verdict.MISSED, times(1, 2).judge(List.of(below)).verdict());
    }

    @Test
    void theOtherRelationsAreUpperBounds() {
        var run = List.of(result("ours", 2, 8.0), result("a", 2, 10.0), result("b", 2, 6.0));
        for (var bound : Map.of(Relation.TIMES_AT_MOST, 8 / 6.0, Relation.MORE_BY_AT_MOST, 2.0, Relation.AT_MOST, 8.0)
                .entrySet()) {
            List<String> peers = bound.getKey() == Relation.AT_MOST ? List.of() : List.of("a", "b");
            for (double by : new double[]{-0.01, 0.01}) {
                var target = new Target("g", "asks", "s", "ours", peers, "wait p99.9", bound.getKey(),
                        bound.getValue() + by, List.of(2), Map.of(), null);
                assertEquals(by > 0 ? Verdict.REACHED : Verdict.MISSED, target.judge(List.of(run)).verdict(),
                        bound::toString);
            }
        }
    }

    @Test
    void theListIsWholeAndNamesContendersThatExist() throws IOException {
        List<Target> targets = Target.all();
        assertFalse(targets.isEmpty());
        for (Target target : targets) {
            String suite = target.suite();
            if (suite == null) {
                continue;
            }
            boolean vm = suite.startsWith("vm-");
            String name = vm ? suite.substring(3) : suite;
            assertTrue(Suites.names().contains(name) || JmhSuites.names().contains(name), () -> "no suite " + suite);
            if (Suites.names().contains(name)) {
                var contenders = Suites.named(name).contenders().keySet();
                for (String contender : java.util.stream.Stream
                        .concat(target.peers().stream(), java.util.stream.Stream.of(target.ours())).toList()) {
                    assertTrue(contenders.contains(contender.replaceFirst(", extension (on|off)$", "")),
                            () -> suite + " has no " + contender);
                }
            }
        }
    }

    @Test
    void aTargetWithoutASuiteSaysWhatShowsIt() {
        var target = new Target("g", "asks", null, null, null, null, null, 0, null, null, "a test");
        assertEquals(Verdict.NOT_MEASURED, target.judge(List.of()).verdict());
        assertThrows(IllegalArgumentException.class,
                () -> new Target("g", "asks", null, null, null, null, null, 0, null, null, null));
    }
}
