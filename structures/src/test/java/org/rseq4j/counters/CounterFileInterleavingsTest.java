// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What happens between two system calls of a reader of a counter file, or in the middle of one. */
class CounterFileInterleavingsTest {
    @TempDir
    Path directory;

    private Path path;
    private CounterFile file;
    private CounterFileFormat format;

    @BeforeEach
    void create() throws IOException {
        path = directory.resolve("counters");
        file = CounterFile.create(path, 2, 8192);
        try (FileChannel channel = FileChannel.open(path)) {
            format = CounterFileFormat.of(CounterFilePass.read(channel, 0, 64), channel.size());
        }
    }

    private CounterFileReader reader(HookedChannel.Hook hook) throws IOException {
        return new CounterFileReader(new HookedChannel(FileChannel.open(path), hook), format);
    }

    private static List<String> names(CounterFileReader reader) throws IOException {
        return reader.read().stream().map(CounterFileReader.Value::name).toList();
    }

    /** Whoever gets the place of a counter has stopped in the middle of writing the entry. */
    @Test
    void anEntryThatChangesWhileItIsReadIsLeftOut() throws IOException {
        PerCpuCounter freed = file.counter("freed", "");
        file.counter("stays", "");
        var calls = new AtomicInteger();
        try (var reader = reader((position, length) -> {
            if (position == format.entryAt(0) && calls.getAndIncrement() == 0) {
                assertTrue(file.free(freed));
                try (FileChannel writes = FileChannel.open(path, StandardOpenOption.WRITE)) {
                    writes.write(ByteBuffer.wrap(new byte[]{'n'}), format.entryAt(0) + CounterFileFormat.NAME);
                }
            }
            return length;
        })) {
            assertEquals(List.of("stays"), names(reader));
            assertEquals(List.of("stays"), names(reader));
        }
        assertEquals(1, calls.get());
    }

    @Test
    void aCounterThatIsFreedWhileItsValuesAreReadIsLeftOut() throws IOException {
        PerCpuCounter freed = file.counter("freed", "");
        file.counter("stays", "");
        var calls = new AtomicInteger();
        try (var reader = reader((position, length) -> {
            if (position >= format.data() && calls.getAndIncrement() == 0) {
                assertTrue(file.free(freed));
            }
            return length;
        })) {
            assertEquals(List.of("stays"), names(reader));
        }
        assertTrue(calls.get() > 0);
    }

    /**
     * Each read of values is cut in two, and between the two somebody records so often that the same set counts again.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aSummaryIsWholeThoughItIsRecordedInTheMiddleOfARead(int records) throws IOException {
        PerCpuSummary summary = file.summary("summary", "");
        for (int i = 0; i < records; i++) {
            summary.record(7);
        }
        int cut = 6 * Long.BYTES;
        var calls = new AtomicInteger();
        try (var reader = reader((position, length) -> {
            if (position < format.data() || calls.incrementAndGet() > 6 * format.strides() + 10) {
                return length;
            }
            summary.record(7);
            summary.record(7);
            return length > cut ? cut : length;
        })) {
            var value = (CounterFileReader.Summary) reader.read().get(0);
            PerCpuSummary.Snapshot read = value.snapshot();
            assertTrue(read.count() >= records);
            assertEquals(new PerCpuSummary.Snapshot(read.count(), 7 * read.count(), 7, 7), read);
        }
    }
}
