// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

/**
 * One answered request, as the log gets it: when (milliseconds since 1970), bytes read and sent, nanoseconds of work.
 */
record AccessRecord(long millis, int read, int sent, long nanos) {
    void appendTo(StringBuilder line) {
        line.append(millis).append(" POST /text 200 ").append(read).append(' ').append(sent).append(' ').append(nanos)
                .append('\n');
    }
}
