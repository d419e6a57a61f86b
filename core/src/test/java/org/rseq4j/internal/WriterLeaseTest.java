package org.rseq4j.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class WriterLeaseTest {
    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);
    private static final int STRIDE_SHIFT = 7;

    /** A sum in a word for each lease, and one that all may add to. */
    private static final class Sums {
        private final Mapping mapping = Mapping.anonymous((long) (WriterLease.COUNT + 1) << STRIDE_SHIFT);
        private final MemorySegment segment = Words.segment(mapping);

        /** Returns whether it was added by lease. */
        boolean add() {
            long record = WriterLease.record();
            long lease = record == 0 ? 0 : WriterLease.peek(record);
            if (lease != 0) {
                long place = place((int) lease);
                if (WriterLease.begin(record, lease, Words.getOpaque(segment, place))) {
                    Words.setOpaque(segment, place, Words.getOpaque(segment, place) + 1);
                    WriterLease.end(record);
                    return true;
                }
            }
            Words.add(segment, place(WriterLease.COUNT), 1);
            if (record != 0) {
                WriterLease.missed(record);
            }
            return false;
        }

        long takeShared() {
            return Words.getAndSet(segment, place(WriterLease.COUNT), 0);
        }

        /** While nobody has a lease. */
        long takeLeased() {
            long sum = 0;
            for (int i = 0; i < WriterLease.COUNT; i++) {
                sum += Words.getOpaque(segment, place(i));
                Words.setOpaque(segment, place(i), 0);
            }
            return sum;
        }

        private long place(int word) {
            return mapping.base + ((long) word << STRIDE_SHIFT);
        }
    }

    private static void assumeLeases() {
        assumeTrue(WriterLease.COUNT > 0, "no leases here: no registration, or no membarrier");
    }

    @Test
    void aThreadThatWritesOftenGetsALease() {
        assumeLeases();
        var sums = new Sums();
        long adds = 0;
        boolean leased = false;
        for (long end = System.nanoTime() + MINUTE; !leased && System.nanoTime() < end;) {
            for (int i = 0; i < 1000 && !leased; i++, adds++) {
                leased = sums.add();
            }
        }
        assertTrue(leased, WriterLease.statistics());
        assertTrue(WriterLease.used() > 0);
        assertEquals(adds, sums.takeShared() + takeAll(sums));
    }

    @Test
    void nobodyHasALeaseWhileAnActionRunsExclusively() {
        assumeLeases();
        var sums = new Sums();
        for (long end = System.nanoTime() + MINUTE; !sums.add() && System.nanoTime() < end;) {
            continue;
        }
        boolean[] byLease = {true};
        WriterLease.exclusively(() -> byLease[0] = sums.add());
        assertFalse(byLease[0]);
    }

    private static long takeAll(Sums sums) {
        long[] taken = new long[1];
        WriterLease.exclusively(() -> taken[0] = sums.takeLeased());
        return taken[0];
    }

    /** In a process whose threads take leases from one another all the time. */
    @Test
    @Tag("platform")
    void nothingIsLostBetweenThreadsThatTakeLeasesFromOneAnother() throws Exception {
        assumeLeases();
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED", "-Drseq4j.debug.patience=64", "-cp",
                System.getProperty("java.class.path"), Takers.class.getName()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertTrue(output.contains("exact"), output);
    }

    static final class Takers {
        private Takers() {
        }

        public static void main(String[] arguments) throws Exception {
            run(Thread.ofPlatform().factory(), 24, 40_000);
            run(Thread.ofVirtual().factory(), 100, 4_000);
            System.out.println("exact: " + WriterLease.statistics());
        }

        private static void run(ThreadFactory factory, int threads, int adds) throws Exception {
            var sums = new Sums();
            var done = new AtomicBoolean();
            long[] taken = new long[1];
            var failure = new AtomicReference<Throwable>();
            Thread taker = Thread.ofPlatform().start(() -> {
                try {
                    while (!done.get()) {
                        taken[0] += takeAll(sums);
                        Thread.sleep(20);
                    }
                } catch (Throwable e) {
                    failure.set(e);
                }
            });
            List<Thread> running = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                Thread thread = factory.newThread(() -> {
                    for (int j = 0; j < adds; j++) {
                        sums.add();
                        if (j % 500 == 0) {
                            Thread.yield();
                        }
                    }
                });
                thread.start();
                running.add(thread);
            }
            for (Thread thread : running) {
                thread.join();
            }
            done.set(true);
            taker.join();
            assertNull(failure.get());
            assertEquals((long) threads * adds, taken[0] + takeAll(sums) + sums.takeShared());
        }
    }
}
