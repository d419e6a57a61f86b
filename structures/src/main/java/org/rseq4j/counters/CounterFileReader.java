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
import java.util.Arrays;
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
 * even one that is truncated meanwhile can do more. The price is a system call for each CPU and 64 KiB of values. What it takes
 * of the heap is what is registered: some hundred bytes for a counter or a summary, and for all histograms together less than
 * 320 MiB; a file that says more, or whose values are more than 2 GiB, is refused.
 *
 * @since 0.1.0
 */
public final class CounterFileReader implements AutoCloseable {
    /** Entries that are read at once. */
    private static final int ENTRIES = 128;

    private final FileChannel channel;
    private final CounterFileFormat format;
    /** Those that were found; an entry never changes. Guarded by this. */
    private final List<Entry> known = new ArrayList<>();
    private final Set<String> names = new HashSet<>();
    private long taken;
    private long histograms;

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
        List<Entry> entries = entries();
        List<Value> values = new ArrayList<>(entries.size());
        var pass = new CounterFilePass(channel, format);
        for (int from = 0; from < entries.size();) {
            if (entries.get(from).buckets != null) {
                Entry entry = entries.get(from++);
                values.add(new Distribution(entry.name, entry.description, histogram(pass, entry)));
            } else {
                int to = from + 1;
                while (to < entries.size() && isNext(entries.get(from), entries.get(to))) {
                    to++;
                }
                read(pass, entries.subList(from, to), values);
                from = to;
            }
        }
        return values;
    }

    /** Whether it can be read at once with one before. */
    private static boolean isNext(Entry first, Entry entry) {
        return entry.buckets == null && entry.end() - first.offset <= CounterFilePass.WORDS * (long) Long.BYTES;
    }

    private static void read(CounterFilePass pass, List<Entry> entries, List<Value> values) throws IOException {
        long offset = entries.getFirst().offset;
        long[] sums = new long[(int) (entries.getLast().end() - offset) / Long.BYTES];
        int[] places = entries.stream().filter(entry -> entry.type == CounterFileFormat.Type.SUMMARY)
                .mapToInt(entry -> (int) (entry.offset - offset) / Long.BYTES).toArray();
        var summaries = new PerCpuSummary.Snapshot[places.length];
        Arrays.fill(summaries, PerCpuSummary.Snapshot.EMPTY);
        pass.read(offset, sums, places, summaries);
        int summary = 0;
        for (Entry entry : entries) {
            values.add(entry.type == CounterFileFormat.Type.COUNTER
                    ? new Counter(entry.name, entry.description, sums[(int) (entry.offset - offset) / Long.BYTES])
                    : new Summary(entry.name, entry.description, summaries[summary++]));
        }
    }

    private record Entry(CounterFileFormat.Type type, String name, String description, long offset, long bytes,
            HistogramBuckets buckets) {
        long end() {
            return offset + bytes;
        }
    }

    private synchronized List<Entry> entries() throws IOException {
        while (known.size() < format.capacity()) {
            int first = known.size();
            int count = Math.min(ENTRIES, format.capacity() - first);
            ByteBuffer many = read(channel, format.entryAt(first), count * CounterFileFormat.ENTRY);
            for (int i = 0; i < count; i++) {
                // The state first, on its own: it is written last.
                if (many.getInt(i * CounterFileFormat.ENTRY) == 0) {
                    return List.copyOf(known);
                }
                known.add(entry(first + i));
            }
        }
        return List.copyOf(known);
    }

    private Entry entry(int number) throws IOException {
        ByteBuffer entry = read(channel, format.entryAt(number), CounterFileFormat.ENTRY);
        CounterFileFormat.Type type = CounterFileFormat.type(entry);
        String name = text(entry, CounterFileFormat.NAME_LENGTH, CounterFileFormat.NAME, CounterFileFormat.NAME_BYTES);
        String description = text(entry, CounterFileFormat.DESCRIPTION_LENGTH, CounterFileFormat.DESCRIPTION,
                CounterFileFormat.DESCRIPTION_BYTES);
        long offset = entry.getLong(CounterFileFormat.OFFSET);
        long bytes = entry.getInt(CounterFileFormat.COUNTS) * (long) Long.BYTES;
        // In the order of registration, one after the other: so all of them together are not larger than the file.
        if (type == null || name.isEmpty() || names.contains(name) || offset != taken || bytes <= 0
                || bytes > (1L << format.shift()) - offset) {
            throw new IOException("a damaged entry: " + number);
        }
        HistogramBuckets buckets = null;
        long ofHistograms = histograms;
        switch (type) {
            case COUNTER -> expect(bytes, 1);
            case SUMMARY -> expect(bytes, SummaryMirror.WORDS);
            case HISTOGRAM -> {
                buckets = buckets(entry);
                expect(bytes, buckets.length());
                ofHistograms += bytes;
            }
        }
        if (ofHistograms > CounterFileFormat.MAX_HISTOGRAM_BYTES) {
            throw new IOException("a damaged entry: histograms of " + ofHistograms + " bytes for each CPU, at most "
                    + CounterFileFormat.MAX_HISTOGRAM_BYTES);
        }
        if (!format.isReadable(taken + bytes)) {
            throw new IOException("a damaged entry: values of " + (taken + bytes) + " bytes for each of "
                    + format.strides() + " CPUs, at most " + CounterFileFormat.MAX_VALUE_BYTES + " together");
        }
        names.add(name);
        taken += bytes;
        histograms = ofHistograms;
        return new Entry(type, name, description, offset, bytes, buckets);
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

    private static Histogram histogram(CounterFilePass pass, Entry entry) throws IOException {
        long[] counts = new long[entry.buckets.length()];
        pass.sum(entry.offset, counts);
        long total = 0;
        for (long count : counts) {
            total += count;
            if (count < 0 || total < 0) {
                throw new IOException("a histogram with a negative count");
            }
        }
        return entry.buckets.histogram(counts);
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
