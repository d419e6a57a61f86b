package org.rseq4j.counters;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/**
 * The layout of a counter file: a page of header, entries of 512 bytes, and from a page on the values, one stride for each
 * CPU, and one more. Numbers are in the order of the machine, which the magic number tells. An entry begins with a word that
 * is not 0 once it is complete: its type, and a checksum of the rest.
 */
record CounterFileFormat(int capacity, int strides, int shift, long pid, long started) {
    static final int PAGE = 4096;
    static final int ENTRY = 512;
    static final int NAME_BYTES = 160;
    static final int DESCRIPTION_BYTES = 280;
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
    private static final int VERSION = 2;

    private static final int STATE = 0;
    private static final int CHECKSUM = 4;
    static final int OFFSET = 8;
    static final int COUNTS = 16;
    static final int DIGITS = 20;
    static final int HIGHEST = 24;
    static final int NAME_LENGTH = 32;
    static final int DESCRIPTION_LENGTH = 36;
    static final int NAME = 40;
    static final int DESCRIPTION = NAME + NAME_BYTES;

    /** The types; a number in the file is the ordinal plus 1. */
    enum Type {
        COUNTER, SUMMARY, HISTOGRAM;

        String label() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    long entryAt(int index) {
        return PAGE + (long) index * ENTRY;
    }

    /** Where the values begin. */
    long data() {
        return (entryAt(capacity) + PAGE - 1) / PAGE * PAGE;
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
            throw new IOException("version " + header.getInt(8) + ", this library reads " + VERSION);
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

    static ByteBuffer entry(Type type, long offset, int words, int digits, long highest, byte[] name,
            byte[] description) {
        ByteBuffer entry = ByteBuffer.allocate(ENTRY).order(ByteOrder.nativeOrder());
        entry.putInt(STATE, type.ordinal() + 1).putLong(OFFSET, offset).putInt(COUNTS, words).putInt(DIGITS, digits)
                .putLong(HIGHEST, highest).putInt(NAME_LENGTH, name.length)
                .putInt(DESCRIPTION_LENGTH, description.length).put(NAME, name).put(DESCRIPTION, description);
        return entry.putInt(CHECKSUM, checksum(entry));
    }

    /** The type of an entry that is complete and undamaged; null when it is not registered. */
    static Type type(ByteBuffer entry) throws IOException {
        int state = entry.getInt(STATE);
        if (state == 0) {
            return null;
        }
        if (state < 1 || state > Type.values().length || entry.getInt(CHECKSUM) != checksum(entry)) {
            throw new IOException("a damaged entry");
        }
        return Type.values()[state - 1];
    }

    private static int checksum(ByteBuffer entry) {
        var checksum = new CRC32C();
        checksum.update(entry.duplicate().position(OFFSET).limit(ENTRY));
        return (int) checksum.getValue();
    }
}
