// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import java.lang.ref.Reference;

/**
 * Stack and memory for the initializers of classes. A class whose initializer meets an error is of no use for ever, and
 * ours link native functions, which takes more stack than any operation. So what is public, and what it extends, has no
 * initializer. Its constructors and static methods come here the first time, and then initialize what they are made of:
 * an error comes before that, and a later call may work.
 *
 * <p>
 * This class has no initializer itself. Memory that was found here may be somebody else's a moment later: there an
 * error is unlikely, and not excluded.
 */
public final class FirstUse {
    /** Frames of {@link #dive}, each of 0.9 kilobytes, interpreted or not; initializers took up to 40 of them. */
    private static final int FRAMES = 64;
    /** A megabyte, in arrays that no collector treats as large ones. */
    private static final int ARRAYS = 16;
    private static final int ARRAY = 1 << 16;

    private static volatile long deepest;

    private FirstUse() {
    }

    /**
     * Returns where initializers find stack and memory. Not for initializers: they call nothing that comes here.
     *
     * @throws StackOverflowError when they may not find stack
     * @throws OutOfMemoryError when they may not find memory
     */
    public static void prepare() {
        ensureStack();
        byte[][] memory = new byte[ARRAYS][];
        for (int i = 0; i < ARRAYS; i++) {
            memory[i] = new byte[ARRAY];
        }
        Reference.reachabilityFence(memory);
    }

    /**
     * Returns where calls find some 58 kilobytes of stack, also interpreted ones after this was compiled; for what is
     * rare, and has to undo by calls of others what an error left half-way. It costs some microseconds.
     *
     * @throws StackOverflowError when they may not
     */
    public static void ensureStack() {
        deepest = dive(FRAMES, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    /**
     * Arguments, all of which are used after the call, so that a frame has them whoever compiles it; and too much code
     * to be copied into itself.
     */
    private static long dive(int frames, long a00, long a01, long a02, long a03, long a04, long a05, long a06,
            long a07, long a08, long a09, long a10, long a11, long a12, long a13, long a14, long a15, long a16,
            long a17, long a18, long a19, long a20, long a21, long a22, long a23, long a24, long a25, long a26,
            long a27, long a28, long a29, long a30, long a31, long a32, long a33, long a34, long a35, long a36,
            long a37, long a38, long a39, long a40, long a41, long a42, long a43, long a44, long a45, long a46,
            long a47) {
        long deeper = frames == 0
                ? deepest
                : dive(frames - 1, a01, a02, a03, a04, a05, a06, a07, a08, a09, a10,
                        a11, a12, a13, a14, a15, a16, a17, a18, a19, a20, a21, a22, a23, a24, a25, a26, a27, a28, a29,
                        a30,
                        a31, a32, a33, a34, a35, a36, a37, a38, a39, a40, a41, a42, a43, a44, a45, a46, a47,
                        a00 + frames);
        deeper = (((((deeper * 31 ^ a00) * 31 ^ a01) * 31 ^ a02) * 31 ^ a03) * 31 ^ a04) * 31 ^ a05;
        deeper = (((((deeper * 31 ^ a06) * 31 ^ a07) * 31 ^ a08) * 31 ^ a09) * 31 ^ a10) * 31 ^ a11;
        deeper = (((((deeper * 31 ^ a12) * 31 ^ a13) * 31 ^ a14) * 31 ^ a15) * 31 ^ a16) * 31 ^ a17;
        deeper = (((((deeper * 31 ^ a18) * 31 ^ a19) * 31 ^ a20) * 31 ^ a21) * 31 ^ a22) * 31 ^ a23;
        deeper = (((((deeper * 31 ^ a24) * 31 ^ a25) * 31 ^ a26) * 31 ^ a27) * 31 ^ a28) * 31 ^ a29;
        deeper = (((((deeper * 31 ^ a30) * 31 ^ a31) * 31 ^ a32) * 31 ^ a33) * 31 ^ a34) * 31 ^ a35;
        deeper = (((((deeper * 31 ^ a36) * 31 ^ a37) * 31 ^ a38) * 31 ^ a39) * 31 ^ a40) * 31 ^ a41;
        deeper = (((((deeper * 31 ^ a42) * 31 ^ a43) * 31 ^ a44) * 31 ^ a45) * 31 ^ a46) * 31 ^ a47;
        return deeper;
    }
}
