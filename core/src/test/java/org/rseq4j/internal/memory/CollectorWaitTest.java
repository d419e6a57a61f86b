// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** For how long the collector is waited for. */
class CollectorWaitTest {
    /** More than there are in less than a second, as each is longer than the one before; in eight there are 38. */
    private static final int WAITS_IN_A_SECOND = 20;

    @Test
    @Tag("jvm")
    void givesUpEarlyWhereNothingIsCollected() throws Exception {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+DisableExplicitGC", "-cp", System.getProperty("java.class.path"), Waits.class.getName())
                .redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        int waits = Integer.parseInt(said.trim().substring(said.trim().lastIndexOf('\n') + 1));
        assertTrue(waits >= 1 && waits <= WAITS_IN_A_SECOND, said);
    }

    /** Until well after the third collection. */
    @Test
    void goesOnWhereSomethingIsCollected() {
        var wait = new CollectorWait();
        long begun = System.nanoTime();
        boolean again = true;
        while (again && System.nanoTime() - begun < 1_500_000_000) {
            again = wait.sleep();
        }
        assertTrue(again || System.nanoTime() - begun >= 8_000_000_000L);
    }
}
