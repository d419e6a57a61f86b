// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.FieldModel;
import java.lang.reflect.AccessFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Makes the contents of a module's multi-release jar: java MultiRelease.java MODULE-FOLDER VERSION MODULE-PATH. In
 * target/multi-release come classes for Java 17, of src/main/java and src/main/java17; those of src/main/java21 and
 * src/main/java22 as META-INF/versions; and what target/classes has beside classes. target/classes itself is what the
 * newest Java sees, for tests and for whoever runs the module without a jar.
 */
public final class MultiRelease {
    private static final int BASE = 17;
    private static final List<Integer> VERSIONS = List.of(21, 22);

    private final Path sources;
    private final Path classes;
    private final Path output;
    private final String version;
    private final String modulePath;

    private MultiRelease(Path module, String version, String modulePath) {
        sources = module.resolve("src/main");
        classes = module.resolve("target/classes");
        output = module.resolve("target/multi-release");
        this.version = version;
        this.modulePath = modulePath;
    }

    public static void main(String[] arguments) throws IOException {
        new MultiRelease(Path.of(arguments[0]), arguments[1], arguments[2]).make();
    }

    private void make() throws IOException {
        if (Files.exists(output)) {
            for (Path path : paths(output, Collections.reverseOrder())) {
                Files.delete(path);
            }
        }
        Files.createDirectories(output);
        List<Path> base = new ArrayList<>(javaFiles(sources.resolve("java")));
        base.addAll(javaFiles(sources.resolve("java" + BASE)));
        compile(BASE, output, base, "--module-path", modulePath, "--module-version", version);
        String classPath = output + java.io.File.pathSeparator + modulePath;
        for (int release : VERSIONS) {
            List<Path> files = javaFiles(sources.resolve("java" + release));
            if (!files.isEmpty()) {
                Path folder = output.resolve("META-INF/versions/" + release);
                Files.createDirectories(folder);
                compile(release, folder, files, "--class-path", classPath);
                for (Path versioned : paths(folder, null)) {
                    Path general = output.resolve(folder.relativize(versioned).toString());
                    for (Path classFile : List.of(versioned, general)) {
                        if (classFile.toString().endsWith(".class") && Files.exists(classFile)) {
                            refuseConstants(classFile);
                        }
                    }
                }
                classPath = folder + java.io.File.pathSeparator + classPath;
            }
        }
        for (Path path : paths(classes, null)) {
            Path target = output.resolve(classes.relativize(path).toString());
            if (Files.isRegularFile(path) && !path.toString().endsWith(".class")) {
                Files.createDirectories(target.getParent());
                Files.copy(path, target, StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
    }

    /**
     * A class that there is in several versions must have no constants: the compiler copies their values into the
     * classes that name them, and those are compiled once, beside the version for Java 17.
     */
    private static void refuseConstants(Path classFile) throws IOException {
        ClassModel model = ClassFile.of().parse(classFile);
        for (FieldModel field : model.fields()) {
            if (!field.flags().has(AccessFlag.PRIVATE) && field.findAttribute(Attributes.constantValue()).isPresent()) {
                System.err.println(model.thisClass().asInternalName() + "." + field.fieldName().stringValue()
                        + " is a compile-time constant of a class with versions: make it a method");
                System.exit(1);
            }
        }
    }

    /** Error Prone and the lints have seen the sources that the newest Java has; the others are few. */
    private static void compile(int release, Path folder, List<Path> files, String... options) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        List<String> all = new ArrayList<>(List.of("--release", Integer.toString(release), "-d", folder.toString(),
                "-g", "-parameters", "-proc:none", "-nowarn", "-XDstringConcat=inline", "-encoding", "UTF-8"));
        all.addAll(List.of(options));
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, null)) {
            if (!compiler.getTask(null, manager, MultiRelease::say, all, null,
                    manager.getJavaFileObjectsFromPaths(files)).call()) {
                System.exit(1);
            }
        }
    }

    /** Not the warnings that sun.misc.Unsafe is the JDK's own, which no option stops. */
    private static void say(Diagnostic<?> diagnostic) {
        if (diagnostic.getKind() == Diagnostic.Kind.ERROR) {
            System.err.println(diagnostic);
        }
    }

    private static List<Path> javaFiles(Path folder) throws IOException {
        return Files.isDirectory(folder)
                ? paths(folder, null).stream().filter(path -> path.toString().endsWith(".java")).toList()
                : List.of();
    }

    private static List<Path> paths(Path folder, java.util.Comparator<Path> order) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return (order == null ? all.sorted() : all.sorted(order)).toList();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }
}
