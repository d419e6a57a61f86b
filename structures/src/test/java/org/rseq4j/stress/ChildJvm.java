// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A program of the tests in a process of its own. */
public final class ChildJvm {
    private ChildJvm() {
    }

    /** Asserts that a program ends well, and says what it has to; by a class path of these entries. */
    public static void run(String says, Map<String, String> environment, String classPath, List<String> jvmArguments,
            Class<?> program, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.addAll(jvmArguments);
        command.addAll(List.of("-cp", classPath, program.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertTrue(output.contains(says), output);
    }

    /** The same by the class path of this process. */
    public static void run(String says, Map<String, String> environment, List<String> jvmArguments, Class<?> program,
            String... arguments) throws IOException, InterruptedException {
        run(says, environment, System.getProperty("java.class.path"), jvmArguments, program, arguments);
    }
}
