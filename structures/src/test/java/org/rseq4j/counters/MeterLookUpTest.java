// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.rseq4j.stress.ChildJvm;

/** The first look-up of a meter that there is may come at the end of a stack: it links and initializes nothing. */
@EnabledForJreRange(min = JRE.JAVA_24)
@Tag("jvm")
class MeterLookUpTest {
    @TempDir
    Path folder;

    @Test
    void theFirstLookUpInitializesNoClass() throws Exception {
        Path log = folder.resolve("initialized");
        ChildJvm.run("initialized []", Map.of(),
                List.of("-Xmx256m", "-Xlog:class+init=info:file=" + log + ":none:filecount=0"), LookUp.class,
                log.toString(), folder.resolve("counters").toString());
    }

    /** In a process in which nobody compared two definitions before. */
    static final class LookUp {
        private LookUp() {
        }

        public static void main(String[] arguments) throws Exception {
            Path log = Path.of(arguments[0]);
            CounterFile file = CounterFile.create(Path.of(arguments[1]), 8, 1 << 16);
            PerCpuCounter counter = file.counter("requests", "");
            if (initialized(log).isEmpty()) {
                throw new IllegalStateException("the JVM does not say what it initializes");
            }
            int before = initialized(log).size();
            boolean found = file.counter("requests", "") == counter;
            List<String> after = initialized(log);
            System.out.println(found ? "initialized " + after.subList(before, after.size()) : "another counter");
        }

        /** By this thread. */
        private static List<String> initialized(Path log) throws IOException {
            try (var lines = Files.lines(log)) {
                return lines.filter(line -> line.contains("Initializing '") && line.contains("thread \"main\""))
                        .toList();
            }
        }
    }
}
