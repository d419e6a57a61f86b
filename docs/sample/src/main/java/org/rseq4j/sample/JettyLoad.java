// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.sample;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.rseq4j.Rseq;
import org.rseq4j.sample.JettyServer.Part;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The same load on each kind of server in turn, and a table. Each server is a JVM of its own that stays for all rounds,
 * and so is the load. All share this machine: only differences between the servers mean something.
 */
@Command(name = "jetty.sh", mixinStandardHelpOptions = true, sortOptions = false, usageHelpAutoWidth = true,
        description = "Jetty as it comes, beside Jetty with parts replaced, under the same load in turn.")
public final class JettyLoad extends Comparison {
    @Option(names = "--connections", paramLabel = "N", defaultValue = "128",
            description = "connections, each with one request at a time (default: ${DEFAULT-VALUE})")
    private int connections;
    @Option(names = "--threads", paramLabel = "N", defaultValue = "64", description = "threads of the server (default: ${DEFAULT-VALUE})")
    private int threads;
    @Option(names = "--reserved", paramLabel = "N", defaultValue = "-1", description = "threads that Jetty hands requests to "
            + "without its queue; 0: all go through the queue; -1: as many as Jetty thinks best (default: ${DEFAULT-VALUE})")
    private int reserved;
    @Option(names = "--java-client", description = "the load from Java, also where there is wrk")
    private boolean javaClient;

    /** The kinds of server, in the order of the table. */
    private static final Map<String, Set<Part>> KINDS = new LinkedHashMap<>();

    static {
        KINDS.put("Jetty as it comes", EnumSet.noneOf(Part.class));
        KINDS.put("buffer pool on PerCpuPool", EnumSet.of(Part.BUFFERS));
        KINDS.put("queue a SliceBlockingQueue", EnumSet.of(Part.QUEUE));
        KINDS.put("both", EnumSet.allOf(Part.class));
    }

    /** What a server counted. */
    private record Counts(long requests, long queued, long handedOver, long buffersMade) {
    }

    private JettyLoad() {
        super(7, 3, 6);
    }

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new JettyLoad()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        checkRounds();
        check("--connections", connections, 1, 10_000);
        check("--threads", threads, 8, 10_000);
        check("--reserved", reserved, -1, threads / 2);
        Load load = javaClient ? new Load.Java() : Load.wrkOrJava();
        System.out.println(Rseq.status());
        System.out.printf("%n%d rounds of %d s in turn, after one of %d s; load: %s, %d connections; servers of %d threads, %s%n%n",
                rounds, seconds, warmup, load, connections, threads,
                reserved < 0 ? "reserved threads as Jetty thinks best" : reserved + " reserved");
        List<Server> servers = new ArrayList<>();
        try {
            for (Map.Entry<String, Set<Part>> kind : KINDS.entrySet()) {
                servers.add(new Server(kind.getKey(), kind.getValue(), threads, reserved));
            }
            for (Server server : servers) {
                server.run(new Load.Java(), 1, connections); // which counts exactly: one check more
                server.run(load, warmup, connections);
            }
            for (int round = 0; round < rounds; round++) {
                for (int i = 0; i < servers.size(); i++) {
                    Server server = servers.get((round + i) % servers.size());
                    server.rounds.add(server.run(load, seconds, connections));
                }
            }
            report(servers);
        } finally {
            servers.forEach(Server::close);
        }
        return 0;
    }

    private static void report(List<Server> servers) throws IOException {
        System.out.println("Medians of the rounds, (lowest to highest); the factor is that of the rates of the same round.");
        System.out.println();
        System.out.println("| server | requests/s | times Jetty's | p50 us | p99 us | p99.9 us | through the queue | handed over |");
        System.out.println("| --- | --- | --- | --- | --- | --- | --- | --- |");
        List<Load.Round> baseline = servers.getFirst().rounds;
        for (Server server : servers) {
            List<Load.Round> rounds = server.rounds;
            DoubleStream factors = IntStream.range(0, rounds.size())
                    .mapToDouble(i -> rounds.get(i).rate() / baseline.get(i).rate());
            Counts counts = server.counts();
            System.out.printf("| %s | %s | %s | %s | %s | %s | %.0f%% | %.0f%% |%n", server.name,
                    spread("%.0f", rounds, Load.Round::rate),
                    server == servers.getFirst() ? "1" : spread("%.2f", factors), spread("%.0f", rounds, Load.Round::p50),
                    spread("%.0f", rounds, Load.Round::p99), spread("%.0f", rounds, Load.Round::p999),
                    100.0 * counts.queued / counts.requests, 100.0 * counts.handedOver / counts.requests);
        }
        System.out.println();
        for (Server server : servers) {
            Counts counts = server.counts();
            System.out.println(server.name + ": " + counts.requests + " requests"
                    + (counts.buffersMade < 0 ? "" : ", " + counts.buffersMade + " buffers made"));
        }
    }

    /** A server's process. */
    private static final class Server implements AutoCloseable {
        private final String name;
        private final Process process;
        private final PrintStream in;
        private final BufferedReader out;
        private final int port;
        private final List<Load.Round> rounds = new ArrayList<>();

        /** Starts it by this JVM's own command, with another main class. */
        Server(String name, Set<Part> parts, int threads, int reserved) throws IOException {
            this.name = name;
            List<String> command = new ArrayList<>();
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                    .filter(argument -> !argument.startsWith("-agentlib"))
                    .forEach(command::add);
            command.addAll(List.of("-Xms512m", "-Xmx512m"));
            String main = JettyServer.class.getName();
            Module module = JettyServer.class.getModule();
            if (module.isNamed()) {
                command.addAll(List.of("--module-path", System.getProperty("jdk.module.path"), "--module",
                        module.getName() + "/" + main));
            } else {
                command.addAll(List.of("-cp", System.getProperty("java.class.path"), main));
            }
            command.add(Integer.toString(threads));
            command.add(Integer.toString(reserved));
            parts.forEach(part -> command.add(part.name()));
            process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            in = new PrintStream(process.getOutputStream(), true, StandardCharsets.US_ASCII);
            out = process.inputReader(StandardCharsets.US_ASCII);
            try {
                port = Integer.parseInt(line());
            } catch (IOException | RuntimeException e) {
                process.destroyForcibly();
                throw e;
            }
        }

        private String line() throws IOException {
            String line = out.readLine();
            if (line == null) {
                throw new IOException(name + ": the server has ended");
            }
            return line;
        }

        Counts counts() throws IOException {
            in.println("statistics");
            String[] words = line().split(" ");
            return new Counts(Long.parseLong(words[0]), Long.parseLong(words[1]), Long.parseLong(words[2]),
                    Long.parseLong(words[3]));
        }

        /** Runs the load, and checks that the server counted as many requests as were answered. */
        Load.Round run(Load load, int seconds, int connections) throws Exception {
            long before = counts().requests;
            Load.Round round = load.run(port, seconds, connections);
            for (int again = 0; round.requests() == 0 && again < 5; again++) { // a machine that is very busy
                round = load.run(port, seconds, connections);
            }
            long least = round.requests();
            // Those under way at the end of this round, and of the last one if they were answered late.
            long most = least + (load.leavesRequests() ? 2L * connections : 0);
            long deadline = System.nanoTime() + 60_000_000_000L;
            long requests = counts().requests - before;
            // the last may still be on their way to the statistics
            while (requests < least && System.nanoTime() < deadline) {
                Thread.sleep(10);
                requests = counts().requests - before;
            }
            if (least == 0 || requests < least || requests > most) {
                throw new AssertionError(name + ": " + least + " answers, " + requests + " requests in the server's statistics");
            }
            return round;
        }

        @Override
        public void close() {
            in.close();
            try {
                if (!process.waitFor(60, java.util.concurrent.TimeUnit.SECONDS)) {
                    process.destroyForcibly();
                    throw new IllegalStateException(name + ": the server does not end");
                }
                if (process.exitValue() != 0) {
                    throw new IllegalStateException(name + ": the server ended with status " + process.exitValue());
                }
            } catch (InterruptedException e) {
                process.destroyForcibly();
                throw new IllegalStateException(e);
            }
        }
    }
}
