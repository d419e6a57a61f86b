// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("jvm")
class FirstOperationsTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"auto", "none"})
    void noOperationInitializesAClassOfTheLibrary(String registration) throws Exception {
        Path log = folder.resolve("initialized");
        ChildJvm.run("initialized nothing", Map.of(),
                List.of("-Xmx256m", "-Drseq4j.registration=" + registration,
                        "-Xlog:class+init=info:file=" + log + ":none:filecount=0"),
                FirstOperations.class, log.toString());
    }

    @Test
    void aStructureWorksAfterItsFirstOperationsFoundNoStack() throws Exception {
        for (int seed = 0; seed < 4; seed++) {
            ChildJvm.run("all work", Map.of(), List.of("-Xmx256m"), FirstOperations.class, "stack",
                    Integer.toString(seed));
        }
    }
}
