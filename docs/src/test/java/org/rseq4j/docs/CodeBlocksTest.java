package org.rseq4j.docs;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
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
                if (block.language().equals("java")) {
                    StringWriter problems = new StringWriter();
                    assertTrue(compiles(block.text(), problems), page + ":\n" + block.text() + "\n" + problems);
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
