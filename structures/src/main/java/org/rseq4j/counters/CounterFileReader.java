package org.rseq4j.counters;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.LinkOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.HdrHistogram.Histogram;

/**
 * Reads a {@link CounterFile}, most often another process's. It only reads, so it never disturbs the writer, and it works
 * the same after the writer died.
 *
 * <p>
 * Nothing in the file is believed: a damaged or malicious one gives an IOException. It is read and not mapped, so that not
 * even one that is truncated meanwhile can do more. The price is a system call for each value of each CPU. What it takes of
 * the heap is what is registered: some hundred bytes for a counter or a summary, and for all histograms together less than
 * 320 MiB; a file that says more is refused.
 *
 * @since 0.1.0
 */
public final class CounterFileReader implements AutoCloseable {
    /** Reads of a shard of a summary that keeps changing, until the file is taken for a malicious one. */
    private static final int TRIES = 100_000;
    /** What is read of a histogram at once. */
    private static final int PIECE_WORDS = 8192;

    private final FileChannel channel;
    private final CounterFileFormat format;

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
     * @since 0.1.0
     */
    public record Counter(String name, String description, long sum) implements Value {
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

    private CounterFileReader(FileChannel channel, CounterFileFormat format) {
        this.channel = channel;
        this.format = format;
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
        if (!Files.isRegularFile(Objects.requireNonNull(file, "file"), LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(file + " is not a regular file"); // opening a pipe would wait for its writer
        }
        FileChannel channel = FileChannel.open(file, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS));
        try {
            return new CounterFileReader(channel, CounterFileFormat.of(read(channel, 0, 64), channel.size()));
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
     * Reads all meters that are registered, each as its own snapshot does.
     *
     * @return them in the order of their registration
     * @throws ClosedByInterruptException when the thread is interrupted, which closes the reader
     * @throws IOException when the file cannot be read or is damaged
     */
    public List<Value> read() throws IOException {
        // All entries before any value: a file that is refused costs nothing.
        List<Value> values = new ArrayList<>();
        for (Entry entry : entries()) {
            values.add(switch (entry.type) {
                case COUNTER -> new Counter(entry.name, entry.description, counts(entry.offset, 1)[0]);
                case SUMMARY -> new Summary(entry.name, entry.description, summary(entry.offset));
                case HISTOGRAM -> new Distribution(entry.name, entry.description,
                        histogram(entry.offset, entry.buckets));
            });
        }
        return values;
    }

    private record Entry(CounterFileFormat.Type type, String name, String description, long offset,
            HistogramBuckets buckets) {
    }

    private List<Entry> entries() throws IOException {
        List<Entry> entries = new ArrayList<>();
        Set<String> names = new HashSet<>();
        long taken = 0;
        long histograms = 0;
        for (int i = 0; i < format.capacity(); i++) {
            // The state first, on its own: it is written last.
            if (read(channel, format.entryAt(i), Integer.BYTES).getInt(0) == 0) {
                break;
            }
            ByteBuffer entry = read(channel, format.entryAt(i), CounterFileFormat.ENTRY);
            CounterFileFormat.Type type = CounterFileFormat.type(entry);
            String name = text(entry, CounterFileFormat.NAME_LENGTH, CounterFileFormat.NAME,
                    CounterFileFormat.NAME_BYTES);
            String description = text(entry, CounterFileFormat.DESCRIPTION_LENGTH, CounterFileFormat.DESCRIPTION,
                    CounterFileFormat.DESCRIPTION_BYTES);
            long offset = entry.getLong(CounterFileFormat.OFFSET);
            long bytes = entry.getInt(CounterFileFormat.COUNTS) * (long) Long.BYTES;
            // In the order of registration, one after the other: so all of them together are not larger than the file.
            if (type == null || name.isEmpty() || !names.add(name) || offset != taken || bytes <= 0
                    || bytes > (1L << format.shift()) - offset) {
                throw new IOException("a damaged entry: " + i);
            }
            HistogramBuckets buckets = null;
            switch (type) {
                case COUNTER -> expect(bytes, 1);
                case SUMMARY -> expect(bytes, SummaryMirror.WORDS);
                case HISTOGRAM -> {
                    buckets = buckets(entry);
                    expect(bytes, buckets.length());
                    histograms += bytes;
                }
            }
            if (histograms > CounterFileFormat.MAX_HISTOGRAM_BYTES) {
                throw new IOException("a damaged entry: histograms of " + histograms + " bytes for each CPU, at most "
                        + CounterFileFormat.MAX_HISTOGRAM_BYTES);
            }
            taken += bytes;
            entries.add(new Entry(type, name, description, offset, buckets));
        }
        return entries;
    }

    private static void expect(long bytes, int words) throws IOException {
        if (bytes != words * (long) Long.BYTES) {
            throw new IOException("a damaged entry: " + bytes + " bytes");
        }
    }

    private static HistogramBuckets buckets(ByteBuffer entry) throws IOException {
        try {
            return HistogramBuckets.of(entry.getLong(CounterFileFormat.HIGHEST),
                    entry.getInt(CounterFileFormat.DIGITS));
        } catch (IllegalArgumentException e) {
            throw new IOException("a damaged entry: " + e.getMessage(), e);
        }
    }

    private PerCpuSummary.Snapshot summary(long offset) throws IOException {
        PerCpuSummary.Snapshot all = PerCpuSummary.Snapshot.EMPTY;
        long[] words = new long[SummaryMirror.WORDS];
        for (int stride = 0; stride < format.strides(); stride++) {
            words(at(stride, offset), words);
            all = SummaryMirror.plus(all, words);
        }
        return all;
    }

    /** The words at one moment: the state is the same before and after. */
    private void words(long at, long[] words) throws IOException {
        for (int i = 0; i < TRIES; i++) {
            long state = read(channel, at, Long.BYTES).getLong(0);
            read(channel, at, SummaryMirror.WORDS * Long.BYTES).asLongBuffer().get(words);
            if (words[0] == state && read(channel, at, Long.BYTES).getLong(0) == state) {
                return;
            }
        }
        throw new IOException("a summary that never stands still");
    }

    private Histogram histogram(long offset, HistogramBuckets buckets) throws IOException {
        long[] counts = counts(offset, buckets.length());
        long total = 0;
        for (long count : counts) {
            total += count;
            if (count < 0 || total < 0) {
                throw new IOException("a histogram with a negative count");
            }
        }
        return buckets.histogram(counts);
    }

    private long[] counts(long offset, int words) throws IOException {
        long[] sums = new long[words];
        // The words behind the CPUs' first, as PerCpuCounter.sum: what a reset subtracts there was in the others before.
        for (int cpu = format.strides() - 1; cpu >= 0; cpu--) {
            for (int from = 0; from < words; from += PIECE_WORDS) {
                int piece = Math.min(PIECE_WORDS, words - from);
                ByteBuffer values = read(channel, at(cpu, offset) + from * (long) Long.BYTES, piece * Long.BYTES);
                for (int i = 0; i < piece; i++) {
                    sums[from + i] += values.getLong(i * Long.BYTES);
                }
            }
        }
        return sums;
    }

    private long at(int cpu, long offset) {
        return format.data() + ((long) cpu << format.shift()) + offset;
    }

    private static String text(ByteBuffer entry, int lengthAt, int at, int limit) throws IOException {
        int length = entry.getInt(lengthAt);
        if (length < 0 || length > limit) {
            throw new IOException("a damaged entry: a text of " + length + " bytes");
        }
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(entry.slice(at, length)).toString();
            if (text.chars().anyMatch(Character::isISOControl)) {
                throw new IOException("a damaged entry: control characters");
            }
            return text;
        } catch (CharacterCodingException e) {
            throw new IOException("a damaged entry: not UTF-8", e);
        }
    }

    private static ByteBuffer read(FileChannel channel, long at, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.nativeOrder());
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, at + bytes.position()) < 0) {
                throw new EOFException("truncated at " + (at + bytes.position()));
            }
        }
        return bytes.flip();
    }

    /** Closes the file. */
    @Override
    public void close() throws IOException {
        channel.close();
    }
}
