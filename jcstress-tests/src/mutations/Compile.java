// SPDX-License-Identifier: Apache-2.0
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;

/**
 * Compiles the Java sources of each of some folders by itself, in one JVM: javac takes a second to start, and little
 * for a class. What it says goes to a file beside the folder; the names of the folders that do not compile are printed.
 */
final class Compile {
    private static final ToolProvider JAVAC = ToolProvider.findFirst("javac").orElseThrow();

    private Compile() {
    }

    /** Arguments: the class path, the folders. */
    public static void main(String[] arguments) throws IOException {
        for (int i = 1; i < arguments.length; i++) {
            Path folder = Path.of(arguments[i]);
            if (!compiles(arguments[0], folder)) {
                System.out.println(folder.getFileName());
            }
        }
    }

    private static boolean compiles(String classPath, Path folder) throws IOException {
        List<String> options = new ArrayList<>(List.of("-nowarn", "-proc:none", "-cp", classPath, "-d", folder + ".classes"));
        int before = options.size();
        try (Stream<Path> files = Files.walk(folder)) {
            files.map(Path::toString).filter(name -> name.endsWith(".java")).forEach(options::add);
        }
        try (var log = new PrintWriter(Files.newBufferedWriter(Path.of(folder + ".log"), StandardOpenOption.CREATE,
                StandardOpenOption.APPEND))) {
            return options.size() == before || JAVAC.run(log, log, options.toArray(String[]::new)) == 0;
        }
    }
}
