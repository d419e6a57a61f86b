// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

/** The bytes that the fuzzer chose, read as numbers; zeros behind the end. */
final class Input {
    private final byte[] bytes;
    private int next;

    Input(byte[] bytes, int from) {
        this.bytes = bytes;
        next = from;
    }

    boolean isEmpty() {
        return next >= bytes.length;
    }

    int unsignedByte() {
        return next < bytes.length ? bytes[next++] & 0xff : 0;
    }

    /** From 0 to below. */
    int below(int bound) {
        return unsignedByte() % bound;
    }

    /** Most often a small number, now and then any one. */
    long number() {
        int kind = unsignedByte();
        if (kind < 200) {
            return (byte) unsignedByte() * 8L;
        }
        long value = 0;
        for (int i = 0; i < 8; i++) {
            value = value << 8 | unsignedByte();
        }
        return value;
    }

    byte[] rest() {
        byte[] rest = java.util.Arrays.copyOfRange(bytes, Math.min(next, bytes.length), bytes.length);
        next = bytes.length;
        return rest;
    }
}
