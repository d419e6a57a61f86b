// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.IdleStrategy;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Compares queues by transfers over wall time and by the time from offer to poll, with as many producers as consumers.
 * Each contender runs in JVMs of its own, interleaved with the others'. One of 32 elements carries the time of its
 * offer; it is taken anew at each attempt, so that waiting for room is not time in the queue.
 */
@Command(name = "transfers", mixinStandardHelpOptions = true, sortOptions = false, description = "Compares queues by transfers a second and time in the queue.")
public final class Transfers implements Callable<Integer> {
    private static final int SPINS = 100;
    private static final int STAMPED = 32;

    @Option(names = "--threads", split = ",", description = "numbers of producers, and as many consumers, default ${DEFAULT-VALUE}", defaultValue = "1,4,16,64")
    private List<Integer> threads;

    @Option(names = "--capacity", description = "of the bounded queues, default ${DEFAULT-VALUE}", defaultValue = "1024")
    private int capacity;

    @Option(names = "--waiting", description = "spins and yields, Agrona's backoff, or spins and parks 50 us: ${COMPLETION-CANDIDATES}, default ${DEFAULT-VALUE}", defaultValue = "yield")
    private Waiting waiting;

    @Option(names = "--virtual", description = "virtual threads instead of platform threads")
    private boolean virtual;

    @Option(names = "--noise", description = "busy threads beside, default ${DEFAULT-VALUE}", defaultValue = "0")
    private int noise;

    @Option(names = "--only", split = ",", description = "contenders whose name contains one of these")
    private List<String> only = List.of();

    @Option(names = "--forks", description = "JVMs for each contender, default ${DEFAULT-VALUE}", defaultValue = "2")
    private int forks;

    @Option(names = "--warmup", description = "milliseconds before the first round, default ${DEFAULT-VALUE}", defaultValue = "1000")
    private long warmup;

    @Option(names = "--rounds", description = "rounds in each JVM, default ${DEFAULT-VALUE}", defaultValue = "3")
    private int rounds;

    @Option(names = "--millis", description = "milliseconds of a round, default ${DEFAULT-VALUE}", defaultValue = "500")
    private long millis;

    @Option(names = "--jvm", description = "an argument for the contenders' JVMs; may be repeated")
    private List<String> jvm = List.of();

    @Option(names = "--child", hidden = true)
    private String child;

    private volatile boolean over;
    private volatile boolean noiseOver;

    private enum Waiting {
        yield, backoff, park
    }

    /** An element with the time of its offer. */
    private static final class Stamp {
        long nanos;
    }

    private static final OperatingSystemMXBean OS = (OperatingSystemMXBean) ManagementFactory
            .getOperatingSystemMXBean();
    private static final Object END = new Object();

    private record Result(double rate, double cpus, Histogram times) {
    }

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Transfers()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        if (child != null) {
            return runChild();
        }
        List<String> names = Queues.names().stream()
                .filter(n -> only.isEmpty() || only.stream().anyMatch(n::contains)).toList();
        Map<String, Map<Integer, List<double[]>>> results = new LinkedHashMap<>();
        for (int fork = 0; fork < forks; fork++) {
            for (int count : threads) {
                for (String name : names) {
                    results.computeIfAbsent(name, n -> new LinkedHashMap<>())
                            .computeIfAbsent(count, c -> new ArrayList<>()).addAll(fork(name, count));
                }
            }
        }
        print(results);
        return 0;
    }

    private List<double[]> fork(String name, int count) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED", "-Xms1g", "-Xmx1g",
                "-XX:+UseParallelGC", "-XX:-BackgroundCompilation", "-cp", System.getProperty("java.class.path")));
        if (virtual) {
            command.add("--add-exports=java.base/jdk.internal.access=ALL-UNNAMED");
        }
        command.addAll(jvm);
        command.addAll(List.of(Transfers.class.getName(), "--child", name, "--threads", "" + count, "--capacity",
                "" + capacity, "--waiting", waiting.name(), "--noise", "" + noise, "--warmup", "" + warmup, "--rounds",
                "" + rounds, "--millis", "" + millis));
        if (virtual) {
            command.add("--virtual");
        }
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        List<double[]> samples = new ArrayList<>();
        try (var output = process.inputReader()) {
            output.lines().forEach(line -> {
                String[] words = line.split(" ", -1);
                if (words[0].equals("sample")) {
                    double[] sample = new double[words.length - 1];
                    for (int i = 0; i < sample.length; i++) {
                        sample[i] = Double.parseDouble(words[i + 1]);
                    }
                    samples.add(sample);
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

    private int runChild() throws Exception {
        int count = threads.get(0);
        for (int i = 0; i < noise; i++) {
            Thread.ofPlatform().daemon().start(() -> {
                long x = 1;
                while (!noiseOver || x == 0) {
                    x = x * 6364136223846793005L + 1442695040888963407L;
                }
            });
        }
        run(count, warmup);
        for (int i = 0; i < rounds; i++) {
            Result result = run(count, millis);
            Histogram times = result.times;
            System.out.printf(Locale.ROOT, "sample %f %f %d %d %d %d%n", result.rate, result.cpus,
                    times.getValueAtPercentile(50), times.getValueAtPercentile(99), times.getValueAtPercentile(99.9),
                    times.getValueAtPercentile(99.99));
        }
        noiseOver = true;
        return 0;
    }

    private interface Task {
        void run() throws Exception;
    }

    private Result run(int count, long length) throws Exception {
        Queues.Transfer queue = Queues.make(child, capacity);
        over = false;
        var failure = new AtomicReference<Throwable>();
        var start = new CountDownLatch(1);
        var ready = new CountDownLatch(2 * count);
        long[] counts = new long[count];
        Histogram[] times = new Histogram[count];
        List<Thread> producers = new ArrayList<>();
        List<Thread> consumers = new ArrayList<>();
        Thread.Builder builder = virtual ? Thread.ofVirtual() : Thread.ofPlatform().daemon();
        for (int i = 0; i < count; i++) {
            int number = i;
            times[i] = new Histogram(60_000_000_000L, 3);
            producers.add(start(builder, ready, start, failure, () -> produce(queue)));
            consumers.add(
                    start(builder, ready, start, failure, () -> counts[number] = consume(queue, times[number])));
        }
        ready.await();
        long begun = System.nanoTime();
        long cpuBefore = OS.getProcessCpuTime();
        start.countDown();
        Thread.sleep(length);
        double cpus = (OS.getProcessCpuTime() - cpuBefore) / (double) (System.nanoTime() - begun);
        over = true;
        join(producers, failure);
        if (queue.blocks()) {
            for (int i = 0; i < count; i++) {
                queue.offer(END);
            }
        }
        join(consumers, failure);
        double seconds = (System.nanoTime() - begun) / 1e9;
        long sum = 0;
        var all = new Histogram(60_000_000_000L, 3);
        for (int i = 0; i < count; i++) {
            sum += counts[i];
            all.add(times[i]);
        }
        return new Result(sum / seconds, cpus, all);
    }

    private static Thread start(Thread.Builder builder, CountDownLatch ready, CountDownLatch start,
            AtomicReference<Throwable> failure, Task task) {
        return builder.start(() -> {
            try {
                ready.countDown();
                start.await();
                task.run();
            } catch (Throwable e) {
                failure.set(e);
            }
        });
    }

    private static void join(List<Thread> all, AtomicReference<Throwable> failure) throws InterruptedException {
        for (Thread thread : all) {
            thread.join(30_000);
            if (thread.isAlive() || failure.get() != null) {
                throw new IllegalStateException("a worker failed or did not end: " + thread, failure.get());
            }
        }
    }

    private IdleStrategy backoff() {
        return new BackoffIdleStrategy(SPINS, 10, 1_000, 100_000);
    }

    private void produce(Queues.Transfer queue) throws InterruptedException {
        Object plain = new Object();
        IdleStrategy idle = backoff();
        while (!over) {
            for (int i = 0; i < STAMPED; i++) {
                if (i == 0) {
                    var stamp = new Stamp();
                    int fails = 0;
                    while (true) {
                        stamp.nanos = System.nanoTime();
                        if (queue.offer(stamp)) {
                            break;
                        }
                        if (over) {
                            return; // the consumers may have left
                        }
                        idle(fails++, idle);
                    }
                } else {
                    int fails = 0;
                    while (!queue.offer(plain)) {
                        if (over) {
                            return;
                        }
                        idle(fails++, idle);
                    }
                }
                if (waiting == Waiting.backoff) {
                    idle.reset();
                }
            }
        }
    }

    @SuppressWarnings("ReferenceEquality") // END is one object
    private long consume(Queues.Transfer queue, Histogram times) throws InterruptedException {
        long count = 0;
        int fails = 0;
        IdleStrategy idle = backoff();
        while (true) {
            boolean last = over;
            Object element = queue.poll();
            if (element == null) {
                if (last && fails > SPINS && queue.isEmpty()) {
                    return count;
                }
                idle(fails++, idle);
            } else if (element == END) {
                return count;
            } else {
                if (waiting == Waiting.backoff && fails > 0) {
                    idle.reset();
                }
                fails = 0;
                count++;
                if (element instanceof Stamp stamp) {
                    times.recordValue(Math.max(0, System.nanoTime() - stamp.nanos));
                }
            }
        }
    }

    private void idle(int fails, IdleStrategy idle) {
        switch (waiting) {
            case yield -> {
                if (fails < SPINS) {
                    Thread.onSpinWait();
                } else {
                    Thread.yield();
                }
            }
            case backoff -> idle.idle();
            case park -> {
                if (fails < SPINS) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.parkNanos(50_000);
                }
            }
        }
    }

    private void print(Map<String, Map<Integer, List<double[]>>> results) {
        System.out.printf(
                "capacity %d, waiting %s, %s threads, %d noise threads: million transfers a second, median (least to most);%n"
                        + "time in the queue in us at p50, p99, p99.9, p99.99, the worst round's;%n"
                        + "the CPUs that it got, the least round's%n",
                capacity, waiting, virtual ? "virtual" : "platform", noise);
        results.forEach((name, byCount) -> byCount.forEach((count, samples) -> {
            double[] rates = samples.stream().mapToDouble(s -> s[0] / 1e6).sorted().toArray();
            System.out.printf(Locale.ROOT, "%-44s %4d+%-4d %6.1f (%.1f to %.1f)", name, count, count,
                    rates[rates.length / 2], rates[0], rates[rates.length - 1]);
            for (int i = 2; i <= 5; i++) {
                int column = i;
                System.out.printf(Locale.ROOT, " %10.1f",
                        samples.stream().mapToDouble(s -> s[column] / 1e3).max().orElse(0));
            }
            System.out.printf(Locale.ROOT, "   %.2f%n", samples.stream().mapToDouble(s -> s[1]).min().orElse(0));
        }));
    }
}
