// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;

/** A filter under which membarrier is refused, on x86-64; for programs that end soon. */
@SuppressWarnings("restricted") // a filter is not to be had from Java otherwise
public final class MembarrierFilter {
    private static final long SECCOMP = 317;
    private static final int MEMBARRIER = 324;

    private MembarrierFilter() {
    }

    /** For all threads of this process; whether it worked. */
    public static boolean install() throws Throwable {
        Linker linker = Linker.nativeLinker();
        var prctl = linker.downcallHandle(linker.defaultLookup().findOrThrow("prctl"),
                FunctionDescriptor.of(JAVA_INT,
                        JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                Linker.Option.firstVariadicArg(1));
        var syscall = linker.downcallHandle(linker.defaultLookup().findOrThrow("syscall"),
                FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS),
                Linker.Option.firstVariadicArg(1));
        try (Arena arena = Arena.ofConfined()) {
            // struct sock_filter: code, jump if true, jump if false, operand
            MemorySegment filter = arena.allocateFrom(JAVA_LONG, instruction(0x20, 0, 0, 0),
                    instruction(0x15, 0, 1, MEMBARRIER), instruction(0x06, 0, 0, 0x0005_0000 | 38),
                    instruction(0x06, 0, 0, 0x7FFF_0000));
            MemorySegment program = arena.allocate(16, 8);
            program.set(JAVA_INT, 0, 4);
            program.set(ADDRESS, 8, filter);
            if ((int) prctl.invokeExact(38, 1L, 0L, 0L, 0L) != 0) { // no new privileges
                return false;
            }
            long failed = (long) syscall.invokeExact(SECCOMP, 1L, 1L, program); // a filter, for all threads
            return failed == 0;
        }
    }

    private static long instruction(int code, int ifTrue, int ifFalse, int operand) {
        return (long) operand << 32 | (long) ifFalse << 24 | (long) ifTrue << 16 | code;
    }
}
