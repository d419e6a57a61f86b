// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Every input that the fuzzer kept, and some random ones for each target, without the fuzzer. */
class CorpusTest {
    private static List<byte[]> corpus() throws IOException {
        Path file = Path.of("src/fuzz/corpus.txt");
        if (!Files.exists(file)) {
            file = Path.of("jcstress-tests").resolve(file);
        }
        return Files.readAllLines(file).stream().filter(line -> !line.startsWith("#"))
                .map(Base64.getDecoder()::decode).toList();
    }

    @Test
    void everyKeptInputIsAnsweredAsDocumented() throws Exception {
        Set<Integer> targets = new HashSet<>();
        for (byte[] input : corpus()) {
            if (input.length > 0) {
                targets.add((input[0] & 0xff) % Fuzz.TARGETS.size());
            }
            run(input);
        }
        assertTrue(targets.size() == Fuzz.TARGETS.size(), () -> "only these targets have inputs: " + targets);
    }

    @Test
    void randomInputsAreAnsweredAsDocumented() throws Exception {
        var random = new SplittableRandom(10);
        for (int i = 0; i < 300 * Fuzz.TARGETS.size(); i++) {
            byte[] input = new byte[1 + random.nextInt(200)];
            random.nextBytes(input);
            input[0] = (byte) (i % Fuzz.TARGETS.size());
            run(input);
        }
    }

    private static void run(byte[] input) {
        try {
            Fuzz.fuzzerTestOneInput(input);
        } catch (Throwable e) {
            throw new AssertionError(Base64.getEncoder().encodeToString(input) + " gave " + e, e);
        }
    }
}
