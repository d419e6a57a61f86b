// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The native libraries as files: what they need of a C library, and {@code selftest.c} run on this machine's, with
 * glibc and with musl. The one for aarch64 is run by {@code vm/aarch64.sh}.
 */
@Tag("platform")
class NativeFilesTest {
    private static final Path TARGET = Path.of("target").toAbsolutePath();

    @BeforeEach
    void onLinux() {
        assumeTrue(System.getProperty("os.name").equals("Linux"), "native libraries are built on Linux only");
    }

    @ParameterizedTest
    @ValueSource(strings = {"x86_64", "aarch64"})
    void aLibraryNeedsNoVersionOfAnySymbol(String machine) throws Exception {
        Output versions = run("readelf", "--wide", "--version-info", library(machine).toString());
        assertTrue(versions.text.contains("No version information found"), versions.text);
    }

    /** Shading relocates strings that begin as the package does; copies and the C side must agree on these. */
    @Test
    void noNameForAllCopiesIsRelocated() throws Exception {
        assertTrue(!NativeLibrary.LOADED_PROPERTY.startsWith("org.rseq4j"), NativeLibrary.LOADED_PROPERTY);
        Path calls = TARGET.resolveSibling("src/main/java17/org/rseq4j/internal/linux/NativeCalls.java");
        String loading = Files.readString(calls).replaceAll("(?s).* LOADING = \"([^\"]*)\".*", "$1");
        assertTrue(!loading.startsWith("org.rseq4j"), loading);
        assertTrue(
                Files.readString(TARGET.resolveSibling("src/main/native/rseq4j_jni.c")).contains("\"" + loading + "\""),
                loading);
    }

    @Test
    void allMachinesNeedTheSameOfTheCLibrary() throws Exception {
        assertEquals(needs("x86_64"), needs("aarch64"));
    }

    @ParameterizedTest
    @CsvSource({"selftest, libc", "selftest, own", "selftest-musl, own"})
    void theLibraryOfThisMachineWorksWithoutJava(String program, String registration) throws Exception {
        Path file = TARGET.resolve("selftest").resolve(program);
        assumeTrue(Files.exists(file), "no compiler for musl here: bin/setup installs musl-tools");
        Output output = run(file.toString(), library(thisMachine()).toString(), registration);
        assertEquals(0, output.status, output.text);
        assertTrue(output.text.contains(" passed, 0 failed"), output.text);
    }

    /** Names that must be found when the library is loaded. */
    private static Set<String> needs(String machine) throws Exception {
        Output names = run("readelf", "--wide", "--dyn-syms", library(machine).toString());
        Set<String> needed = names.text.lines().map(line -> line.trim().split("\\s+")).filter(f -> f.length == 8)
                .filter(f -> f[4].equals("GLOBAL") && f[6].equals("UND")).map(f -> f[7])
                .collect(Collectors.toCollection(TreeSet::new));
        assertFalse(needed.isEmpty(), names.text);
        return needed;
    }

    private static String thisMachine() {
        return System.getProperty("os.arch").equals("aarch64") ? "aarch64" : "x86_64";
    }

    private static Path library(String machine) {
        Path file = TARGET.resolve("classes/org/rseq4j/internal/native/linux-" + machine + "/librseq4j.so");
        assumeTrue(Files.exists(file), "no compiler for " + machine + " here: bin/setup installs it");
        return file;
    }

    private record Output(int status, String text) {
    }

    private static Output run(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(5, TimeUnit.MINUTES));
        return new Output(process.exitValue(), text);
    }
}
