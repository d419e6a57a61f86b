// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.PriorityQueue;

/** The client's: the slowest requests of a round, and when its own thread was away. */
final class SlowRequests {
    /** Kept of a round, which is more than one in ten thousand of what a round has. */
    private static final int MOST = 64;
    private static final int ONE_IN = 10_000;
    private static final long AWAY_NANOS = 1_000_000;
    private static final int GAPS = 1024;

    private record Gap(long from, long to) {
    }

    private final PriorityQueue<Trip> slowest = new PriorityQueue<>(Comparator.comparingLong(Trip::allNanos));
    private final Deque<Gap> gaps = new ArrayDeque<>();
    private long hereNanos;

    void begin() {
        slowest.clear();
        gaps.clear();
        hereNanos = System.nanoTime();
    }

    /** The client's thread runs, and looked for answers: between two such moments no answer was read. */
    void here(long now) {
        if (now - hereNanos >= AWAY_NANOS) {
            gaps.add(new Gap(hereNanos, now));
            if (gaps.size() > GAPS) {
                gaps.remove();
            }
        }
        hereNanos = now;
    }

    void answered(long arrivedNanos, long sentNanos, long receivedNanos, ByteBuffer answer) {
        if (slowest.size() == MOST && receivedNanos - arrivedNanos <= slowest.peek().allNanos()) {
            return;
        }
        String steps = header(answer);
        if (steps == null) {
            return;
        }
        long away = gaps.stream()
                .mapToLong(gap -> Math.min(gap.to, receivedNanos) - Math.max(gap.from, sentNanos))
                .filter(nanos -> nanos > 0).sum();
        slowest.add(Trip.of(arrivedNanos, sentNanos, steps, receivedNanos, away));
        if (slowest.size() > MOST) {
            slowest.remove();
        }
    }

    /** {@return the slowest one in ten thousand, and at least one if there was any, slowest first} */
    List<Trip> of(long requests) {
        List<Trip> all = new ArrayList<>(slowest);
        all.sort(Comparator.comparingLong(Trip::allNanos).reversed());
        return all.subList(0, (int) Math.min(all.size(), (requests + ONE_IN - 1) / ONE_IN));
    }

    private static String header(ByteBuffer answer) {
        String text = new String(answer.array(), 0, answer.position(), StandardCharsets.US_ASCII);
        String name = "\r\n" + Trip.HEADER + ": ";
        int from = text.indexOf(name);
        return from < 0 ? null : text.substring(from + name.length(), text.indexOf("\r\n", from + 2));
    }
}
