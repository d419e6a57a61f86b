// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.rseq4j.internal.thread.Threads;
import org.rseq4j.stress.TestThreads;

@SuppressWarnings("LockNotBeforeTry") // what the tests are about
@Timeout(value = 240, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LockWaitEventTest {
    private static final String NAME = "org.rseq4j.LockWait";

    @TempDir
    Path folder;

    private List<RecordedEvent> record(Duration threshold, Duration hold) throws Exception {
        Path file = folder.resolve("waits.jfr");
        var lock = new SliceLock();
        try (var recording = new Recording()) {
            recording.enable(NAME).withThreshold(threshold);
            recording.start();
            lock.lock();
            var task = new FutureTask<Void>(() -> {
                lock.lock();
                lock.unlock();
                return null;
            });
            Thread waiter = TestThreads.daemon(task);
            waiter.setName("the one that waits");
            waiter.start();
            while (LockSupport.getBlocker(waiter) != lock) { // the event has begun when it parks
                Thread.sleep(1);
            }
            Thread.sleep(hold.toMillis());
            lock.unlock();
            task.get();
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file).stream().filter(e -> e.getEventType().getName().equals(NAME)).toList();
    }

    @Test
    void aLongWaitIsToldWithItsLengthAndWhoHeldTheLock() throws Exception {
        List<RecordedEvent> events = record(Duration.ofMillis(10), Duration.ofMillis(30));
        assertEquals(1, events.size());
        RecordedEvent event = events.get(0);
        assertEquals("the one that waits", event.getThread().getJavaName());
        assertEquals(Threads.currentId(), event.getLong("formerOwner"));
        assertTrue(event.getBoolean("acquired"));
        assertTrue(event.getDuration().toMillis() >= 25, event.getDuration().toString());
        assertTrue(event.getString("lock").startsWith("org.rseq4j.locks.SliceLock@"));
    }

    @Test
    void aWaitBelowTheThresholdIsNot() throws Exception {
        assertEquals(0, record(Duration.ofDays(1), Duration.ofMillis(1)).size());
    }
}
