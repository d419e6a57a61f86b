package org.rseq4j.benchmarks;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * Bytes that each operation of a suite's contenders allocates on the Java heap, as the JVM counts them for all threads. Each
 * contender should have a JVM of its own (with {@code --only}), as in {@link WallClock}.
 */
@Command(name = "allocations", mixinStandardHelpOptions = true, description = "Bytes allocated for an operation.")
public final class Allocations implements Callable<Integer> {
    @Parameters(index = "0", description = "the suite, as in WallClock")
    private String suite;

    @Option(names = "--threads", description = "number of threads, default ${DEFAULT-VALUE}", defaultValue = "2")
    private int threads;

    @Option(names = "--virtual", description = "virtual threads instead of platform threads")
    private boolean virtual;

    @Option(names = "--only", split = ",", description = "contenders whose name contains one of these")
    private List<String> only = List.of();

    @Option(names = "--millis", description = "milliseconds of warm-up and of each of two rounds, default ${DEFAULT-VALUE}", defaultValue = "1000")
    private long millis;

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Allocations()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        var bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (Map.Entry<String, Contender.Factory> entry : Suites.named(suite).contenders().entrySet()) {
            if (!only.isEmpty() && only.stream().noneMatch(entry.getKey()::contains)) {
                continue;
            }
            try (Contender contender = entry.getValue().make(threads)) {
                run(contender);
                run(contender);
                long before = bean.getTotalThreadAllocatedBytes();
                long operations = run(contender);
                long bytes = bean.getTotalThreadAllocatedBytes() - before;
                System.out.printf(Locale.ROOT, "%-44s %10.3f bytes an operation (%d in %d)%n", entry.getKey(),
                        (double) bytes / operations, bytes, operations);
            }
        }
        return 0;
    }

    private long run(Contender contender) throws InterruptedException {
        var round = new Round();
        long[] operations = new long[threads * 16];
        Thread[] workers = new Thread[threads];
        Thread.Builder builder = virtual ? Thread.ofVirtual() : Thread.ofPlatform().daemon();
        for (int i = 0; i < threads; i++) {
            int thread = i;
            workers[i] = builder.start(() -> {
                try {
                    operations[thread * 16] = contender.work(thread, round);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
        }
        Thread.sleep(millis);
        round.end();
        long sum = 0;
        for (int i = 0; i < threads; i++) {
            workers[i].join();
            sum += operations[i * 16];
        }
        return Math.max(1, sum);
    }
}
