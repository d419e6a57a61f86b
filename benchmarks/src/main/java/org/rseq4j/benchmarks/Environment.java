// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.rseq4j.Rseq;

/** The machine, the system and the state of the sources that a result was made with. */
final class Environment {
    private Environment() {
    }

    /** The project's folder: bin/bench says which it is. */
    static Path root() {
        return Path.of(System.getProperty("rseq4j.bench.root", ".")).toAbsolutePath().normalize();
    }

    /** Of this JVM, with the library's own status. */
    static ObjectNode here() throws IOException {
        var mapper = new ObjectMapper();
        ObjectNode node = mapper.createObjectNode();
        node.put("processor", processor()).put("processors", Runtime.getRuntime().availableProcessors());
        node.put("date", LocalDate.now().toString());
        node.put("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        node.put("jdk", System.getProperty("java.vm.vendor") + " " + Runtime.version());
        node.put("testKernel", "1".equals(System.getenv("RSEQ4J_VM")));
        node.put("commit", System.getProperty("rseq4j.bench.commit", commit()));
        node.set("rseq", mapper.readTree(Rseq.status().toJson()));
        return node;
    }

    /** Its name, with family and model, as one name stands for several generations: "AMD EPYC (family 26, model 2)". */
    private static String processor() {
        try {
            List<String> lines = Files.readAllLines(Path.of("/proc/cpuinfo"));
            String name = value(lines, "model name");
            String family = value(lines, "cpu family");
            String model = value(lines, "model");
            return name == null
                    ? System.getProperty("os.arch")
                    : family == null || model == null
                            ? name
                            : name + " (family " + family + ", model " + model + ")";
        } catch (IOException e) {
            return System.getProperty("os.arch");
        }
    }

    private static String value(List<String> lines, String key) {
        return lines.stream().filter(line -> line.matches(key + "\\s*:.*")).findFirst()
                .map(line -> line.substring(line.indexOf(':') + 1).trim()).orElse(null);
    }

    /** The commit, with "+" when the tree has changes; "unknown" outside of a repository. */
    static String commit() {
        String commit = git("rev-parse", "--short=12", "HEAD");
        if (commit == null || commit.isEmpty()) {
            return "unknown";
        }
        String changes = git("status", "--porcelain", "--untracked-files=no");
        return changes == null || changes.isEmpty() ? commit : commit + "+";
    }

    private static String git(String... arguments) {
        try {
            Process process = new ProcessBuilder(Stream.concat(Stream.of("git", "-C", root().toString()),
                    Stream.of(arguments)).toList()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            String output = new String(process.getInputStream().readAllBytes(),
                    java.nio.charset.StandardCharsets.UTF_8).trim();
            return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0 ? output : null;
        } catch (IOException e) {
            return null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }
}
