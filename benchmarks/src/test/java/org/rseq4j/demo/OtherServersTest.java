// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each server starts, answers the load's client on both sides, and counts what it answered. */
class OtherServersTest {
    private static final int CONNECTIONS = 8;

    @ParameterizedTest
    @ValueSource(strings = {"jetty", "netty", "helidon"})
    void answersAndLosesNothing(String server) throws Exception {
        List<Subject> subjects = OtherServers.start(server);
        assertEquals("rseq4j", subjects.getFirst().name());
        assertEquals(2, subjects.size());
        long[] answered = new long[2];
        try (Clients clients = new Clients(CONNECTIONS, new Live(List.of()))) {
            for (int i = 0; i < 2; i++) {
                Load load = clients.of(subjects.get(i).port());
                answered[i] = answered(load.closed(200)) + answered(load.open(200, 100, 1));
            }
        }
        for (int i = 0; i < 2; i++) {
            subjects.get(i).stop();
            for (Subject.Check check : subjects.get(i).checks(answered[i])) {
                assertEquals(check.rightValue(), check.leftValue(), subjects.get(i).name() + ": " + check);
            }
        }
    }

    private static long answered(Load.Round round) {
        assertEquals(0, round.failed());
        assertTrue(round.answered() > 0);
        assertEquals(round.answered(), round.latency().getTotalCount());
        return round.answered();
    }

    @Test
    void anUnknownServerIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> OtherServers.start("apache"));
    }

    @Test
    void theAnswerIsTheTexts() {
        String answer = new String(OtherServers.answer("two words\n".getBytes(StandardCharsets.US_ASCII)),
                StandardCharsets.US_ASCII);
        assertTrue(answer.startsWith("{\"bytes\":10,\"lines\":1,\"words\":2,\"longest\":5,"), answer);
    }
}
