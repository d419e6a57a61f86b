// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.rseq4j.Rseq;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Runs the server under load, with each side's structures by turns, and reports; see bin/demo. */
@CommandLine.Command(name = "demo")
public final class Demo implements Callable<Integer> {
    @Option(names = "--server", defaultValue = "demo")
    private String server;

    @Option(names = "--seconds", defaultValue = "120")
    private int seconds;

    @Option(names = "--connections", defaultValue = "64")
    private int connections;

    @Option(names = "--port", defaultValue = "0")
    private int port;

    @Option(names = "--compare", split = ",", defaultValue = "rseq4j,jdk")
    private List<String> names;

    @Option(names = "--rates", split = ",")
    private List<Integer> percents = List.of();

    @Option(names = "--chart")
    private Path chart;

    @Option(names = "--json")
    private Path json;

    @Option(names = "--trace")
    private boolean trace;

    @Option(names = "--log")
    private Path log;

    private volatile boolean interrupted;

    /** The JIT rests when it takes less than this part of a CPU. */
    private static final double RESTING = 0.05;

    /** Held, so that its level stays: the server tells of its start and end, which the report does. */
    private static final Logger SERVER = Logger.getLogger("io.helidon");

    private Demo() {
    }

    public static void main(String[] arguments) {
        SERVER.setLevel(Level.WARNING);
        System.setProperty("slf4j.internal.verbosity", "ERROR"); // Jetty's logging, of which nothing is expected
        int status = new CommandLine(new Demo()).setExecutionExceptionHandler((e, command, result) -> {
            System.err.println("bin/demo: " + e);
            return 1;
        }).execute(arguments);
        System.out.flush();
        // Not exit: where Ctrl-C has begun to end this JVM, its hook waits for this thread.
        Runtime.getRuntime().halt(status);
    }

    @Override
    public Integer call() throws Exception {
        // Only to say it in one line: the server's own bind is what counts.
        try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getByName("127.0.0.1"))) {
            probe.getLocalPort();
        } catch (BindException e) {
            System.err.println(
                    "bin/demo: port " + port + " is in use on 127.0.0.1, or may not be used: " + e.getMessage());
            return 1;
        }
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            interrupted = true;
            try {
                main.join(20_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }));
        Path folder = log != null ? Files.createDirectories(log) : Files.createTempDirectory("rseq4j-demo");
        try {
            return run(folder);
        } finally {
            if (log == null) {
                remove(folder);
            }
        }
    }

    private int run(Path folder) throws Exception {
        List<Server.Backend> backends = new ArrayList<>();
        Live live = new Live(backends);
        List<Subject> subjects = server.equals("demo") ? demo(folder, backends, live) : OtherServers.start(server);
        List<Side> sides = subjects.stream().map(Side::new).toList();
        introduce(backends, subjects.getFirst(), folder);
        Map<Integer, Double> rates = new TreeMap<>();
        Pauses pauses = new Pauses();
        try (Clients clients = new Clients(connections, live)) {
            measure(new Rounds(sides, clients, live), Plan.of(seconds, sides.size(), percents), rates);
        }
        for (Subject subject : subjects) {
            subject.stop();
        }
        boolean stopped = interrupted;
        Report report = new Report(sides, rates, stopped);
        System.out.println();
        System.out.print(report);
        SlowestReport slowest = new SlowestReport(sides, pauses);
        if (trace) {
            System.out.print(slowest);
        }
        if (json != null) {
            new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(json.toFile(),
                    trace ? slowest.addTo(report.toTree()) : report.toTree());
        }
        if (chart != null) {
            report.draw(chart);
        }
        return !report.passed() ? 1 : stopped ? 130 : 0;
    }

    /** The demo's own server, one for all sides. */
    private List<Subject> demo(Path folder, List<Server.Backend> backends, Live live) throws IOException {
        for (String name : names) {
            Files.deleteIfExists(AccessLog.file(folder, name));
            Structures structures = Structures.of(name, folder);
            backends.add(new Server.Backend(structures, new AccessLog(structures, folder)));
        }
        var own = new Server(backends, live, port, trace);
        return backends.stream().<Subject>map(backend -> new DemoSubject(own, backend)).toList();
    }

    private void introduce(List<Server.Backend> backends, Subject subject, Path folder) {
        System.err.println("bin/demo: " + Rseq.status().toString().lines()
                .filter(line -> line.startsWith("slice extension")
                        || line.startsWith("registration"))
                .map(line -> line.replaceAll("  +", " ")).reduce((a, b) -> a + "; " + b).orElse(""));
        for (Server.Backend backend : backends) {
            String name = backend.structures().name();
            Path file = Structures.counterFile(name, folder);
            if (Files.exists(file)) {
                System.err.println("bin/demo: bin/stat " + file + " shows the counters of " + name);
            }
        }
        System.err.println("bin/demo: " + (backends.isEmpty()
                ? server + ", "
                : "http://127.0.0.1:" + subject.port() + "/ shows the live figures; ") + connections + " connections");
    }

    /** What a round is run with, and the sides that it is run on by turns. */
    private record Rounds(List<Side> sides, Clients clients, Live live) {
    }

    private interface Round {
        Load.Round run(Side side, Load load) throws IOException;
    }

    private void measure(Rounds rounds, Plan plan, Map<Integer, Double> rates) throws Exception {
        warmUp(rounds, plan);
        for (int i = 0; i < plan.saturationRounds(); i++) {
            String name = "saturation " + (i + 1) + " of " + plan.saturationRounds();
            byTurns(rounds, i, name, (side, load) -> {
                Load.Round round = side.count(load.closed(plan.saturationMillis()));
                side.saturation.add(round.rate());
                return round;
            });
        }
        if (rounds.sides.stream().anyMatch(side -> side.saturation.isEmpty())) {
            return; // interrupted
        }
        double saturation = rounds.sides.stream().mapToDouble(side -> side.saturation().median()).min().orElseThrow();
        for (int percent : plan.percents()) {
            rates.put(percent, saturation * percent / 100);
        }
        for (int i = 0; i < plan.rateRounds(); i++) {
            for (int percent : plan.percents()) {
                long seed = i * 1000L + percent;
                String name = "round " + (i + 1) + " of " + plan.rateRounds() + ", " + percent + "%";
                byTurns(rounds, i, name, (side, load) -> {
                    Load.Round round = side.count(load.open(plan.rateMillis(), rates.get(percent), seed));
                    side.add(percent, round);
                    return round;
                });
            }
        }
    }

    /** Until the JIT rests: what is measured before is the compiler. */
    private void warmUp(Rounds rounds, Plan plan) throws Exception {
        CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
        double share = 1;
        for (int pair = 0; pair < plan.mostWarmUps() && share > RESTING && !interrupted; pair++) {
            long compiled = compiler.getTotalCompilationTime();
            long begun = System.nanoTime();
            byTurns(rounds, pair, "warm-up", (side, load) -> side.count(load.closed(plan.warmUpMillis())));
            share = (compiler.getTotalCompilationTime() - compiled) * 1e6 / (System.nanoTime() - begun);
        }
        System.err.println(
                String.format(Locale.ROOT, "bin/demo: the JIT compiler took %.0f%% of a CPU in the last pair%s",
                        share * 100, share > RESTING ? ": not at rest yet, give more --seconds" : ""));
    }

    /** By turns first and second: what comes first finds the code colder, and the machine as the other left it. */
    private void byTurns(Rounds rounds, int turn, String name, Round action) throws Exception {
        List<Side> order = (turn & 1) == 0 ? rounds.sides : rounds.sides.reversed();
        for (Side side : order) {
            if (interrupted) {
                return;
            }
            side.subject.use();
            rounds.live.begin(side.name(), name);
            Load.Round round = action.run(side, rounds.clients.of(side.subject.port()));
            System.err.println(String.format(Locale.ROOT,
                    "%-22s %-10s %,9.0f requests/s   p50 %8.2f   p99 %8.2f   p99.9 %8.2f ms", name, side.name(),
                    round.rate(), round.latency().getValueAtPercentile(50) / 1e6,
                    round.latency().getValueAtPercentile(99) / 1e6,
                    round.latency().getValueAtPercentile(99.9) / 1e6));
        }
    }

    private static void remove(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }
}
