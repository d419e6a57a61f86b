// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bin/bench check}: a line for each target. */
@Command(name = "check", mixinStandardHelpOptions = true, synopsisHeading = "usage: ", description = "Prints one line for each target, judged by the newest results; exit status 1 when one is missed.")
final class Check implements Callable<Integer> {
    @Option(names = "--results", paramLabel = "DIR", description = "the folder with the results, default benchmarks/target/results")
    private Path folder;

    @Override
    public Integer call() throws IOException {
        List<List<Result>> runs = ResultFile.runs(folder == null ? Bench.results() : folder);
        boolean missed = false;
        int[] counts = new int[Target.Verdict.values().length];
        for (Target target : Target.all()) {
            Target.Outcome outcome = target.judge(runs);
            missed |= outcome.verdict() == Target.Verdict.MISSED;
            counts[outcome.verdict().ordinal()]++;
            System.out.printf("%-12s  %-10s %s: %s%n", outcome.verdict().words(), target.group(), target.asks(),
                    measured(outcome));
        }
        System.out.printf(Locale.ROOT, "%d reached, %d missed, %d not measured%n",
                counts[Target.Verdict.REACHED.ordinal()], counts[Target.Verdict.MISSED.ordinal()],
                counts[Target.Verdict.NOT_MEASURED.ordinal()]);
        return missed ? 1 : 0;
    }

    /** {@return what was measured, in words} */
    static String measured(Target.Outcome outcome) {
        if (outcome.target().shownBy() != null) {
            return "not measured by a suite; shown by " + outcome.target().shownBy();
        }
        return outcome.points().stream().map(Target.Point::words).collect(Collectors.joining("; "));
    }
}
