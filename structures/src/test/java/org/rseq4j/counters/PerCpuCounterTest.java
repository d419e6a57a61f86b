// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.stress.Stress;
import org.rseq4j.stress.TestThreads;

@Tag("sequences")
class PerCpuCounterTest {
    @Test
    void aNewCounterIsZeroAlsoWhenAnotherHadItsWords() {
        for (int i = 0; i < 100; i++) {
            try (var counter = new PerCpuCounter()) {
                assertEquals(0, counter.sum());
                counter.add(7);
            }
        }
    }

    @Test
    void everyMethodGivesWhatLongAdderGives() {
        var random = new Random(6);
        try (var counter = new PerCpuCounter()) {
            var adder = new LongAdder();
            for (int i = 0; i < 20_000; i++) {
                long delta = random.nextInt(4) == 0 ? random.nextLong() : random.nextInt(100);
                switch (random.nextInt(8)) {
                    case 0 -> {
                        counter.increment();
                        adder.increment();
                    }
                    case 1 -> {
                        counter.decrement();
                        adder.decrement();
                    }
                    case 2 -> assertEquals(adder.sumThenReset(), counter.sumThenReset());
                    case 3 -> {
                        counter.reset();
                        adder.reset();
                    }
                    case 4 -> {
                        counter.set(delta);
                        adder.reset();
                        adder.add(delta);
                    }
                    default -> {
                        counter.add(delta);
                        adder.add(delta);
                    }
                }
                assertEquals(adder.sum(), counter.sum());
            }
            assertEquals(adder.toString(), counter.toString());
            assertEquals(adder.longValue(), counter.longValue());
            assertEquals(adder.intValue(), counter.intValue());
            assertEquals(adder.floatValue(), counter.floatValue());
            assertEquals(adder.doubleValue(), counter.doubleValue());
        }
    }

    @Test
    void overflowWrapsAround() {
        try (var counter = new PerCpuCounter()) {
            counter.add(Long.MAX_VALUE);
            counter.increment();
            assertEquals(Long.MIN_VALUE, counter.sum());
        }
    }

    @Test
    void aClosedCounterIsRefusedByEveryMethod() {
        var counter = new PerCpuCounter();
        counter.close();
        counter.close();
        assertThrows(IllegalStateException.class, counter::increment);
        assertThrows(IllegalStateException.class, counter::sum);
        assertThrows(IllegalStateException.class, counter::reset);
        assertThrows(IllegalStateException.class, counter::sumThenReset);
        assertThrows(IllegalStateException.class, () -> counter.set(1));
    }

    @Test
    void aCounterIsSerializedAsItsSum() throws Exception {
        var bytes = new ByteArrayOutputStream();
        try (var counter = new PerCpuCounter(); var out = new ObjectOutputStream(bytes)) {
            counter.add(42);
            out.writeObject(counter);
            counter.increment();
        }
        try (var in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()));
                var read = (PerCpuCounter) in.readObject()) {
            assertEquals(42, read.sum());
            read.increment();
            assertEquals(43, read.sum());
        }
    }

    @Test
    void tenThousandCountersAreKeptApart() {
        List<PerCpuCounter> counters = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            counters.add(new PerCpuCounter());
        }
        for (int i = 0; i < counters.size(); i++) {
            counters.get(i).add(i);
        }
        for (int i = 0; i < counters.size(); i++) {
            assertEquals(i, counters.get(i).sum());
        }
        counters.forEach(PerCpuCounter::close);
    }

    @Test
    void nothingIsLostBetweenThreadsThatStartAndDie() throws Exception {
        assertConserved(Thread::new, 40, 8);
    }

    @Test
    void nothingIsLostBetweenVirtualThreads() throws Exception {
        assertConserved(TestThreads.virtual(), 10, 100);
    }

    /** Who adds by a restartable sequence makes no atomic instruction: a reset elsewhere must not touch that word. */
    @Test
    void nothingIsLostBetweenAdditionsAndResetsThatNeverRest() throws Exception {
        try (var counter = new PerCpuCounter()) {
            var added = new AtomicLong();
            var taken = new AtomicLong();
            var taking = new AtomicBoolean();
            var stress = new Stress();
            stress.onThreads(Thread::new, 1 + Runtime.getRuntime().availableProcessors(),
                    deadline -> {
                        boolean takes = taking.compareAndSet(false, true);
                        do {
                            for (int i = 0; i < 100; i++) {
                                if (takes) {
                                    taken.addAndGet(counter.sumThenReset());
                                } else {
                                    counter.increment();
                                }
                            }
                            if (!takes) {
                                added.addAndGet(100);
                            }
                        } while (stress.goesOn(deadline));
                    });
            assertEquals(added.get(), taken.get() + counter.sum());
        }
    }

    /** Waves of threads add while another thread takes sums away. */
    private static void assertConserved(java.util.concurrent.ThreadFactory factory, int waves, int threads)
            throws Exception {
        try (var counter = new PerCpuCounter()) {
            var taken = new AtomicLong();
            var done = new AtomicBoolean();
            Thread taker = TestThreads.start(() -> {
                while (!done.get()) {
                    taken.addAndGet(counter.sumThenReset());
                    Thread.yield();
                }
            });
            long expected = 0;
            for (int wave = 0; wave < waves; wave++) {
                List<Thread> running = new ArrayList<>();
                for (int i = 0; i < threads; i++) {
                    int delta = i + 1;
                    expected += 500L * delta;
                    Thread thread = factory.newThread(() -> {
                        for (int j = 0; j < 500; j++) {
                            counter.add(delta);
                            if (j % 50 == 0) {
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
            }
            done.set(true);
            taker.join();
            assertEquals(expected, taken.get() + counter.sum());
        }
    }
}
