// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What the page shows: the clients' view, a point each half second, and how full pool and queue are. */
final class Live {
    private static final int MOST_POINTS = 20_000;
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A half second: seconds since the start, requests a second, latencies in milliseconds. */
    record Point(double seconds, String side, double rate, double p50, double p99, double p999) {
    }

    private final long begun = System.nanoTime();
    private final List<Server.Backend> backends;
    private final List<Point> points = new ArrayList<>();
    private String side = "";
    private String phase = "";

    Live(List<Server.Backend> backends) {
        this.backends = backends;
    }

    /** What comes now belongs to this. */
    synchronized void begin(String newSide, String newPhase) {
        side = newSide;
        phase = newPhase;
    }

    synchronized void add(double rate, long p50, long p99, long p999) {
        if (points.size() < MOST_POINTS) {
            points.add(new Point((System.nanoTime() - begun) / 1e9, side, rate, p50 / 1e6, p99 / 1e6, p999 / 1e6));
        }
    }

    /** {@return the points from this one on, and how things stand, as JSON} */
    byte[] json(int from) throws JsonProcessingException {
        Map<String, Object> tree = new LinkedHashMap<>();
        synchronized (this) {
            tree.put("phase", phase);
            tree.put("side", side);
            tree.put("points", List.copyOf(points.subList(Math.clamp(from, 0, points.size()), points.size())));
        }
        List<Map<String, Object>> sides = new ArrayList<>();
        for (Server.Backend backend : backends) {
            Structures structures = backend.structures();
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("name", structures.name());
            one.put("requests", structures.statistics().requests());
            one.put("poolHits", structures.buffers().hits());
            one.put("poolMisses", structures.buffers().misses());
            one.put("buffersInUse", structures.buffers().out());
            one.put("queue", structures.queue().size());
            one.put("mostQueued", backend.log().maxDepth());
            sides.add(one);
        }
        tree.put("sides", sides);
        return JSON.writeValueAsBytes(tree);
    }
}
