// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.Security;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

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
public final class NativeLibrary {
    /** Why there is no native library; null when there is one. */
    public static final Problem PROBLEM;

    /** The same in every copy: not a name that shading relocates with the package's. */
    static final String LOADED_PROPERTY = "rseq4j.native";
    /** Changes with every incompatible change of the C side, so that two versions never share one library. */
    static final String NATIVE_VERSION = "7";

    /** Rounds of a delay inside each sequence, for tests: aborts become likely. */
    public static final long WINDOW = Long.getLong("rseq4j.debug.window", 0);

    /** What other classes use of it; the sequences in two forms. */
    private static final List<String> NAMES = List.of("probe", "configure", "attach", "current", "area", "empty",
            "records", "try", "slice_yield", "membarrier", "map", "unmap", "discard", "populate", "huge_pages",
            "window",
            "check_aborts", "drain", "add", "compare_and_store", "swap", "push", "pop", "pop_word", "push_many",
            "pop_many", "summarize", "add_wide", "compare_and_store_wide", "swap_wide", "push_wide", "pop_wide",
            "pop_word_wide", "push_many_wide", "pop_many_wide", "summarize_wide");

    /** Where each is; null where there is no native library. */
    private static final Map<String, Long> ADDRESSES;

    /** A reason and what to do about it. */
    public record Problem(String reason, String advice) {
    }

    static {
        Problem problem = null;
        Map<String, Long> addresses = null;
        try {
            problem = unsupportedPlatform();
            if (problem == null) {
                addresses = load();
            }
        } catch (IllegalCallerException e) {
            problem = new Problem("native access is denied to the library",
                    "start Java with --enable-native-access=org.rseq4j.core (on the class path: ALL-UNNAMED)");
        } catch (LoadFailed e) {
            problem = new Problem(e.getMessage(), e.advice);
        }
        PROBLEM = problem;
        ADDRESSES = addresses;
    }

    public static boolean isAvailable() {
        return PROBLEM == null;
    }

    /**
     * {@return the address of a function or variable}
     *
     * @throws LinkageError when the library has none of that name
     */
    public static long address(String name) {
        Long address = ADDRESSES.get(symbol(name));
        if (address == null) {
            throw new LinkageError(symbol(name));
        }
        return address;
    }

    private static String symbol(String name) {
        return "rseq4j_" + name;
    }

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
    private static Map<String, Long> load() {
        String property = LOADED_PROPERTY + "." + NATIVE_VERSION;
        String process = process();
        synchronized (Security.class) {
            String loaded = Security.getProperty(property);
            boolean isShared = loaded != null && loaded.startsWith(process);
            Map<String, Long> addresses = isShared && !NativeCalls.needOwnCopy() ? null : loadFresh();
            if (isShared) {
                return shared(loaded.substring(process.length()));
            }
            Security.setProperty(property, process + table(addresses));
            return addresses;
        }
    }

    /** What no other process has: its number, and when it started. */
    static String process() {
        ProcessHandle self = ProcessHandle.current();
        return self.pid() + "@" + self.info().startInstant().map(Instant::toString).orElse("") + " ";
    }

    /** The functions of a library that another copy of this class loaded, as {@link #table} wrote them. */
    private static Map<String, Long> shared(String table) {
        NativeCalls.share();
        Map<String, Long> addresses = new HashMap<>();
        for (String entry : table.split(" ", -1)) {
            int equals = entry.indexOf('=');
            addresses.put(entry.substring(0, equals), Long.parseUnsignedLong(entry.substring(equals + 1), 16));
        }
        return addresses;
    }

    private static String table(Map<String, Long> addresses) {
        return addresses.entrySet().stream().map(entry -> entry.getKey() + '=' + Long.toHexString(entry.getValue()))
                .collect(Collectors.joining(" "));
    }

    private static Map<String, Long> load(String path) {
        return NativeCalls.load(path, NAMES.stream().map(NativeLibrary::symbol).toList());
    }

    /** Each place where a file can be written and loaded, in this order; the first that works. */
    private static Map<String, Long> loadFresh() {
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
                Map<String, Long> addresses = loadFrom(place, code, failures);
                if (addresses != null) {
                    return addresses;
                }
            }
        }
        Map<String, Long> addresses = named == null ? loadFromMemory(code, failures) : null;
        if (addresses != null) {
            return addresses;
        }
        throw new LoadFailed("the native library could not be loaded: " + String.join("; ", failures),
                "name a folder that is writable and not mounted noexec with -Drseq4j.native.dir=FOLDER");
    }

    private static Map<String, Long> loadFrom(String place, byte[] code, List<String> failures) {
        Path folder = null;
        Path file = null;
        try {
            // A new folder with a random name, entered by this user only: nobody else can have put a file there.
            folder = Files.createTempDirectory(Path.of(place).toAbsolutePath(), "rseq4j-",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            file = folder.resolve("librseq4j.so");
            Files.write(file, code, java.nio.file.StandardOpenOption.CREATE_NEW,
                    java.nio.file.StandardOpenOption.WRITE);
            return load(file.toString());
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
    private static Map<String, Long> loadFromMemory(byte[] code, List<String> failures) {
        try {
            int file = NativeCalls.openMemoryFile();
            if (file < 0) {
                failures.add("no memory file");
                return null;
            }
            Map<String, Long> loaded = null;
            try {
                Path path = Path.of("/proc/self/fd/" + file);
                Files.write(path, code, java.nio.file.StandardOpenOption.WRITE);
                loaded = load(path.toString());
                return loaded;
            } finally {
                if (loaded == null) {
                    NativeCalls.closeFile(file);
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
