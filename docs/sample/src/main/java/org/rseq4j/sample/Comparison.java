// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** A command that puts the same load on several things in turn, for some rounds, and prints a table of them. */
abstract class Comparison implements Callable<Integer> {
    @Option(names = "--rounds", paramLabel = "N", description = "rounds of each that count (default: ${DEFAULT-VALUE})")
    int rounds;
    @Option(names = "--seconds", paramLabel = "N", description = "seconds of a round (default: ${DEFAULT-VALUE})")
    int seconds;
    @Option(names = "--warmup", paramLabel = "N",
            description = "seconds of the first round, which does not count (default: ${DEFAULT-VALUE})")
    int warmup;

    @CommandLine.Spec
    private CommandSpec spec;

    /** The defaults. */
    Comparison(int rounds, int seconds, int warmup) {
        this.rounds = rounds;
        this.seconds = seconds;
        this.warmup = warmup;
    }

    final void checkRounds() {
        check("--rounds", rounds, 1, 1000);
        check("--seconds", seconds, 1, 3600);
        check("--warmup", warmup, 1, 3600);
    }

    final void check(String option, int value, int least, int most) {
        if (value < least || value > most) {
            throw new ParameterException(spec.commandLine(),
                    option + " has to be from " + least + " to " + most + ": " + value);
        }
    }

    static <R> String spread(String format, List<R> rounds, ToDoubleFunction<R> value) {
        return spread(format, rounds.stream().mapToDouble(value));
    }

    /** The median, and the lowest and the highest in brackets. */
    static String spread(String format, DoubleStream values) {
        double[] sorted = values.sorted().toArray();
        int n = sorted.length;
        double median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
        return String.format(format + " (" + format + " to " + format + ")", median, sorted[0], sorted[n - 1]);
    }
}
