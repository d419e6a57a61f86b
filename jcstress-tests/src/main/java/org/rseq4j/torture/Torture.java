// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;
import org.rseq4j.SliceExtension;
import org.rseq4j.internal.thread.Threads;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** All structures at once under faults, and exact conservation at the end. */
@Command(name = "bin/torture", mixinStandardHelpOptions = true, sortOptions = false, description = "Uses all structures at"
        + " once under a seeded schedule of faults; at the end what went in has to have come out, exactly.")
public final class Torture implements Callable<Integer> {
    @Option(names = "--seconds", paramLabel = "N", defaultValue = "20", description = "how long (default: 20)")
    int seconds;

    @Option(names = "--seed", paramLabel = "S", description = "the same seed gives the same schedule of faults")
    Long seed;

    @Option(names = "--threads", paramLabel = "N", description = "platform threads for each CPU, and as many virtual ones"
            + " (default: 8 to 32, by the seed)")
    Integer threadsPerCpu;

    @Option(names = "--json", paramLabel = "FILE", description = "write the result to this file")
    Path json;

    @Option(names = "--machine", description = "also change the machine, which must be one for tests: CPU hotplug, cpusets"
            + " and the length of slices")
    boolean machine;

    private static final boolean HAS_VIRTUAL = Runtime.version().feature() >= 21;

    private final List<Workload> workloads = new ArrayList<>();
    private final LongAdder aborts = new LongAdder();
    private final LongAdder interrupted = new LongAdder();
    private final Storm storm = new Storm();
    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean done;

    /** One fault at one time. */
    private record Event(long millis, int fault, long seed) {
    }

    /**
     * Runs the command.
     *
     * @param arguments its options
     */
    public static void main(String[] arguments) {
        CommandLine line = new CommandLine(new Torture());
        line.setParameterExceptionHandler((e, given) -> {
            System.err.println("bin/torture: " + e.getMessage());
            e.getCommandLine().usage(System.err);
            return 2;
        });
        System.exit(line.execute(arguments));
    }

    @Override
    public Integer call() throws Exception {
        check(seconds >= 1 && seconds <= 1_000_000, "--seconds has to be from 1 to 1000000: " + seconds);
        check(threadsPerCpu == null || threadsPerCpu >= 1 && threadsPerCpu <= 256,
                "--threads has to be from 1 to 256: " + threadsPerCpu);
        check(json == null || Files.isDirectory(json.toAbsolutePath().getParent()) && !Files.isDirectory(json),
                "--json cannot write this file: " + json);
        long start = seed != null ? seed : new SplittableRandom().nextLong() >>> 16;
        var random = new SplittableRandom(start);
        int cpus = Runtime.getRuntime().availableProcessors();
        int perCpu = random.nextInt(8, 33);
        int n = cpus * (threadsPerCpu != null ? threadsPerCpu : perCpu);
        System.out.printf("seed %d, %d s, %d platform and %d virtual threads on %d CPUs%n%s%n", start, seconds, n,
                HAS_VIRTUAL ? n : 0, cpus, Rseq.status());

        workloads.addAll(CounterWorkloads.all());
        workloads.addAll(PoolWorkloads.all());
        workloads.addAll(QueueWorkloads.all());
        workloads.addAll(LockWorkloads.all());
        workloads.addAll(MemoryWorkloads.all());
        for (int i = 0; i < n; i++) {
            SplittableRandom own = random.split();
            threads.add(new Thread(() -> work(own), "platform-" + i));
            SplittableRandom other = random.split();
            if (HAS_VIRTUAL) {
                threads.add(Thread.ofVirtual().name("virtual-" + i).unstarted(() -> work(other)));
            }
        }
        List<Fault> faults = faults(cpus);
        Map<String, String> unavailable = new LinkedHashMap<>();
        for (Fault fault : faults) {
            String reason = fault.changesMachine() && !machine ? "only with --machine" : fault.unavailable();
            if (reason != null) {
                unavailable.put(fault.name(), reason);
            }
        }
        // Of all faults, so that it is the same on every machine.
        List<Event> schedule = schedule(new SplittableRandom(~start), faults.size());

        Instant begun = Instant.now();
        threads.forEach(Thread::start);
        // The storm goes on while the others happen.
        Thread raging = new Thread(() -> inject(schedule, faults, unavailable, true), "storm");
        raging.start();
        inject(schedule, faults, unavailable, false);
        raging.join();
        done = true;
        boolean hung = !join();
        for (Fault fault : faults) {
            if (!unavailable.containsKey(fault.name())) {
                try {
                    fault.end();
                } catch (Exception e) {
                    fault.failed(e);
                }
            }
        }
        int violations = 0;
        if (hung) {
            violations++;
            System.out.println("HANG: these threads did not end within two minutes");
            threads.stream().filter(Thread::isAlive).limit(10).forEach(Torture::dump);
        } else {
            for (Workload workload : workloads) {
                try {
                    workload.check();
                } catch (Exception e) {
                    workload.violation("the check failed: " + e);
                }
                violations += workload.violations().size();
            }
        }
        violations += (int) faults.stream().filter(f -> f.problem() != null).count();
        Map<String, Object> result = result(start, n, faults, unavailable, schedule, hung, violations,
                Duration.between(begun, Instant.now()));
        print(result);
        if (json != null) {
            new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT).writeValue(json.toFile(), result);
        }
        System.out.println(violations == 0 ? "torture: passed" : "torture: FAILED, seed " + start);
        if (hung) {
            System.out.flush();
            Runtime.getRuntime().halt(1); // platform threads that never end
        }
        return violations == 0 ? 0 : 1;
    }

    private void check(boolean fine, String message) {
        if (!fine) {
            throw new CommandLine.ParameterException(new CommandLine(this), message);
        }
    }

    private List<Fault> faults(int cpus) {
        List<Fault> faults = List.of(storm, new Faults.Births(this::round), new Faults.Carriers(),
                new Faults.Garbage(), new Faults.Children(), new Faults.Interrupts(threads), new Faults.Loaders(),
                new Faults.SecondLibrary(), new Faults.Hotplug(cpus - 1), new Faults.SliceLength(),
                new Faults.Cpuset(cpus));
        return faults;
    }

    private List<Event> schedule(SplittableRandom random, int faults) {
        List<Event> events = new ArrayList<>();
        for (int fault = 0; fault < faults; fault++) {
            events.add(new Event(random.nextLong(seconds * 500L), fault, random.nextLong())); // each at least once
        }
        for (long millis = 0; millis < seconds * 1000L; millis += random.nextLong(1, 200)) {
            events.add(new Event(millis, random.nextInt(3) == 0 ? 0 : random.nextInt(faults), random.nextLong()));
        }
        events.sort(java.util.Comparator.comparingLong(Event::millis));
        return events;
    }

    /** A late event is made late and none is left out, unless the time is over. */
    private void inject(List<Event> schedule, List<Fault> faults, Map<String, String> unavailable, boolean storms) {
        long begun = System.nanoTime();
        for (Event event : schedule) {
            Fault fault = faults.get(event.fault);
            if (unavailable.containsKey(fault.name()) || fault == storm != storms) {
                continue;
            }
            sleepUntil(begun + TimeUnit.MILLISECONDS.toNanos(event.millis));
            boolean first = fault.injected.sum() == 0;
            if (!first && System.nanoTime() - begun > TimeUnit.SECONDS.toNanos(seconds)) {
                continue;
            }
            try {
                fault.inject(new SplittableRandom(event.seed));
                fault.injected.increment();
            } catch (Exception e) {
                fault.failed(e);
            }
        }
        sleepUntil(begun + TimeUnit.SECONDS.toNanos(seconds));
    }

    private static void sleepUntil(long nanoTime) {
        long left = nanoTime - System.nanoTime();
        if (left > 0) {
            try {
                TimeUnit.NANOSECONDS.sleep(left);
            } catch (InterruptedException e) {
                throw new AssertionError(e); // nobody knows these threads
            }
        }
    }

    private void work(SplittableRandom random) {
        while (!done) {
            round(random);
            if (random.nextInt(16) == 0) {
                Thread.yield();
            }
        }
    }

    /** A step of each structure, in another order each time. */
    private void round(SplittableRandom random) {
        boolean virtual = Threads.isVirtual(Thread.currentThread());
        int id = storm.join(); // a carrier is known anew each time
        long before = virtual ? 0 : RestartableSequences.abortsOfThisThread();
        int first = random.nextInt(workloads.size());
        for (int i = 0; i < workloads.size(); i++) {
            Workload workload = workloads.get((first + i) % workloads.size());
            try {
                workload.step(random);
                workload.operations.increment();
            } catch (InterruptedException | ClosedByInterruptException e) {
                Thread.interrupted();
                interrupted.increment();
            } catch (Throwable e) {
                workload.violation("a step failed: " + e + " at " + (e.getStackTrace().length > 0
                        ? e.getStackTrace()[0]
                        : "?"));
            }
            if (i == 3 && random.nextInt(8) == 0) {
                Thread.yield(); // a virtual thread may go on on another carrier
            }
        }
        if (!virtual) {
            aborts.add(RestartableSequences.abortsOfThisThread() - before);
            storm.leave(id);
        }
    }

    private boolean join() throws InterruptedException {
        Instant deadline = Instant.now().plusSeconds(120);
        for (Thread thread : threads) {
            thread.join(Math.max(1, Duration.between(Instant.now(), deadline).toMillis()));
            if (thread.isAlive()) {
                return false;
            }
        }
        return true;
    }

    private static void dump(Thread thread) {
        System.out.println(thread);
        for (StackTraceElement element : thread.getStackTrace()) {
            System.out.println("    at " + element);
        }
    }

    private Map<String, Object> result(long start, int n, List<Fault> faults, Map<String, String> unavailable,
            List<Event> schedule, boolean hung, int violations, Duration took) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("passed", violations == 0);
        result.put("seed", start);
        result.put("seconds", seconds);
        result.put("tookMillis", took.toMillis());
        result.put("platformThreads", n);
        result.put("virtualThreads", HAS_VIRTUAL ? n : 0);
        result.put("registration", Rseq.status().registration().toString());
        result.put("sliceExtension", Rseq.status().sliceExtension().toString());
        result.put("hung", hung);
        result.put("scheduledFaults", schedule.size());
        result.put("schedule", Integer.toHexString(schedule.hashCode()));
        Map<String, Object> structures = new LinkedHashMap<>();
        for (Workload workload : workloads) {
            structures.put(workload.name(),
                    Map.of("steps", workload.operations.sum(), "violations", workload.violations()));
        }
        result.put("structures", structures);
        Map<String, Object> injected = new LinkedHashMap<>();
        for (Fault fault : faults) {
            String reason = unavailable.get(fault.name());
            injected.put(fault.name(), reason != null
                    ? "NOT INJECTED: " + reason
                    : fault.problem() != null ? "FAILED: " + fault.problem() : (Object) fault.injected.sum());
            fault.report(injected);
        }
        result.put("faults", injected);
        result.put("interruptedSteps", interrupted.sum());
        result.put("aborts", aborts.sum());
        SliceExtension.Statistics sections = SliceExtension.statistics();
        result.put("grants", sections.yielded() + sections.revoked());
        result.put("yields", sections.yielded());
        result.put("sectionsInterrupted", sections.interrupted());
        return result;
    }

    private static void print(Map<String, Object> result) {
        result.forEach((name, value) -> {
            if (value instanceof Map<?, ?> map) {
                System.out.println(name + ":");
                map.forEach((key, inner) -> System.out.println("    " + key + ": " + inner));
            } else {
                System.out.println(name + ": " + value);
            }
        });
    }
}
