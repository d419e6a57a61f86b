// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Every operation of every structure, made to throw; and whether anything is left behind. */
@Command(name = "bin/throws", mixinStandardHelpOptions = true, sortOptions = false, description = "Makes every operation of"
        + " every structure throw at every depth of the stack, with a full heap and out of the user's callbacks; then other"
        + " threads must go on and nothing may be lost or doubled.")
public final class Throwing implements Callable<Integer> {
    @Option(names = "--rounds", paramLabel = "N", defaultValue = "40", description = "for each structure and way (default: 40)")
    int rounds;

    @Option(names = "--only", paramLabel = "NAME", description = "structures whose name has this in it")
    String only;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "another one ends stacks elsewhere (default: 1)")
    long seed;

    @Option(names = "--jvm", paramLabel = "OPTION", description = "an option for the JVMs; may be repeated")
    List<String> jvm = new ArrayList<>();

    @Option(names = "--mode", paramLabel = "MODE", description = "int, c1, cold, warm or calls (default: each)")
    Mode mode;

    @Option(names = "--agent", paramLabel = "JAR", description = "the jar of this program, which is an agent too; without it"
            + " nothing is thrown at single calls, and no thread is stopped there")
    Path agent;

    @Option(names = "--way", paramLabel = "WAY", description = "stack, heap, callback, call or stop (default: each)")
    Round.Way onlyWay;

    @Option(names = "--ours", description = "without the peers, some of which hang")
    boolean ours;

    @Option(names = "--in-this-jvm", hidden = true)
    boolean here;

    /** How the code runs while it is made to throw. */
    enum Mode {
        INT("interpreted", 0, "-Xint"),
        C1("compiled by C1", 3000, "-XX:TieredStopAtLevel=1"),
        COLD("mixed, most of it still interpreted", 0, "-XX:CompileThresholdScaling=20"),
        WARM("mixed, compiled before", 5000, "-XX:+UseSerialGC"),
        /** The only one with {@link PointsAgent}. */
        CALLS("thrown or stopped at single calls", 100, "-XX:+UseSerialGC");

        final String title;
        final int warmUp;
        final String option;

        Mode(String title, int warmUp, String option) {
            this.title = title;
            this.warmUp = warmUp;
            this.option = option;
        }
    }

    /**
     * Runs the command.
     *
     * @param arguments its options
     */
    public static void main(String[] arguments) {
        CommandLine line = new CommandLine(new Throwing()).setCaseInsensitiveEnumValuesAllowed(true);
        line.setParameterExceptionHandler((e, given) -> {
            System.err.println("bin/throws: " + e.getMessage());
            e.getCommandLine().usage(System.err);
            return 2;
        });
        System.exit(line.execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        if (here) {
            Class.forName("java.lang.Shutdown"); // while there is heap for it: without, this JVM cannot end
            Neighbours.lap();
            return runHere();
        }
        int failed = 0;
        for (Mode each : Mode.values()) {
            if (each == Mode.CALLS && mode == each && agent == null) {
                System.out.println("nothing can be thrown at single calls without the agent, which needs Java 24");
                return 2;
            }
            if ((mode == null || mode == each) && (each != Mode.CALLS || agent != null)) {
                failed += fork(each);
            }
        }
        System.out.println(failed == 0 ? "nothing was left behind" : failed + " modes FAILED");
        return failed == 0 ? 0 : 1;
    }

    private int fork(Mode each) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                each.option, "-Xmx32m", "-XX:+UseSerialGC", "-XX:MaxJavaStackTraceDepth=64", "-XX:-PrintWarnings",
                "--enable-native-access=ALL-UNNAMED", "-Drseq4j.benchmark.simulateRequests=true"));
        if (Runtime.version().feature() >= 23) {
            command.add("--sun-misc-unsafe-memory-access=allow");
        }
        if (each == Mode.CALLS) {
            command.add("-javaagent:" + agent);
        }
        command.addAll(jvm);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Throwing.class.getName(), "--in-this-jvm",
                "--mode", each.name(), "--rounds", Integer.toString(rounds), "--seed", Long.toString(seed)));
        if (onlyWay != null) {
            command.addAll(List.of("--way", onlyWay.name()));
        }
        if (ours) {
            command.add("--ours");
        }
        if (only != null) {
            command.addAll(List.of("--only", only));
        }
        return new ProcessBuilder(command).inheritIO().start().waitFor() == 0 ? 0 : 1;
    }

    /** What was thrown and what failed, of one structure. */
    private static final class Tally {
        int rounds;
        int thrown;
        int failures;
        int hung;
        /** Threads that ended with a request still set, which a kernel clears when it next takes the CPU away. */
        int requestsLeft;
        /** Where a thread of this structure was stopped, and whether it was everywhere it comes to. */
        final boolean[] stoppedAt = new boolean[Points.SITES];
        int places;
        boolean everywhere;
        /** Where a thread of this structure threw: once, and again and again. */
        final boolean[] thrownOnceAt = new boolean[Points.SITES];
        final boolean[] thrownOnAt = new boolean[Points.SITES];
        final Map<String, Integer> kinds = new LinkedHashMap<>();
    }

    private int runHere() throws Exception {
        Map<Subjects, Tally> tallies = new EnumMap<>(Subjects.class);
        System.out.println(mode.title);
        boolean bad = false;
        for (Subjects subject : Subjects.values()) {
            if (subject.isHere() && (only == null || subject.title.contains(only)) && !(ours && subject.peer)) {
                Tally tally = new Tally();
                tallies.put(subject, tally);
                for (Round.Way way : Round.Way.values()) {
                    boolean atCalls = way.compareTo(Round.Way.CALL) >= 0;
                    if (way == Round.Way.HEAP && onlyWay != way && (mode == Mode.INT || mode == Mode.COLD)) {
                        continue; // finds what it finds where code is compiled
                    }
                    if (atCalls == (mode == Mode.CALLS) && !(atCalls && subject.peer)
                            && (onlyWay == null || way == onlyWay)) {
                        run(subject, way, tally);
                    }
                }
                print(subject, tally);
                bad |= !subject.peer && tally.failures > 0 && !isAsItsBase(subject);
            }
        }
        return bad ? 1 : 0;
    }

    /**
     * Interpreted, or mostly so, one round of forty leaves Micrometer's maps of a registry half changed, in ours as in
     * its own, the peer.
     */
    private boolean isAsItsBase(Subjects subject) {
        return (mode == Mode.INT || mode == Mode.COLD) && subject == Subjects.REGISTRY;
    }

    private void run(Subjects subject, Round.Way way, Tally tally) throws Exception {
        // With a full heap each round takes long, as each Throwable is two collections, and one is like another.
        int times = way == Round.Way.HEAP && onlyWay != way ? Math.max(1, rounds / 20) : rounds;
        for (int i = 0; i < times && tally.failures < 10 && tally.hung < 2; i++) {
            int warmUp = i == 0 ? mode.warmUp : mode.warmUp / 100;
            boolean stopsAnew = way == Round.Way.STOP && !tally.everywhere && i % 3 != 2;
            boolean throwsAnew = way == Round.Way.CALL && i % 3 != 2;
            boolean[] thrownAt = i % 3 == 0 ? tally.thrownOnceAt : tally.thrownOnAt;
            boolean[] before = stopsAnew ? tally.stoppedAt : throwsAnew ? thrownAt : null;
            Round.Result result = new Round(subject.make(), subject.peer, seed * 31 + i, before, i % 3 == 0)
                    .run(way, warmUp);
            if (stopsAnew) {
                tally.places += result.thrown();
                tally.everywhere = i % 3 == 0 && result.thrown() == 0;
            }
            tally.hung += result.hung() ? 1 : 0; // each leaves a thread that may spin for ever
            tally.rounds++;
            tally.thrown += result.thrown();
            tally.requestsLeft += result.requestLeft() ? 1 : 0;
            if (result.wrong() != null) {
                tally.failures++;
                tally.kinds.merge(way + ": " + result.wrong(), 1, Integer::sum);
            }
        }
    }

    private static int placesOf(boolean[] sites) {
        int places = 0;
        for (boolean site : sites) {
            places += site ? 1 : 0;
        }
        return places;
    }

    private void print(Subjects subject, Tally tally) {
        System.out.printf("  %-34s %5d rounds %7d thrown %4s%s%n", subject.title, tally.rounds, tally.thrown,
                tally.failures == 0 ? "ok" : tally.failures + " FAILED",
                subject.peer ? "  (peer)" : isAsItsBase(subject) ? "  (not counted: as PrometheusMeterRegistry)" : "");
        int calls = placesOf(tally.thrownOnceAt);
        if (calls > 0) {
            System.out.printf("      thrown at %d calls, and from %d calls on%n", calls, placesOf(tally.thrownOnAt));
        }
        if (tally.places > 0) {
            System.out.printf("      stopped at %d places, %s%n", tally.places,
                    tally.everywhere ? "which are all that it came to" : "not yet all");
        }
        if (tally.requestsLeft > 0) {
            System.out.printf("      note: %d threads ended with a request for an extension still set%n",
                    tally.requestsLeft);
        }
        tally.kinds.forEach((what, times) -> System.out.println("      " + times + " x " + what));
    }
}
