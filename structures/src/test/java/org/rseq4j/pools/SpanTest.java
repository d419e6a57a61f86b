// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.rseq4j.internal.memory.View;

class SpanTest {
    private static final int SHIFT = 10;

    /** As a thread that released a block twice may leave it, when it was stopped while the span was cut anew. */
    @Test
    void whatAFormerCutLeftIsNotUsed() {
        var span = new Span(View.allocate(Span.BYTES, Span.BYTES), null);
        span.cut(new CentralList(SHIFT, null, new Spans(1, false)));
        span.buffers = new ByteBuffer[Span.BYTES >>> SHIFT + 1];
        span.segments = new Object[Span.BYTES >>> SHIFT + 1];
        long last = span.base + Span.BYTES - (1 << SHIFT);
        assertEquals(1 << SHIFT, span.buffer(last).capacity());
        assertEquals(last, View.address(span.buffer(last)));
        assertEquals(span.view(last).handedOut, span.segment(last));
    }
}
