// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rseq4j.benchmarks.Measured.Entry;
import org.rseq4j.benchmarks.Measured.Value;

class MeasuredTest {
    private static final String ASKS = "PerCpuCounter.increment at least 1.2 times LongAdder at every number of threads";

    @TempDir
    private Path folder;

    private static Target target() throws IOException {
        return Target.all().stream().filter(target -> target.asks().equals(ASKS)).findFirst().orElseThrow();
    }

    /** A run of the suite of counters on a machine. */
    private static List<Result> run(String processor, double ours, double adder) {
        return List.of(on(processor, "rseq4j PerCpuCounter", ours), on(processor, "LongAdder", adder));
    }

    private static Result on(String processor, String contender, double rate) {
        Result result = ResultFileTest.result("counters", contender, 16, Map.of("kind", "platform", "noise", "0"),
                rate);
        var run = new HashMap<>(result.run());
        run.put("environment", new ObjectMapper().valueToTree(
                Map.of("processor", processor, "processors", 2, "commit", "abc", "date", "2026-11-29")));
        return new Result(result.suite(), contender, 16, result.setting(), "thrpt", result.primary(), Map.of(), run);
    }

    private static Measured machine(String name, String asks, double median) {
        return new Measured(name, Map.of(asks,
                new Entry("2026-11-27", "old", Map.of(16, new Value(median, median, median, "", true)))));
    }

    @Test
    void machinesAreJudgedEachByItsOwnRuns() throws IOException {
        List<Measured> machines = Measured.of(List.of(run("one", 20, 10), run("other", 5, 10)));
        assertEquals(List.of("one, 2 CPUs", "other, 2 CPUs"), machines.stream().map(Measured::machine).toList());
        assertEquals("16: 2.00 (2.00 to 2.00)", machines.get(0).words(target()));
        assertEquals("16: 0.500 (0.500 to 0.500) missed", machines.get(1).words(target()));
        assertEquals("2026-11-29", machines.get(0).dates());
    }

    @Test
    void whatIsNewTakesThePlaceOfWhatWasMeasuredThereBefore() throws IOException {
        List<Measured> old = List.of(machine("one, 2 CPUs", ASKS, 3), machine("elsewhere", ASKS, 4));
        List<Measured> merged = Measured.merged(old, Measured.of(List.of(run("one", 20, 10))));
        assertEquals(List.of("one, 2 CPUs", "elsewhere"), merged.stream().map(Measured::machine).toList());
        assertEquals("16: 2.00 (2.00 to 2.00)", merged.get(0).words(target()));
        assertEquals("16: 4.00 (4.00 to 4.00)", merged.get(1).words(target()));
        // What was not measured now stays.
        List<Measured> kept = Measured.merged(List.of(machine("one, 2 CPUs", "something else", 3)),
                Measured.of(List.of(run("one", 20, 10))));
        assertEquals(2, kept.get(0).targets().size());
        assertEquals("2026-11-27 to 2026-11-29", kept.get(0).dates());
    }

    @Test
    void itSaysByHowMuchMachinesDiffer() throws IOException {
        Measured slow = machine("slow", ASKS, 1);
        assertEquals(OptionalDouble.of(2.5),
                Measured.difference(target(), List.of(slow, machine("fast", ASKS, 2.5))));
        assertEquals(OptionalDouble.empty(), Measured.difference(target(), List.of(slow)));
        assertEquals(OptionalDouble.empty(),
                Measured.difference(target(), List.of(slow, machine("another", "something else", 2))));
    }

    @Test
    void aFileIsReadAsItWasWritten() throws IOException {
        Path file = Measured.file(folder);
        assertEquals(List.of(), Measured.read(file));
        List<Measured> machines = Measured.of(List.of(run("one", 20, 10)));
        Measured.write(file, machines);
        assertEquals(machines, Measured.read(file));
    }

    @Test
    void theReportHasAColumnForEachMachine() throws IOException {
        String text = Report.targets(List.of(machine("slow", ASKS, 1), machine("fast", ASKS, 2.5)));
        assertTrue(text.contains("| target | slow, 2026-11-27 | fast, 2026-11-27 | machines differ |\n"), text);
        assertTrue(text.contains(
                "| " + ASKS + " | 16: 1.00 (1.00 to 1.00) | 16: 2.50 (2.50 to 2.50) | up to 2.50 times |\n"), text);
    }
}
