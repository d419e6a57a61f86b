// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.CounterFileReader;
import org.rseq4j.counters.PerCpuCounter;

/** Counters of a file that are made, changed and freed in any order, against a model that the reader has to show. */
final class CounterFileCallsFuzz {
    /** More are not made, so that no call has to look for places of freed ones. */
    private static final int CAPACITY = 64;

    private final CounterFile file;
    private final CounterFileReader reader;
    private final Map<String, PerCpuCounter> counters = new HashMap<>();
    private final Map<String, CounterFileReader.Counter> model = new HashMap<>();
    private int made;

    private CounterFileCallsFuzz(CounterFile file, CounterFileReader reader) {
        this.file = file;
        this.reader = reader;
    }

    static void run(Input input) throws IOException {
        Path path = Files.createTempFile("rseq4j-fuzz", ".calls");
        CounterFile file = CounterFile.create(path, CAPACITY, 4096);
        try (CounterFileReader reader = CounterFileReader.open(path)) {
            var fuzz = new CounterFileCallsFuzz(file, reader);
            while (!input.isEmpty()) {
                fuzz.step(input);
            }
            fuzz.check();
        } finally {
            Files.delete(path);
        }
    }

    private void step(Input input) throws IOException {
        String name = "n" + input.below(4);
        PerCpuCounter counter = counters.get(name);
        switch (input.below(6)) {
            case 0, 1 -> make(name, input.below(3), new byte[input.below(115)]);
            case 2 -> {
                if (counter != null) {
                    long delta = input.number();
                    counter.add(delta);
                    replace(name, model.get(name).sum() + delta);
                }
            }
            case 3 -> {
                if (counter != null) {
                    long value = input.number();
                    counter.set(value);
                    replace(name, value);
                }
            }
            case 4 -> {
                if (counter != null) {
                    expect(file.free(counter) && !file.free(counter), name + " is not freed once");
                    counters.remove(name);
                    model.remove(name);
                }
            }
            default -> check();
        }
    }

    private void make(String name, int typeId, byte... key) {
        CounterFileReader.Counter known = model.get(name);
        if (known == null && made == CAPACITY) {
            return;
        }
        boolean allowed = known == null
                ? key.length <= 112
                : known.typeId() == typeId && known.key().remaining() == key.length;
        try {
            PerCpuCounter counter = file.counter(name, "", typeId, key);
            expect(allowed && (known == null || counter == counters.get(name)), name + " is made or given wrongly");
            if (known == null) {
                made++;
                counters.put(name, counter);
                model.put(name, new CounterFileReader.Counter(name, "", 0, typeId, ByteBuffer.wrap(key)));
            }
        } catch (IllegalArgumentException e) {
            expect(!allowed, name + " is refused: " + e);
        }
    }

    private void replace(String name, long sum) {
        CounterFileReader.Counter before = model.get(name);
        model.put(name, new CounterFileReader.Counter(name, "", sum, before.typeId(), before.key()));
    }

    private void check() throws IOException {
        Map<String, CounterFileReader.Value> found = new HashMap<>();
        for (CounterFileReader.Value value : reader.read()) {
            found.put(value.name(), value);
        }
        expect(found.equals(model), found + " instead of " + model);
    }

    private static void expect(boolean condition, String otherwise) {
        if (!condition) {
            throw new AssertionError(otherwise);
        }
    }
}
