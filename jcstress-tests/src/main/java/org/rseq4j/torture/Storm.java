// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

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
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * Threads that are moved between CPUs and interrupted by signals, thousands of times a second; by core's libstorm.so.
 */
final class Storm extends Fault {
    private static final Path LIBRARY = Path.of(System.getProperty("rseq4j.test.storm", "core/target/libstorm.so"));

    private final Set<Integer> threads = ConcurrentHashMap.newKeySet();
    private final MethodHandle thread;
    private final MethodHandle run;
    final LongAdder moves = new LongAdder();
    final LongAdder signals = new LongAdder();

    @SuppressWarnings("restricted")
    Storm() {
        super("storm of migrations and signals");
        if (Files.exists(LIBRARY)) {
            SymbolLookup library = SymbolLookup.libraryLookup(LIBRARY.toAbsolutePath(), Arena.global());
            Linker linker = Linker.nativeLinker();
            thread = linker.downcallHandle(library.findOrThrow("storm_thread"), FunctionDescriptor.of(JAVA_INT));
            run = linker.downcallHandle(library.findOrThrow("storm_run"),
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS));
        } else {
            thread = null;
            run = null;
        }
    }

    @Override
    String unavailable() {
        return run == null ? "no " + LIBRARY + ": build core" : null;
    }

    /** The running OS thread is one that may be disturbed; 0 where there is no library. */
    int join() {
        if (thread == null) {
            return 0;
        }
        try {
            int id = (int) thread.invokeExact();
            threads.add(id);
            return id;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    void leave(int id) {
        threads.remove(id);
    }

    @Override
    void inject(SplittableRandom random) {
        long millis = random.nextLong(50, 400);
        try (Arena arena = Arena.ofConfined()) {
            int[] ids = threads.stream().mapToInt(Integer::intValue).toArray();
            var out = arena.allocate(16, 8);
            int result = (int) run.invokeExact(arena.allocateFrom(JAVA_INT, ids), ids.length,
                    Runtime.getRuntime().availableProcessors(), millis, out);
            if (result != 0) {
                throw new IllegalStateException("the signal handler could not be installed");
            }
            moves.add(out.get(JAVA_LONG, 0));
            signals.add(out.get(JAVA_LONG, 8));
        } catch (RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
