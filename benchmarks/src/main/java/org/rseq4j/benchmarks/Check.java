// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bin/bench check}: a line for each target. */
@Command(name = "check", mixinStandardHelpOptions = true, synopsisHeading = "usage: ", description = "Prints one line for each target, judged by the newest results, and below it what other machines reached (docs/lab/measured.json); exit status 1 when one is missed here.")
final class Check implements Callable<Integer> {
    @Option(names = "--results", paramLabel = "DIR", description = "the folder with the results, default benchmarks/target/results")
    private Path folder;

    @Override
    public Integer call() throws IOException {
        List<List<Result>> runs = ResultFile.runs(folder == null ? Bench.results() : folder);
        List<Measured> here = Measured.of(runs);
        List<Measured> all = Measured.merged(Measured.read(Measured.file(Environment.root().resolve("docs/lab"))),
                here);
        Set<String> names = here.stream().map(Measured::machine).collect(Collectors.toSet());
        boolean missed = false;
        int[] counts = new int[Target.Verdict.values().length];
        for (Target target : Target.all()) {
            Target.Outcome outcome = target.judge(runs);
            missed |= outcome.verdict() == Target.Verdict.MISSED;
            counts[outcome.verdict().ordinal()]++;
            System.out.printf("%-12s  %-10s %s: %s%n", outcome.verdict().words(), target.group(), target.asks(),
                    measured(outcome));
            all.stream().filter(machine -> !names.contains(machine.machine()) && !machine.words(target).isEmpty())
                    .forEach(machine -> System.out.printf("%12s  %s, %s: %s%n", "elsewhere", machine.machine(),
                            machine.dates(), machine.words(target)));
            Measured.difference(target, all).ifPresent(
                    times -> System.out.printf("%12s  machines differ by up to %s times%n", "", Spread.number(times)));
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
