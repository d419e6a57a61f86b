// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.CounterFileReader;
import org.rseq4j.counters.PerCpuCounter;

/** Counters of a file that are made, used and freed: each has its own name and words, and no place is lost. */
final class FileSubject extends Subject {
    private static final int NAMES = 8;
    private static final int CAPACITY = 2 * NAMES;

    private final CounterFile file;
    private final CounterFileReader reader;
    private final String[] names = new String[NAMES];
    private final PerCpuCounter[] counters = new PerCpuCounter[NAMES];
    /** How many events each has at least, and at most. */
    private final long[] ended = new long[NAMES];
    private final long[] begun = new long[NAMES];
    private int at;
    /** A sum that nobody asks for. */
    volatile long seen;

    FileSubject() {
        super("counter", "add", "add", "add", "free", "counter", "next", "add", "sum");
        for (int i = 0; i < NAMES; i++) {
            names[i] = "counter-" + i;
        }
        try {
            Path path = Files.createTempFile("throws", ".counters");
            file = CounterFile.create(path, CAPACITY, 8 * CAPACITY);
            reader = CounterFileReader.open(path);
            Files.delete(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    void run(int operation) {
        PerCpuCounter counter = counters[at];
        switch (operation(operation)) {
            case "counter" -> {
                if (counter == null) {
                    counters[at] = file.counter(names[at], "");
                }
            }
            case "add" -> {
                if (counter != null) {
                    begun[at]++;
                    counter.increment();
                    ended[at]++;
                }
            }
            case "free" -> {
                if (counter != null && at % 2 == 0) {
                    counters[at] = null;
                    ended[at] = 0;
                    file.free(counter); // when that throws it may be there yet, with what it counted
                    begun[at] = 0;
                }
            }
            case "sum" -> {
                if (counter != null) {
                    seen = counter.sum();
                }
            }
            default -> at = (at + 1) % NAMES;
        }
    }

    @Override
    void others() throws IOException {
        for (PerCpuCounter counter : counters.clone()) {
            if (counter != null) {
                counter.add(0);
                seen = counter.sum();
            }
        }
        seen = reader.read().size();
    }

    @Override
    void waiters() {
        PerCpuCounter counter = file.counter("another", "");
        counter.increment();
        if (counter.sum() != 1) {
            throw new IllegalStateException("a new counter has " + counter.sum() + " events");
        }
        file.free(counter);
    }

    @Override
    String check() throws IOException {
        for (int i = 0; i < NAMES; i++) {
            PerCpuCounter counter = file.counter(names[i], "");
            if (counters[i] != null && counters[i] != counter) {
                return names[i] + " is another counter than before";
            }
            long events = counter.sum();
            if (events < ended[i] || events > begun[i]) {
                return names[i] + " has " + events + " events of " + ended[i] + " to " + begun[i];
            }
            if (read(names[i]) != events) {
                return "a reader sees " + read(names[i]) + " events in place of " + events;
            }
            file.free(counter);
            counters[i] = null;
        }
        return fill();
    }

    /** All places can be had, as nothing refers to the freed counters. */
    private String fill() throws IOException {
        for (int i = 0; i < CAPACITY; i++) {
            PerCpuCounter counter = file.counter("new-" + i, "");
            if (counter.sum() != 0) {
                return "a new counter has " + counter.sum() + " events";
            }
            counter.add(i + 1);
        }
        for (int i = 0; i < CAPACITY; i++) {
            if (read("new-" + i) != i + 1) {
                return "a reader sees " + read("new-" + i) + " events in place of " + (i + 1);
            }
        }
        reader.close();
        return null;
    }

    /** What somebody sees who reads the file; -1 where there is no such counter. */
    private long read(String name) throws IOException {
        long found = -1;
        for (CounterFileReader.Value value : reader.read()) {
            if (value instanceof CounterFileReader.Counter counter && counter.name().equals(name)) {
                if (found >= 0) {
                    throw new IllegalStateException("two counters are called " + name);
                }
                found = counter.sum();
            }
        }
        return found;
    }
}
