// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.docs;

import java.io.Writer;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Compiles Java code of the pages, with the tests' class path. */
final class BlockCompiler {
    private BlockCompiler() {
    }

    /**
     * Compiles a whole class, or statements with imports before them.
     *
     * @param block the code
     * @param classes where the classes go
     * @param problems what the compiler says
     * @return whether it compiles
     */
    static boolean compiles(String block, Path classes, Writer problems) {
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
