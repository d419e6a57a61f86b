// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What one round found.
 *
 * @param operations done by all threads together
 * @param nanos from the start until the last thread was done
 * @param preempted holds of a lock in which the holder lost its CPU
 * @param yielded sections that were granted an extension and ended within it
 * @param revoked sections that were granted one that was over at their end
 * @param interrupted sections in which the thread was scheduled out
 */
record Sample(long operations, long nanos, long preempted, long yielded, long revoked, long interrupted) {
    /** Operations a second. */
    double rate() {
        return operations * 1e9 / nanos;
    }

    /** As one line of text. */
    String toLine() {
        return Stream.of(operations, nanos, preempted, yielded, revoked, interrupted).map(String::valueOf)
                .collect(Collectors.joining(" "));
    }

    static Sample ofLine(String line) {
        long[] numbers = Stream.of(line.split(" ")).mapToLong(Long::parseLong).toArray();
        return new Sample(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);
    }
}
