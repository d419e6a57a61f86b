package org.rseq4j.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.rseq4j.Rseq;
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** Runs the server under load, with this library's structures and the JDK's by turns, and reports; see bin/demo. */
@CommandLine.Command(name = "demo")
public final class Demo implements Callable<Integer> {
    @Option(names = "--seconds", defaultValue = "20")
    private int seconds;

    @Option(names = "--connections", defaultValue = "64")
    private int connections;

    @Option(names = "--port", defaultValue = "0")
    private int port;

    @Option(names = "--client", defaultValue = "java")
    private String client;

    @Option(names = "--json")
    private Path json;

    @Option(names = "--log")
    private Path log;

    private volatile boolean interrupted;

    /** The server's code is compiled when these have run. */
    private static final int WARM_UPS = 2;

    /** Held, so that its level stays: the server tells of its start and end, which the report does. */
    private static final Logger SERVER = Logger.getLogger("io.helidon");

    private Demo() {
    }

    public static void main(String[] arguments) {
        SERVER.setLevel(Level.WARNING);
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
        for (String name : List.of("rseq4j", "JDK")) {
            Files.deleteIfExists(folder.resolve("access-" + name + ".log"));
        }
        List<Report.Column> columns = Stream.of(new Structures.PerCpu(folder.resolve("counters")), new Structures.Jdk())
                .map(structures -> new Report.Column(new Server.Backend(structures, new AccessLog(structures, folder))))
                .toList();
        Load load = client.equals("wrk") ? new Load.Wrk(Files.createTempDirectory(folder, "wrk")) : new Load.Jdk();
        Server server = new Server(columns.stream().map(column -> column.backend).toList(), port);
        System.err.println("bin/demo: " + Rseq.status().toString().lines()
                .filter(line -> line.startsWith("slice extension")
                        || line.startsWith("registration"))
                .map(line -> line.replaceAll("  +", " ")).reduce((a, b) -> a + "; " + b).orElse(""));
        System.err.println("bin/demo: bin/stat " + folder.resolve("counters") + " shows the counters");
        System.err.println("bin/demo: http://127.0.0.1:" + server.port() + "/ shows the live figures; " + connections
                + " connections, driven by " + load.name());
        int round = seconds < 12 ? 1 : 2;
        int pairs = Math.max(1, seconds / (2 * round));
        for (int pair = -WARM_UPS; pair < pairs && !interrupted; pair++) {
            boolean warmUp = pair < 0;
            // By turns first and second: what comes first finds the code colder, and the machine as the other left it.
            for (Report.Column column : (pair & 1) == 0 ? columns : columns.reversed()) {
                if (interrupted) {
                    break;
                }
                server.use(column.backend);
                Load.Round result;
                try {
                    result = load.run(server.port(), connections, round);
                } catch (IOException e) {
                    // Ctrl-C reaches the client too until it has a session of its own, before it sends anything: the
                    // checks at the end tell whether that is so.
                    if (interruptedSoon()) {
                        break;
                    }
                    throw e;
                }
                column.add(result, warmUp);
                System.err.println(String.format(Locale.ROOT,
                        "%-14s %-8s %,10.0f requests/s   p99 %,8d us   queue %,6d",
                        warmUp ? "warm-up" : "round " + (pair + 1) + " of " + pairs, column.backend.structures().name(),
                        result.answered() / result.seconds(), result.latency().getValueAtPercentile(99),
                        column.backend.structures().depth()));
            }
        }
        server.stop();
        for (Report.Column column : columns) {
            column.backend.log().close();
        }
        boolean stopped = interrupted;
        Report report = new Report(columns, load.name(), stopped);
        System.out.println();
        System.out.print(report);
        if (json != null) {
            new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(json.toFile(), report.toTree());
        }
        return !report.passed() ? 1 : stopped ? 130 : 0;
    }

    /** Whether Ctrl-C came: its hook may run a little later than what it did elsewhere. */
    private boolean interruptedSoon() throws InterruptedException {
        for (int i = 0; i < 100 && !interrupted; i++) {
            Thread.sleep(10);
        }
        return interrupted;
    }

    private static void remove(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        }
    }
}
