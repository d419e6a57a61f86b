// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.rseq4j.stress.Storm;

/** Java that a foreign thread calls by an upcall, which attaches the thread by itself; from Java 22 on. */
final class Upcall {
    private Upcall() {
    }

    /** Runs an action on a new thread; 0, or an errno when there was none to be had. */
    @SuppressWarnings("restricted")
    static int inForeignThread(Runnable action) {
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
            MethodHandle call = Linker.nativeLinker().downcallHandle(
                    SymbolLookup.libraryLookup(Storm.library(), arena).findOrThrow("storm_in_thread"),
                    FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
            int error = (int) call.invokeExact(
                    Linker.nativeLinker().upcallStub(run, FunctionDescriptor.ofVoid(), arena));
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
}
