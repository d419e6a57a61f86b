// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * Absolute memory: one segment over all of it and a handle for each width, so that an access compiles to one load or
 * store. Linked only after {@link NativeLibrary} found that native access is allowed.
 *
 * <p>
 * An address is aligned to the width and far below 2^56, so the masks change none; but they tell the compiler both, and
 * it drops the segment's checks of bounds and alignment: one instruction for five.
 */
@SuppressWarnings("restricted")
public final class NativeMemory {
    public static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    public static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();
    public static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
    public static final VarHandle BYTE = ValueLayout.JAVA_BYTE.varHandle();

    public static final long BYTE_ADDRESS = 0x00FF_FFFF_FFFF_FFFFL;
    public static final long INT_ADDRESS = 0x00FF_FFFF_FFFF_FFFCL;
    public static final long LONG_ADDRESS = 0x00FF_FFFF_FFFF_FFF8L;

    private NativeMemory() {
    }
}
