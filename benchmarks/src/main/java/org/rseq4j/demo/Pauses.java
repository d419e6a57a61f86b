// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import com.sun.management.GarbageCollectionNotificationInfo;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import javax.management.NotificationEmitter;
import javax.management.openmbean.CompositeData;

/** When the collector stopped the server's threads, by {@link System#nanoTime()}, to a millisecond. */
final class Pauses {
    private record Pause(long fromNanos, long toNanos) {
    }

    private final List<Pause> pauses = new CopyOnWriteArrayList<>();
    private final long startNanos;

    Pauses() {
        startNanos = System.nanoTime()
                - TimeUnit.MILLISECONDS.toNanos(ManagementFactory.getRuntimeMXBean().getUptime());
        for (var collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            if (!collector.getName().contains("Concurrent")) {
                ((NotificationEmitter) collector).addNotificationListener((notification, none) -> {
                    var collection = GarbageCollectionNotificationInfo
                            .from((CompositeData) notification.getUserData()).getGcInfo();
                    pauses.add(new Pause(startNanos + TimeUnit.MILLISECONDS.toNanos(collection.getStartTime()),
                            startNanos + TimeUnit.MILLISECONDS.toNanos(collection.getEndTime() + 1)));
                }, notification -> notification.getType()
                        .equals(GarbageCollectionNotificationInfo.GARBAGE_COLLECTION_NOTIFICATION), null);
            }
        }
    }

    /** {@return how long the collector stopped the server while this request was under way} */
    long nanos(Trip trip) {
        return pauses.stream()
                .mapToLong(pause -> Math.min(pause.toNanos, trip.endNanos())
                        - Math.max(pause.fromNanos, trip.begunNanos()))
                .filter(nanos -> nanos > 0).sum();
    }
}
