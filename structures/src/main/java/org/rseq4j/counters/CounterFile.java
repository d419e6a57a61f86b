// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import org.rseq4j.internal.memory.CollectorWait;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.thread.FirstUse;
import org.rseq4j.internal.thread.Headroom;

/**
 * Named counters, summaries and histograms in one mapped file, which another process reads with
 * {@link CounterFileReader} (or {@code bin/stat}) while this one writes and after it is gone, even when it was killed.
 *
 * <p>
 * A new file replaces what had the name before, in one step and with mode 0600; a symbolic link of that name is
 * replaced and not followed. Readers that have the old one open go on reading that. All its blocks are taken when it is
 * made, so that a full disk is an IOException then and never a fault later; what a process left in the directory that
 * was killed while it made one is removed before. It has the bytes for a CPU once for each CPU, and once more.
 *
 * <p>
 * Asking again for a name gives the same object. Meters live as long as the file object is referred to by anything;
 * closing a meter that came from a file stops it in this process and leaves its values and its name in the file.
 *
 * <p>
 * <b>Happens-before</b> of its meters is that of their types. Another process sees a value some time after it was
 * stored, and what it sees orders nothing.
 *
 * @since 0.1.0
 */
public final class CounterFile {
    private final Mapping mapping;
    private final CounterFileFormat format;
    /** Guarded by this. */
    private final CounterFileTable table;

    private final List<Watcher> watchers = new CopyOnWriteArrayList<>();

    /** Is told of each meter, perhaps twice, on the thread that makes or frees it. */
    interface Watcher {
        void made(String name, String description, Object meter);

        void freed(Object meter);

        /** Whether it need not be told any more. */
        boolean isOver();
    }

    private static boolean initialized;

    private static void initialize() {
        FirstUse.prepare();
        CounterSlots.initialize();
        SummaryMirror.initialize();
        Objects.requireNonNull(CounterFileFormat.Type.values());
        Objects.requireNonNull(MeterDefinition.summary());
        initialized = true;
    }

    private CounterFile(Mapping mapping, CounterFileFormat format) {
        this.mapping = mapping;
        this.format = format;
        this.table = new CounterFileTable(mapping, format);
    }

    /**
     * Makes a file.
     *
     * @param file its name; the directory must exist
     * @param capacity how many meters it can hold, from 1 to 65536
     * @param bytesPerCpu the bytes for their values for each CPU, from 8 to 2^30: 8 for a counter, 72 for a summary,
     *             for a histogram about 8 times {@code org.HdrHistogram.Histogram}'s number of counts; rounded up to a
     *             power of two of at least 4096
     * @return the file
     * @throws IllegalArgumentException when a number is out of range
     * @throws IOException when the file cannot be made: a directory that is missing or read-only, a full disk
     */
    public static CounterFile create(Path file, int capacity, long bytesPerCpu) throws IOException {
        if (!initialized) {
            initialize();
        }
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
        CounterFile made = null;
        while (made == null) {
            made = make(target, format);
        }
        return made;
    }

    /** Null when somebody removed the new file meanwhile, as one that a killed process had left. */
    private static CounterFile make(Path target, CounterFileFormat format) throws IOException {
        Headroom.ensure(); // for what must be undone
        Path fresh = FreshFile.make(target);
        try (FileChannel channel = FileChannel.open(fresh,
                Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE))) {
            FreshFile.lock(channel);
            ByteBuffer zeros = ByteBuffer.allocate(64 * 1024);
            for (long at = 0; at < format.size();) {
                at += channel.write(zeros.clear().limit((int) Math.min(zeros.capacity(), format.size() - at)), at);
            }
            write(channel, format.header());
            Mapping mapping = Mapping.file(channel, 0, format.size());
            Files.move(fresh, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return new CounterFile(mapping, format);
        } catch (NoSuchFileException e) {
            return null;
        } finally {
            Files.deleteIfExists(fresh);
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
        return counter(name, description, 0, new byte[0]);
    }

    /**
     * The counter of a name, made when there is none, with a type id and a key for programs that read the file, as
     * those of Agrona's {@code CountersManager}: the type says what is counted and how the key is to be read, the key
     * of what.
     *
     * @param name as for {@link #counter(String, String)}
     * @param description as for {@link #counter(String, String)}
     * @param typeId any number; of a counter that was made without, 0
     * @param key up to 112 bytes; of a counter that was made without, none
     * @return the counter
     * @throws IllegalArgumentException as for {@link #counter(String, String)}, or when the key is longer, or the
     *             counter has another type id or key
     * @throws IllegalStateException as for {@link #counter(String, String)}
     */
    public PerCpuCounter counter(String name, String description, int typeId, byte[] key) {
        return (PerCpuCounter) meter(name, description, MeterDefinition.counter(typeId, key),
                offset -> new PerCpuCounter(mapping, offset, format.shift()));
    }

    /**
     * Frees a counter: it is closed, readers do not find it from now on, registries do not show it, and its name can be
     * given to another meter. Its place in the file is given to another counter when nothing refers to this one any
     * more, so an addition that another thread is in the middle of goes nowhere else. In a full file a new counter
     * looks for such places by collections of the heap, for up to eight seconds. Freeing costs a look at each meter of
     * the file.
     *
     * @param counter a counter of this file, which may be closed
     * @return true; false when it was freed already
     * @throws IllegalArgumentException when the counter is not of this file
     */
    public boolean free(PerCpuCounter counter) {
        if (counter.mapping != mapping) {
            throw new IllegalArgumentException("not a counter of this file");
        }
        synchronized (this) {
            table.toBeTold(counter); // who asks for it again after an error here
        }
        // While the name is taken: else a registry could have this counter yet when another meter gets the name.
        tell(watcher -> watcher.freed(counter));
        boolean freed;
        synchronized (this) {
            freed = table.free(counter);
        }
        tell(watcher -> watcher.freed(counter)); // for a registry that was told of it, late, meanwhile
        return freed;
    }

    /**
     * The summary of a name, made when there is none.
     *
     * @param name as for {@link #counter(String, String)}
     * @param description as for {@link #counter(String, String)}
     * @return the summary
     * @throws IllegalArgumentException as for {@link #counter(String, String)}
     * @throws IllegalStateException when the file is full
     */
    public PerCpuSummary summary(String name, String description) {
        return (PerCpuSummary) meter(name, description, MeterDefinition.summary(),
                offset -> new PerCpuSummary(mapping, offset, format.shift()));
    }

    /**
     * The histogram of a name, made when there is none.
     *
     * @param name as for {@link #counter(String, String)}
     * @param description as for {@link #counter(String, String)}
     * @param highestValue the highest value, at least 2
     * @param significantDigits from 0 to 5
     * @return the histogram
     * @throws IllegalArgumentException as for {@link #counter(String, String)}, or when a number is out of range or
     *              another than before
     * @throws IllegalStateException when the file is full, or has histograms of more than 256 MiB for each CPU, what a
     *             reader takes on its heap, or values of more than 2 GiB
     */
    public PerCpuHistogram histogram(String name, String description, long highestValue, int significantDigits) {
        HistogramBuckets buckets = HistogramBuckets.of(highestValue, significantDigits);
        return (PerCpuHistogram) meter(name, description,
                MeterDefinition.histogram(buckets, highestValue, significantDigits),
                offset -> new PerCpuHistogram(buckets, mapping, offset, format.shift()));
    }

    /** Tells of the meters that there are and, from now on, of each new one and each that is freed. */
    void watch(Watcher watcher) {
        watchers.removeIf(Watcher::isOver);
        watchers.add(watcher);
        List<CounterFileTable.Meter> present;
        synchronized (this) {
            present = table.all();
        }
        present.forEach(meter -> made(watcher, meter));
    }

    private void made(Watcher watcher, CounterFileTable.Meter meter) {
        Object object;
        synchronized (this) {
            object = meter.object();
        }
        if (object != null) {
            watcher.made(meter.name, meter.description, object);
            boolean isFreed;
            synchronized (this) {
                isFreed = meter.object() == null;
            }
            if (isFreed) { // perhaps the watcher was told of that before
                watcher.freed(object);
            }
        }
    }

    /** Without the lock: watchers take others. */
    private void tell(Consumer<Watcher> news) {
        for (Watcher watcher : watchers) {
            if (watcher.isOver()) {
                watchers.remove(watcher);
            } else {
                news.accept(watcher);
            }
        }
    }

    private Object meter(String name, String description, MeterDefinition definition, LongFunction<Object> make) {
        CounterFileTable.Meter meter = null;
        Object object = null;
        CollectorWait wait = new CollectorWait(); // for freed counters that nothing refers to
        boolean isOver = false;
        while (meter == null) {
            synchronized (this) {
                meter = table.find(name, definition);
                if (meter != null && meter.isTold) {
                    return meter.object();
                }
                if (meter != null) { // whoever made it met an error before all had been told
                    object = meter.object();
                } else if (isOver || !table.isAwaitingRoom(definition)) {
                    meter = table.enter(name, description, definition, make);
                    object = meter.object();
                }
            }
            isOver = meter == null && !wait.sleep();
        }
        CounterFileTable.Meter made = meter;
        tell(watcher -> made(watcher, made));
        made.isTold = true;
        return object;
    }
}
