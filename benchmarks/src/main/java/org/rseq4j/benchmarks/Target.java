// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What a structure is asked to reach, beside whom. The list is the resource {@code targets.json}.
 *
 * @param group the structure's page
 * @param asks the target in words
 * @param suite the suite that measures it; null when something else does
 * @param ours our contender
 * @param peers with whom it is compared; of several the best counts
 * @param metric null for the primary one, else a secondary one's name
 * @param relation how ours has to stand to the peers
 * @param bound of the relation
 * @param threads the numbers of threads, each of which has to reach it
 * @param setting how the suite has to be run
 * @param shownBy where no suite measures it: the command that does
 */
@JsonIgnoreProperties(ignoreUnknown = false)
record Target(String group, String asks, String suite, String ours, List<String> peers, String metric,
        Relation relation, double bound, List<Integer> threads, Map<String, String> setting, String shownBy) {
    /** How ours has to stand to the peer. */
    enum Relation {
        /** At least so many times the peer's. */
        TIMES_AT_LEAST,
        /** At most so many times the peer's. */
        TIMES_AT_MOST,
        /** At most so much more than the peer's. */
        MORE_BY_AT_MOST,
        /** At most so much; no peer. */
        AT_MOST
    }

    /** What came of it. */
    enum Verdict {
        REACHED("reached"), MISSED("missed"), NOT_MEASURED("not measured");

        private final String words;

        Verdict(String words) {
            this.words = words;
        }

        String words() {
            return words;
        }
    }

    /**
     * At one number of threads.
     *
     * @param threads the number
     * @param verdict what came of it
     * @param value ours as the relation takes it: a quotient, a difference, or itself; null when not measured
     * @param unit of the value; empty for a quotient
     * @param peer the peer that counts; empty without
     * @param open whether the bound lies within the range that the samples allow
     */
    record Point(int threads, Verdict verdict, Spread value, String unit, String peer, boolean open) {
        String words() {
            return threads + ": " + (value == null
                    ? "not measured"
                    : Spread.number(value.median()) + unit + " (" + Spread.number(value.least()) + " to "
                            + Spread.number(value.most()) + ")"
                            + (verdict == Verdict.MISSED ? open ? " missed, within the spread" : " missed" : ""));
        }
    }

    /** What came of it at all numbers of threads. */
    record Outcome(Target target, Verdict verdict, List<Point> points) {
    }

    Target {
        Objects.requireNonNull(group, "group");
        Objects.requireNonNull(asks, "asks");
        if ((suite == null) == (shownBy == null)) {
            throw new IllegalArgumentException(asks + ": either a suite or what shows it");
        }
        peers = peers == null ? List.of() : peers;
        threads = threads == null ? List.of() : threads;
        setting = setting == null ? Map.of() : setting;
        if (suite != null) {
            Objects.requireNonNull(ours, "ours");
            Objects.requireNonNull(relation, "relation");
            if (threads.isEmpty() || peers.isEmpty() != (relation == Relation.AT_MOST)) {
                throw new IllegalArgumentException(asks + ": its peers or its threads are missing");
            }
        }
    }

    static List<Target> all() throws IOException {
        try (InputStream in = Target.class.getResourceAsStream("targets.json")) {
            return new ObjectMapper().readValue(in, new TypeReference<List<Target>>() {
            });
        }
    }

    /** {@return the verdict from runs, the newest first; ours and its peers always come from one run} */
    Outcome judge(List<List<Result>> runs) {
        if (suite == null) {
            return new Outcome(this, Verdict.NOT_MEASURED, List.of());
        }
        List<Point> points = threads.stream().map(count -> point(runs, count)).toList();
        Verdict verdict = Verdict.REACHED;
        for (Point point : points) {
            if (point.verdict == Verdict.MISSED) {
                verdict = Verdict.MISSED;
            } else if (point.verdict == Verdict.NOT_MEASURED && verdict == Verdict.REACHED) {
                verdict = Verdict.NOT_MEASURED;
            }
        }
        return new Outcome(this, verdict, points);
    }

    private Point point(List<List<Result>> runs, int count) {
        for (List<Result> run : runs) {
            Result.Metric mine = find(run, ours, count);
            List<Spread> others = new ArrayList<>();
            List<String> names = new ArrayList<>();
            for (String peer : peers) {
                Result.Metric metric = find(run, peer, count);
                if (metric != null) {
                    others.add(metric.spread());
                    names.add(peer);
                }
            }
            if (mine != null && others.size() == peers.size()) {
                return judge(count, mine, others, names);
            }
        }
        return new Point(count, Verdict.NOT_MEASURED, null, "", "", false);
    }

    private Result.Metric find(List<Result> run, String contender, int count) {
        for (Result result : run) {
            if (result.suite().equals(suite) && result.contender().equals(contender) && result.threads() == count
                    && fits(result.setting())) {
                return metric == null ? result.primary() : result.secondary().get(metric);
            }
        }
        return null;
    }

    private boolean fits(Map<String, String> found) {
        return wanted(Result.KIND, "platform").equals(found.get(Result.KIND))
                && wanted(Result.NOISE, "0").equals(found.getOrDefault(Result.NOISE, "0"))
                && Objects.equals(setting.get(Result.PRODUCERS), found.get(Result.PRODUCERS))
                && Objects.equals(setting.get(Result.CONSUMERS), found.get(Result.CONSUMERS))
                && Objects.equals(setting.get(Result.WORK), found.get(Result.WORK))
                && setting.entrySet().stream().allMatch(entry -> entry.getValue().equals(found.get(entry.getKey())));
    }

    private String wanted(String key, String otherwise) {
        return setting.getOrDefault(key, otherwise);
    }

    private Point judge(int count, Result.Metric mine, List<Spread> others, List<String> names) {
        Spread own = mine.spread();
        boolean least = relation == Relation.TIMES_AT_LEAST;
        int best = 0;
        for (int i = 1; i < others.size(); i++) {
            double better = others.get(i).median() - others.get(best).median();
            if (least ? better > 0 : better < 0) {
                best = i;
            }
        }
        Spread value = switch (relation) {
            case TIMES_AT_LEAST, TIMES_AT_MOST -> own.over(others.get(best));
            case MORE_BY_AT_MOST -> own.minus(others.get(best));
            case AT_MOST -> own;
        };
        boolean open = value.least() <= bound && bound <= value.most();
        boolean reached = least ? value.median() >= bound : value.median() <= bound;
        // "Not below the peer", or above, is reached where nothing can be said about which is larger.
        reached |= bound == 1 && open && relation != Relation.AT_MOST && relation != Relation.MORE_BY_AT_MOST;
        if (Double.isNaN(value.median())) {
            // None of the peer's to compare with, as of something rare.
            return new Point(count, Verdict.NOT_MEASURED, null, "", names.isEmpty() ? "" : names.get(best), false);
        }
        String unit = relation == Relation.AT_MOST || relation == Relation.MORE_BY_AT_MOST
                ? " " + mine.unit().replaceFirst("/op$", "")
                : "";
        return new Point(count, reached ? Verdict.REACHED : Verdict.MISSED, value, unit,
                names.isEmpty() ? "" : names.get(best), open);
    }
}
