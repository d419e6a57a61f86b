// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the Flight Recorder is told, with its own settings: 10 ms or more. */
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PoolEventsTest {
    private static final String ACQUIRE = "org.rseq4j.PoolAcquire";
    private static final String MISUSE = "org.rseq4j.PoolMisuse";

    @TempDir
    Path folder;

    private interface Action {
        void run() throws Exception;
    }

    private List<RecordedEvent> record(String name, Action action) throws Exception {
        Path file = folder.resolve("events.jfr");
        try (var recording = new Recording()) {
            recording.enable(name);
            recording.start();
            action.run();
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file).stream().filter(e -> e.getEventType().getName().equals(name)).toList();
    }

    private static Object slowly() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        return new Object();
    }

    private static boolean isIn(RecordedEvent event, String method) {
        return event.getStackTrace().getFrames().stream().anyMatch(f -> f.getMethod().getName().equals(method));
    }

    @Test
    void anObjectThatTakesLongToMakeIsToldWithTheStackOfTheAcquire() throws Exception {
        var pool = PerCpuPool.of(PoolEventsTest::slowly);
        List<RecordedEvent> events = record(ACQUIRE, () -> {
            pool.release(pool.acquire());
            pool.release(pool.acquire()); // that was there
        });
        assertEquals(1, events.size());
        assertTrue(events.get(0).getBoolean("acquired"));
        assertTrue(events.get(0).getDuration().toMillis() >= 15, events.get(0)::toString);
        assertTrue(isIn(events.get(0), "acquire"), events.get(0)::toString);
        assertEquals(Thread.currentThread().getName(), events.get(0).getThread().getJavaName());
    }

    @Test
    void aWaitInVainIsToldToo() throws Exception {
        var pool = PerCpuPool.builder(Object::new).maxSize(1).build();
        Object held = pool.acquire();
        List<RecordedEvent> events = record(ACQUIRE,
                () -> assertThrows(TimeoutException.class, () -> pool.acquire(Duration.ofMillis(20))));
        pool.release(held);
        assertEquals(1, events.size());
        assertFalse(events.get(0).getBoolean("acquired"));
    }

    @Test
    void whatTheFactoryThrowsLateIsToldToo() throws Exception {
        var pool = PerCpuPool.of(() -> {
            slowly();
            throw new IllegalArgumentException("no");
        });
        List<RecordedEvent> events = record(ACQUIRE, () -> assertThrows(IllegalArgumentException.class, pool::acquire));
        assertEquals(1, events.size());
        assertFalse(events.get(0).getBoolean("acquired"));
    }

    @Test
    void aLeakIsToldWithTheStackOfTheAcquire() throws Exception {
        var found = new AtomicBoolean();
        var pool = PerCpuPool.builder(Object::new).detectMisuse(misuse -> found.set(true)).build();
        List<RecordedEvent> events = record(MISUSE, () -> {
            leakHere(pool);
            while (!found.get()) {
                System.gc();
                Thread.sleep(5);
                pool.statistics();
            }
        });
        assertEquals(1, events.size());
        assertEquals("LEAKED", events.get(0).getString("kind"));
        assertTrue(events.get(0).getString("object").startsWith("java.lang.Object@"));
        assertTrue(events.get(0).getString("acquired").contains("leakHere"), events.get(0)::toString);
    }

    private static void leakHere(PerCpuPool<Object> pool) {
        assertNotNull(pool.acquire());
    }
}
