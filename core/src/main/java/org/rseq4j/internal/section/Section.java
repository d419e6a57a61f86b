// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.LongAdder;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.linux.NativeCalls;
import org.rseq4j.internal.thread.Ids;
import org.rseq4j.internal.thread.Registration;
import org.rseq4j.internal.thread.ThreadArea;

/**
 * The protocol of the scheduler time slice extension; the only place that touches {@code slice_ctrl}.
 *
 * <p>
 * The protocol of the kernel's documentation (Documentation/userspace-api/rseq.rst): request = 1; the critical section;
 * request = 0; if granted, rseq_slice_yield(). All of it is local to one CPU, so plain byte accesses do, kept in order
 * for the compiler by opaque mode and fences that are no instruction on x86. Bytes, never the pair as a short: a load
 * of both behind a store of one would wait for the store buffer.
 *
 * <p>
 * This unchecked pair is for the structures: {@code begin} and {@code end} on the same OS thread, nothing between that
 * parks or blocks, and {@code end} in a {@code finally}.
 *
 * <p>
 * The request is the last that {@code begin} does and its end the first that {@code end} does, by fewer calls: where
 * there was stack for the one there is for the other, as long as both are interpreted or both are compiled. What the
 * end of an interrupted section does beside that never throws. Should a StackOverflowError strike between an
 * interpreted {@code end} and a compiled {@code begin} after all, the request stays until the kernel next wants the
 * CPU: it clears the request as it grants it, once, for 5 us.
 */
public final class Section {
    static final LongAdder YIELDED = new LongAdder();
    static final LongAdder REVOKED = new LongAdder();
    static final LongAdder INTERRUPTED = new LongAdder();

    static {
        if (Registration.SLICE && !"false".equals(System.getProperty("rseq4j.debug.training"))) {
            SectionTraining.start(); // off the user's path
        }
    }

    private Section() {
    }

    /*
     * What begins a section reads and writes through these, what ends it does not: so the one has a call more.
     */

    private static byte getByte(long address) {
        return Memory.getByteOpaque(address);
    }

    private static void setByte(long address, byte value) {
        Memory.setByteOpaque(address, value);
    }

    /**
     * Initializes what sections and ids are made of, for a structure that is about to be used: a class whose
     * initialization runs out of memory or stack at the first operation is of no use for ever.
     */
    public static void initialize() {
        Ids.cpuId();
        if (isSupported()) {
            close(open());
        }
        end(begin(ThreadArea.find())); // where nothing is registered too: structures ask for the area there
    }

    /** True when requests have a meaning in this process; constant, so that the JIT drops what it guards. */
    public static boolean isSupported() {
        return Registration.SLICE;
    }

    /**
     * Requests an extension for the thread whose area this is. Returns the area when this section owns the request, 0
     * when there is no area, an outer section or another library's request.
     */
    public static long begin(long area) {
        return Registration.SLICE && area > 0 ? request(area & AREA_MASK) : 0;
    }

    /** {@link #begin} for an area that is there, without asking whether requests have a meaning. */
    static long request(long area) {
        if (isTaken(area)) {
            return 0;
        }
        setRequest(area);
        return area;
    }

    /** Whether there is a request, an outer section's or another library's, or a grant that was not given back. */
    private static boolean isTaken(long area) {
        return (getByte(area + Abi.SLICE_REQUEST) | getByte(area + Abi.SLICE_GRANTED)) != 0;
    }

    private static void setRequest(long area) {
        setByte(area + Abi.SLICE_REQUEST, (byte) 1);
        VarHandle.releaseFence(); // the section's accesses stay behind the request
    }

    /** Ends what {@code begin} returned; 0 has no effect, and neither has a token of {@link #open}. */
    public static void end(long area) {
        if (Registration.SLICE && area > 0) {
            clear(area & AREA_MASK);
        }
    }

    /** {@link #end} of what {@link #request} returned. */
    static void clear(long area) {
        byte request = Memory.getByteOpaque(area + Abi.SLICE_REQUEST);
        Memory.setByteRelease(area + Abi.SLICE_REQUEST, (byte) 0);
        look(area, request);
    }

    /** What became of a request that was just cleared. A grant may come until then, so it is read last. */
    private static void look(long area, byte request) {
        byte granted = Memory.getByteVolatile(area + Abi.SLICE_GRANTED);
        if ((request ^ 1 | granted) != 0) {
            interrupted(granted);
        }
    }

    /** Asks again, in a section that owned its request and was scheduled out since. */
    public static void renew(long area) {
        if (Registration.SLICE && area > 0) {
            requestAgain(area & AREA_MASK);
        }
    }

    static void requestAgain(long area) {
        if (!isTaken(area)) {
            setRequest(area);
        }
    }

    private static void interrupted(byte granted) {
        try {
            count(granted, granted == 0 ? 0 : NativeCalls.yieldSlice());
        } catch (VirtualMachineError | LinkageError e) {
            // No stack, no memory, or a class loader that was closed: the section has ended all the same, only
            // uncounted, and the kernel takes a grant back by itself.
        }
    }

    static void count(byte granted, int givenBack) {
        if (granted == 0) {
            INTERRUPTED.increment();
            SectionEvents.section("interrupted");
        } else if (givenBack > 0) {
            YIELDED.increment();
            SectionEvents.section("yielded");
        } else {
            REVOKED.increment();
            SectionEvents.section("revoked");
        }
    }

    /*
     * ---- The checked pair of SliceExtension ----
     *
     * Here a section is a token: OPEN, which makes it negative, the number of the section on its record, and the
     * address of its area. An area is positive: who gives the one to a method that takes the other has no effect. The
     * record has the last section's, without OPEN when that has ended; in a record without an area, the address of one
     * whose request always stands. So one load gives the area and the number, and one store opens the section.
     */

    private static final long OPEN = 1L << 63;
    /** 20 bits count the sections: a stale value is taken for a new one after 2^20 of them. */
    private static final long NEXT = 1L << 43;
    /** An area is aligned to 32 bytes, and an address has 48 bits. */
    private static final int ALIGNMENT = 5;
    private static final long AREA_MASK = 0x0000_FFFF_FFFF_FFE0L;

    /** Opens a section on the running thread; 0 when it does not own the request. */
    public static long open() {
        long record = ThreadArea.threadRecord();
        return record == 0 ? 0 : open(record);
    }

    static long open(long record) {
        long last = Memory.getLong(record + Abi.RECORD_SECTION);
        if (isTaken(area(last))) {
            return 0;
        }
        long section = last + NEXT | OPEN;
        Memory.setLong(record + Abi.RECORD_SECTION, section);
        setRequest(area(section));
        return section;
    }

    private static long area(long section) {
        return section << ALIGNMENT & AREA_MASK;
    }

    /** Makes a record of memory that is not a thread's, for training and tests. */
    static void prepare(long record, long area) {
        Memory.setLong(record + Abi.RECORD_AREA, area);
        Memory.setLong(record + Abi.RECORD_SECTION, area >>> ALIGNMENT);
    }

    /** Ends a section when it is the one that is open on the running thread, else has no effect. */
    public static void close(long section) {
        if (section < 0) {
            close(section, ThreadArea.threadRecord());
        }
    }

    static void close(long section, long record) {
        if (isOpen(section, record)) {
            clear(area(section));
            Memory.setLong(record + Abi.RECORD_SECTION, section & ~OPEN);
        }
    }

    /** {@link #renew(long)} when the section is the one that is open on the running thread. */
    public static void renewOpen(long section) {
        if (section < 0) {
            renewOpen(section, ThreadArea.threadRecord());
        }
    }

    static void renewOpen(long section, long record) {
        if (isOpen(section, record)) {
            requestAgain(area(section));
        }
    }

    private static boolean isOpen(long section, long record) {
        return section < 0 && record != 0 && Memory.getLong(record + Abi.RECORD_SECTION) == section;
    }
}
