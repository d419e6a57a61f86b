// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.ref.WeakReference;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;
import org.rseq4j.RseqStatus;
import org.rseq4j.SliceExtension;
import org.rseq4j.internal.linux.NativeLibrary;
import org.rseq4j.stress.Storm;

/**
 * Threads that attach to Java and detach, a thread that cannot register, and copies of the library in class loaders.
 */
class ForeignThreadsTest {
    @BeforeEach
    void needsAreas() {
        assumeTrue(Registration.ACTIVE, "needs rseq");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void threadsThatAttachAndDetachLeaveNoRecordBehind(boolean byUpcall) {
        assumeTrue(Storm.isAvailable(), "needs the test's native library and native access");
        assumeTrue(!byUpcall || Runtime.version().feature() >= 22, "upcalls need Java 22");
        try (var memory = PerCpuMemory.allocate(64)) {
            long before = 0;
            for (int i = 0; i < 100; i++) {
                Runnable action = () -> {
                    assertNotEquals(0, ThreadArea.threadRecord());
                    assertTrue(Rseq.cpuId() < Rseq.cpuCount());
                    SliceExtension.run(() -> RestartableSequences.byCpu().add(memory, 0, 1));
                };
                assertEquals(0, byUpcall ? Upcall.inForeignThread(action) : Storm.inForeignThread(action, false));
                if (i == 50) {
                    before = ThreadArea.records()[0];
                }
            }
            assertEquals(100, memory.sum(0));
            long after = ThreadArea.records()[0];
            assertTrue(after <= before + 20, "records grew from " + before + " to " + after);
        }
    }

    @Test
    void oneThreadsFailureDoesNotTurnTheProcesssAnswerWrong() {
        assumeTrue(Storm.isAvailable(), "needs the test's native library and native access");
        RseqStatus.Registration registration = Rseq.status().registration();
        try (var memory = PerCpuMemory.allocate(64)) {
            RestartableSequences.byCpu().add(memory, 0, 1);
            int error = Storm.inForeignThread(() -> {
                assertEquals(0, ThreadArea.find());
                assertTrue(Rseq.cpuId() >= 0 && Rseq.cpuId() < Rseq.cpuCount());
                SliceExtension.run(() -> {});
                // By atomics, on the stride that no sequence touches.
                if (RestartableSequences.isNative()) {
                    assertEquals(Rseq.cpuCount(), RestartableSequences.byCpu().add(memory, 0, 1));
                    assertEquals(Rseq.cpuCount(), RestartableSequences.byConcurrencyId().push(memory, 8, 3, 42));
                }
                assertEquals(registration, Rseq.status().registration());
            }, true);
            assumeTrue(error == 0, "needs seccomp, errno " + error);
            assertEquals(2, memory.sum(0));
            assertNotEquals(0, ThreadArea.find());
            assertTrue(RestartableSequences.byCpu().add(memory, 0, 1) < Rseq.cpuCount());
        }
    }

    @Test
    void aThreadWithoutAnAreaIsCountedAndSaid(@TempDir Path folder) throws IOException {
        assumeTrue(Storm.isAvailable(), "needs the test's native library and native access");
        long before = Rseq.status().threadsWithoutArea();
        Path file = folder.resolve("threads.jfr");
        try (var recording = new Recording()) {
            recording.enable("org.rseq4j.ThreadWithoutArea");
            recording.start();
            int error = Storm.inForeignThread(() -> assertEquals(0, ThreadArea.find()), true);
            assumeTrue(error == 0, "needs seccomp, errno " + error);
            recording.stop();
            recording.dump(file);
        }
        RseqStatus status = Rseq.status();
        assertTrue(status.threadsWithoutArea() > before, status::toString);
        assertTrue(status.toString().contains("without area"), status::toString);
        assertTrue(status.toJson().contains("\"threadsWithoutArea\": " + status.threadsWithoutArea()), status::toJson);
        assertTrue(status.advice().contains(" no rseq area (errno "), status::advice);
        List<Integer> told = RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().equals("org.rseq4j.ThreadWithoutArea"))
                .map(event -> event.getInt("error")).toList();
        assertTrue(!told.isEmpty() && !told.contains(0), told::toString);
    }

    @Test
    void copiesInClassLoadersShareAThreadsArea() throws Exception {
        for (int i = 0; i < 2; i++) {
            try (var loader = anotherLoader()) {
                Class<?> copy = loader.loadClass(ThreadArea.class.getName());
                assertNotSame(ThreadArea.class, copy);
                Method find = copy.getMethod("find");
                assertEquals(ThreadArea.find(), (long) find.invoke(null));
                Class<?> section = loader.loadClass(SliceExtension.class.getName());
                // Whichever asks first, the other leaves its request alone; both end as they began.
                section.getMethod("run", Runnable.class).invoke(null, (Runnable) () -> SliceExtension.run(() -> {}));
                if (SliceExtension.isSupported()) {
                    long mine = SliceExtension.begin();
                    assertNotEquals(0, mine);
                    section.getMethod("run", Runnable.class).invoke(null, (Runnable) () -> {});
                    SliceExtension.end(mine);
                }
            }
        }
    }

    /** What a web application that was undeployed leaves must go, while the native library stays. */
    @Test
    void aCopyThatNobodyUsesAnyMoreIsCollected() throws Exception {
        List<WeakReference<ClassLoader>> gone = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            gone.add(usedByAThreadThatIsOver());
        }
        while (gone.stream().anyMatch(loader -> loader.get() != null)) { // until the test's time is over
            System.gc();
            Thread.sleep(20);
        }
        assertTrue(Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getContextClassLoader() instanceof URLClassLoader loader
                        && loader.getName() != null && loader.getName().equals("copy")));
    }

    private static WeakReference<ClassLoader> usedByAThreadThatIsOver() throws Exception {
        URLClassLoader loader = anotherLoader();
        Throwable[] failure = new Throwable[1];
        Thread thread = new Thread(() -> {
            try {
                Class<?> rseq = loader.loadClass(Rseq.class.getName());
                for (String name : List.of("cpuId", "concurrencyId", "nodeId", "cpuCount", "status")) {
                    rseq.getMethod(name).invoke(null);
                }
                Class<?> section = loader.loadClass(SliceExtension.class.getName());
                section.getMethod("run", Runnable.class).invoke(null, (Runnable) () -> {});
                section.getMethod("statistics").invoke(null);
                Class<?> memory = loader.loadClass(PerCpuMemory.class.getName());
                Object words = memory.getMethod("allocate", long.class).invoke(null, 64L);
                Class<?> sequences = loader.loadClass(RestartableSequences.class.getName());
                sequences.getMethod("add", memory, long.class, long.class)
                        .invoke(sequences.getMethod("byCpu").invoke(null), words, 0L, 1L);
            } catch (Throwable e) {
                failure[0] = e;
            }
        });
        thread.setContextClassLoader(loader);
        thread.start();
        thread.join();
        assertNull(failure[0]);
        loader.close();
        return new WeakReference<>(loader);
    }

    private static URLClassLoader anotherLoader() throws IOException {
        URL classes = ThreadArea.class.getProtectionDomain().getCodeSource().getLocation();
        // bin/test has compiled classes in one folder, the native libraries in another.
        String library = NativeLibrary.resource();
        URL resources = URI.create(ThreadArea.class.getResource(library).toString()
                .replace(library, "/")).toURL();
        return new URLClassLoader("copy", new URL[]{classes, resources}, ClassLoader.getPlatformClassLoader());
    }
}
