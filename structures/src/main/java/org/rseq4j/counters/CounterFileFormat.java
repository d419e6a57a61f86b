// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * The layout of a counter file: a page of header, a word of state for each entry, the entries of 640 bytes, and the
 * values, one stride for each CPU, and one more; each part begins on a page. Numbers are in the order of the machine,
 * which the magic number tells.
 *
 * <p>
 * A state counts how often its entry was registered and freed: 0 before all, odd while it is registered, else even. It
 * changes after the entry was written, and before the entry or its values are written again; so a reader that finds the
 * same odd state before and after has read what belongs together. Entries are registered in order, and only counters
 * are freed. An entry has a checksum.
 */
record CounterFileFormat(int capacity, int strides, int shift, long pid, long started) {
    static final int PAGE = 4096;
    static final int ENTRY = 640;
    static final int NAME_BYTES = 160;
    static final int DESCRIPTION_BYTES = 280;
    /** As in Agrona. */
    static final int KEY_BYTES = 112;
    static final int MAX_CAPACITY = 65536;
    /** Those of the 8192 CPUs that Linux may be built for. */
    static final int MAX_STRIDES = 1 + 8192;
    static final int MIN_SHIFT = 12;
    static final int MAX_SHIFT = 30;
    /** Of the histograms of one file together, for each CPU: what a reader needs on its heap. */
    static final long MAX_HISTOGRAM_BYTES = 256L << 20;

    /** Of all strides together: what a reader reads. */
    static final long MAX_VALUE_BYTES = 2L << 30;

    private static final long MAGIC = 0x46_43_50_34_51_45_53_52L; // "RSEQ4PCF" in the order of the bytes
    private static final int VERSION = 3;

    private static final int TYPE = 0;
    private static final int CHECKSUM = 4;
    static final int OFFSET = 8;
    static final int COUNTS = 16;
    static final int DIGITS = 20;
    static final int HIGHEST = 24;
    static final int NAME_LENGTH = 32;
    static final int DESCRIPTION_LENGTH = 36;
    static final int TYPE_ID = 40;
    static final int KEY_LENGTH = 44;
    static final int NAME = 48;
    static final int DESCRIPTION = NAME + NAME_BYTES;
    static final int KEY = DESCRIPTION + DESCRIPTION_BYTES;

    /** The types; a number in the file is the ordinal plus 1. */
    enum Type {
        COUNTER, SUMMARY, HISTOGRAM;

        String label() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    long stateAt(int index) {
        return PAGE + (long) index * Long.BYTES;
    }

    long entryAt(int index) {
        return wholePages(stateAt(capacity)) + (long) index * ENTRY;
    }

    /** Where the values begin. */
    long data() {
        return wholePages(entryAt(capacity));
    }

    private static long wholePages(long bytes) {
        return (bytes + PAGE - 1) / PAGE * PAGE;
    }

    static boolean isRegistered(long state) {
        return (state & 1) != 0;
    }

    long size() {
        return data() + ((long) strides << shift);
    }

    /** Whether a reader takes so many bytes for each CPU. */
    boolean isReadable(long bytes) {
        return bytes <= MAX_VALUE_BYTES / strides;
    }

    ByteBuffer header() {
        return ByteBuffer.allocate(64).order(ByteOrder.nativeOrder()).putLong(MAGIC).putInt(VERSION).putInt(capacity)
                .putInt(strides).putInt(shift).putLong(pid).putLong(started).clear();
    }

    /** Reads a header, of which nothing is believed. */
    static CounterFileFormat of(ByteBuffer header, long fileSize) throws IOException {
        header.order(ByteOrder.nativeOrder());
        if (header.remaining() < 64 || header.getLong(0) != MAGIC) {
            throw new IOException("not a counter file of this machine's byte order");
        }
        if (header.getInt(8) != VERSION) {
            throw new IOException("a counter file of version " + header.getInt(8) + ", this library reads version "
                    + VERSION + ": use the library that wrote it");
        }
        var format = new CounterFileFormat(header.getInt(12), header.getInt(16), header.getInt(20), header.getLong(24),
                header.getLong(32));
        if (format.capacity < 1 || format.capacity > MAX_CAPACITY || format.strides < 1
                || format.strides > MAX_STRIDES || format.shift < MIN_SHIFT || format.shift > MAX_SHIFT) {
            throw new IOException("a damaged header: " + format);
        }
        if (fileSize < format.size()) {
            throw new IOException("truncated: " + fileSize + " bytes of " + format.size());
        }
        return format;
    }

    static ByteBuffer entry(MeterDefinition definition, long offset, byte[] name, byte[] description) {
        ByteBuffer entry = ByteBuffer.allocate(ENTRY).order(ByteOrder.nativeOrder());
        ByteBuffer key = definition.key().duplicate();
        entry.putInt(TYPE, definition.type().ordinal() + 1).putLong(OFFSET, offset).putInt(COUNTS, definition.words())
                .putInt(DIGITS, definition.digits()).putLong(HIGHEST, definition.highest())
                .putInt(NAME_LENGTH, name.length).putInt(DESCRIPTION_LENGTH, description.length)
                .putInt(TYPE_ID, definition.typeId()).putInt(KEY_LENGTH, key.remaining()).put(NAME, name)
                .put(DESCRIPTION, description).put(KEY, key, key.position(), key.remaining());
        return entry.putInt(CHECKSUM, checksum(entry));
    }

    /** The type of an entry that is undamaged. */
    static Type type(ByteBuffer entry) throws IOException {
        int type = entry.getInt(TYPE);
        if (type < 1 || type > Type.values().length || entry.getInt(CHECKSUM) != checksum(entry)) {
            throw new IOException("a damaged entry");
        }
        return Type.values()[type - 1];
    }

    private static int checksum(ByteBuffer entry) {
        var checksum = new CRC32C();
        checksum.update(entry.duplicate().position(OFFSET).limit(ENTRY));
        return (int) checksum.getValue();
    }
}
