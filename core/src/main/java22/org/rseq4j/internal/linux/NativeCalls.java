// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Native calls: the functions of the native library, with {@link Memory} the only class that knows how this version of
 * Java does it. What each does is specified in the C sources. Nothing here may be called where {@link NativeLibrary}
 * says that there is none, but for what it loads itself with.
 *
 * <p>
 * A pointer is an address, or an array of the Java heap. The calls of one group are linked when the first of them is
 * made.
 */
@SuppressWarnings("restricted")
public final class NativeCalls {
    private NativeCalls() {
    }

    /** Whether each copy of this class loads the library for itself, also one that another copy loaded. */
    static boolean needOwnCopy() {
        return false;
    }

    /** Whether the call of a sequence is worth it where one atomic instruction does the same. */
    public static boolean areQuick() {
        return true;
    }

    /*
     * ---- Loading ----
     */

    /**
     * Loads a library for good, which keeps no class loader, and finds functions and variables in it.
     *
     * @param path its path; taken by its name, never resolved to what a link says
     * @return the addresses of those that it has
     * @throws IllegalArgumentException when it cannot be loaded
     * @throws IllegalCallerException when native access is denied
     */
    static Map<String, Long> load(String path, List<String> names) {
        SymbolLookup library = SymbolLookup.libraryLookup(path, Arena.global());
        Map<String, Long> addresses = new HashMap<>();
        for (String name : names) {
            library.find(name).ifPresent(symbol -> addresses.put(name, symbol.address()));
        }
        return addresses;
    }

    /**
     * Makes use of a library that another copy of this class loaded.
     *
     * @throws IllegalCallerException when native access is denied to this one
     */
    static void share() {
        MemorySegment.NULL.reinterpret(0);
    }

    /** A new file without a name, as its descriptor; below 0 when there is none to be had. */
    static int openMemoryFile() throws IOException {
        Linker linker = Linker.nativeLinker();
        MethodHandle create = linker.downcallHandle(linker.defaultLookup().find("memfd_create").orElseThrow(),
                FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            return (int) create.invokeExact(arena.allocateFrom("rseq4j"), 1 /* MFD_CLOEXEC */);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /** Closes a file of {@link #openMemoryFile}. */
    static void closeFile(int file) {
        Linker linker = Linker.nativeLinker();
        MethodHandle close = linker.downcallHandle(linker.defaultLookup().find("close").orElseThrow(),
                FunctionDescriptor.of(JAVA_INT, JAVA_INT));
        try {
            int ignored = (int) close.invokeExact(file);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    private static MethodHandle link(String name, MemoryLayout result, MemoryLayout[] arguments,
            Linker.Option... options) {
        FunctionDescriptor type = result == null
                ? FunctionDescriptor.ofVoid(arguments)
                : FunctionDescriptor.of(result, arguments);
        return Linker.nativeLinker().downcallHandle(MemorySegment.ofAddress(NativeLibrary.address(name)), type,
                options);
    }

    /** A call that may block or take long. */
    private static MethodHandle plain(String name, MemoryLayout result, MemoryLayout... arguments) {
        return link(name, result, arguments);
    }

    /** A call of a few instructions: no upcall, no blocking, the thread stays in Java state. */
    private static MethodHandle critical(String name, MemoryLayout result, MemoryLayout... arguments) {
        return link(name, result, arguments, Linker.Option.critical(false));
    }

    /** The same, whose pointers may lead into arrays of the Java heap. */
    private static MethodHandle criticalWithHeap(String name, MemoryLayout result, MemoryLayout... arguments) {
        return link(name, result, arguments, Linker.Option.critical(true));
    }

    /*
     * ---- Pages ----
     */

    private static final class Pages {
        static final MethodHandle MAP = plain("map", JAVA_LONG, JAVA_LONG);
        static final MethodHandle UNMAP = plain("unmap", JAVA_INT, JAVA_LONG, JAVA_LONG);
        static final MethodHandle DISCARD = plain("discard", JAVA_INT, JAVA_LONG, JAVA_LONG);
        static final MethodHandle POPULATE = plain("populate", JAVA_INT, JAVA_LONG, JAVA_LONG);
        static final MethodHandle HUGE_PAGES = plain("huge_pages", JAVA_INT, JAVA_LONG, JAVA_LONG);
        /** (AtomicLong)long; what is left there is 0. */
        static final MethodHandle TAKE_SIZE = takeSize();

        private static MethodHandle takeSize() {
            try {
                return MethodHandles.insertArguments(MethodHandles.publicLookup().findVirtual(AtomicLong.class,
                        "getAndSet", MethodType.methodType(long.class, long.class)), 1, 0L);
            } catch (ReflectiveOperationException e) {
                throw new LinkageError("no AtomicLong.getAndSet", e);
            }
        }
    }

    /** Zeroed memory; negative: -errno. */
    public static long map(long size) {
        try {
            return (long) Pages.MAP.invokeExact(size);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int unmap(long address, long size) {
        try {
            return (int) Pages.UNMAP.invokeExact(address, size);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /** {@link #unmap} of memory of the size that is found, once; made of the JDK's objects alone. */
    static MethodHandle unmapping(long address, AtomicLong size) {
        MethodHandle unmap = MethodHandles.insertArguments(Pages.UNMAP, 0, address);
        return MethodHandles.filterReturnValue(Pages.TAKE_SIZE.bindTo(size), unmap)
                .asType(MethodType.methodType(void.class));
    }

    public static int discard(long address, long size) {
        try {
            return (int) Pages.DISCARD.invokeExact(address, size);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int populate(long address, long size) {
        try {
            return (int) Pages.POPULATE.invokeExact(address, size);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int adviseHugePages(long address, long size) {
        try {
            return (int) Pages.HUGE_PAGES.invokeExact(address, size);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /*
     * ---- What is found out about the process, at start ----
     */

    private static final class Trials {
        static final MethodHandle PROBE = plain("probe", null, JAVA_LONG);
        static final MethodHandle TRY = plain("try", JAVA_INT, JAVA_LONG);
        static final MethodHandle CONFIGURE = plain("configure", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    }

    public static void probe(long out) {
        try {
            Trials.PROBE.invokeExact(out);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int tryRegistration(long trial) {
        try {
            return (int) Trials.TRY.invokeExact(trial);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int configure(boolean libc, boolean own, boolean slice) {
        try {
            return (int) Trials.CONFIGURE.invokeExact(libc ? 1 : 0, own ? 1 : 0, slice ? 1 : 0);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /*
     * ---- Threads ----
     */

    private static final class Threads {
        static final MethodHandle CURRENT = critical("current", JAVA_LONG);
        static final MethodHandle AREA = critical("area", JAVA_LONG);
        static final MethodHandle ATTACH = plain("attach", JAVA_LONG, JAVA_LONG);
        static final MethodHandle RECORDS = plain("records", null, JAVA_LONG);
        static final MethodHandle SLICE_YIELD = plain("slice_yield", JAVA_INT);
        static final MethodHandle MEMBARRIER = plain("membarrier", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    }

    public static long currentRecord() {
        try {
            return (long) Threads.CURRENT.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static long area() {
        try {
            return (long) Threads.AREA.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static long attach(long javaThread) {
        try {
            return (long) Threads.ATTACH.invokeExact(javaThread);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static void records(long out) {
        try {
            Threads.RECORDS.invokeExact(out);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int yieldSlice() {
        try {
            return (int) Threads.SLICE_YIELD.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /** Negative: -errno. */
    public static int membarrier(int command, int flags, int cpu) {
        try {
            return (int) Threads.MEMBARRIER.invokeExact(command, flags, cpu);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /*
     * ---- Restartable sequences. First come the address of CPU 0's word, the stride, the number of CPUs and the offset
     * of the id that says whose word it is. ----
     */

    public static int checkAborts(long out) {
        MethodHandle check = plain("check_aborts", JAVA_INT, JAVA_LONG);
        try {
            return (int) check.invokeExact(out);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    private static final class Sequences {
        /** Which form of each: the other one is for tests. */
        static final String FORM = NativeLibrary.WINDOW > 0 ? "_wide" : "";
        static final MethodHandle EMPTY = critical("empty", JAVA_INT);
        static final MethodHandle ADD = critical("add" + FORM, JAVA_INT, arguments(JAVA_LONG));
        static final MethodHandle COMPARE_AND_STORE = critical("compare_and_store" + FORM, JAVA_INT,
                arguments(JAVA_LONG, JAVA_LONG));
        static final MethodHandle SWAP = criticalWithHeap("swap" + FORM, JAVA_INT, arguments(JAVA_LONG, ADDRESS));
        static final MethodHandle PUSH = critical("push" + FORM, JAVA_INT, arguments(JAVA_LONG, JAVA_LONG));
        static final MethodHandle POP = criticalWithHeap("pop" + FORM, JAVA_INT, arguments(JAVA_LONG, ADDRESS));
        static final MethodHandle POP_WORD = critical("pop_word" + FORM, JAVA_LONG, arguments(JAVA_LONG, JAVA_LONG));
        static final MethodHandle PUSH_MANY = criticalWithHeap("push_many" + FORM, JAVA_LONG,
                arguments(JAVA_LONG, ADDRESS, JAVA_LONG));
        static final MethodHandle POP_MANY = criticalWithHeap("pop_many" + FORM, JAVA_LONG,
                arguments(JAVA_LONG, ADDRESS, JAVA_LONG));
        static final MethodHandle SUMMARIZE = critical("summarize" + FORM, JAVA_INT, arguments(JAVA_LONG));
        static final MethodHandle DRAIN = plain("drain", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS,
                JAVA_LONG);

        static {
            // Initializes what it needs of the JDK's: the first call may find no stack for that.
            tail(new long[2], 1);
        }

        private static MemoryLayout[] arguments(MemoryLayout... more) {
            MemoryLayout[] all = new MemoryLayout[4 + more.length];
            all[0] = JAVA_LONG;
            all[1] = JAVA_LONG;
            all[2] = JAVA_INT;
            all[3] = JAVA_LONG;
            System.arraycopy(more, 0, all, 4, more.length);
            return all;
        }
    }

    /** Links the sequences. */
    public static int empty() {
        try {
            return (int) Sequences.EMPTY.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int add(long base, long stride, int cpus, long id, long delta) {
        try {
            return (int) Sequences.ADD.invokeExact(base, stride, cpus, id, delta);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int compareAndStore(long base, long stride, int cpus, long id, long expected, long value) {
        try {
            return (int) Sequences.COMPARE_AND_STORE.invokeExact(base, stride, cpus, id, expected, value);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int swap(long base, long stride, int cpus, long id, long value, long[] old) {
        try {
            return (int) Sequences.SWAP.invokeExact(base, stride, cpus, id, value, MemorySegment.ofArray(old));
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int push(long base, long stride, int cpus, long id, long capacity, long word) {
        try {
            return (int) Sequences.PUSH.invokeExact(base, stride, cpus, id, capacity, word);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int pop(long base, long stride, int cpus, long id, long capacity, long[] word) {
        try {
            return (int) Sequences.POP.invokeExact(base, stride, cpus, id, capacity, MemorySegment.ofArray(word));
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static long popWord(long base, long stride, int cpus, long id, long capacity, long empty) {
        try {
            return (long) Sequences.POP_WORD.invokeExact(base, stride, cpus, id, capacity, empty);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static long pushMany(long base, long stride, int cpus, long id, long capacity, long[] words, int from,
            long n) {
        try {
            return (long) Sequences.PUSH_MANY.invokeExact(base, stride, cpus, id, capacity, tail(words, from), n);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static long popMany(long base, long stride, int cpus, long id, long capacity, long[] words, int from,
            long n) {
        try {
            return (long) Sequences.POP_MANY.invokeExact(base, stride, cpus, id, capacity, tail(words, from), n);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    private static MemorySegment tail(long[] words, int from) {
        MemorySegment all = MemorySegment.ofArray(words);
        return from == 0 ? all : all.asSlice(from * (long) Long.BYTES);
    }

    public static int summarize(long base, long stride, int cpus, long id, long value) {
        try {
            return (int) Sequences.SUMMARIZE.invokeExact(base, stride, cpus, id, value);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /** Tries until no sequence is quicker. How many words; negative: -errno. */
    public static long drain(long place, long capacity, int cpu, long[] words, int most) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment taken = arena.allocate(JAVA_LONG, most);
            long n;
            do { // a hundred times each
                n = (long) Sequences.DRAIN.invokeExact(place, capacity, cpu, taken, (long) most);
            } while (n == Long.MIN_VALUE);
            if (n > 0) {
                MemorySegment.copy(taken, JAVA_LONG, 0, words, 0, (int) n);
            }
            return n;
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }
}
