// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import java.util.ArrayList;
import java.util.List;
import org.rseq4j.Rseq;
import org.rseq4j.internal.Doctor;

/**
 * A program: loads the library and starts JVMs that use it too, one with all of its own system properties, one with the
 * table of native functions as this process has it. Prints how they ended. With a file named, it writes that table
 * there, for other JVMs' {@code java.security.properties}, and starts none.
 */
final class Offspring {
    private static final String TABLE = NativeLibrary.LOADED_PROPERTY + "." + NativeLibrary.NATIVE_VERSION;

    private Offspring() {
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Rseq.status();
        if (arguments.length > 0) {
            writeTable(Path.of(arguments[0]));
            return;
        }
        List<String> all = new ArrayList<>();
        int told = 0;
        for (String name : System.getProperties().stringPropertyNames()) {
            String value = System.getProperty(name);
            told += value.contains("rseq4j_") ? 1 : 0;
            if (!name.startsWith("java.") && !name.startsWith("sun.") && !name.startsWith("jdk.")) {
                all.add("-D" + name + "=" + value);
            }
        }
        System.out.println("told by system properties: " + told);
        System.out.println("child with all properties: " + child(all));
        Path file = Files.createTempFile("rseq4j", ".security");
        try {
            writeTable(file);
            System.out.println("child with a stale table: " + child(List.of("-Djava.security.properties=" + file)));
        } finally {
            Files.delete(file);
        }
    }

    /** With addresses that nobody may call. */
    private static void writeTable(Path file) throws IOException {
        String stale = Security.getProperty(TABLE).replaceAll("=[0-9a-f]+", "=10");
        Files.writeString(file, TABLE + "=" + stale + "\n");
    }

    private static int child(List<String> options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path")));
        command.addAll(options);
        command.add(Doctor.class.getName());
        return new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT).start().waitFor();
    }
}
