// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What a request works with: room for the text and the answer. Has one owner at a time, and notices when it has two.
 */
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

    /** {@return the answer to the text: lines, words, the longest word and how often each letter occurs} */
    byte[] render(int length) {
        int lines = 0;
        int words = 0;
        int longest = 0;
        int word = 0;
        Arrays.fill(letters, 0);
        for (int i = 0; i < length; i++) {
            int lower = text[i] | 0x20;
            if (lower >= 'a' && lower <= 'z') {
                letters[lower - 'a']++;
                if (word++ == 0) {
                    words++;
                }
                longest = Math.max(longest, word);
            } else {
                word = 0;
                if (text[i] == '\n') {
                    lines++;
                }
            }
        }
        answer.setLength(0);
        answer.append("{\"bytes\":").append(length).append(",\"lines\":").append(lines).append(",\"words\":")
                .append(words)
                .append(",\"longest\":").append(longest).append(",\"letters\":{");
        for (int i = 0; i < letters.length; i++) {
            answer.append(i == 0 ? "\"" : ",\"").append((char) ('a' + i)).append("\":").append(letters[i]);
        }
        return answer.append("}}\n").toString().getBytes(StandardCharsets.US_ASCII);
    }
}
