// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ContenderJvmTest {
    @Test
    void allOperationsOverTheTime() {
        Sample sample = ContenderJvm.sample(new long[]{10, 30}, 2_000_000_000L, 80, 7);
        assertEquals(20, sample.rate());
        assertEquals(0.5, sample.slowest());
        assertEquals(100_000_000L, sample.interval());
        assertEquals(2, sample.allocated());
        assertEquals(7, sample.compiled());
    }

    @Test
    void whatPartnersCountIsNotCountedTwice() {
        Sample sample = ContenderJvm.sample(new long[]{-5, -35, 20, 20}, 2_000_000_000L, 0, 0);
        assertEquals(20, sample.rate());
        assertEquals(0.25, sample.slowest());
        assertEquals(100_000_000L, sample.interval());
    }

    @Test
    void nothingDoneIsNoDivisionByZero() {
        assertEquals(new Sample(0, 0, 0, 0, 3), ContenderJvm.sample(new long[]{0, 0}, 1, 100, 3));
        assertEquals(0, ContenderJvm.sample(new long[]{-1, 0}, 1, 100, 0).slowest());
    }
}
