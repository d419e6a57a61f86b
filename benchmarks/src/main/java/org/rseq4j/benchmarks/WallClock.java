// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Compares the contenders of one suite and prints them: {@link Comparison} without what {@link Bench} has around it.
 */
@Command(name = "wallclock", mixinStandardHelpOptions = true, sortOptions = false, description = "Compares the contenders of a suite by operations over wall time.")
public final class WallClock implements Callable<Integer> {
    @Parameters(index = "0", description = "the suite: ${COMPLETION-CANDIDATES}", completionCandidates = Suites.Names.class)
    private String suite;

    @Mixin
    private RunOptions options = new RunOptions();

    @Option(names = "--json", description = "write all samples to this file")
    private Path json;

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new WallClock()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        if (options.problem() != null) {
            throw new IllegalArgumentException(options.problem());
        }
        options.defaults(3, 1000, 3, 500);
        var comparison = new Comparison(Suites.named(suite), options);
        comparison.run(done -> {
            if (json != null) {
                done.write(json);
            }
        });
        Comparison.print(System.out, comparison.results());
        return 0;
    }
}
