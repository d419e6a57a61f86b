// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32C;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.CounterFileReader;

/**
 * The bytes of a counter file: any, and those of a good file with some changed. A reader throws IOException or reads.
 */
final class CounterFileFuzz {
    private static final int PAGE = 4096;
    /** Behind the page of states. */
    private static final int ENTRIES = 2 * PAGE;
    private static final int ENTRY = 640;
    private static final int VALUES = 3 * PAGE;
    private static final Path FILE = file();
    private static final byte[] GOOD = good();

    private CounterFileFuzz() {
    }

    private static Path file() {
        try {
            Path file = Files.createTempFile("rseq4j-fuzz", ".counters");
            file.toFile().deleteOnExit();
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] good() {
        try {
            Path path = Files.createTempFile("rseq4j-fuzz", ".good");
            CounterFile file = CounterFile.create(path, 4, 4096);
            file.counter("a", "a counter", 3, new byte[]{1, 2}).add(5);
            file.summary("b", "a summary").record(7);
            file.histogram("c", "a histogram", 15, 1).record(3);
            file.free(file.counter("d", "a freed counter"));
            byte[] bytes = Files.readAllBytes(path);
            Files.delete(path);
            return bytes;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void run(Input input) throws IOException {
        int first = input.unsignedByte();
        if (first >= 192) {
            CounterFileCallsFuzz.run(input);
            return;
        }
        int kind = first % 4;
        byte[] bytes;
        if (kind == 0) {
            bytes = input.rest();
        } else {
            bytes = GOOD.clone();
            while (!input.isEmpty()) {
                int at = switch (input.below(8)) {
                    case 0 -> input.below(64); // the header
                    case 1, 2 -> PAGE + input.below(4 * 8); // states
                    case 3, 4, 5 -> ENTRIES + input.below(4) * ENTRY + input.below(64); // the head of an entry
                    case 6 -> ENTRIES + input.below(4) * ENTRY + input.below(256) * 2;
                    default -> VALUES + input.below(256) * 8;
                };
                bytes[at] = (byte) input.unsignedByte();
            }
            if (kind == 3) { // with checksums that fit
                var buffer = ByteBuffer.wrap(bytes).order(ByteOrder.nativeOrder());
                for (int i = 0; i < 4; i++) {
                    var checksum = new CRC32C();
                    checksum.update(buffer.slice(ENTRIES + i * ENTRY + 8, ENTRY - 8));
                    buffer.putInt(ENTRIES + i * ENTRY + 4, (int) checksum.getValue());
                }
            }
        }
        Files.write(FILE, bytes);
        try (CounterFileReader reader = CounterFileReader.open(FILE)) {
            List<CounterFileReader.Value> values = reader.read();
            for (CounterFileReader.Value value : values) {
                if (value.name().isEmpty() || value.name().chars().anyMatch(Character::isISOControl)) {
                    throw new AssertionError("a name that no writer gives: " + value);
                }
                if (value instanceof CounterFileReader.Counter counter && counter.key().remaining() > 112) {
                    throw new AssertionError("a key that no writer gives: " + value);
                }
            }
        } catch (IOException expected) {
            if (expected.getMessage() == null) {
                throw new AssertionError("an error that does not say what is wrong", expected);
            }
        }
    }
}
