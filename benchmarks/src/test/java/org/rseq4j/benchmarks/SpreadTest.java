// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class SpreadTest {
    @Test
    void theMedianOfAnOddNumberIsTheOneInTheMiddleAndOfAnEvenNumberTheMeanOfTwo() {
        assertEquals(new Spread(1, 3, 9, 3), Spread.of(9, 1, 3));
        assertEquals(new Spread(1, 4, 9, 4), Spread.of(9, 5, 1, 3));
        assertEquals(new Spread(1, 4, 9, 4), Spread.of(List.of(List.of(9.0, 5.0), List.of(1.0, 3.0))));
    }

    @Test
    void nothingHasNoSpread() {
        assertThrows(IllegalArgumentException.class, () -> Spread.of());
    }

    @Test
    void rangesWithACommonValueOverlap() {
        assertTrue(Spread.of(1, 2, 3).overlaps(Spread.of(3, 4)));
        assertTrue(Spread.of(3, 4).overlaps(Spread.of(1, 2, 3)));
        assertTrue(Spread.of(1, 9).overlaps(Spread.of(4, 5)));
        assertFalse(Spread.of(1, 2).overlaps(Spread.of(2.1, 3)));
    }

    @Test
    void aComparisonWhoseRangesOverlapSaysNoDifference() {
        assertEquals("no difference (0.500 to 2.00)", Spread.of(1, 2).comparedWith(Spread.of(1, 2)));
        assertEquals("4.00 times (3.00 to 6.00)", Spread.of(6, 8, 12).comparedWith(Spread.of(2)));
    }

    @Test
    void aQuotientsRangeIsTheWidestThatTheSamplesAllow() {
        assertEquals(new Spread(2.0 / 5, 3.0 / 4, 4.0 / 2, 3), Spread.of(2, 3, 4).over(Spread.of(2, 4, 5)));
        assertEquals(new Spread(-3, -1, 2, 3), Spread.of(2, 3, 4).minus(Spread.of(2, 4, 5)));
    }

    @Test
    void numbersHaveAboutThreeDigits() {
        assertEquals("1234", Spread.number(1234.4));
        assertEquals("12.3", Spread.number(12.34));
        assertEquals("1.23", Spread.number(1.234));
        assertEquals("0.123", Spread.number(0.1234));
        assertEquals("-", Spread.number(Double.NaN));
        assertEquals("99.9", Spread.plain(99.9));
        assertEquals("50", Spread.plain(50));
    }
}
