// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import java.nio.charset.StandardCharsets;

/** A page outside of the Java heap, all zeros, for what a native function fills in. */
public final class Scratch implements AutoCloseable {
    private static final long SIZE = 4096;

    /** Of its first byte. */
    public final long address;

    /**
     * Maps it.
     *
     * @throws OutOfMemoryError when the system has none
     */
    public Scratch() {
        address = NativeCalls.map(SIZE);
        if (address < 0) {
            throw new OutOfMemoryError("mmap of " + SIZE + " bytes failed with errno " + -address);
        }
    }

    public int getInt(int offset) {
        return Memory.getInt(address + offset);
    }

    public void setInt(int offset, int value) {
        Memory.setInt(address + offset, value);
    }

    public long getLong(int offset) {
        return Memory.getLong(address + offset);
    }

    /** Up to its zero. */
    public String getString(int offset) {
        byte[] bytes = new byte[(int) SIZE - offset];
        int length = 0;
        while ((bytes[length] = Memory.getByteOpaque(address + offset + length)) != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        NativeCalls.unmap(address, SIZE);
    }
}
