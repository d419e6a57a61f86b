// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import org.jctools.counters.CountersFactory;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.PerCpuCounter;

/** Counters that all threads increment. */
final class CountersSuite implements Suite {
    @Override
    public String name() {
        return "counters";
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        contenders.put("rseq4j PerCpuCounter", threads -> {
            var counter = new PerCpuCounter();
            return (thread, round) -> {
                long operations = 0;
                while (round.running()) {
                    for (int i = 0; i < 1000; i++) {
                        counter.increment();
                    }
                    operations += 1000;
                }
                return operations;
            };
        });
        contenders.put("rseq4j counter of a file", threads -> {
            Path path = Files.createTempFile("counters", ".file");
            var counter = CounterFile.create(path, 1, Long.BYTES).counter("increments", "Made by all threads.");
            Files.delete(path);
            return (thread, round) -> {
                long operations = 0;
                while (round.running()) {
                    for (int i = 0; i < 1000; i++) {
                        counter.increment();
                    }
                    operations += 1000;
                }
                return operations;
            };
        });
        contenders.put("LongAdder", threads -> {
            var counter = new LongAdder();
            return (thread, round) -> {
                long operations = 0;
                while (round.running()) {
                    for (int i = 0; i < 1000; i++) {
                        counter.increment();
                    }
                    operations += 1000;
                }
                return operations;
            };
        });
        contenders.put("JCTools FixedSizeStripedLongCounter", threads -> {
            var counter = CountersFactory.createFixedSizeStripedCounter(Integer.highestOneBit(threads * 2 - 1));
            return (thread, round) -> {
                long operations = 0;
                while (round.running()) {
                    for (int i = 0; i < 1000; i++) {
                        counter.inc();
                    }
                    operations += 1000;
                }
                return operations;
            };
        });
        return contenders;
    }
}
