// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersManager;
import org.agrona.concurrent.status.CountersReader;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;
import org.rseq4j.counters.CounterFile;
import org.rseq4j.counters.CounterFileReader;

/**
 * What it takes to read the 1,000 counters of a file, as another process does, and those of Agrona, in process: one
 * word each, where ours have one for each CPU.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(value = 2, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED",
        "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED"})
public class CounterFileBenchmark {
    private static final int COUNTERS = 1000;
    private static final int MANY_STRIDES = 577;
    /** Where the header has the number of strides. */
    private static final int STRIDES = 16;

    private Path path;
    private CounterFileReader reader;
    private CounterFileReader readerOfMany;
    private CountersReader agrona;
    private final int[] ids = new int[COUNTERS];
    private final long[] values = new long[COUNTERS];

    @Setup
    public void make() throws IOException {
        path = Files.createTempFile("counters", ".file");
        CounterFile file = CounterFile.create(path, 2 * COUNTERS, COUNTERS * 16);
        var metaData = new UnsafeBuffer(ByteBuffer.allocateDirect(COUNTERS * CountersReader.METADATA_LENGTH));
        var words = new UnsafeBuffer(ByteBuffer.allocateDirect(COUNTERS * CountersReader.COUNTER_LENGTH));
        var manager = new CountersManager(metaData, words);
        for (int i = 0; i < COUNTERS; i++) {
            String name = "a counter with a name of usual length " + i;
            file.counter(name, "what it counts", i, new byte[8]).add(i);
            ids[i] = manager.allocate(name, i);
            manager.setCounterValue(ids[i], i);
        }
        agrona = manager;
        reader = CounterFileReader.open(path);
        readerOfMany = CounterFileReader.open(withManyStrides());
    }

    /** The same file as of a machine that can have 576 CPUs. */
    private Path withManyStrides() throws IOException {
        Path many = Files.copy(path, path.resolveSibling(path.getFileName() + ".many"));
        many.toFile().deleteOnExit();
        ByteBuffer strides = ByteBuffer.allocate(4).order(ByteOrder.nativeOrder());
        try (FileChannel channel = FileChannel.open(many, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            channel.read(strides, STRIDES);
            long stride = 16 * 1024; // the bytes that were asked for, rounded up
            ByteBuffer zeros = ByteBuffer.allocate(64 * 1024);
            long end = channel.size() + (MANY_STRIDES - strides.getInt(0)) * stride;
            for (long at = channel.size(); at < end;) {
                at += channel.write(zeros.clear().limit((int) Math.min(zeros.capacity(), end - at)), at);
            }
            channel.write(strides.clear().putInt(0, MANY_STRIDES), STRIDES);
        }
        return many;
    }

    @TearDown
    public void close() throws IOException {
        reader.close();
        readerOfMany.close();
        Files.delete(path);
    }

    @Benchmark
    public List<CounterFileReader.Value> reader() throws IOException {
        return reader.read();
    }

    @Benchmark
    public List<CounterFileReader.Value> readerOf577Strides() throws IOException {
        return readerOfMany.read();
    }

    /** All entries too, as at the first reading. */
    @Benchmark
    public List<CounterFileReader.Value> openAndRead() throws IOException {
        try (CounterFileReader first = CounterFileReader.open(path)) {
            return first.read();
        }
    }

    /** The values alone, of counters whose ids are known. */
    @Benchmark
    public long[] agronaValues() {
        for (int i = 0; i < COUNTERS; i++) {
            values[i] = agrona.getCounterValue(ids[i]);
        }
        return values;
    }

    /** With type ids, keys and labels. */
    @Benchmark
    public void agronaForEach(Blackhole blackhole) {
        agrona.forEach((id, typeId, key, label) -> {
            blackhole.consume(agrona.getCounterValue(id));
            blackhole.consume(typeId);
            blackhole.consume(label);
        });
    }
}
