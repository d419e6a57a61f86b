// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;

class OtherProgramsTest {
    private static final String ALL = "cpu  100 10 50 800 20 5 5 10 70 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
    private static final String SELF = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 30 20 3 2 20 0 9 0 1";

    private final ObjectMapper mapper = new ObjectMapper();

    @Test
    void whatWeAndOurChildrenTookIsNotOthers() {
        var begun = OtherPrograms.Times.of(ALL, SELF);
        assertEquals(new OtherPrograms.Times(1000, 180, 55), begun);
        var later = OtherPrograms.Times.of(ALL.replace("cpu  100", "cpu  700").replace("800", "1200"),
                SELF.replace("30 20 3 2", "330 120 53 2"));
        assertEquals((600 - 450) / 1000.0, begun.others(later).orElseThrow());
    }

    @Test
    void whatTheHostTookAwayIsOthers() {
        var begun = OtherPrograms.Times.of(ALL, SELF);
        var later = OtherPrograms.Times.of(ALL.replace("5 5 10", "5 5 110"), SELF);
        assertEquals(1.0, begun.others(later).orElseThrow());
    }

    @Test
    void noTimeHasNoShare() {
        var begun = OtherPrograms.Times.of(ALL, SELF);
        assertTrue(begun.others(begun).isEmpty());
    }

    @Test
    void aReportSaysWhatElseRan() throws Exception {
        JsonNode quiet = mapper.readTree("{\"commit\": \"abc\", \"date\": \"2026-11-29\", \"others\": 0.031}");
        assertEquals("Commit abc, 2026-11-29; others took 3% of the CPUs' time", OtherPrograms.words(quiet));
        assertEquals("Commit abc; what else ran was not measured",
                OtherPrograms.words(mapper.readTree("{\"commit\": \"abc\"}")));
    }
}
