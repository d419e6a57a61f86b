// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.Security;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The native library: found in the jar, written to a folder that only this user can enter, loaded for good, removed
 * again. Where that cannot be, {@link #PROBLEM} says why and nothing else here may be used.
 *
 * <p>
 * All copies of this class in one process (several class loaders) share the first one's native code, so that a thread's
 * area has one owner. The addresses of its functions stand in a security property: those are strings of the whole JVM,
 * too, which no class loader is kept by, but nobody lists them or hands them to another process. They are bound to this
 * process all the same, by its number and its start.
 *
 * <p>
 * No class loader is kept by the loaded library, whose lifetime is the global arena's.
 */
@SuppressWarnings("restricted")
public final class NativeLibrary {
    /** Why there is no native library; null when there is one. */
    public static final Problem PROBLEM;

    static final String LOADED_PROPERTY = "org.rseq4j.internal.native";
    /** Changes with every incompatible change of the C side, so that two versions never share one library. */
    static final String NATIVE_VERSION = "6";

    private static final SymbolLookup SYMBOLS;

    /** A reason and what to do about it. */
    public record Problem(String reason, String advice) {
    }

    static {
        Problem problem = null;
        SymbolLookup symbols = null;
        try {
            problem = unsupportedPlatform();
            if (problem == null) {
                symbols = load();
            }
        } catch (IllegalCallerException e) {
            problem = new Problem("native access is denied to the library",
                    "start Java with --enable-native-access=org.rseq4j.core (on the class path: ALL-UNNAMED)");
        } catch (LoadFailed e) {
            problem = new Problem(e.getMessage(), e.advice);
        }
        PROBLEM = problem;
        SYMBOLS = symbols;
    }

    public static boolean isAvailable() {
        return PROBLEM == null;
    }

    /** A downcall that may block or take long. */
    public static MethodHandle plain(String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(symbol(name), type);
    }

    /** A downcall of a few instructions: no upcall, no blocking, the thread stays in Java state. */
    public static MethodHandle critical(String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(symbol(name), type, Linker.Option.critical(false));
    }

    /** The same, whose pointers may lead into arrays of the Java heap. */
    public static MethodHandle criticalWithHeap(String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(symbol(name), type, Linker.Option.critical(true));
    }

    public static MemorySegment symbol(String name) {
        Optional<MemorySegment> found = SYMBOLS.find("rseq4j_" + name);
        return found.orElseThrow(() -> new LinkageError("rseq4j_" + name));
    }

    public static final FunctionDescriptor RETURNS_INT = FunctionDescriptor.of(JAVA_INT);
    public static final FunctionDescriptor POINTER = FunctionDescriptor.ofVoid(ADDRESS);
    public static final FunctionDescriptor POINTER_RETURNS_INT = FunctionDescriptor.of(JAVA_INT, ADDRESS);
    public static final FunctionDescriptor RETURNS_LONG = FunctionDescriptor.of(JAVA_LONG);
    public static final FunctionDescriptor LONG_RETURNS_LONG = FunctionDescriptor.of(JAVA_LONG, JAVA_LONG);

    private static Problem unsupportedPlatform() {
        if ("none".equals(System.getProperty("rseq4j.registration"))) {
            return new Problem("switched off by -Drseq4j.registration=none",
                    "Remove the property to let the library decide.");
        }
        String os = System.getProperty("os.name", "");
        if (!os.equalsIgnoreCase("Linux")) {
            return new Problem("not Linux: " + os, "rseq exists on Linux only; everything works, without its speed");
        }
        if (NativeLibrary.class.getResource(resource()) == null) {
            return new Problem("no native library for this machine: " + machine(),
                    "use a build of rseq4j for " + machine() + "; everything works, without its speed");
        }
        return null;
    }

    private static String machine() {
        String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
        return switch (arch) {
            case "amd64", "x86_64" -> "x86_64";
            case "arm64", "aarch64" -> "aarch64";
            default -> arch;
        };
    }

    /** Its name in the jar. */
    public static String resource() {
        return "/org/rseq4j/internal/native/linux-" + machine() + "/librseq4j.so";
    }

    @SuppressWarnings("LockOnNonEnclosingClassLiteral") // one lock for all copies of this class
    private static SymbolLookup load() {
        String property = LOADED_PROPERTY + "." + NATIVE_VERSION;
        String process = process();
        synchronized (Security.class) {
            String loaded = Security.getProperty(property);
            if (loaded != null && loaded.startsWith(process)) {
                return table(loaded.substring(process.length()));
            }
            SymbolLookup symbols = loadFresh();
            Security.setProperty(property, process + addresses(symbols));
            return symbols;
        }
    }

    /** What no other process has: its number, and when it started. */
    static String process() {
        ProcessHandle self = ProcessHandle.current();
        return self.pid() + "@" + self.info().startInstant().map(Instant::toString).orElse("") + " ";
    }

    /** The functions of a library that another copy of this class loaded, as {@link #addresses} wrote them. */
    private static SymbolLookup table(String addresses) {
        MemorySegment.NULL.reinterpret(0); // IllegalCallerException, should native access be denied to this copy
        return name -> {
            for (String entry : addresses.split(" ", -1)) {
                if (entry.startsWith(name + "=")) {
                    return Optional.of(
                            MemorySegment.ofAddress(Long.parseUnsignedLong(entry.substring(name.length() + 1), 16)));
                }
            }
            return Optional.empty();
        };
    }

    private static String addresses(SymbolLookup symbols) {
        var text = new StringBuilder();
        for (String name : List.of("probe", "configure", "attach", "current", "area", "empty", "records", "try",
                "slice_yield", "membarrier", "map", "unmap", "discard", "huge_pages", "window", "check_aborts",
                "drain")) {
            append(text, symbols, "rseq4j_" + name);
        }
        for (String operation : List.of("add", "compare_and_store", "swap", "push", "pop", "pop_word", "push_many",
                "pop_many", "summarize")) {
            append(text, symbols, "rseq4j_" + operation);
            append(text, symbols, "rseq4j_" + operation + "_wide");
        }
        return text.toString();
    }

    private static void append(StringBuilder text, SymbolLookup symbols, String name) {
        symbols.find(name).ifPresent(s -> text.append(text.isEmpty() ? "" : " ").append(name).append('=')
                .append(Long.toHexString(s.address())));
    }

    /** Each place where a file can be written and loaded, in this order; the first that works. */
    private static SymbolLookup loadFresh() {
        byte[] code;
        try (InputStream in = NativeLibrary.class.getResourceAsStream(resource())) {
            code = in.readAllBytes();
        } catch (IOException e) {
            throw new LoadFailed("the native library in the jar cannot be read: " + e, "check the jar");
        }
        List<String> failures = new ArrayList<>();
        String named = System.getProperty("rseq4j.native.dir");
        List<String> places = named != null
                ? List.of(named)
                : List.of(System.getProperty("java.io.tmpdir", "/tmp"),
                        System.getenv().getOrDefault("XDG_RUNTIME_DIR", ""));
        for (String place : places) {
            if (!place.isEmpty()) {
                SymbolLookup symbols = loadFrom(place, code, failures);
                if (symbols != null) {
                    return symbols;
                }
            }
        }
        SymbolLookup symbols = named == null ? loadFromMemory(code, failures) : null;
        if (symbols != null) {
            return symbols;
        }
        throw new LoadFailed("the native library could not be loaded: " + String.join("; ", failures),
                "name a folder that is writable and not mounted noexec with -Drseq4j.native.dir=FOLDER");
    }

    private static SymbolLookup loadFrom(String place, byte[] code, List<String> failures) {
        Path folder = null;
        Path file = null;
        try {
            // A new folder with a random name, entered by this user only: nobody else can have put a file there.
            folder = Files.createTempDirectory(Path.of(place), "rseq4j-",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            file = folder.resolve("librseq4j.so");
            Files.write(file, code, java.nio.file.StandardOpenOption.CREATE_NEW,
                    java.nio.file.StandardOpenOption.WRITE);
            return SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IOException | IllegalArgumentException | UnsupportedOperationException e) {
            failures.add(place + ": " + (e instanceof IllegalArgumentException ? "not loadable (mounted noexec?)" : e));
            return null;
        } finally {
            // A loaded library needs its file no more.
            delete(file);
            delete(folder);
        }
    }

    private static void delete(Path path) {
        try {
            if (path != null) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            path.toFile().deleteOnExit();
        }
    }

    /**
     * A file without a name, for machines whose writable folders are all mounted noexec. Its descriptor stays open: the
     * loader tells libraries by their paths, and another file of that number would be taken for this one.
     */
    private static SymbolLookup loadFromMemory(byte[] code, List<String> failures) {
        try (Arena arena = Arena.ofConfined()) {
            Linker linker = Linker.nativeLinker();
            SymbolLookup libc = linker.defaultLookup();
            MethodHandle create = linker.downcallHandle(libc.findOrThrow("memfd_create"),
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
            MethodHandle close = linker.downcallHandle(libc.findOrThrow("close"),
                    FunctionDescriptor.of(JAVA_INT, JAVA_INT));
            int file = (int) create.invokeExact(arena.allocateFrom("rseq4j"), 1 /* MFD_CLOEXEC */);
            if (file < 0) {
                failures.add("memfd_create failed");
                return null;
            }
            SymbolLookup loaded = null;
            try {
                Path path = Path.of("/proc/self/fd/" + file);
                Files.write(path, code, java.nio.file.StandardOpenOption.WRITE);
                // By name: as a Path it would be resolved to what the link says, which is no file.
                loaded = SymbolLookup.libraryLookup(path.toString(), Arena.global());
                return loaded;
            } finally {
                if (loaded == null) {
                    int ignored = (int) close.invokeExact(file);
                }
            }
        } catch (IllegalCallerException e) {
            throw e;
        } catch (Throwable e) {
            failures.add("memory file: " + e);
            return null;
        }
    }

    private static final class LoadFailed extends RuntimeException {
        private static final long serialVersionUID = 1;
        private final String advice;

        LoadFailed(String message, String advice) {
            super(message, null, false, false);
            this.advice = advice;
        }
    }

    private NativeLibrary() {
    }
}
