// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.rseq4j.measure.Result.Extension;

class TableTest {
    private static Result result(Contender contender, Extension extension, long... operations) {
        return new Result(contender, extension, 8, Arrays.stream(operations)
                .mapToObj(done -> new Sample(done, 1_000_000_000, 5, 3, 2, 1)).toList());
    }

    @Test
    void theMedianWithTheRange() {
        Result result = result(Contender.SLICE_LOCK, Extension.NONE, 3_000_000, 1_000_000, 2_000_000);
        assertEquals(List.of(1.0, 2.0, 3.0), List.of(result.least(), result.median(), result.most()));
        assertEquals(2.5, result(Contender.SLICE_LOCK, Extension.NONE, 3_000_000, 2_000_000).median());
        assertEquals(4, result(Contender.SECTION, Extension.ON, 250_000_000).median(), 1e-9);
        assertEquals(2.5, result.perMillion(Sample::preempted), 1e-9);
    }

    @Test
    void rangesThatOverlapAreNoDifference() {
        Result slow = result(Contender.REENTRANT_LOCK, Extension.NONE, 1_000_000, 2_000_000);
        assertEquals("no difference",
                result(Contender.SLICE_LOCK, Extension.NONE, 2_000_000, 9_000_000).comparedWith(slow));
        assertEquals("2.00 times",
                result(Contender.SLICE_LOCK, Extension.NONE, 2_900_000, 3_100_000).comparedWith(slow));
    }

    @Test
    void onBesideOffAndBesideTheJdks() {
        String table = Table.of(List.of(result(Contender.SLICE_LOCK, Extension.ON, 4_000_000),
                result(Contender.SLICE_LOCK, Extension.OFF, 1_000_000),
                result(Contender.REENTRANT_LOCK, Extension.NONE, 2_000_000)));
        assertTrue(table.contains("8 threads"), table);
        assertTrue(table.matches("(?s).*SliceLock, extension on beside ReentrantLock +2\\.00 times\n.*"), table);
        assertTrue(table.matches("(?s).*SliceLock, on beside off +4\\.00 times\n.*"), table);
        assertTrue(table.matches("(?s).*preempted, of a million: ReentrantLock +2\\.50\n.*"), table);
        assertTrue(table.matches("(?s).*sections, of a million: SliceLock, extension on +"
                + "0\\.750 yielded, 0\\.500 revoked, 0\\.250 lost\n.*"), table);
    }

    @Test
    void jsonIsRead() throws Exception {
        String text = Json.write(Map.of("a\"\\\n\u0001", List.of(1, 2.5), "b", List.of(Map.of("c", "ö"))));
        JsonNode tree = new ObjectMapper().readTree(text);
        assertEquals(2.5, tree.get("a\"\\\n\u0001").get(1).asDouble());
        assertEquals("ö", tree.get("b").get(0).get("c").asText());
    }
}
