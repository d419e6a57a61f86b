package org.rseq4j;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Moves threads between CPUs and sends them signals, at a high rate (storm.c). */
final class Storm {
    private static final Path LIBRARY = Path.of(System.getProperty("rseq4j.test.storm", "target/libstorm.so"));

    private Storm() {
    }

    /** How often threads were moved, and how many signals were sent. */
    record Faults(long moves, long signals) {
    }

    static boolean available() {
        return Files.exists(LIBRARY) && !Boolean.getBoolean("rseq4j.test.noNativeAccess");
    }

    /** {@return the number of the running OS thread} */
    static int thread() {
        try {
            return (int) handle("storm_thread", FunctionDescriptor.of(JAVA_INT)).invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** Lets it rage over these OS threads for a while. */
    static Faults rage(List<Integer> threads, long millis) {
        MethodHandle run = handle("storm_run",
                FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS));
        try (Arena arena = Arena.ofConfined()) {
            var out = arena.allocate(16, 8);
            var numbers = arena.allocateFrom(JAVA_INT, threads.stream().mapToInt(Integer::intValue).toArray());
            int result = (int) run.invokeExact(numbers, threads.size(), Runtime.getRuntime().availableProcessors(),
                    millis,
                    out);
            if (result != 0) {
                throw new AssertionError("the signal handler could not be installed");
            }
            return new Faults(out.get(JAVA_LONG, 0), out.get(JAVA_LONG, 8));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @SuppressWarnings("restricted")
    private static MethodHandle handle(String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(
                SymbolLookup.libraryLookup(LIBRARY, Arena.global()).findOrThrow(name),
                type);
    }
}
