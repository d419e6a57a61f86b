// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.rseq4j.benchmarks.Simulation.Outcome;
import org.rseq4j.benchmarks.Simulation.Requests;
import org.rseq4j.benchmarks.Simulation.Setting;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code bin/bench simulate}: compares the simulation with what is known, and runs it to 256 CPUs. */
@Command(name = "simulate", mixinStandardHelpOptions = true, synopsisHeading = "usage: ", description = "Simulates a lock on machines with up to 256 CPUs; writes docs/lab/simulation.md and its charts.")
final class Simulate implements Callable<Integer> {
    private static final long SEED = 42;
    private static final long MILLISECOND = 1_000_000;
    /** How long a run is, in simulated time: long where few events decide. */
    private static final long SECOND = 1_000 * MILLISECOND;

    /** What LockHolderPreemptionTest measured on the test kernel: docs/lab/sections.md has the whole table. */
    private record Measured(int cpus, int threads, double plainSwitches, double sectionSwitches, double preempted,
            double gain) {
    }

    private static final List<Measured> TEST_KERNEL = List.of(new Measured(1, 2, 1455, 791, 43.5, 0.83 / 2.32),
            new Measured(1, 4, 3642, 1165, 74.5, 2.52 / 3.37), new Measured(1, 8, 5528, 1231, 69.3, 1.95 / 1.72),
            new Measured(1, 16, 8478, 1265, 29.5, 2.55 / 1.77), new Measured(2, 4, 2181, 1052, 17.3, 1.69 / 2.28),
            new Measured(2, 8, 3814, 1205, 146.3, 1.48 / 1.82), new Measured(2, 16, 6413, 1280, 185.3, 1.87 / 1.61));

    /** What the kernel's developers published for 28 CPUs, in percent: without and with asking again. */
    private record Published(int threads, int gain, int renewed) {
    }

    private static final List<Published> PUBLISHED = List.of(new Published(64, 62, 129), new Published(256, 161, 780));

    @Option(names = "--out", paramLabel = "DIR", description = "the folder for simulation.md and charts/, default docs/lab")
    private Path folder;

    @Override
    public Integer call() throws IOException {
        Path docs = folder == null ? Environment.root().resolve("docs/lab") : folder;
        if (!Files.isDirectory(docs)) {
            System.err.println(Bench.NAME + ": --out is no folder: " + docs);
            return 2;
        }
        if (!Charts.canDraw()) {
            System.err.println(Bench.NAME + ": " + Charts.NO_FONT);
            return 1;
        }
        String testKernel = testKernel();
        String published = published();
        String large = large(docs.resolve("charts"));
        String text;
        try (InputStream in = Simulate.class.getResourceAsStream("simulation.md")) {
            text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        Files.writeString(docs.resolve("simulation.md"), text.replace("{{test-kernel}}", testKernel)
                .replace("{{published}}", published).replace("{{large}}", large));
        System.out.println(testKernel + "\n" + published + "\n" + large);
        System.out.println("written to " + docs.resolve("simulation.md"));
        return 0;
    }

    /** One run of each kind of request; the requests as keys. */
    private static Map<Requests, Outcome> run(Setting setting, int seconds, Requests... kinds) {
        Map<Requests, Outcome> outcomes = new EnumMap<>(Requests.class);
        for (Requests requests : kinds) {
            boolean even = requests == Requests.AROUND_TRY_AND_HOLD;
            outcomes.put(requests, Simulation.run(setting, requests, even ? SECOND : seconds * SECOND, SEED));
        }
        return outcomes;
    }

    /** The emulated machine: a spin of 200 tries with its yield takes 60 us there, a loop 0.4 us. */
    private static Setting emulated(int cpus, int threads) {
        return new Setting(cpus, threads, 200, 200, 0, 60_000, Setting.sliceFor(cpus), MILLISECOND, 5_000, 50_000);
    }

    /** A server of today: a short hold, twice as much work outside, spinning without a yield. */
    private static Setting server(int cpus, int threads, long outside, long grant) {
        return new Setting(cpus, threads, 700, outside, 200, 0, Setting.sliceFor(cpus), MILLISECOND, 1_000, grant);
    }

    private static String testKernel() {
        var table = new StringBuilder(
                """
                        | CPUs, threads | switches/s, no sections: measured | simulated | with sections: measured | simulated | holds with / without: measured | simulated |
                        | --- | --- | --- | --- | --- | --- | --- |
                        """);
        for (Measured measured : TEST_KERNEL) {
            Map<Requests, Outcome> outcomes = run(emulated(measured.cpus, measured.threads), 2, Requests.NONE,
                    Requests.AROUND_TRY_AND_HOLD);
            Outcome without = outcomes.get(Requests.NONE);
            Outcome with = outcomes.get(Requests.AROUND_TRY_AND_HOLD);
            table.append(
                    String.format(Locale.ROOT, "| %d, %d | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.2f | %.2f |%n",
                            measured.cpus, measured.threads, measured.plainSwitches, without.switches(),
                            measured.sectionSwitches, with.switches(), measured.preempted,
                            without.preempted(), measured.gain, with.holds() / without.holds()));
        }
        return table.toString();
    }

    private static String published() {
        var table = new StringBuilder(
                """
                        | 28 CPUs, threads | published | published, asking again | grant of | simulated: asked once | asked again, spinning too | around try and hold |
                        | --- | --- | --- | --- | --- | --- | --- |
                        """);
        for (Published published : PUBLISHED) {
            for (long grant : new long[]{5_000, 10_000, 30_000}) {
                Map<Requests, Outcome> outcomes = run(server(28, published.threads, 1_000, grant), 20,
                        Requests.values());
                double none = outcomes.get(Requests.NONE).holds();
                table.append(
                        String.format(Locale.ROOT, "| %d | %+d%% | %+d%% | %d us | %+.0f%% | %+.0f%% | %+.0f%% |%n",
                                published.threads, published.gain, published.renewed, grant / 1000,
                                100 * (outcomes.get(Requests.STANDING).holds() / none - 1),
                                100 * (outcomes.get(Requests.RENEWED).holds() / none - 1),
                                100 * (outcomes.get(Requests.AROUND_TRY_AND_HOLD).holds() / none - 1)));
            }
        }
        return table.toString();
    }

    /** Machines of 2 to 256 CPUs with 2, 4 and 8 threads for each, and a load that lets a few CPUs be busy outside. */
    private static String large(Path charts) throws IOException {
        var table = new StringBuilder(
                """
                        | CPUs | threads | million holds/s without | with sections | times | holder lost its CPU, of a million holds | with |
                        | --- | --- | --- | --- | --- | --- | --- |
                        """);
        Map<String, Map<Double, Double>> gains = new TreeMap<>();
        Map<String, Map<Double, Double>> rates = new TreeMap<>();
        for (int perCpu : new int[]{2, 4, 8}) {
            for (int cpus = 2; cpus <= 256; cpus *= 2) {
                Map<Requests, Outcome> outcomes = run(server(cpus, perCpu * cpus, 1_400, 5_000), 5, Requests.NONE,
                        Requests.AROUND_TRY_AND_HOLD);
                Outcome without = outcomes.get(Requests.NONE);
                Outcome with = outcomes.get(Requests.AROUND_TRY_AND_HOLD);
                double gain = with.holds() / without.holds();
                table.append(String.format(Locale.ROOT, "| %d | %d | %.3f | %.3f | %.1f | %s | %s |%n", cpus,
                        perCpu * cpus, without.holds() / 1e6, with.holds() / 1e6, gain,
                        Spread.number(1e6 * without.preempted() / without.holds()),
                        Spread.number(1e6 * with.preempted() / with.holds())));
                gains.computeIfAbsent(perCpu + " threads a CPU", name -> new TreeMap<>()).put((double) cpus, gain);
                rates.computeIfAbsent(perCpu + " threads a CPU", name -> new TreeMap<>()).put((double) cpus,
                        without.holds() / 1e6);
                rates.computeIfAbsent(perCpu + " threads a CPU, sections", name -> new TreeMap<>()).put((double) cpus,
                        with.holds() / 1e6);
            }
        }
        Charts.lines(charts.resolve("simulation-gain.svg"), "Simulated: what sections gain at one lock", "CPUs",
                "holds with sections / without", lines(gains, true));
        Charts.lines(charts.resolve("simulation-rate.svg"), "Simulated: holds of one lock", "CPUs",
                "million holds a second", lines(rates, false));
        return table.toString();
    }

    private static List<Charts.Line> lines(Map<String, Map<Double, Double>> series, boolean ours) {
        List<Charts.Line> lines = new ArrayList<>();
        series.forEach((name, points) -> lines.add(new Charts.Line(name, points, ours || name.endsWith("sections"))));
        return lines;
    }
}
