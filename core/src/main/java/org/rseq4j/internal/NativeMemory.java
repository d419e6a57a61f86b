package org.rseq4j.internal;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * Absolute memory: one segment over all of it and a handle for each width, so that an access compiles to one load or
 * store. Linked only after {@link NativeLibrary} found that native access is allowed.
 */
@SuppressWarnings("restricted")
final class NativeMemory {
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();
    static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
    static final VarHandle BYTE = ValueLayout.JAVA_BYTE.varHandle();

    private NativeMemory() {
    }
}
