package org.rseq4j.counters;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongFunction;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.OwnerOnly;
import org.rseq4j.internal.memory.Words;

/**
 * Named counters, summaries and histograms in one mapped file, which another process reads with {@link CounterFileReader}
 * (or {@code bin/stat}) while this one writes and after it is gone, even when it was killed.
 *
 * <p>
 * A new file replaces what had the name before, in one step and with mode 0600; a symbolic link of that name is replaced and
 * not followed. Readers that have the old one open go on reading that. All its blocks are taken when it is made, so that a
 * full disk is an IOException then and never a fault later. It has the bytes for a CPU once for each CPU, and once more.
 *
 * <p>
 * Asking again for a name gives the same object. Meters live as long as the file object is referred to by anything; closing
 * a meter that came from a file stops it in this process and leaves its values and its name in the file.
 *
 * @since 0.1.0
 */
public final class CounterFile {
    private final Map<String, Meter> meters = new LinkedHashMap<>();
    private final Mapping mapping;
    private final CounterFileFormat format;
    private long used;
    private long usedByHistograms;

    private final List<Watcher> watchers = new CopyOnWriteArrayList<>();

    private record Meter(CounterFileFormat.Type type, long highest, int digits, String description, Object object) {
    }

    /** Is told of each meter, perhaps twice, on the thread that makes it. */
    interface Watcher {
        void made(String name, String description, Object meter);

        /** Whether it need not be told any more. */
        boolean isOver();
    }

    private CounterFile(Mapping mapping, CounterFileFormat format) {
        this.mapping = mapping;
        this.format = format;
    }

    /**
     * Makes a file.
     *
     * @param file its name; the directory must exist
     * @param capacity how many meters it can hold, from 1 to 65536
     * @param bytesPerCpu the bytes for their values for each CPU, from 8 to 2^30: 8 for a counter, 72 for a summary, for a
     *            histogram about 8 times {@code org.HdrHistogram.Histogram}'s number of counts; rounded up to a power of
     *            two of at least 4096
     * @return the file
     * @throws IllegalArgumentException when a number is out of range
     * @throws IOException when the file cannot be made: a directory that is missing or read-only, a full disk
     */
    public static CounterFile create(Path file, int capacity, long bytesPerCpu) throws IOException {
        Path target = Objects.requireNonNull(file, "file").toAbsolutePath();
        if (capacity < 1 || capacity > CounterFileFormat.MAX_CAPACITY) {
            throw new IllegalArgumentException(
                    "capacity must be from 1 to " + CounterFileFormat.MAX_CAPACITY + ": " + capacity);
        }
        if (bytesPerCpu < Long.BYTES || bytesPerCpu > 1L << CounterFileFormat.MAX_SHIFT) {
            throw new IllegalArgumentException(
                    "bytesPerCpu must be from 8 to " + (1L << CounterFileFormat.MAX_SHIFT) + ": " + bytesPerCpu);
        }
        int shift = Math.max(CounterFileFormat.MIN_SHIFT, 64 - Long.numberOfLeadingZeros(bytesPerCpu - 1));
        var format = new CounterFileFormat(capacity, CounterSlots.STRIDES, shift, ProcessHandle.current().pid(),
                System.currentTimeMillis());
        Path fresh = fresh(target);
        try (FileChannel channel = FileChannel.open(fresh,
                Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE))) {
            ByteBuffer zeros = ByteBuffer.allocate(64 * 1024);
            for (long at = 0; at < format.size();) {
                at += channel.write(zeros.clear().limit((int) Math.min(zeros.capacity(), format.size() - at)), at);
            }
            write(channel, format.header());
            Mapping mapping = Mapping.file(channel, 0, format.size());
            Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return new CounterFile(mapping, format);
        } finally {
            Files.deleteIfExists(fresh);
        }
    }

    private static Path fresh(Path target) throws IOException {
        Path directory = target.getParent();
        if (directory == null || !Files.isDirectory(directory)) {
            throw new IOException(target + ": there is no directory " + directory);
        }
        try {
            return Files.createTempFile(directory, ".counters", ".new", OwnerOnly.attributes(directory));
        } catch (IOException e) {
            throw new IOException(target + ": no file can be made in " + directory + ": " + e, e);
        }
    }

    private static void write(FileChannel channel, ByteBuffer bytes) throws IOException {
        for (long at = 0; bytes.hasRemaining();) {
            at += channel.write(bytes, at);
        }
    }

    /**
     * The counter of a name, made when there is none.
     *
     * @param name 1 to 160 bytes of UTF-8 without control characters
     * @param description up to 280 bytes of UTF-8 without control characters
     * @return the counter
     * @throws IllegalArgumentException when the name or the description is not like that, or the name has another type
     * @throws IllegalStateException when the file is full
     */
    public PerCpuCounter counter(String name, String description) {
        return (PerCpuCounter) meter(name, description, CounterFileFormat.Type.COUNTER, 0, 0, 1,
                offset -> new PerCpuCounter(mapping, offset, format.shift()));
    }

    /**
     * The summary of a name, made when there is none.
     *
     * @param name as for {@link #counter}
     * @param description as for {@link #counter}
     * @return the summary
     * @throws IllegalArgumentException as for {@link #counter}
     * @throws IllegalStateException when the file is full
     */
    public PerCpuSummary summary(String name, String description) {
        return (PerCpuSummary) meter(name, description, CounterFileFormat.Type.SUMMARY, 0, 0, SummaryMirror.WORDS,
                offset -> new PerCpuSummary(mapping, offset, format.shift()));
    }

    /**
     * The histogram of a name, made when there is none.
     *
     * @param name as for {@link #counter}
     * @param description as for {@link #counter}
     * @param highestValue the highest value, at least 2
     * @param significantDigits from 0 to 5
     * @return the histogram
     * @throws IllegalArgumentException as for {@link #counter}, or when a number is out of range or another than before
     * @throws IllegalStateException when the file is full, or has histograms of more than 256 MiB for each CPU, what a reader
     *             takes on its heap, or values of more than 2 GiB
     */
    public PerCpuHistogram histogram(String name, String description, long highestValue, int significantDigits) {
        HistogramBuckets buckets = HistogramBuckets.of(highestValue, significantDigits);
        return (PerCpuHistogram) meter(name, description, CounterFileFormat.Type.HISTOGRAM, highestValue,
                significantDigits, buckets.length(),
                offset -> new PerCpuHistogram(buckets, mapping, offset, format.shift()));
    }

    /** Tells of the meters that there are and, from now on, of each new one. */
    void watch(Watcher watcher) {
        watchers.removeIf(Watcher::isOver);
        watchers.add(watcher);
        Map<String, Meter> present;
        synchronized (this) {
            present = new LinkedHashMap<>(meters);
        }
        present.forEach((name, meter) -> watcher.made(name, meter.description, meter.object));
    }

    private Object meter(String name, String description, CounterFileFormat.Type type, long highest, int digits,
            int words, LongFunction<Object> make) {
        Meter meter;
        synchronized (this) {
            Meter known = known(name, type, highest, digits);
            if (known != null) {
                return known.object;
            }
            meter = enter(name, description, type, highest, digits, words, make);
        }
        for (Watcher watcher : watchers) { // without the lock: they take others
            if (watcher.isOver()) {
                watchers.remove(watcher);
            } else {
                watcher.made(name, description, meter.object);
            }
        }
        return meter.object;
    }

    private Meter known(String name, CounterFileFormat.Type type, long highest, int digits) {
        Meter known = meters.get(Objects.requireNonNull(name, "name"));
        if (known != null && (known.type != type || known.highest != highest || known.digits != digits)) {
            throw new IllegalArgumentException(
                    name + " is a " + known.type.label() + " already, of another type or range");
        }
        return known;
    }

    private Meter enter(String name, String description, CounterFileFormat.Type type, long highest, int digits,
            int words, LongFunction<Object> make) {
        byte[] nameBytes = text("name", name, CounterFileFormat.NAME_BYTES);
        byte[] descriptionBytes = text("description", description, CounterFileFormat.DESCRIPTION_BYTES);
        if (nameBytes.length == 0) {
            throw new IllegalArgumentException("the name is empty");
        }
        if (meters.size() == format.capacity() || words * (long) Long.BYTES > (1L << format.shift()) - used) {
            throw new IllegalStateException("no room for " + name + ": " + meters.size() + " of " + format.capacity()
                    + " meters and " + used + " of " + (1L << format.shift()) + " bytes for each CPU are taken");
        }
        if (!format.isReadable(used + words * (long) Long.BYTES)) {
            throw new IllegalStateException("no room for " + name + ": " + used + " bytes for each of "
                    + format.strides() + " CPUs are taken, at most " + CounterFileFormat.MAX_VALUE_BYTES
                    + " together");
        }
        boolean isHistogram = type == CounterFileFormat.Type.HISTOGRAM;
        if (isHistogram && words * (long) Long.BYTES > CounterFileFormat.MAX_HISTOGRAM_BYTES - usedByHistograms) {
            throw new IllegalStateException("no room for " + name + ": histograms take " + usedByHistograms + " of "
                    + CounterFileFormat.MAX_HISTOGRAM_BYTES + " bytes for each CPU");
        }
        ByteBuffer entry = CounterFileFormat.entry(type, used, words, digits, highest, nameBytes, descriptionBytes);
        long place = mapping.base + format.entryAt(meters.size());
        for (int at = Long.BYTES; at < CounterFileFormat.ENTRY; at += Long.BYTES) {
            Words.setOpaque(mapping.segment, place + at, entry.getLong(at));
        }
        // Last: a reader that sees the first word sees all of them; a writer that died before has no entry here.
        Words.setRelease(mapping.segment, place, entry.getLong(0));
        var meter = new Meter(type, highest, digits, description, make.apply(format.data() + used));
        used += words * (long) Long.BYTES;
        usedByHistograms += isHistogram ? words * (long) Long.BYTES : 0;
        meters.put(name, meter);
        return meter;
    }

    private static byte[] text(String what, String text, int limit) {
        if (Objects.requireNonNull(text, what).chars()
                .anyMatch(c -> Character.isISOControl(c) || Character.isSurrogate((char) c))) {
            throw new IllegalArgumentException(
                    "the " + what + " has a control character or one beyond 16 bits");
        }
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > limit) {
            throw new IllegalArgumentException("the " + what + " has " + bytes.length + " bytes, at most " + limit);
        }
        return bytes;
    }
}
