// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.nio.ByteBuffer;

/** What a meter of a file is, but for its name and description: who asks for a name again must say the same. */
record MeterDefinition(CounterFileFormat.Type type, int words, long highest, int digits, int typeId, ByteBuffer key) {
    private static final ByteBuffer NO_KEY = ByteBuffer.allocate(0).asReadOnlyBuffer();

    static MeterDefinition counter(int typeId, byte... key) {
        if (key.length > CounterFileFormat.KEY_BYTES) {
            throw new IllegalArgumentException(
                    "the key has " + key.length + " bytes, at most " + CounterFileFormat.KEY_BYTES);
        }
        return new MeterDefinition(CounterFileFormat.Type.COUNTER, 1, 0, 0, typeId,
                ByteBuffer.wrap(key.clone()).asReadOnlyBuffer());
    }

    static MeterDefinition summary() {
        return new MeterDefinition(CounterFileFormat.Type.SUMMARY, SummaryMirror.WORDS, 0, 0, 0, NO_KEY);
    }

    static MeterDefinition histogram(HistogramBuckets buckets, long highest, int digits) {
        return new MeterDefinition(CounterFileFormat.Type.HISTOGRAM, buckets.length(), highest, digits, 0, NO_KEY);
    }

    /**
     * Whether it is equal to another. {@code equals} of a record is linked, and that of a buffer initializes a class,
     * at its first call: one without stack for that would leave classes of the JDK broken for good.
     */
    boolean isSame(MeterDefinition other) {
        return type == other.type && words == other.words && highest == other.highest && digits == other.digits
                && typeId == other.typeId && hasKeyOf(other);
    }

    private boolean hasKeyOf(MeterDefinition other) {
        int bytes = key.limit();
        if (bytes != other.key.limit()) {
            return false;
        }
        for (int i = 0; i < bytes; i++) {
            if (key.get(i) != other.key.get(i)) {
                return false;
            }
        }
        return true;
    }

    /** Of each CPU. */
    long bytes() {
        return words * (long) Long.BYTES;
    }

    boolean isCounter() {
        return type == CounterFileFormat.Type.COUNTER;
    }
}
