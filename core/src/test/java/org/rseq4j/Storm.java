// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Threads that are moved between CPUs and sent signals at a high rate, and threads that are not Java's own (storm.c);
 * from Java 22 on.
 */
public final class Storm {
    private static final Path LIBRARY = Path.of(System.getProperty("rseq4j.test.storm", "target/libstorm.so"));

    private Storm() {
    }

    /** How often threads were moved, and how many signals were sent. */
    record Faults(long moves, long signals) {
        Faults and(Faults more) {
            return new Faults(moves + more.moves, signals + more.signals);
        }
    }

    public static boolean available() {
        return Files.exists(LIBRARY)
                && !Boolean.getBoolean("rseq4j.test.noNativeAccess");
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

    /**
     * Runs an action on a new thread that attaches to Java for it and detaches after; and, if asked for, one that the
     * kernel refuses rseq(2) to.
     *
     * @return 0, or an errno when there was no such thread to be had
     */
    @SuppressWarnings("restricted")
    public static int inForeignThread(Runnable action, boolean withoutRseq) {
        Throwable[] failure = new Throwable[1];
        Runnable guarded = () -> {
            try {
                action.run();
            } catch (Throwable e) {
                failure[0] = e; // it may not leave an upcall
            }
        };
        try (Arena arena = Arena.ofShared()) {
            MethodHandle run = MethodHandles.lookup()
                    .findVirtual(Runnable.class, "run", MethodType.methodType(void.class)).bindTo(guarded);
            int error = (int) handle("storm_in_thread", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT))
                    .invokeExact(Linker.nativeLinker().upcallStub(run, FunctionDescriptor.ofVoid(), arena),
                            withoutRseq ? 1 : 0);
            if (failure[0] != null) {
                throw new AssertionError(failure[0]);
            }
            return error;
        } catch (Error e) {
            throw e;
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
