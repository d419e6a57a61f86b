// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.openjdk.jmh.runner.RunnerException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command {@code bin/bench}. */
@Command(name = "bin/bench", mixinStandardHelpOptions = true, synopsisHeading = "usage: ", customSynopsis = {
        "bin/bench                      list the suites",
        "       bin/bench SUITE… [option…]     run suites, or 'all'",
        "       bin/bench COMMAND [option…]    see below, and bin/bench COMMAND --help"}, sortOptions = false, usageHelpAutoWidth = true, separator = " ", parameterListHeading = "%n", optionListHeading = "%n", commandListHeading = "%ncommands:%n", subcommands = {
                Report.class, Check.class, Simulate.class}, footer = {
                        "",
                        "Results go to benchmarks/target/results, as JSON in JMH's form, latencies also as HdrHistogram logs.",
                        "Ctrl-C keeps what is done. Exit status: 0, 1 failed, 2 usage, 130 interrupted."})
public final class Bench implements Callable<Integer> {
    static final String NAME = "bin/bench";

    @Parameters(arity = "0..*", paramLabel = "SUITE", description = "a suite, or 'all': each, and those with targets for virtual threads also on these; with --vm those made for the test kernel")
    private List<String> suites = List.of();

    @Option(names = "--quick", description = "2 JVMs of two short rounds each, a minute or so for a suite: shows the order of things, not their distance")
    private boolean quick;

    @Option(names = "--full", description = "5 JVMs of five rounds of one second each")
    private boolean full;

    @Option(names = "--vm", description = "in the test kernel, on one virtual CPU: time slice extension on against off")
    private boolean vm;

    @Option(names = "--cpus", paramLabel = "N", description = "with --vm: virtual CPUs, default ${DEFAULT-VALUE}", defaultValue = "1")
    private int cpus;

    @Option(names = "--inside", paramLabel = "NS", description = "suites of locks: nanoseconds inside, default 100")
    private Integer inside;

    @Option(names = "--outside", paramLabel = "NS", description = "suites of locks: nanoseconds outside, default 400; 100 with --vm, where 100 stands for 50 multiplications")
    private Integer outside;

    @Option(names = "--capacity", paramLabel = "N", description = "suites of queues: elements that one holds, default 1024")
    private Integer capacity;

    @Option(names = "--work", paramLabel = "NS", description = "suites of queues, but for bursts and round trips: nanoseconds of work that a thread has with each element, default 0")
    private Integer work;

    @Option(names = "--producers", paramLabel = "N", description = "suites of queues: so many producers, --threads being the numbers of consumers only")
    private Integer producers;

    @Option(names = "--consumers", paramLabel = "N", description = "suites of queues: so many consumers, --threads being the numbers of producers only")
    private Integer consumers;

    @Option(names = "--waiting", paramLabel = "HOW", description = "suites of queues: ${COMPLETION-CANDIDATES}; after 100 spins a yield (the default), Agrona's backoff, or a park of 50 us")
    private Waiting waiting;

    @Option(names = "--java", paramLabel = "JAVA", description = "on this Java, a version such as 17 or a folder, with the jars; suites of JMH need the newest. Reports do not show what was measured so")
    private String java;

    @Option(names = "--in-vm", hidden = true)
    private boolean inVm;

    @Mixin
    private RunOptions options = new RunOptions();

    @Option(names = "--json", paramLabel = "FILE", description = "write the results to this file")
    private Path json;

    @Spec
    private CommandSpec spec;

    public static void main(String[] arguments) {
        System.exit(commandLine().execute(arguments));
    }

    static CommandLine commandLine() {
        var line = new CommandLine(new Bench());
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setParameterExceptionHandler((error, _) -> {
            System.err.println(NAME + ": " + error.getMessage().lines().findFirst().orElse("bad input"));
            error.getCommandLine().usage(System.err);
            return 2;
        });
        line.setExecutionExceptionHandler((error, _, _) -> {
            System.err.println(NAME + ": " + error.getMessage());
            if (!(error instanceof IOException)) {
                error.printStackTrace();
            }
            return 1;
        });
        return line;
    }

    /** Where results are kept. */
    static Path results() {
        return Environment.root().resolve("benchmarks/target/results");
    }

    @Override
    public Integer call() throws Exception {
        number("--inside", inside, 0, 1_000_000);
        number("--outside", outside, 0, 1_000_000);
        number("--capacity", capacity, 2, 1 << 24);
        number("--work", work, 0, 1_000_000);
        number("--producers", producers, 1, 100_000);
        number("--consumers", consumers, 1, 100_000);
        if (producers != null && consumers != null) {
            throw bad("--producers and --consumers exclude each other: --threads says how many the others are");
        }
        if (waiting != null) {
            System.setProperty("rseq4j.bench.waiting", waiting.name().toLowerCase(Locale.ROOT));
        }
        if (suites.isEmpty()) {
            if (json != null || quick || full || vm) {
                throw bad("no suite");
            }
            list();
            return 0;
        }
        if (quick && full) {
            throw bad("--quick and --full exclude each other");
        }
        if (options.problem() != null) {
            throw bad(options.problem());
        }
        if (cpus < 1 || cpus > 8) {
            throw bad("--cpus has to be from 1 to 8: " + cpus);
        }
        if (json != null && !isWritable(json)) {
            throw bad("--json cannot write this file: " + json);
        }
        boolean all = suites.contains("all");
        List<String> chosen = all ? allNames(vm || inVm) : suites;
        for (String suite : chosen) {
            if (!allNames().contains(suite)) {
                throw bad("no suite " + suite + ", there are " + String.join(", ", allNames()));
            }
            if (java != null && (vm || JmhSuites.names().contains(suite))) {
                throw bad("--java is neither for the test kernel nor for JMH's suites, as " + suite);
            }
            if ((vm || inVm) && JmhSuites.names().contains(suite)) {
                throw bad("suite " + suite + " is JMH's and does not run in the test kernel");
            }
            if (!JmhSuites.names().contains(suite)
                    && Comparison.contenders(Suites.named(suite), options).isEmpty()) {
                throw bad("--only: no contender of " + suite + " has a name with " + options.only);
            }
        }
        if (json != null && chosen.size() > 1) {
            throw bad("--json takes the results of one suite");
        }
        if (vm) {
            options.limit = limit();
            return TestKernel.run(chosen, all && outside == null, options, quick, full, cpus, json);
        }
        depth();
        List<Planned> plan = new ArrayList<>();
        chosen.forEach(suite -> plan.add(new Planned(suite, options)));
        if (all && !inVm && !options.virtual && options.only.isEmpty()) {
            plan.add(new Planned("counters", options.onVirtualThreads(true)));
            plan.add(new Planned("pools-yield", options.onVirtualThreads(true)));
            plan.add(new Planned("buffers-yield", options.onVirtualThreads(true)));
            plan.add(new Planned("sections", options.onVirtualThreads(false)));
        }
        if (!inVm) {
            long millis = plan.stream().mapToLong(Planned::millis).sum();
            System.err.printf("%s: about %d min %d s%n", NAME, millis / 60_000, millis / 1000 % 60);
        }
        return run(plan);
    }

    /** A suite and how to run it. */
    private record Planned(String suite, RunOptions options) {
        long millis() {
            return JmhSuites.names().contains(suite)
                    ? JmhSuites.plannedMillis(suite, options)
                    : Comparison.plannedMillis(Suites.named(suite), options);
        }
    }

    /** One after the other; of several, those behind one that fails run all the same. */
    private int run(List<Planned> plan) throws Exception {
        List<String> failed = new ArrayList<>();
        for (Planned planned : plan) {
            try {
                run(planned.suite, planned.options);
            } catch (IOException | RunnerException e) {
                if (plan.size() == 1) {
                    throw e;
                }
                System.err.println(NAME + ": " + planned.suite + " failed: " + e.getMessage());
                failed.add(planned.suite);
            }
        }
        if (!failed.isEmpty()) {
            throw new IOException("failed: " + String.join(", ", failed));
        }
        return 0;
    }

    private void number(String option, Integer value, int least, int most) {
        if (value != null) {
            if (value < least || value > most) {
                throw bad(option + " has to be from " + least + " to " + most + ": " + value);
            }
            System.setProperty("rseq4j.bench." + option.substring(2), value.toString());
        }
    }

    private int limit() {
        return options.limit != null ? options.limit : quick ? 900 : full ? 7200 : 1800;
    }

    private void depth() {
        if (inVm) {
            options.limit = limit();
            options.defaults(1, 2000, full ? 9 : 5, quick ? 700 : full ? 3000 : 2000);
        } else if (quick) {
            options.oneJvm = true;
            options.defaults(2, 300, 2, 150);
        } else if (full) {
            options.defaults(5, 2000, 5, 1000);
        } else {
            options.defaults(3, 1000, 3, 500);
        }
    }

    private void run(String name, RunOptions options) throws Exception {
        Path file = json != null
                ? json
                : results().resolve(java == null ? "" : "java-" + ContenderProcess.javaVersion())
                        .resolve((inVm ? "vm-" : "") + name + (options.virtual ? "-virtual-" : "-")
                                + LocalDateTime.now()
                                        .format(DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT))
                                + ".json");
        if (JmhSuites.names().contains(name)) {
            var jmh = new JmhSuites(name, options);
            keep(file, jmh::results, () -> jmh.run(run -> ResultFile.write(file, run.results())));
        } else if (inVm) {
            var turns = new Turns(Suites.named(name), options);
            keep(file, turns::results, () -> turns.run(run -> run.write(file)));
        } else {
            var comparison = new Comparison(Suites.named(name), options);
            keep(file, comparison::results, () -> comparison.run(run -> run.write(file)));
        }
    }

    /** Something that runs. */
    private interface Run {
        void run() throws Exception;
    }

    /** Runs, then prints the results and where they are; when interrupted, those that there are. */
    private static void keep(Path file, Supplier<? extends Collection<Result>> results, Run run) throws Exception {
        var printed = new AtomicBoolean();
        Runnable print = () -> {
            if (printed.compareAndSet(false, true)) {
                Collection<Result> all = results.get();
                Comparison.print(System.out, all);
                System.out.println(all.isEmpty() ? "nothing was measured" : "written to " + file);
                System.out.flush();
            }
        };
        var interrupted = new Thread(() -> {
            System.err.println();
            System.err.println(NAME + ": interrupted; what is done is kept");
            print.run();
        });
        Runtime.getRuntime().addShutdownHook(interrupted);
        try {
            run.run();
        } finally {
            try {
                Runtime.getRuntime().removeShutdownHook(interrupted);
                print.run();
            } catch (IllegalStateException e) {
                // The JVM is ending: the hook prints.
            }
        }
    }

    private static boolean isWritable(Path file) {
        Path parent = file.toAbsolutePath().getParent();
        return parent != null && Files.isDirectory(parent) && Files.isWritable(parent) && !Files.isDirectory(file);
    }

    private ParameterException bad(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /** {@return those that 'all' stands for} */
    private static List<String> allNames(boolean testKernel) {
        if (testKernel) {
            return Suites.names().stream().filter(name -> Suites.named(name).isForTestKernel()).toList();
        }
        return allNames().stream()
                .filter(name -> JmhSuites.names().contains(name) || !Suites.named(name).isForTestKernel()).toList();
    }

    private static List<String> allNames() {
        List<String> names = new ArrayList<>(Suites.names());
        names.addAll(JmhSuites.names());
        return names;
    }

    private static void list() {
        System.out.println("Suites, contenders by operations over wall time:");
        for (boolean testKernel : new boolean[]{false, true}) {
            for (String name : Suites.names()) {
                Suite suite = Suites.named(name);
                if (suite.isForTestKernel() == testKernel) {
                    System.out.printf("  %-20s %s%s%n", name, testKernel ? "with --vm: " : "", suite.description());
                }
            }
        }
        System.out.println("Suites of JMH, nanoseconds on a thread alone:");
        for (Map.Entry<String, String> suite : JmhSuites.descriptions().entrySet()) {
            System.out.printf("  %-20s %s%n", suite.getKey(), suite.getValue());
        }
        System.out.println("bin/bench --help says how to run one.");
    }
}
