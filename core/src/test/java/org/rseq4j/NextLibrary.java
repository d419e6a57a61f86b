// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A program: uses the library, which no folder lets it load from a file with a name; then loads another library in the
 * way that ours was loaded, by a memory file and the path of its descriptor.
 */
final class NextLibrary {
    private NextLibrary() {
    }

    @SuppressWarnings("restricted")
    public static void main(String[] arguments) throws Throwable {
        Rseq.status();
        try (var maps = Files.lines(Path.of("/proc/self/maps"))) {
            System.out.println("loaded from memory: " + maps.anyMatch(line -> line.contains("memfd:rseq4j")));
        }
        MethodHandle create = Linker.nativeLinker().downcallHandle(
                Linker.nativeLinker().defaultLookup().findOrThrow("memfd_create"),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocateFrom("next");
            int file = (int) create.invokeExact(name, 1 /* MFD_CLOEXEC */);
            Path path = Path.of("/proc/self/fd/" + file);
            Files.write(path, Files.readAllBytes(Path.of(arguments[0])), StandardOpenOption.WRITE);
            SymbolLookup next = SymbolLookup.libraryLookup(path.toString(), Arena.global());
            System.out.println("its own function: " + next.find("storm_thread").isPresent());
            System.out.println("a function of ours: " + next.find("rseq4j_current").isPresent());
        }
    }
}
