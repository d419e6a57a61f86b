// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.rseq4j.Rseq;
import org.rseq4j.measure.Result.Extension;
import org.rseq4j.measure.Schedule.Seat;

/**
 * Says in a minute what this library's structures make of the machine where it runs, beside the JDK's: a table, and a
 * file that can be sent to the project. What {@code java -jar} runs.
 */
public final class Measure {
    private static final String USAGE = """
            usage: java -jar rseq4j-measure.jar [--seconds N] [--json FILE]
            Measures counters, pools, queues and locks beside the JDK's, with one thread, one a CPU and four
            a CPU; on a kernel
            with the time slice extension also with it beside without it. The machine should have nothing else to do.
              --seconds N  about how long, from 1 to 3600 (default 60)
              --json FILE  where the results are written as JSON (default rseq4j-measure.json); no host's or
                           user's name is in it
              --help       print this text""";
    private static final String SEND = "https://github.com/rseq4j/rseq4j/issues";

    private final int seconds;
    private final Path file;

    private Measure(int seconds, Path file) {
        this.seconds = seconds;
        this.file = file;
    }

    public static void main(String[] arguments) {
        System.exit(run(arguments));
    }

    private static int run(String[] arguments) {
        int seconds = 60;
        Path file = Path.of("rseq4j-measure.json");
        for (int i = 0; i < arguments.length; i++) {
            String value = i + 1 < arguments.length ? arguments[i + 1] : "";
            switch (arguments[i]) {
                case "--help" -> {
                    System.out.println(USAGE);
                    return 0;
                }
                case "--seconds" -> {
                    if (!value.matches("[0-9]{1,4}") || Integer.parseInt(value) < 1 || Integer.parseInt(value) > 3600) {
                        return refuse("--seconds has to be from 1 to 3600: " + value);
                    }
                    seconds = Integer.parseInt(value);
                    i++;
                }
                case "--json" -> {
                    file = Path.of(value);
                    if (value.isEmpty() || !canWrite(file)) {
                        return refuse("--json cannot write this file: " + value);
                    }
                    i++;
                }
                default -> {
                    return refuse("unknown option: " + arguments[i]);
                }
            }
        }
        if (!canWrite(file)) {
            return refuse("cannot write " + file + " in this folder: use --json");
        }
        try {
            new Measure(seconds, file).measure();
            return 0;
        } catch (IOException e) {
            System.err.println("measure: " + e.getMessage());
            return 1;
        }
    }

    private static boolean canWrite(Path file) {
        Path folder = file.toAbsolutePath().getParent();
        return !Files.isDirectory(file) && folder != null && Files.isWritable(Files.exists(file) ? file : folder);
    }

    private static int refuse(String problem) {
        System.err.println("measure: " + problem);
        System.err.println(USAGE);
        return 2;
    }

    private void measure() throws IOException {
        Machine machine = Machine.here(Rseq.status());
        var schedule = Schedule.of(seconds, machine.status(), machine.processors());
        System.out.println(machine.processors() + " CPUs: " + machine.processor() + "; " + machine.jdk());
        System.out.println(machine.status());
        System.out.println();
        long begun = System.nanoTime();
        List<Result> results = new ArrayList<>();
        for (Family family : Family.values()) {
            results.addAll(family(family, schedule, begun));
        }
        System.out.print(Table.of(results));
        System.out.println(extension(schedule));
        Files.writeString(file, Json.write(tree(machine, schedule, results)));
        System.out.println(
                "All samples are in " + file + ", without a host's or a user's name. Please send it to " + SEND);
    }

    /** The JVMs of a family take turns, round by round: what the machine does meanwhile hits all of them. */
    private List<Result> family(Family family, Schedule schedule, long begun) throws IOException {
        Map<Seat, WorkerProcess> workers = new LinkedHashMap<>();
        Map<Seat, Map<Integer, List<Sample>>> samples = new LinkedHashMap<>();
        List<Integer> threads = Contender.threads(family, schedule.cpus());
        try {
            for (Seat seat : schedule.of(family)) {
                workers.put(seat, new WorkerProcess(seat.contender(), seat.options()));
                samples.put(seat, new LinkedHashMap<>());
                threads.forEach(count -> samples.get(seat).put(count, new ArrayList<>()));
            }
            for (int round = 0; round <= schedule.rounds() && !workers.isEmpty(); round++) {
                System.err.printf("measure: %s, %s, about %d s left%n", family.title,
                        round == 0 ? "warm-up" : "round " + round + " of " + schedule.rounds(), left(begun));
                for (Map.Entry<Seat, WorkerProcess> worker : workers.entrySet()) {
                    for (int count : threads) {
                        Sample sample = worker.getValue().round(count, schedule.millis());
                        if (round > 0) {
                            samples.get(worker.getKey()).get(count).add(sample);
                        }
                    }
                }
            }
        } finally {
            workers.values().forEach(WorkerProcess::close);
        }
        List<Result> results = new ArrayList<>();
        samples.forEach((seat, byThreads) -> byThreads.forEach(
                (count, all) -> results.add(new Result(seat.contender(), seat.extension(), count, all))));
        return results;
    }

    private long left(long begun) {
        return Math.max(1, seconds - (System.nanoTime() - begun) / 1_000_000_000);
    }

    private static String extension(Schedule schedule) {
        if (schedule.seats().stream().anyMatch(seat -> seat.extension() == Extension.OFF)) {
            return "The extension was measured on and off, in JVMs that took turns.";
        }
        return "The time slice extension was not measured: " + Rseq.status().sliceExtension().text() + "."
                + (schedule.of(Family.SECTION).isEmpty()
                        ? " Sections cost nothing."
                        : " What a section would cost was, by requests that the kernel does not heed.");
    }

    private Map<String, Object> tree(Machine machine, Schedule schedule, List<Result> results) {
        Map<String, Object> tree = new LinkedHashMap<>();
        String version = Measure.class.getPackage().getImplementationVersion();
        tree.put("rseq4jMeasure", version == null ? "unknown" : version);
        tree.put("date", LocalDate.now(ZoneOffset.UTC));
        tree.put("machine", machine.toTree());
        tree.put("roundMillis", schedule.millis());
        tree.put("results", results.stream().map(Result::toTree).toList());
        return tree;
    }
}
