// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A process that is ended by CRIU and restored from what CRIU wrote. CRIU has to know the kernel, and needs root, so it
 * is tried only where it is named: {@code -Drseq4j.test.criu=/usr/sbin/criu}.
 */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("platform")
class CheckpointTest {
    private static final String CRIU = System.getProperty("rseq4j.test.criu");

    @TempDir
    private Path folder;

    /** What the process does is in {@link Checkpointed}: it goes on after the restore, on two CPUs, one at a time. */
    @ParameterizedTest
    @ValueSource(strings = {"libc", "own"})
    void aRestoredProcessHasItsAreasAndItsFences(String registration) throws Exception {
        assumeTrue(CRIU != null, "needs CRIU, named by -Drseq4j.test.criu");
        assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "needs two CPUs");
        Process first = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-Xmx64m", "-XX:+UseSerialGC", "-XX:-UsePerfData",
                "-Drseq4j.registration=" + registration, "-Drseq4j.debug.window=200", "-cp",
                System.getProperty("java.class.path"), Checkpointed.class.getName(), folder.toString())
                .redirectInput(Path.of("/dev/null").toFile()).redirectErrorStream(true)
                .redirectOutput(folder.resolve("output").toFile()).start();
        String pid = "" + first.pid();
        try {
            await(first.pid(), "adding");
            Path images = Files.createDirectory(folder.resolve("images"));
            run(CRIU, "dump", "--tree", pid, "--images-dir", images.toString(), "--shell-job");
            first.waitFor();
            run(CRIU, "restore", "--images-dir", images.toString(), "--shell-job", "--restore-detached");
            for (int cpu = 0; cpu < 2; cpu++) {
                run("taskset", "--all-tasks", "--cpu-list", "--pid", "" + cpu, pid);
                Files.createFile(folder.resolve("only-" + cpu));
                await(first.pid(), "all-on-" + cpu);
            }
            await(first.pid(), "over");
            assertEquals("0 lost or doubled, fences: true", Files.readString(folder.resolve("over")));
        } finally {
            ProcessHandle.of(first.pid()).ifPresent(ProcessHandle::destroyForcibly);
        }
    }

    private void await(long pid, String name) throws Exception {
        while (!Files.exists(folder.resolve(name))) {
            boolean lives = ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent();
            assertTrue(lives || Files.exists(folder.resolve(name)),
                    () -> "the process is gone before it said " + name + ", " + read("output"));
            Thread.sleep(1);
        }
    }

    private void run(String... command) throws Exception {
        int status = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(folder.resolve("said").toFile()).start().waitFor();
        assertEquals(0, status, () -> List.of(command) + "\n" + read("said"));
    }

    private String read(String name) {
        try {
            return Files.readString(folder.resolve(name));
        } catch (IOException e) {
            return e.toString();
        }
    }
}
