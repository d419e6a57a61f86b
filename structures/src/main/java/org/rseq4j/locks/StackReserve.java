// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

/**
 * Makes sure that a thread has stack left, before it begins what must not end half-way: its StackOverflowError comes
 * here, where nothing has happened yet.
 */
final class StackReserve {
    /**
     * Frames of 24 bytes at least, in the second compiler's code: more than ten times what the calls behind it take.
     */
    private static final int FRAMES = 512;

    private StackReserve() {
    }

    /** For a thread that is about to park; it costs a microsecond or less. */
    static void ensure() {
        if (descend(FRAMES) != FRAMES) {
            throw new AssertionError();
        }
    }

    /**
     * For a thread that is about to take a lock, so that giving it back from the same depth does not find less stack
     * than this did: in interpreted code, where frames are large, this frame is larger than all of an unlock's. In
     * compiled code it is nothing.
     */
    @SuppressWarnings("UnusedVariable")
    static void ensureUnlock() {
        long a00, a01, a02, a03, a04, a05, a06, a07, a08, a09;
        long a10, a11, a12, a13, a14, a15, a16, a17, a18, a19;
        long a20, a21, a22, a23, a24, a25, a26, a27, a28, a29;
        long a30, a31, a32, a33, a34, a35, a36, a37, a38, a39;
        long a40, a41, a42, a43, a44, a45, a46, a47, a48, a49;
        long a50, a51, a52, a53, a54, a55, a56, a57, a58, a59;
        long a60, a61, a62, a63, a64, a65, a66, a67, a68, a69;
        long a70, a71, a72, a73, a74, a75, a76, a77, a78, a79;
        long a80, a81, a82, a83, a84, a85, a86, a87, a88, a89;
        long a90, a91, a92, a93, a94, a95, a96, a97, a98, a99;
    }

    private static int descend(int frames) {
        return frames == 0 ? 0 : descend(frames - 1) + 1;
    }
}
