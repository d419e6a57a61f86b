// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class MemorySuiteTest {
    /** A contended LongAdder has two cells with 128 bytes on each side; ours has some objects and its words. */
    @Test
    void bytesOfBothAreCounted() throws IOException {
        var options = new RunOptions();
        options.threads = List.of(2);
        options.defaults(1, 1, 1, 1);
        var comparison = new Comparison(new MemorySuite(), options);
        comparison.run(_ -> {});
        assertEquals(2, comparison.results().size());
        for (Result result : comparison.results()) {
            double bytes = result.secondary().get(MemorySuite.BYTES).spread().median();
            boolean ours = result.contender().startsWith("rseq4j");
            assertTrue(ours ? bytes > 20 : bytes > 500 && bytes < 800, result.contender() + " " + bytes);
        }
    }
}
