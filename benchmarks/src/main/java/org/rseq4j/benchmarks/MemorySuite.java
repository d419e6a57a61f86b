// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryMXBean;
import java.lang.reflect.Field;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntConsumer;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.internal.memory.Mapping;

/**
 * The memory of 10,000 counters, all of which every thread has written: on the heap by what more is used after a
 * collection than before they were made, outside by the pages that are present. The rate is that of adding to one after
 * the other.
 */
final class MemorySuite implements Suite {
    /** The metric: on the heap and outside. */
    static final String BYTES = "bytes a counter";
    private static final int COUNTERS = 10_000;
    private static final int PAGE = 4096;
    private static final MemoryMXBean HEAP = ManagementFactory.getMemoryMXBean();

    @Override
    public String name() {
        return "memory";
    }

    @Override
    public String description() {
        return "bytes of 10,000 counters: " + Suite.super.description();
    }

    @Override
    public List<Integer> threads() {
        return List.of(64);
    }

    @Override
    public List<String> jvmArguments(String contender) {
        return List.of(ContendedAdders.OPENED);
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        contenders.put("rseq4j PerCpuCounter", threads -> {
            new PerCpuCounter().increment(); // what there is once only
            long before = heap();
            PerCpuCounter[] counters = new PerCpuCounter[COUNTERS];
            for (int i = 0; i < COUNTERS; i++) {
                counters[i] = new PerCpuCounter();
            }
            return new Counters(before, i -> counters[i].increment(), () -> outside(counters));
        });
        contenders.put("LongAdder", threads -> {
            ContendedAdders.make(1);
            long before = heap();
            LongAdder[] adders = ContendedAdders.make(COUNTERS);
            return new Counters(before, i -> adders[i].increment(), () -> 0L);
        });
        return contenders;
    }

    /** Something that is measured. */
    private interface Bytes {
        long get() throws Exception;
    }

    private record Counters(long before, IntConsumer increment, Bytes outside) implements Contender {
        @Override
        public long work(int thread, Round round) {
            long operations = 0;
            do {
                for (int i = 0; i < COUNTERS; i++) {
                    increment.accept(i);
                }
                operations += COUNTERS;
            } while (round.running());
            return operations;
        }

        @Override
        public Map<String, Double> counts() {
            try {
                double heap = (heap() - before) / (double) COUNTERS;
                double other = outside.get() / (double) COUNTERS;
                return Map.of(BYTES, heap + other, BYTES + " on the heap", heap, BYTES + " outside", other);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    /**
     * {@return what the heap holds that can be reached} The least of some answers: a thread that allocates right after
     * a collection has a piece of eden for itself, some 10 MB of it, which counts as used.
     */
    static long heap() {
        HEAP.getHeapMemoryUsage(); // what the first question makes is garbage by the second
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            System.gc();
            least = Math.min(least, HEAP.getHeapMemoryUsage().getUsed());
        }
        return least;
    }

    /** {@return the bytes of those pages of the counters' mappings that are present} */
    private static long outside(PerCpuCounter[] counters) throws ReflectiveOperationException, IOException {
        Field field = PerCpuCounter.class.getDeclaredField("mapping");
        field.setAccessible(true);
        Set<Mapping> mappings = Collections.newSetFromMap(new IdentityHashMap<>());
        for (PerCpuCounter counter : counters) {
            mappings.add((Mapping) field.get(counter));
        }
        return present(mappings);
    }

    /** {@return the bytes of those pages of mappings that are present} */
    static long present(Set<Mapping> mappings) throws IOException {
        long present = 0;
        try (var pages = new RandomAccessFile("/proc/self/pagemap", "r")) {
            for (Mapping mapping : mappings) {
                if (Mapping.isNative()) { // else an array, which the heap's figure has
                    byte[] entries = new byte[(int) (mapping.size / PAGE) * Long.BYTES];
                    pages.seek(mapping.base / PAGE * Long.BYTES);
                    pages.readFully(entries);
                    for (int i = Long.BYTES - 1; i < entries.length; i += Long.BYTES) {
                        present += entries[i] < 0 ? PAGE : 0; // the highest bit
                    }
                }
            }
        }
        return present;
    }
}
