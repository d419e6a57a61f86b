// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.HdrHistogram.Histogram;
import org.rseq4j.counters.CounterFileEntries.Entry;
import org.rseq4j.internal.thread.FirstUse;

/**
 * Reads a {@link CounterFile}, most often another process's. It only reads, so it never disturbs the writer, and it
 * works the same after the writer died.
 *
 * <p>
 * Nothing in the file is believed: a damaged or malicious one gives an IOException. It is read and not mapped, so that
 * not even one that is truncated meanwhile can do more. The price is a system call for each CPU and 64 KiB of values,
 * and two for 1,024 states; entries are read when they are new. What it takes of the heap is 256 KiB and what is
 * registered: some hundred bytes for a counter or a summary, and for all histograms together less than 320 MiB; a file
 * that says more, or whose values are more than 2 GiB, is refused.
 *
 * <p>
 * Several threads may use one reader; they read in turn.
 *
 * <p>
 * <b>Happens-before:</b> none. A value that is read may be some time old, and what it was orders nothing.
 *
 * @since 0.1.0
 */
public final class CounterFileReader implements AutoCloseable {
    private final FileChannel channel;
    private final CounterFileFormat format;
    /** Guarded by this, as is the pass. */
    private final CounterFileEntries entries;
    private final CounterFilePass pass;

    /**
     * What a meter has now.
     *
     * @since 0.1.0
     */
    public sealed interface Value {
        /** {@return the name} */
        String name();

        /** {@return the description} */
        String description();
    }

    /**
     * A counter.
     *
     * @param name the name
     * @param description the description
     * @param sum as {@link PerCpuCounter#sum()}
     * @param typeId as it was made with; 0 without
     * @param key as it was made with, in a buffer of its own that is read-only; empty without
     * @since 0.1.0
     */
    public record Counter(String name, String description, long sum, int typeId, ByteBuffer key) implements Value {
        /** Makes a value of its own key. */
        public Counter {
            key = key.asReadOnlyBuffer();
        }

        /** {@return the key, from its first byte, each time in another buffer} */
        @Override
        public ByteBuffer key() {
            return key.duplicate();
        }
    }

    /**
     * A summary.
     *
     * @param name the name
     * @param description the description
     * @param snapshot as {@link PerCpuSummary#snapshot()}
     * @since 0.1.0
     */
    public record Summary(String name, String description, PerCpuSummary.Snapshot snapshot) implements Value {
    }

    /**
     * A histogram.
     *
     * @param name the name
     * @param description the description
     * @param snapshot as {@link PerCpuHistogram#snapshot()}
     * @since 0.1.0
     */
    public record Distribution(String name, String description, Histogram snapshot) implements Value {
    }

    private static boolean initialized;

    private static void initialize() {
        FirstUse.prepare();
        Objects.requireNonNull(CounterFileFormat.Type.values());
        Objects.requireNonNull(PerCpuSummary.Snapshot.EMPTY);
        initialized = true;
    }

    /** Of a channel that is open. */
    CounterFileReader(FileChannel channel, CounterFileFormat format) {
        this.channel = channel;
        this.format = format;
        this.entries = new CounterFileEntries(channel, format);
        this.pass = new CounterFilePass(channel, format);
    }

    /**
     * Opens a file.
     *
     * @param file its name; a symbolic link is not followed
     * @return the reader
     * @throws ClosedByInterruptException when the thread is interrupted
     * @throws IOException when it cannot be read, is no counter file, or is damaged
     */
    public static CounterFileReader open(Path file) throws IOException {
        if (!initialized) {
            initialize();
        }
        if (!Files.isRegularFile(Objects.requireNonNull(file, "file"), LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(file + " is not a regular file"); // opening a pipe would wait for its writer
        }
        FileChannel channel = FileChannel.open(file, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
        try {
            return new CounterFileReader(channel,
                    CounterFileFormat.of(CounterFilePass.read(channel, 0, 64), channel.size()));
        } catch (ClosedByInterruptException e) {
            throw e;
        } catch (IOException e) {
            channel.close();
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    /** {@return the process that made the file, as it said} */
    public long pid() {
        return format.pid();
    }

    /**
     * Reads all meters that are registered, each as its own snapshot does. A counter that is freed meanwhile is not
     * there, nor one that gets its place meanwhile.
     *
     * @return them in the order of their places in the file, which is that of their registration but for counters that
     *             got the place of one that was freed
     * @throws ClosedByInterruptException when the thread is interrupted, which closes the reader
     * @throws IOException when the file cannot be read or is damaged
     */
    public synchronized List<Value> read() throws IOException {
        // All entries before any value: a file that is refused costs nothing.
        List<Entry> found = entries.look();
        List<Value> values = new ArrayList<>(found.size());
        for (int from = 0; from < found.size();) {
            if (found.get(from).buckets() != null) {
                Entry entry = found.get(from++);
                values.add(new Distribution(entry.name(), entry.description(), histogram(entry)));
            } else {
                int to = from + 1;
                while (to < found.size() && isNext(found.get(from), found.get(to))) {
                    to++;
                }
                read(found.subList(from, to), values);
                from = to;
            }
        }
        List<Entry> still = entries.stillRegistered();
        return still.size() == found.size() ? values : only(still, found, values);
    }

    private static List<Value> only(List<Entry> wanted, List<Entry> found, List<Value> values) {
        List<Value> chosen = new ArrayList<>(wanted.size());
        for (int i = 0; chosen.size() < wanted.size(); i++) {
            if (found.get(i).number() == wanted.get(chosen.size()).number()) {
                chosen.add(values.get(i));
            }
        }
        return chosen;
    }

    /** Whether it can be read at once with one before. */
    private static boolean isNext(Entry first, Entry entry) {
        return entry.buckets() == null && entry.end() - first.offset() <= CounterFilePass.WORDS * (long) Long.BYTES;
    }

    private void read(List<Entry> entries, List<Value> values) throws IOException {
        long offset = entries.get(0).offset();
        long[] sums = new long[(int) (entries.get(entries.size() - 1).end() - offset) / Long.BYTES];
        int[] places = entries.stream().filter(entry -> entry.type() == CounterFileFormat.Type.SUMMARY)
                .mapToInt(entry -> (int) (entry.offset() - offset) / Long.BYTES).toArray();
        var summaries = new PerCpuSummary.Snapshot[places.length];
        Arrays.fill(summaries, PerCpuSummary.Snapshot.EMPTY);
        pass.read(offset, sums, places, summaries);
        int summary = 0;
        for (Entry entry : entries) {
            values.add(entry.type() == CounterFileFormat.Type.COUNTER
                    ? new Counter(entry.name(), entry.description(),
                            sums[(int) (entry.offset() - offset) / Long.BYTES], entry.typeId(), entry.key())
                    : new Summary(entry.name(), entry.description(), summaries[summary++]));
        }
    }

    private Histogram histogram(Entry entry) throws IOException {
        long[] counts = new long[entry.buckets().length()];
        pass.sum(entry.offset(), counts);
        long total = 0;
        for (long count : counts) {
            total += count;
            if (count < 0 || total < 0) {
                throw new IOException("a histogram with a negative count");
            }
        }
        return entry.buckets().histogram(counts);
    }

    /** Closes the file. */
    @Override
    public void close() throws IOException {
        channel.close();
    }
}
