// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.io.IOException;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The entries of a counter file as a reader finds them: the states at each look, an entry when its state is another
 * than before. Nothing in the file is believed.
 */
final class CounterFileEntries {
    /** Entries that are read at once. */
    private static final int ENTRIES = 64;
    /** States that are read at once: the 1,000 of a usual file. */
    private static final int STATES = 1024;

    private final FileChannel channel;
    private final CounterFileFormat format;
    /** At the last look, of the places that were ever used; 0 for an entry that changed while it was read. */
    private long[] states = {};
    /** By number; null where there is none now. */
    private Entry[] entries = {};
    private List<Entry> registered = List.of();
    private boolean areNamesChecked;

    record Entry(CounterFileFormat.Type type, int number, String name, String description, int typeId, ByteBuffer key,
            long offset, long bytes, HistogramBuckets buckets) {
        long end() {
            return offset + bytes;
        }
    }

    CounterFileEntries(FileChannel channel, CounterFileFormat format) {
        this.channel = channel;
        this.format = format;
    }

    /** Those that are registered, in the order of their offsets. */
    List<Entry> look() throws IOException {
        long[] now = states();
        if (!Arrays.equals(now, states)) {
            if (now.length < states.length) {
                throw new IOException("a damaged file: " + now.length + " entries, before " + states.length);
            }
            Entry[] all = Arrays.copyOf(entries, now.length);
            for (int from = 0; from < now.length; from += ENTRIES) {
                readChanged(now, all, from, Math.min(from + ENTRIES, now.length));
            }
            check(now, all);
            registered = Arrays.stream(all).filter(entry -> entry != null).toList();
            entries = all;
            states = now;
            areNamesChecked = false;
        }
        return registered;
    }

    /** Those of the last look that were registered all the time since: what was read of their values is theirs. */
    List<Entry> stillRegistered() throws IOException {
        long[] now = states();
        List<Entry> still = registered;
        if (!Arrays.equals(now, 0, Math.min(now.length, states.length), states, 0, states.length)) {
            still = registered.stream()
                    .filter(entry -> entry.number < now.length && now[entry.number] == states[entry.number]).toList();
        }
        if (!areNamesChecked) {
            checkNames(still);
            areNamesChecked = still.size() == registered.size();
        }
        return still;
    }

    /** No name was registered twice at one time; these were all registered when the look ended. */
    private static void checkNames(List<Entry> entries) throws IOException {
        Set<String> names = new HashSet<>(2 * entries.size());
        for (Entry entry : entries) {
            if (!names.add(entry.name)) {
                throw new IOException("a damaged entry: " + entry.number + ", a name that another has");
            }
        }
    }

    /** The states of the places that were ever used, which come before the others. */
    private long[] states() throws IOException {
        // after what was read before, and before what is read next: pairs with the order of the writes
        VarHandle.fullFence();
        long[] all = new long[Math.min(STATES, format.capacity())];
        int length = 0;
        while (length < format.capacity()) {
            int count = Math.min(STATES, format.capacity() - length);
            if (length + count > all.length) {
                all = Arrays.copyOf(all, Math.min(2 * all.length, format.capacity()));
            }
            CounterFilePass.read(channel, format.stateAt(length), count * Long.BYTES).asLongBuffer().get(all, length,
                    count);
            int end = length + count;
            while (length < end && all[length] != 0) {
                length++;
            }
            if (length < end) {
                break;
            }
        }
        VarHandle.fullFence();
        return Arrays.copyOf(all, length);
    }

    /**
     * Reads those whose state is another than before; one that changes meanwhile is left out, and noted by a state of
     * 0.
     */
    private void readChanged(long[] now, Entry[] all, int from, int to) throws IOException {
        int first = to;
        int end = from;
        for (int i = from; i < to; i++) {
            if (i >= states.length || now[i] != states[i]) {
                all[i] = null;
                if (CounterFileFormat.isRegistered(now[i])) {
                    first = Math.min(first, i);
                    end = i + 1;
                }
            }
        }
        if (first >= end) {
            return;
        }
        ByteBuffer bytes = CounterFilePass.read(channel, format.entryAt(first),
                (end - first) * CounterFileFormat.ENTRY);
        VarHandle.fullFence();
        ByteBuffer after = CounterFilePass.read(channel, format.stateAt(first), (end - first) * Long.BYTES);
        for (int i = first; i < end; i++) {
            if (all[i] == null && CounterFileFormat.isRegistered(now[i])) {
                if (after.getLong((i - first) * Long.BYTES) == now[i]) {
                    ByteBuffer entry = bytes.slice((i - first) * CounterFileFormat.ENTRY, CounterFileFormat.ENTRY)
                            .order(ByteOrder.nativeOrder());
                    all[i] = entry(i, now[i], entry);
                } else {
                    now[i] = 0;
                }
            }
        }
    }

    private static Entry entry(int number, long state, ByteBuffer entry) throws IOException {
        CounterFileFormat.Type type = CounterFileFormat.type(entry);
        String name = text(entry, CounterFileFormat.NAME_LENGTH, CounterFileFormat.NAME, CounterFileFormat.NAME_BYTES);
        String description = text(entry, CounterFileFormat.DESCRIPTION_LENGTH, CounterFileFormat.DESCRIPTION,
                CounterFileFormat.DESCRIPTION_BYTES);
        int keyLength = entry.getInt(CounterFileFormat.KEY_LENGTH);
        if (name.isEmpty() || keyLength < 0 || keyLength > CounterFileFormat.KEY_BYTES
                || state != 1 && type != CounterFileFormat.Type.COUNTER) {
            throw new IOException("a damaged entry: " + number);
        }
        ByteBuffer key = ByteBuffer.allocate(keyLength).put(0, entry, CounterFileFormat.KEY, keyLength)
                .asReadOnlyBuffer();
        HistogramBuckets buckets = type == CounterFileFormat.Type.HISTOGRAM ? buckets(entry) : null;
        // No switch: its table of an enum's constants is a class that is initialized here.
        int words = buckets != null
                ? buckets.length()
                : type == CounterFileFormat.Type.COUNTER ? 1 : SummaryMirror.WORDS;
        if (entry.getInt(CounterFileFormat.COUNTS) != words) {
            throw new IOException("a damaged entry: " + entry.getInt(CounterFileFormat.COUNTS) + " words");
        }
        return new Entry(type, number, name, description, entry.getInt(CounterFileFormat.TYPE_ID), key,
                entry.getLong(CounterFileFormat.OFFSET), words * (long) Long.BYTES, buckets);
    }

    /** One after the other, so all of them together are not larger than the file. */
    private void check(long[] states, Entry[] all) throws IOException {
        long taken = 0;
        long histograms = 0;
        for (int i = 0; i < states.length; i++) {
            Entry entry = all[i];
            if (entry != null && entry.offset != taken) {
                throw new IOException("a damaged entry: " + i + ", at " + entry.offset + " instead of " + taken);
            }
            taken += entry == null ? Long.BYTES : entry.bytes; // only counters are freed
            histograms += entry == null || entry.buckets == null ? 0 : entry.bytes;
            if (taken > 1L << format.shift()) {
                throw new IOException("a damaged entry: " + i + ", of " + taken + " bytes");
            }
            if (histograms > CounterFileFormat.MAX_HISTOGRAM_BYTES) {
                throw new IOException("a damaged entry: histograms of " + histograms + " bytes for each CPU, at most "
                        + CounterFileFormat.MAX_HISTOGRAM_BYTES);
            }
            if (!format.isReadable(taken)) {
                throw new IOException("a damaged entry: values of " + taken + " bytes for each of " + format.strides()
                        + " CPUs, at most " + CounterFileFormat.MAX_VALUE_BYTES + " together");
            }
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
}
