// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * What every source file has: its licence in the first lines, and, Java and C, no line that is too long. A text that
 * somebody reads or searches for may stay in one piece.
 */
class SourcesTest {
    private static final String LICENCE = "SPDX-License-Identifier: Apache-2.0";
    private static final int WIDTH = 120;

    @Test
    void everySourceNamesItsLicence() throws IOException {
        List<Path> sources = sources();
        assertTrue(sources.size() > 300, () -> "found only " + sources);
        List<Path> without = new ArrayList<>();
        for (Path source : sources) {
            if (Files.readAllLines(source).stream().limit(2).noneMatch(line -> line.contains(LICENCE))) {
                without.add(Page.ROOT.relativize(source));
            }
        }
        assertEquals(List.of(), without);
    }

    @Test
    void noLineOfJavaOrCIsTooLong() throws IOException {
        List<String> longer = new ArrayList<>();
        for (Path source : sources()) {
            if (isScript(source)) {
                continue;
            }
            List<String> lines = Files.readAllLines(source);
            IntStream.range(0, lines.size()).filter(i -> isTooLong(lines.get(i)))
                    .forEach(i -> longer.add(Page.ROOT.relativize(source) + ":" + (i + 1)));
        }
        assertEquals(List.of(), longer);
    }

    private static boolean isTooLong(String line) {
        return line.length() > WIDTH && !line.contains("\"") && !line.strip().startsWith("|");
    }

    private static boolean isScript(Path source) throws IOException {
        return source.toString().endsWith(".sh") || Files.readString(source).startsWith("#!");
    }

    private static boolean isSource(Path file) throws IOException {
        String name = file.getFileName().toString();
        return name.endsWith(".java") || name.endsWith(".c") || name.endsWith(".h") || name.endsWith(".sh")
                || !name.contains(".") && Files.size(file) > 2 && Files.readString(file).startsWith("#!");
    }

    private static List<Path> sources() throws IOException {
        List<Path> found = new ArrayList<>();
        for (String folder : List.of(".mvn", "bin", "vm", "core/src", "structures/src", "jcstress-tests/src",
                "benchmarks/src",
                "integration-tests/src", "measure/src", "docs/src", "docs/sample")) {
            Files.walkFileTree(Page.ROOT.resolve(folder), new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult preVisitDirectory(Path dir, BasicFileAttributes attributes) {
                    return dir.endsWith("target") ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    if (attributes.isRegularFile() && isSource(file)) {
                        found.add(file);
                    }
                    return FileVisitResult.CONTINUE;
                }
            });
        }
        return found;
    }
}
