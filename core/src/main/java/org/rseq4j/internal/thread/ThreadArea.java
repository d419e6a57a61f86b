// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Downcall;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.linux.NativeCalls;
import org.rseq4j.internal.linux.NativeLibrary;
import org.rseq4j.internal.linux.Scratch;

/**
 * Finds, for the running OS thread, the address of its rseq area and of its record.
 *
 * <p>
 * A platform thread finds its own in a table keyed by its thread id, in about a nanosecond. Thread ids are never
 * reused, so a row cannot hand out a dead thread's area. A virtual thread has no row: it asks the native library what
 * its carrier has, at each use, unless {@code java.base/jdk.internal.access} is exported to the library
 * ({@code --add-exports}), or Java is older than 22, where {@link Memory} finds carriers; then the carrier's row is
 * found as if the carrier itself asked.
 *
 * <p>
 * A row is four longs: thread id, area, record, unused. Only thread {@code t} puts a row of key {@code t} in; it claims
 * the row by its key first. So when {@code t} reads the area and then still sees its own key, the area is its own: had
 * another thread overwritten the area, the key would have gone before.
 *
 * <p>
 * On a virtual thread nothing from the question who its carrier is to the answer may give that carrier up: there is no
 * monitor, no lock that is waited for, and no class that is not initialised yet. A thread that cannot put its row in at
 * once goes without, and asks again next time.
 */
public final class ThreadArea {
    private static final int ROWS = 4096;
    private static final int ROW = 4;
    private static final int AREA = 1;
    private static final int RECORD = 2;
    /** The key of a row that is being written. */
    private static final long BUSY = -1;
    static final long[] TABLE = new long[ROWS * ROW];
    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);

    /** Finds the running thread's carrier; null where nothing does. */
    private static final MethodHandle CARRIER = carrierLookup();

    static {
        if (NativeLibrary.isAvailable()) {
            link();
        }
    }

    private ThreadArea() {
    }

    /** True when virtual threads find their carrier's area without a downcall. */
    public static boolean findsCarriers() {
        return CARRIER != null;
    }

    /**
     * The address of the running OS thread's registered rseq area, 0 when it has none. On a virtual thread it is
     * right until the thread next parks, yields or blocks.
     */
    public static long find() {
        if (!Registration.ACTIVE) {
            return 0;
        }
        Thread thread = running();
        long id = Threads.id(thread);
        int row = row(id);
        long area = (long) LONGS.getAcquire(TABLE, row + AREA);
        if (TABLE[row] == id) {
            return area;
        }
        return findSlowly(thread, id, AREA);
    }

    /** The address of the running OS thread's record (struct thread_record), 0 when it has none. */
    public static long threadRecord() {
        Thread thread = running();
        long id = Threads.id(thread);
        int row = row(id);
        long record = (long) LONGS.getAcquire(TABLE, row + RECORD);
        if (TABLE[row] == id) {
            return record;
        }
        return findSlowly(thread, id, RECORD);
    }

    /**
     * A number that only the running OS thread has: the id of the platform thread that it is, also as a carrier where
     * carriers are found, else one below 0 that stands for the carrier; 0 when there is none. On a virtual thread it is
     * right until the thread next parks, yields or blocks.
     */
    public static long owner() {
        Thread thread = running();
        return Threads.isVirtual(thread) ? -threadRecord() : Threads.id(thread);
    }

    private static Thread running() {
        if (CARRIER != null) {
            try {
                return (Thread) CARRIER.invokeExact();
            } catch (Throwable e) {
                throw Downcall.failed(e);
            }
        }
        return Thread.currentThread();
    }

    private static int row(long id) {
        return ((int) id & ROWS - 1) * ROW;
    }

    /** Where a thread goes whose first row belongs to another living one. */
    private static int secondRow(long id) {
        return (int) (id * 0x9E3779B97F4A7C15L >>> 52) * ROW;
    }

    private static long findSlowly(Thread thread, long id, int what) {
        if (Threads.isVirtual(thread)) {
            return askNative(what);
        }
        int row = secondRow(id);
        long found = (long) LONGS.getAcquire(TABLE, row + what);
        if (TABLE[row] == id) {
            return found;
        }
        long record = NativeCalls.attach(id); // registers the thread, at its first use of the library
        if (record == 0) {
            return 0; // no memory for a record, or a thread at its very end
        }
        long area = areaOf(record);
        if (area == 0) {
            ThreadEvents.withoutArea(registrationError(record));
        }
        if (running() != thread) {
            return askNative(what); // a virtual thread that has another carrier after all
        }
        insert(id, area, record);
        return what == RECORD ? record : area;
    }

    private static long askNative(int what) {
        // Where sections have no meaning a carrier needs no record: its area is found by the thread pointer.
        long now = what == AREA && !Registration.SLICE ? NativeCalls.area() : 0;
        if (now != 0) {
            return now;
        }
        long record = NativeCalls.currentRecord();
        if (record == 0) {
            record = NativeCalls.attach(0);
        }
        return what == RECORD || record == 0 ? record : areaOf(record);
    }

    private static void insert(long id, long area, long record) {
        int row = row(id);
        if (isTaken(row)) {
            row = secondRow(id);
        }
        long key = TABLE[row];
        if (key == BUSY || !LONGS.compareAndSet(TABLE, row, key, BUSY)) {
            return;
        }
        try {
            // pairs with the acquire in find: whoever sees our area sees that its key has gone
            VarHandle.storeStoreFence();
            TABLE[row + AREA] = area;
            TABLE[row + RECORD] = record;
            LONGS.setRelease(TABLE, row, id);
        } catch (Throwable e) {
            TABLE[row] = 0; // nobody's
            throw e;
        }
    }

    /** Whether the thread that a row belongs to still runs. Records are never unmapped, so any can be read. */
    private static boolean isTaken(int row) {
        long key = TABLE[row];
        long record = TABLE[row + RECORD];
        return key == BUSY || record != 0
                && Memory.getLongOpaque(record + Abi.RECORD_JAVA_THREAD) == key;
    }

    private static int registrationError(long record) {
        return Memory.getInt(record + Abi.RECORD_REGISTRATION_ERROR);
    }

    static long areaOf(long record) {
        return Memory.getLong(record + Abi.RECORD_AREA);
    }

    /** Makes the first call of each kind, so that no look-up is the one that links it. */
    private static void link() {
        long ignored = NativeCalls.currentRecord() + NativeCalls.area() + NativeCalls.attach(0)
                + (Threads.isVirtual(running()) ? 1 : 0);
        long nothing = Memory.getLongOpaque(NativeLibrary.address("window"));
        LONGS.setRelease(TABLE, 0, nothing);
        LONGS.compareAndSet(TABLE, 0, nothing, nothing);
    }

    /**
     * How many records were ever made, how many of them wait for a new thread, how many times a thread got no area, and
     * the errno of the last of these.
     */
    static long[] records() {
        try (var out = new Scratch()) {
            NativeCalls.records(out.address);
            return new long[]{out.getLong(0), out.getLong(8), out.getLong(16), out.getLong(24)};
        }
    }

    private static MethodHandle carrierLookup() {
        try {
            Class<?> secrets = Class.forName("jdk.internal.access.SharedSecrets");
            Class<?> access = Class.forName("jdk.internal.access.JavaLangAccess");
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            Object instance = lookup.findStatic(secrets, "getJavaLangAccess", MethodType.methodType(access)).invoke();
            return lookup.findVirtual(access, "currentCarrierThread", MethodType.methodType(Thread.class))
                    .bindTo(instance);
        } catch (Throwable e) {
            return Memory.carrierLookup(); // not exported to us, or another JDK
        }
    }
}
