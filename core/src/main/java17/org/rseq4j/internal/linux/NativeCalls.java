// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import java.nio.ByteBuffer;
import java.security.Security;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Native calls before Java 22: the functions of the native library, by native methods that take the address of the
 * function to call. The class of this name for Java 22 and later says what holds for both.
 *
 * <p>
 * The methods are bound by the copy of the library that this class's loader loaded; the functions may be another
 * copy's, which the whole process shares.
 */
public final class NativeCalls {
    /**
     * By which the library learns whose methods it binds; rseq4j_jni.c knows it. Not a name that shading relocates with
     * the package's.
     */
    private static final String LOADING = "rseq4j.loading";

    private NativeCalls() {
    }

    /** Whether each copy of this class loads the library for itself, also one that another copy loaded. */
    static boolean needOwnCopy() {
        return true;
    }

    /** Whether the call of a sequence is worth it where one atomic instruction does the same. */
    public static boolean areQuick() {
        return false;
    }

    /*
     * ---- Loading ----
     */

    /**
     * Loads a library for good, which keeps no class loader, and finds functions and variables in it. The caller has
     * the lock of {@link Security}, for all copies of this class.
     *
     * @param path its path; links are resolved
     * @return the addresses of those that it has
     * @throws IllegalArgumentException when it cannot be loaded
     */
    @SuppressWarnings("restricted")
    static Map<String, Long> load(String path, List<String> names) {
        Security.setProperty(LOADING, NativeCalls.class.getName().replace('.', '/'));
        try {
            System.load(path);
        } catch (LinkageError e) { // also out of JNI_OnLoad
            throw new IllegalArgumentException(e);
        } finally {
            Security.setProperty(LOADING, "");
        }
        Map<String, Long> addresses = new HashMap<>();
        for (String name : names) {
            long address = address(name);
            if (address != 0) {
                addresses.put(name, address);
            }
        }
        return addresses;
    }

    /** Nothing to do: a library that another copy of this class loaded is used through our own. */
    static void share() {
        // see above
    }

    /** None to be had: the JVM resolves the name of a file that it loads, and this kind has no other name. */
    static int openMemoryFile() {
        return -1;
    }

    /** Closes a file of {@link #openMemoryFile}. */
    static void closeFile(int file) {
        throw new IllegalArgumentException("no such file: " + file);
    }

    private static native long address(String name);

    private static native long call(long function);

    private static native long call(long function, long a);

    private static native long call(long function, long a, long b);

    private static native long call(long function, long a, long b, long c);

    private static native long call(long function, long a, long b, long c, long d, long e);

    private static native long call(long function, long a, long b, long c, long d, long e, long f);

    private static native long callForWord(long function, long base, long stride, long cpus, long id, long value,
            long[] word);

    private static native long pushMany(long function, long base, long stride, long cpus, long id, long capacity,
            long[] words, int from, long n);

    private static native long popMany(long function, long base, long stride, long cpus, long id, long capacity,
            long[] words, int from, long n);

    private static native long drain(long function, long place, long capacity, long cpu, long[] words, int most);

    private static native ByteBuffer buffer(long address, long size);

    /** A direct buffer on memory that the caller keeps mapped. */
    static ByteBuffer bufferAt(long address, int size) {
        return buffer(address, size);
    }

    /*
     * ---- Pages ----
     */

    private static final class Pages {
        static final long MAP = NativeLibrary.address("map");
        static final long UNMAP = NativeLibrary.address("unmap");
        static final long DISCARD = NativeLibrary.address("discard");
        static final long POPULATE = NativeLibrary.address("populate");
        static final long HUGE_PAGES = NativeLibrary.address("huge_pages");
    }

    /** Zeroed memory; negative: -errno. */
    public static long map(long size) {
        return call(Pages.MAP, size);
    }

    public static int unmap(long address, long size) {
        return (int) call(Pages.UNMAP, address, size);
    }

    public static int discard(long address, long size) {
        return (int) call(Pages.DISCARD, address, size);
    }

    public static int populate(long address, long size) {
        return (int) call(Pages.POPULATE, address, size);
    }

    public static int adviseHugePages(long address, long size) {
        return (int) call(Pages.HUGE_PAGES, address, size);
    }

    /*
     * ---- What is found out about the process, at start ----
     */

    private static final class Trials {
        static final long PROBE = NativeLibrary.address("probe");
        static final long TRY = NativeLibrary.address("try");
        static final long CONFIGURE = NativeLibrary.address("configure");
        static final long CHECK_ABORTS = NativeLibrary.address("check_aborts");
    }

    public static void probe(long out) {
        call(Trials.PROBE, out);
    }

    public static int tryRegistration(long trial) {
        return (int) call(Trials.TRY, trial);
    }

    public static int configure(boolean libc, boolean own, boolean slice) {
        return (int) call(Trials.CONFIGURE, libc ? 1 : 0, own ? 1 : 0, slice ? 1 : 0);
    }

    /*
     * ---- Threads ----
     */

    private static final class Threads {
        static final long CURRENT = NativeLibrary.address("current");
        static final long AREA = NativeLibrary.address("area");
        static final long ATTACH = NativeLibrary.address("attach");
        static final long RECORDS = NativeLibrary.address("records");
        static final long SLICE_YIELD = NativeLibrary.address("slice_yield");
        static final long MEMBARRIER = NativeLibrary.address("membarrier");
    }

    public static long currentRecord() {
        return call(Threads.CURRENT);
    }

    public static long area() {
        return call(Threads.AREA);
    }

    public static long attach(long javaThread) {
        return call(Threads.ATTACH, javaThread);
    }

    public static void records(long out) {
        call(Threads.RECORDS, out);
    }

    public static int yieldSlice() {
        return (int) call(Threads.SLICE_YIELD);
    }

    /** Negative: -errno. */
    public static int membarrier(int command, int flags, int cpu) {
        return (int) call(Threads.MEMBARRIER, command, flags, cpu);
    }

    /*
     * ---- Restartable sequences. First come the address of CPU 0's word, the stride, the number of CPUs and the offset
     * of the id that says whose word it is. ----
     */

    public static int checkAborts(long out) {
        return (int) call(Trials.CHECK_ABORTS, out);
    }

    private static final class Sequences {
        static final long EMPTY = NativeLibrary.address("empty");
        static final long ADD = sequence("add");
        static final long COMPARE_AND_STORE = sequence("compare_and_store");
        static final long SWAP = sequence("swap");
        static final long PUSH = sequence("push");
        static final long POP = sequence("pop");
        static final long POP_WORD = sequence("pop_word");
        static final long PUSH_MANY = sequence("push_many");
        static final long POP_MANY = sequence("pop_many");
        static final long SUMMARIZE = sequence("summarize");
        static final long DRAIN = NativeLibrary.address("drain");

        /** One of two forms: the other one is for tests. */
        private static long sequence(String name) {
            return NativeLibrary.address(NativeLibrary.WINDOW > 0 ? name + "_wide" : name);
        }
    }

    /** Finds the sequences. */
    public static int empty() {
        return (int) call(Sequences.EMPTY);
    }

    public static int add(long base, long stride, int cpus, long id, long delta) {
        return (int) call(Sequences.ADD, base, stride, cpus, id, delta);
    }

    public static int compareAndStore(long base, long stride, int cpus, long id, long expected, long value) {
        return (int) call(Sequences.COMPARE_AND_STORE, base, stride, cpus, id, expected, value);
    }

    public static int swap(long base, long stride, int cpus, long id, long value, long[] old) {
        return (int) callForWord(Sequences.SWAP, base, stride, cpus, id, value, old);
    }

    public static int push(long base, long stride, int cpus, long id, long capacity, long word) {
        return (int) call(Sequences.PUSH, base, stride, cpus, id, capacity, word);
    }

    public static int pop(long base, long stride, int cpus, long id, long capacity, long[] word) {
        return (int) callForWord(Sequences.POP, base, stride, cpus, id, capacity, word);
    }

    public static long popWord(long base, long stride, int cpus, long id, long capacity, long empty) {
        return call(Sequences.POP_WORD, base, stride, cpus, id, capacity, empty);
    }

    public static long pushMany(long base, long stride, int cpus, long id, long capacity, long[] words, int from,
            long n) {
        return pushMany(Sequences.PUSH_MANY, base, stride, cpus, id, capacity, words, from, n);
    }

    public static long popMany(long base, long stride, int cpus, long id, long capacity, long[] words, int from,
            long n) {
        return popMany(Sequences.POP_MANY, base, stride, cpus, id, capacity, words, from, n);
    }

    public static int summarize(long base, long stride, int cpus, long id, long value) {
        return (int) call(Sequences.SUMMARIZE, base, stride, cpus, id, value);
    }

    /** Tries until no sequence is quicker. How many words; negative: -errno. */
    public static long drain(long place, long capacity, int cpu, long[] words, int most) {
        long n;
        do { // a hundred times each
            n = drain(Sequences.DRAIN, place, capacity, cpu, words, most);
        } while (n == Long.MIN_VALUE);
        return n;
    }
}
