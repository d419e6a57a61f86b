// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.CounterFileReader;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuHistogram;
import org.rseq4j.counters.PerCpuSummary;

/** Counters, summaries, histograms and their file. */
final class CounterWorkloads {
    private CounterWorkloads() {
    }

    static List<Workload> all() throws IOException {
        return List.of(new Counter(), new Summary(), new Distribution(), new InFile());
    }

    private static final class Counter extends Workload {
        private final PerCpuCounter counter = new PerCpuCounter();
        private final LongAdder added = new LongAdder();
        private final LongAdder collected = new LongAdder();

        Counter() {
            super("PerCpuCounter");
        }

        @Override
        void step(SplittableRandom random) {
            for (int i = 0; i < 16; i++) {
                int delta = random.nextInt(-100, 200);
                counter.add(delta);
                counter.increment();
                counter.decrement();
                added.add(delta);
            }
            if (random.nextInt(64) == 0) {
                collected.add(counter.sumThenReset());
            }
            if (random.nextInt(256) == 0) { // one that nobody else knows comes and goes
                try (PerCpuCounter own = new PerCpuCounter()) {
                    own.add(7);
                    equal("a new counter's sum", 7, own.sum());
                }
            }
        }

        @Override
        void check() {
            equal("the sum", added.sum(), counter.sum() + collected.sum());
        }
    }

    private static final class Summary extends Workload {
        private final PerCpuSummary summary = new PerCpuSummary();
        private final LongAdder count = new LongAdder();
        private final LongAdder sum = new LongAdder();
        private final LongAdder collectedCount = new LongAdder();
        private final LongAdder collectedSum = new LongAdder();

        Summary() {
            super("PerCpuSummary");
        }

        @Override
        void step(SplittableRandom random) {
            for (int i = 0; i < 16; i++) {
                int value = random.nextInt(-100, 200);
                summary.record(value);
                count.increment();
                sum.add(value);
            }
            if (random.nextInt(16) == 0) {
                inRange(summary.snapshot());
            }
            if (random.nextInt(64) == 0) {
                PerCpuSummary.Snapshot all = summary.snapshotAndReset();
                inRange(all);
                collectedCount.add(all.count());
                collectedSum.add(all.sum());
            }
        }

        private void inRange(PerCpuSummary.Snapshot all) {
            if (all.count() > 0 && !(-100 <= all.min() && all.min() <= all.mean() && all.mean() <= all.max()
                    && all.max() < 200)) {
                violation("words that do not belong together: " + all);
            }
        }

        @Override
        void check() {
            PerCpuSummary.Snapshot all = summary.snapshot();
            equal("the count", count.sum(), all.count() + collectedCount.sum());
            equal("the sum", sum.sum(), all.sum() + collectedSum.sum());
        }
    }

    private static final class Distribution extends Workload {
        private static final int VALUES = 200;
        private final PerCpuHistogram histogram = new PerCpuHistogram(VALUES, 2);
        private final LongAdder[] counts = new LongAdder[VALUES];
        private final Histogram collected = new Histogram(VALUES, 2);

        Distribution() {
            super("PerCpuHistogram");
            for (int i = 0; i < VALUES; i++) {
                counts[i] = new LongAdder();
            }
        }

        @Override
        void step(SplittableRandom random) {
            for (int i = 0; i < 16; i++) {
                int value = random.nextInt(VALUES);
                histogram.record(value);
                counts[value].increment();
            }
            if (random.nextInt(256) == 0) {
                Histogram some = histogram.snapshotAndReset();
                synchronized (collected) {
                    collected.add(some);
                }
            }
        }

        @Override
        void check() {
            collected.add(histogram.snapshot());
            for (int value = 0; value < VALUES; value++) {
                equal("the count of " + value, counts[value].sum(), collected.getCountAtValue(value));
            }
        }
    }

    private static final class InFile extends Workload {
        private final Path path = Files.createTempFile("rseq4j-torture", ".counters");
        private final CounterFile file = CounterFile.create(path, 8, 4096);
        private final PerCpuCounter counter = file.counter("counter", "what the threads added");
        private final PerCpuSummary summary = file.summary("summary", "what the threads recorded");
        private final LongAdder added = new LongAdder();
        private final LongAdder recorded = new LongAdder();

        InFile() throws IOException {
            super("CounterFile");
        }

        @Override
        @SuppressWarnings("ReferenceEquality")
        void step(SplittableRandom random) throws IOException {
            for (int i = 0; i < 16; i++) {
                counter.increment();
                added.increment();
                summary.record(i);
                recorded.increment();
            }
            if (random.nextInt(64) == 0 && file.counter("counter", "") != counter) {
                violation("one name gave two counters");
            }
            if (random.nextInt(256) == 0) {
                long before = sum();
                long after = sum();
                if (before < 0 || after < before) {
                    violation("a reader saw " + before + ", then " + after);
                }
            }
        }

        private long sum() throws IOException {
            try (CounterFileReader reader = CounterFileReader.open(path)) {
                return ((CounterFileReader.Counter) reader.read().get(0)).sum();
            }
        }

        @Override
        void check() throws IOException {
            try (CounterFileReader reader = CounterFileReader.open(path)) {
                List<CounterFileReader.Value> values = reader.read();
                equal("the sum in the file", added.sum(), ((CounterFileReader.Counter) values.get(0)).sum());
                PerCpuSummary.Snapshot all = ((CounterFileReader.Summary) values.get(1)).snapshot();
                equal("the count in the file", recorded.sum(), all.count());
                equal("the summary's sum in the file", recorded.sum() / 16 * 120, all.sum());
            }
            Files.delete(path);
        }
    }
}
