// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** How a suite is run. */
final class RunOptions {
    /** Lets the library find a virtual thread's carrier without a downcall. */
    static final String CARRIER_LOOKUP = "--add-exports=java.base/jdk.internal.access=ALL-UNNAMED";

    @Option(names = "--threads", paramLabel = "N", split = ",", description = "numbers of threads, default the suite's own, mostly 1,2,16,64, and 1000 with --virtual; of queues, producers and as many consumers, or one of both with --consumers or --producers")
    List<Integer> threads = List.of();

    @Option(names = "--virtual", description = "virtual threads instead of platform threads")
    boolean virtual;

    @Option(names = "--only", paramLabel = "NAME", split = ",", description = "contenders whose name contains one of these")
    List<String> only = List.of();

    @Option(names = "--noise", paramLabel = "N", description = "busy threads beside in each JVM, default ${DEFAULT-VALUE}", defaultValue = "0")
    int noise;

    @Option(names = "--forks", paramLabel = "N", description = "JVMs for each contender, default 3")
    Integer forks;

    @Option(names = "--warmup", paramLabel = "MS", description = "milliseconds before the first round, default 1000")
    Long warmup;

    @Option(names = "--rounds", paramLabel = "N", description = "rounds in each JVM, default 3")
    Integer rounds;

    @Option(names = "--millis", paramLabel = "MS", description = "milliseconds of a round, default 500")
    Long millis;

    @Option(names = "--limit", paramLabel = "S", description = "with --vm: seconds after which a suite begins no other round, default 1800; 900 with --quick, 7200 with --full")
    Integer limit;

    @Option(names = "--one-jvm", description = "each JVM of a contender goes through all numbers of threads, rather than one JVM for each number")
    boolean oneJvm;

    @Option(names = "--cpu-time", description = "also the CPU time of the threads for each operation, which a busy machine disturbs less than rates; not of virtual threads")
    boolean cpuTime;

    @Option(names = "--jvm", paramLabel = "ARGUMENT", description = "an argument for the contenders' JVMs; may be repeated")
    List<String> jvm = List.of();

    /** Fills in what was not given. */
    void defaults(int forks, long warmup, int rounds, long millis) {
        this.forks = this.forks == null ? forks : this.forks;
        this.warmup = this.warmup == null ? warmup : this.warmup;
        this.rounds = this.rounds == null ? rounds : this.rounds;
        this.millis = this.millis == null ? millis : this.millis;
    }

    /** {@return the options that were given, for a command line} */
    List<String> arguments() {
        List<String> arguments = new ArrayList<>();
        add(arguments, "--threads", String.join(",", threads.stream().map(String::valueOf).toList()));
        add(arguments, "--only", String.join(",", only));
        add(arguments, "--noise", "" + noise);
        add(arguments, "--forks", forks);
        add(arguments, "--warmup", warmup);
        add(arguments, "--rounds", rounds);
        add(arguments, "--millis", millis);
        add(arguments, "--limit", limit);
        jvm.forEach(argument -> add(arguments, "--jvm", argument));
        if (virtual) {
            arguments.add("--virtual");
        }
        if (oneJvm) {
            arguments.add("--one-jvm");
        }
        if (cpuTime) {
            arguments.add("--cpu-time");
        }
        return arguments;
    }

    /** {@return the same on virtual threads, with the carrier lookup or without} */
    RunOptions onVirtualThreads(boolean carrierLookup) {
        var copy = new RunOptions();
        copy.threads = threads;
        copy.virtual = true;
        copy.only = only;
        copy.noise = noise;
        copy.forks = forks;
        copy.warmup = warmup;
        copy.rounds = rounds;
        copy.millis = millis;
        copy.oneJvm = oneJvm;
        copy.jvm = new ArrayList<>(jvm);
        if (carrierLookup) {
            copy.jvm.add(CARRIER_LOOKUP);
        }
        return copy;
    }

    private static void add(List<String> arguments, String name, Object value) {
        if (value != null && !value.toString().isEmpty()) {
            arguments.add(name);
            arguments.add(value.toString());
        }
    }

    /** {@return what is wrong, or null} */
    String problem() {
        for (int count : threads) {
            if (count < 1 || count > 100_000) {
                return "--threads has to be from 1 to 100000: " + count;
            }
        }
        return firstProblem("--noise", noise, 0, "--forks", forks, 1, "--warmup", warmup, 0, "--rounds", rounds, 1,
                "--millis", millis, 1, "--limit", limit, 1);
    }

    private static String firstProblem(Object... namesValuesLeasts) {
        for (int i = 0; i < namesValuesLeasts.length; i += 3) {
            Number value = (Number) namesValuesLeasts[i + 1];
            int least = (int) namesValuesLeasts[i + 2];
            if (value != null && (value.longValue() < least || value.longValue() > 1_000_000)) {
                return namesValuesLeasts[i] + " has to be from " + least + " to 1000000: " + value;
            }
        }
        return null;
    }
}
