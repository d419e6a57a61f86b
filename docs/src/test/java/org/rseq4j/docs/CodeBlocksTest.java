// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java code in the pages compiles. */
class CodeBlocksTest {
    @TempDir
    private Path classes;

    @Test
    void everyJavaBlockOfTheDocumentationCompiles() throws IOException {
        int blocks = 0;
        for (Page page : Page.all()) {
            for (Page.Block block : page.blocks) {
                for (String code : code(block)) {
                    StringWriter problems = new StringWriter();
                    assertTrue(compiles(code, problems), page + ":\n" + code + "\n" + problems);
                    blocks++;
                }
            }
        }
        assertTrue(blocks >= 10, "blocks found: " + blocks);
    }

    @Test
    void aBlockWithAnErrorDoesNotCompile() {
        assertFalse(compiles("int i = \"text\";", new StringWriter()));
        assertFalse(compiles("org.rseq4j.Rseq.noSuchMethod();", new StringWriter()));
    }

    /** A block of Java as it is; of a diff what was before and what is after. */
    private static List<String> code(Page.Block block) {
        return switch (block.language()) {
            case "java" -> List.of(block.text());
            case "diff" -> List.of(side(block.text(), "+"), side(block.text(), "-"));
            default -> List.of();
        };
    }

    private static String side(String diff, String other) {
        return diff.lines().filter(line -> !line.startsWith(other))
                .map(line -> line.isEmpty() ? line : line.substring(1))
                .collect(Collectors.joining("\n", "", "\n"));
    }

    @Test
    void aDiffHasTwoSides() {
        Page.Block block = new Page.Block("diff", "-int i = 1;\n+long i = 1;\n System.out.println(i);\n");
        assertEquals(List.of("int i = 1;\nSystem.out.println(i);\n", "long i = 1;\nSystem.out.println(i);\n"),
                code(block));
    }

    private boolean compiles(String block, StringWriter problems) {
        return BlockCompiler.compiles(block, classes, problems);
    }
}
