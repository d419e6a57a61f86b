// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

class SlowRequestsTest {
    private static final long MILLI = 1_000_000;
    private final SlowRequests slow = new SlowRequests();

    @Test
    void keepsTheSlowestOneInTenThousand() {
        slow.begin();
        for (int i = 0; i < 200; i++) {
            int millis = i * 37 % 200; // each once
            slow.answered(0, 1, 1000 + millis * MILLI, answer("2,3,4,5,6"));
        }
        List<Trip> three = slow.of(20_001);
        assertEquals(List.of(199L, 198L, 197L), three.stream().map(trip -> trip.allNanos() / MILLI).toList());
        assertEquals(1, slow.of(200).size());
    }

    @Test
    void cutsARequestIntoParts() {
        slow.begin();
        slow.answered(10, 20, 170, answer("50,55,75,80,100"));
        Trip trip = Trip.read(Trip.write(slow.of(1))).getFirst();
        assertEquals(List.of(10L, 30L, 5L, 20L, 5L, 20L, 70L),
                List.of(Trip.Part.values()).stream().map(trip::nanos).toList());
        assertEquals(160, trip.allNanos());
        assertEquals(Trip.Part.ANSWER, trip.longest());
    }

    @Test
    void tellsWhenTheClientWasAway() {
        slow.begin();
        long now = System.nanoTime();
        slow.here(now);
        slow.here(now + 5 * MILLI);
        slow.answered(now, now + 2 * MILLI, now + 6 * MILLI, answer("1,2,3,4,5"));
        assertEquals(3 * MILLI, slow.of(1).getFirst().awayNanos());
    }

    @Test
    void hasNothingOfAServerThatTellsNoSteps() {
        slow.begin();
        slow.answered(0, 1, 2, ByteBuffer.wrap("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII))
                .position(19));
        assertTrue(Trip.read(Trip.write(slow.of(1))).isEmpty());
    }

    private static ByteBuffer answer(String steps) {
        byte[] bytes = ("HTTP/1.1 200 OK\r\nServer-Steps: " + steps + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.wrap(bytes).position(bytes.length);
    }
}
