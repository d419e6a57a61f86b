// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole program, in its shortest form. */
class MeasureTest {
    @TempDir
    private Path folder;

    private record Run(int status, String output) {
    }

    private Run run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED"));
        String registration = System.getProperty("rseq4j.registration");
        if (registration != null) {
            command.add("-Drseq4j.registration=" + registration);
        }
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Measure.class.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Run(process.waitFor(), output);
    }

    @Test
    void measuresEverythingAndWritesAFileWithoutNames() throws Exception {
        Run run = run("--seconds", "1");
        assertEquals(0, run.status, run.output);
        JsonNode tree = new ObjectMapper().readTree(folder.resolve("rseq4j-measure.json").toFile());
        Set<String> measured = new HashSet<>();
        for (JsonNode result : tree.get("results")) {
            measured.add(result.get("contender").asText());
            assertEquals(5, result.get("operationsPerSecond").size(), result.toString());
            assertTrue(run.output.contains(result.get("contender").asText()), run.output);
        }
        for (Contender contender : Contender.values()) {
            assertTrue(contender == Contender.SECTION || measured.contains(contender.title), contender.title);
        }
        assertTrue(run.output.contains("registration"), run.output);
        // All that is in it: nothing that could name a host, a user or a folder.
        assertEquals(List.of("rseq4jMeasure", "date", "machine", "roundMillis", "results"), names(tree));
        assertEquals(List.of("processor", "processors", "jdk", "kernel", "libc", "arch", "registration", "mode",
                "featureSize", "cpuCount", "sliceExtension"), names(tree.get("machine")));
    }

    private static List<String> names(JsonNode node) {
        List<String> names = new ArrayList<>();
        node.fieldNames().forEachRemaining(names::add);
        return names;
    }

    @Test
    void badInputIsStatusTwoAndNothingIsMeasured() throws Exception {
        for (String[] arguments : new String[][]{{"--nonsense"}, {"--seconds", "0"}, {"--seconds"},
                {"--seconds", "soon"}, {"--json", "no/such/folder/file"}, {"--json"}}) {
            Run run = run(arguments);
            assertEquals(2, run.status, run.output);
            assertTrue(run.output.contains("usage: "), run.output);
        }
        try (var files = Files.list(folder)) {
            assertEquals(0, files.count());
        }
    }

    @Test
    void helpIsTheUsage() throws Exception {
        Run run = run("--help");
        assertEquals(0, run.status);
        assertTrue(run.output.startsWith("usage: "), run.output);
    }
}
