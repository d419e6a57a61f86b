// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class SequencesTest {
    /** By JNI an atomic instruction is quicker. */
    @Test
    void oneIsQuickFromJava22On() {
        assertEquals(Sequences.NATIVE && Runtime.version().feature() >= 22, Sequences.QUICK);
    }
}
