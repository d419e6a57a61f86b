package org.rseq4j.demo;

import java.util.concurrent.atomic.AtomicBoolean;

/** What a request works with: room for the text and the answer. Has one owner at a time, and notices when it has two. */
final class Buffer {
    static final int SIZE = 16 * 1024;

    final byte[] text = new byte[SIZE];
    final StringBuilder answer = new StringBuilder(512);
    final int[] letters = new int[26];
    private final AtomicBoolean owned = new AtomicBoolean();

    Buffer take() {
        if (!owned.compareAndSet(false, true)) {
            throw new IllegalStateException("a pooled buffer was handed out twice");
        }
        return this;
    }

    Buffer giveUp() {
        if (!owned.compareAndSet(true, false)) {
            throw new IllegalStateException("a buffer was released twice");
        }
        return this;
    }
}
