// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

/** What structures may see of a per-CPU memory, and users may not: where its words are. */
public abstract class MemoryAccess {
    private static MemoryAccess installed;

    /** Called once, by PerCpuMemory before it makes the first one. */
    public static void install(MemoryAccess access) {
        if (installed != null) {
            throw new IllegalStateException("installed already");
        }
        installed = access;
    }

    public static MemoryAccess get() {
        return installed;
    }

    /** The memory of all strides; it lives as long as it is referred to, whether that is closed or not. */
    public abstract Mapping mapping(Object perCpuMemory);

    /** The distance from a word to the same word of the next CPU, in bytes. */
    public abstract long stride(Object perCpuMemory);
}
