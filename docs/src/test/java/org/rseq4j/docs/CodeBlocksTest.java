package org.rseq4j.docs;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java code in README.md and docs/ compiles. */
class CodeBlocksTest {
    private static final Pattern BLOCK = Pattern.compile("(?ms)^```java\\n(.*?)^```$");

    @TempDir
    private Path classes;

    @Test
    void everyJavaBlockOfTheDocumentationCompiles() throws IOException {
        Path root = Path.of("").toAbsolutePath().getParent();
        List<Path> pages = new ArrayList<>(List.of(root.resolve("README.md")));
        try (Stream<Path> files = Files.list(root.resolve("docs"))) {
            files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
        }
        int blocks = 0;
        for (Path page : pages) {
            for (MatchResult block : BLOCK.matcher(Files.readString(page)).results().toList()) {
                StringWriter problems = new StringWriter();
                assertTrue(compiles(block.group(1), problems),
                        page.getFileName() + ":\n" + block.group(1) + "\n" + problems);
                blocks++;
            }
        }
        assertTrue(blocks >= 2, "blocks found: " + blocks);
    }

    @Test
    void aBlockWithAnErrorDoesNotCompile() {
        assertFalse(compiles("int i = \"text\";", new StringWriter()));
        assertFalse(compiles("org.rseq4j.Rseq.noSuchMethod();", new StringWriter()));
    }

    /** Compiles a whole class, or statements with imports before them. */
    private boolean compiles(String block, StringWriter problems) {
        String source = block;
        if (!Pattern.compile("(?m)^(public |final )*(class|interface|record|enum) ").matcher(block).find()) {
            String imports = block.lines().filter(line -> line.startsWith("import ")).collect(Collectors.joining("\n"));
            String statements = block.lines().filter(line -> !line.startsWith("import "))
                    .collect(Collectors.joining("\n"));
            source = imports + "\nclass Block {\nvoid block() throws Exception {\n" + statements + "\n}\n}\n";
        }
        String text = source;
        JavaFileObject file = new SimpleJavaFileObject(URI.create("string:///Block.java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return text;
            }
        };
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        String path = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return compiler.getTask(problems, null, null,
                List.of("-d", classes.toString(), "-classpath", path, "-proc:none"), null,
                List.of(file)).call();
    }
}
