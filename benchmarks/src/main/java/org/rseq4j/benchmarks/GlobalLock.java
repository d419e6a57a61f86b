// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.StampedLock;
import org.HdrHistogram.Histogram;
import org.rseq4j.SliceExtension;
import org.rseq4j.locks.ExtendedLock;
import org.rseq4j.locks.SliceLock;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * The global-lock benchmark of the time slice extension's developers: short work under one lock, work outside, more
 * threads than CPUs. All contenders take turns of a fraction of a second in one JVM, so that what disturbs the machine
 * disturbs all of them, and each is compared with the same loop without a lock in the same turn.
 *
 * <p>
 * Where the kernel grants extensions, each of ours is there twice: once more from a copy of the library that registers
 * nothing.
 *
 * <p>
 * On one CPU it counts the holds in which the holder lost its CPU: another thread ran during the hold and got as far as
 * its work outside or the lock.
 */
@Command(name = "globallock", mixinStandardHelpOptions = true, sortOptions = false, description = "Compares locks, taking turns in one JVM.")
public final class GlobalLock implements Callable<Integer> {
    private static final boolean ONE_CPU = Runtime.getRuntime().availableProcessors() == 1;
    private static final String NO_LOCK = "no lock";
    /** Parts of the work outside: after each one the thread says that it runs, on one CPU. */
    private static final int PARTS = 4;

    @Option(names = "--threads", split = ",", description = "numbers of threads, default ${DEFAULT-VALUE}", defaultValue = "1,2,4,16,64")
    private List<Integer> threads;

    @Option(names = "--only", split = ",", description = "contenders whose name contains one of these, beside no lock")
    private List<String> only = List.of();

    @Option(names = "--inside", description = "work under the lock, in ns where the calibration is right, default ${DEFAULT-VALUE}", defaultValue = "100")
    private int inside;

    @Option(names = "--outside", description = "work outside, default ${DEFAULT-VALUE}", defaultValue = "400")
    private int outside;

    @Option(names = "--warmup", description = "turns before the first that counts, default ${DEFAULT-VALUE}", defaultValue = "2")
    private int warmup;

    @Option(names = "--rounds", description = "turns that count, default ${DEFAULT-VALUE}", defaultValue = "5")
    private int rounds;

    @Option(names = "--millis", description = "milliseconds of a turn, default ${DEFAULT-VALUE}", defaultValue = "200")
    private long millis;

    @Option(names = "--waits", description = "record how long each acquisition took")
    private boolean waits;

    private final Map<String, Lock> contenders = new LinkedHashMap<>();

    /** One turn. */
    private record Turn(double rate, double slowest, double preempted, double switches) {
    }

    /** What one turn's threads share. */
    private static final class Shared {
        private static final VarHandle RUNNER;

        static {
            try {
                RUNNER = MethodHandles.lookup().findVarHandle(Shared.class, "runner", int.class);
            } catch (ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }

        @SuppressWarnings("UnusedVariable") // by RUNNER
        private int runner;
        private final long[] words = new long[48];
        private long preempted;

        void runs(int thread) {
            if (ONE_CPU) {
                RUNNER.setOpaque(this, thread);
            }
        }

        void work(int thread, int times) {
            runs(thread);
            words[24] = Calibrated.multiply(words[24], times);
            if (ONE_CPU && (int) RUNNER.getOpaque(this) != thread) {
                preempted++;
            }
        }
    }

    /** Locks nothing: the bound. */
    private static final class NoLock extends NoConditions {
        @Override
        public void lock() {
        }

        @Override
        public void unlock() {
        }
    }

    /** The monitor of an object, by a loop of its own. */
    private static final class Monitor extends NoConditions {
        @Override
        public void lock() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void unlock() {
            throw new UnsupportedOperationException();
        }
    }

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new GlobalLock()).execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        add("synchronized", new Monitor());
        add("ReentrantLock", new ReentrantLock());
        add("StampedLock", new StampedLock().asWriteLock());
        add("TTAS spin lock", new LocksSuite.SpinLock());
        add("rseq4j SliceLock", new SliceLock());
        add("rseq4j ExtendedLock of ReentrantLock", ExtendedLock.wrap(new ReentrantLock()));
        if (SliceExtension.isSupported()) {
            add("rseq4j SliceLock, extension off", withoutExtension());
        }
        contenders.put(NO_LOCK, new NoLock());
        System.out.printf(
                "%d CPUs, extension %s, %d inside, %d outside, %d turns of %d ms; M holds/s, median (least to most),"
                        + " share of no lock in the same turn [slowest thread / mean]%n",
                Runtime.getRuntime().availableProcessors(), SliceExtension.isSupported() ? "on" : "not supported",
                inside,
                outside, rounds, millis);
        for (int count : threads) {
            compare(count);
        }
        return 0;
    }

    private void add(String name, Lock lock) {
        if (only.isEmpty() || only.stream().anyMatch(name::contains)) {
            contenders.put(name, lock);
        }
    }

    /** From a copy of the library that registers nothing, in a class loader of its own. */
    @SuppressWarnings("resource") // for as long as the process lives
    private static Lock withoutExtension() throws Exception {
        String property = "rseq4j.registration";
        String before = System.setProperty(property, "none");
        try {
            List<URL> path = new ArrayList<>();
            for (String entry : System.getProperty("java.class.path").split(java.io.File.pathSeparator, -1)) {
                path.add(Path.of(entry).toUri().toURL());
            }
            var loader = new URLClassLoader(path.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
            if ((boolean) loader.loadClass(SliceExtension.class.getName()).getMethod("isSupported").invoke(null)) {
                throw new IllegalStateException("the copy makes requests");
            }
            return (Lock) loader.loadClass(SliceLock.class.getName()).getConstructor().newInstance();
        } finally {
            if (before == null) {
                System.clearProperty(property);
            } else {
                System.setProperty(property, before);
            }
        }
    }

    private void compare(int count) throws Exception {
        Map<String, List<Turn>> turns = new LinkedHashMap<>();
        Map<String, Histogram> histograms = new LinkedHashMap<>();
        for (int i = -warmup; i < rounds; i++) {
            for (Map.Entry<String, Lock> contender : contenders.entrySet()) {
                Histogram histogram = waits ? new Histogram(60_000_000_000L, 3) : null;
                Turn turn = turn(contender.getValue(), count, histogram);
                if (i >= 0) {
                    turns.computeIfAbsent(contender.getKey(), n -> new ArrayList<>()).add(turn);
                    if (waits) {
                        histograms.computeIfAbsent(contender.getKey(), n -> new Histogram(60_000_000_000L, 3))
                                .add(histogram);
                    }
                }
            }
        }
        List<Turn> bound = turns.get(NO_LOCK);
        System.out.printf("%d threads%n", count);
        turns.forEach((name, all) -> {
            double[] rates = all.stream().mapToDouble(Turn::rate).sorted().toArray();
            double[] shares = new double[rates.length];
            for (int i = 0; i < shares.length; i++) {
                shares[i] = all.get(i).rate / bound.get(i).rate;
            }
            System.out.printf(Locale.ROOT, "  %-38s %7.3f (%.3f to %.3f) %4.0f%% [%.2f]", name, median(rates) / 1e6,
                    rates[0] / 1e6, rates[rates.length - 1] / 1e6, 100 * median(shares),
                    median(all.stream().mapToDouble(Turn::slowest).toArray()));
            if (ONE_CPU) {
                System.out.printf(Locale.ROOT, ", preempted in %.1f of a million holds, %.0f switches/s",
                        1e6 * all.stream().mapToDouble(Turn::preempted).sum()
                                / (all.stream().mapToDouble(Turn::rate).sum()),
                        all.stream().mapToDouble(Turn::switches).average().orElse(0));
            }
            if (waits) {
                Histogram h = histograms.get(name);
                System.out.printf(", ns to get it: p50 %d, p99 %d, p99.9 %d, p99.99 %d, most %d",
                        h.getValueAtPercentile(50), h.getValueAtPercentile(99), h.getValueAtPercentile(99.9),
                        h.getValueAtPercentile(99.99), h.getMaxValue());
            }
            System.out.println();
        });
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    private Turn turn(Lock lock, int count, Histogram waited) throws Exception {
        var round = new Round();
        var shared = new Shared();
        long[] begun = new long[1];
        var start = new CyclicBarrier(count + 1, () -> begun[0] = System.nanoTime());
        long[] operations = new long[count * 16];
        long[] switches = new long[count];
        Throwable[] failure = new Throwable[1];
        Histogram[] times = new Histogram[count];
        Thread[] workers = new Thread[count];
        for (int i = 0; i < count; i++) {
            int thread = i;
            times[i] = waited == null ? null : new Histogram(60_000_000_000L, 3);
            workers[i] = Thread.ofPlatform().daemon().start(() -> {
                try {
                    start.await();
                    long before = switches();
                    Shared mine = lock instanceof NoLock ? new Shared() : shared;
                    operations[thread * 16] = work(lock, mine, shared, thread, round, times[thread]);
                    switches[thread] = switches() - before;
                } catch (Throwable e) {
                    failure[0] = e;
                }
            });
        }
        start.await();
        Thread.sleep(millis);
        round.end();
        for (Thread worker : workers) {
            worker.join();
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
            if (waited != null) {
                waited.add(times[i]);
            }
        }
        return new Turn(sum / seconds, least * (double) count / sum, shared.preempted / seconds,
                Arrays.stream(switches).sum() / seconds);
    }

    private long work(Lock lock, Shared guarded, Shared shared, int thread, Round round, Histogram times) {
        int under = Calibrated.HUNDRED_NANOSECONDS * inside / 100;
        int part = Calibrated.HUNDRED_NANOSECONDS * outside / 100 / (ONE_CPU ? PARTS : 1);
        boolean monitor = lock instanceof Monitor;
        long done = 0;
        long value = thread;
        while (round.running()) {
            for (int i = 0; i < 20; i++) {
                long begun = times == null ? 0 : System.nanoTime();
                long took = 0;
                if (monitor) {
                    synchronized (guarded) {
                        took = times == null ? 0 : System.nanoTime() - begun;
                        guarded.work(thread, under);
                    }
                } else {
                    lock.lock();
                    try {
                        took = times == null ? 0 : System.nanoTime() - begun;
                        guarded.work(thread, under);
                    } finally {
                        lock.unlock();
                    }
                }
                if (times != null) {
                    times.recordValue(took);
                }
                for (int p = 0; p < (ONE_CPU ? PARTS : 1); p++) {
                    shared.runs(thread);
                    value = Calibrated.multiply(value, part);
                }
                shared.runs(thread);
            }
            done += 20;
        }
        return LocksSuite.kept(done, value);
    }

    /** Context switches of this thread so far; 0 where there is no need of them. */
    private static long switches() throws IOException {
        if (!ONE_CPU) {
            return 0;
        }
        long sum = 0;
        for (String line : Files.readAllLines(Path.of("/proc/thread-self/status"))) {
            if (line.contains("ctxt_switches")) {
                sum += Long.parseLong(line.substring(line.indexOf(':') + 1).trim());
            }
        }
        return sum;
    }
}
