package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.rseq4j.Rseq;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Compares the contenders of a suite by all operations over wall time, which is what counts with more threads than CPUs: a
 * sum of per-thread rates counts the short windows of starved threads as if they had lasted. Each contender runs in JVMs of
 * its own, interleaved with the others'; the result is the median over forks and rounds with its spread, and the share of
 * the slowest thread.
 */
@Command(name = "wallclock", mixinStandardHelpOptions = true, sortOptions = false, description = "Compares the contenders of a suite by operations over wall time.")
public final class WallClock implements Callable<Integer> {
    @Parameters(index = "0", description = "the suite: ${COMPLETION-CANDIDATES}", completionCandidates = Suites.Names.class)
    private String suite;

    @Option(names = "--threads", split = ",", description = "numbers of threads, default ${DEFAULT-VALUE}", defaultValue = "1,2,16,64")
    private List<Integer> threads;

    @Option(names = "--virtual", description = "virtual threads instead of platform threads")
    private boolean virtual;

    @Option(names = "--only", split = ",", description = "contenders whose name contains one of these")
    private List<String> only = List.of();

    @Option(names = "--forks", description = "JVMs for each contender, default ${DEFAULT-VALUE}", defaultValue = "3")
    private int forks;

    @Option(names = "--warmup", description = "milliseconds before the first round, default ${DEFAULT-VALUE}", defaultValue = "1000")
    private long warmup;

    @Option(names = "--rounds", description = "rounds in each JVM, default ${DEFAULT-VALUE}", defaultValue = "3")
    private int rounds;

    @Option(names = "--millis", description = "milliseconds of a round, default ${DEFAULT-VALUE}", defaultValue = "500")
    private long millis;

    @Option(names = "--jvm", description = "an argument for the contenders' JVMs; may be repeated")
    private List<String> jvm = List.of();

    @Option(names = "--json", description = "write all samples to this file")
    private Path json;

    @Option(names = "--child", hidden = true)
    private String child;

    /** One round: operations a second over all threads, and the slowest thread's share of the mean. */
    private record Sample(double rate, double slowest) {
    }

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new WallClock()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        Suite chosen = Suites.named(suite);
        if (child != null) {
            return runChild(chosen);
        }
        Map<String, Map<Integer, List<Sample>>> results = new LinkedHashMap<>();
        List<String> names = chosen.contenders().keySet().stream()
                .filter(n -> only.isEmpty() || only.stream().anyMatch(n::contains)).toList();
        int total = forks * names.size() * threads.size();
        int done = 0;
        long begun = System.nanoTime();
        for (int fork = 0; fork < forks; fork++) {
            for (int count : threads) {
                for (String name : names) {
                    List<Sample> samples = fork(chosen, name, count);
                    results.computeIfAbsent(name, n -> new LinkedHashMap<>())
                            .computeIfAbsent(count, c -> new ArrayList<>()).addAll(samples);
                    done++;
                    long left = (System.nanoTime() - begun) / done * (total - done);
                    System.err.printf("\r%d of %d, about %d s left   ", done, total,
                            TimeUnit.NANOSECONDS.toSeconds(left));
                }
            }
        }
        System.err.println();
        print(results);
        if (json != null) {
            write(results);
        }
        return 0;
    }

    private List<Sample> fork(Suite chosen, String name, int count) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow", "-Xms2g", "-Xmx2g",
                "-XX:+UseParallelGC", "-cp", System.getProperty("java.class.path")));
        command.addAll(chosen.jvmArguments(name));
        command.addAll(jvm);
        command.addAll(List.of(WallClock.class.getName(), suite, "--child", name, "--threads", "" + count, "--warmup",
                "" + warmup, "--rounds", "" + rounds, "--millis", "" + millis));
        if (virtual) {
            command.add("--virtual");
        }
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        List<Sample> samples = new ArrayList<>();
        try (var output = process.inputReader()) {
            output.lines().forEach(line -> {
                String[] words = line.split(" ", -1);
                if (words.length == 3 && words[0].equals("sample")) {
                    samples.add(new Sample(Double.parseDouble(words[1]), Double.parseDouble(words[2])));
                }
            });
        }
        if (!process.waitFor(60, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
        if (samples.size() != rounds) {
            throw new IllegalStateException(name + " with " + count + " threads failed");
        }
        return samples;
    }

    private int runChild(Suite chosen) throws Exception {
        int count = threads.get(0);
        try (Contender contender = chosen.contenders().get(child).make(count)) {
            run(contender, count, warmup);
            for (int i = 0; i < rounds; i++) {
                Sample sample = run(contender, count, millis);
                System.out.println("sample " + sample.rate + " " + sample.slowest);
            }
        }
        return 0;
    }

    private Sample run(Contender contender, int count, long length) throws Exception {
        var round = new Round();
        // The time is taken as the last one arrives: this thread may get its CPU long after the workers did.
        long[] begun = new long[1];
        var start = new CyclicBarrier(count + 1, () -> begun[0] = System.nanoTime());
        long[] operations = new long[count * 16];
        Throwable[] failure = new Throwable[1];
        Thread[] workers = new Thread[count];
        Thread.Builder builder = virtual ? Thread.ofVirtual() : Thread.ofPlatform().daemon();
        for (int i = 0; i < count; i++) {
            int thread = i;
            workers[i] = builder.start(() -> {
                try {
                    start.await();
                    operations[thread * 16] = contender.work(thread, round);
                } catch (Throwable e) {
                    failure[0] = e;
                }
            });
        }
        start.await();
        Thread.sleep(length);
        round.end();
        for (Thread worker : workers) {
            worker.join(30_000);
            if (worker.isAlive()) {
                throw new IllegalStateException("a worker did not end");
            }
        }
        double seconds = (System.nanoTime() - begun[0]) / 1e9;
        if (failure[0] != null) {
            throw new IllegalStateException("a worker failed", failure[0]);
        }
        long sum = 0;
        long least = Long.MAX_VALUE;
        for (int i = 0; i < count; i++) {
            sum += operations[i * 16];
            least = Math.min(least, operations[i * 16]);
        }
        return new Sample(sum / seconds, sum == 0 ? 0 : least * (double) count / sum);
    }

    private void print(Map<String, Map<Integer, List<Sample>>> results) {
        System.out.printf(
                "%s: million operations a second by wall clock, median (least to most) [slowest thread / mean]%n",
                suite);
        System.out.printf("%-44s", (virtual ? "virtual" : "platform") + " threads:");
        threads.forEach(count -> System.out.printf("%30d", count));
        System.out.println();
        results.forEach((name, byCount) -> {
            System.out.printf("%-44s", name);
            byCount.values().forEach(samples -> {
                double[] rates = samples.stream().mapToDouble(Sample::rate).sorted().toArray();
                double[] slowest = samples.stream().mapToDouble(Sample::slowest).sorted().toArray();
                System.out.printf("%30s", String.format(Locale.ROOT, "%.1f (%.1f to %.1f) [%.2f]", median(rates) / 1e6,
                        rates[0] / 1e6, rates[rates.length - 1] / 1e6, median(slowest)));
            });
            System.out.println();
        });
    }

    private static double median(double[] sorted) {
        return sorted.length == 0
                ? Double.NaN
                : (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    private void write(Map<String, Map<Integer, List<Sample>>> results) throws IOException {
        var mapper = new ObjectMapper();
        ObjectNode root = mapper.createObjectNode();
        root.put("suite", suite).put("threads", virtual ? "virtual" : "platform").put("jdk",
                Runtime.version().toString());
        root.set("machine", mapper.readTree(Rseq.status().toJson()));
        ArrayNode rows = root.putArray("results");
        results.forEach((name, byCount) -> byCount.forEach((count, samples) -> {
            ObjectNode row = rows.addObject().put("contender", name).put("threads", count);
            double[] rates = samples.stream().mapToDouble(Sample::rate).sorted().toArray();
            row.put("median", median(rates));
            ArrayNode all = row.putArray("samples");
            Arrays.stream(rates).forEach(all::add);
            ArrayNode slowest = row.putArray("slowestShare");
            samples.forEach(sample -> slowest.add(sample.slowest));
        }));
        mapper.writerWithDefaultPrettyPrinter().writeValue(json.toFile(), root);
    }
}
