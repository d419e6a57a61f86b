package org.rseq4j.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;

/** The restartable sequences of the native library. */
public final class Sequences {
    /** What each operation returns for a thread without an area: nothing was done. */
    public static final int NO_AREA = -0x40000000;

    /** Whether this process works by sequences; constant. */
    public static final boolean NATIVE;
    /** Why not. */
    public static final String REASON;

    /** Preemptions without a single abort that prove a kernel broken. */
    private static final int PROOF = 20;

    /** Rounds of a delay inside each sequence, for tests: aborts become likely. */
    private static final long WINDOW = Long.getLong("rseq4j.debug.window", 0);

    private static final MethodHandle EMPTY;
    private static final MethodHandle ADD;
    private static final MethodHandle COMPARE_AND_STORE;
    private static final MethodHandle SWAP;
    private static final MethodHandle PUSH;
    private static final MethodHandle POP;
    private static final MethodHandle POP_WORD;
    private static final MethodHandle PUSH_MANY;
    private static final MethodHandle POP_MANY;
    /** 0, or the errno of the registration with membarrier. */
    private static final int FENCE_ERROR;

    static {
        REASON = Registration.ACTIVE ? brokenKernel() : "no rseq area is registered";
        NATIVE = REASON.isEmpty();
        if (NATIVE) {
            EMPTY = NativeLibrary.critical("empty", NativeLibrary.RETURNS_INT);
            ADD = operation("add", false, JAVA_INT, JAVA_LONG);
            COMPARE_AND_STORE = operation("compare_and_store", false, JAVA_INT, JAVA_LONG, JAVA_LONG);
            SWAP = operation("swap", true, JAVA_INT, JAVA_LONG, ADDRESS);
            PUSH = operation("push", false, JAVA_INT, JAVA_LONG, JAVA_LONG);
            POP = operation("pop", true, JAVA_INT, ADDRESS);
            POP_WORD = operation("pop_word", false, JAVA_LONG, JAVA_LONG, JAVA_LONG);
            PUSH_MANY = operation("push_many", true, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG);
            POP_MANY = operation("pop_many", true, JAVA_LONG, ADDRESS, JAVA_LONG);
            FENCE_ERROR = -Membarrier.call(Abi.MEMBARRIER_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0);
            if (WINDOW > 0) {
                NativeMemory.LONG.set(NativeMemory.ALL, NativeLibrary.symbol("window").address(), WINDOW);
            }
        } else {
            EMPTY = null;
            ADD = null;
            COMPARE_AND_STORE = null;
            SWAP = null;
            PUSH = null;
            POP = null;
            POP_WORD = null;
            PUSH_MANY = null;
            POP_MANY = null;
            FENCE_ERROR = 0;
        }
    }

    private Sequences() {
    }

    /** The common arguments are the address of CPU 0's word, the stride, the number of CPUs and the id's offset. */
    private static MethodHandle operation(String name, boolean heap, MemoryLayout result, MemoryLayout... more) {
        List<MemoryLayout> arguments = new ArrayList<>(List.of(JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));
        arguments.addAll(List.of(more));
        FunctionDescriptor type = FunctionDescriptor.of(result, arguments.toArray(MemoryLayout[]::new));
        String symbol = WINDOW > 0 ? name + "_wide" : name;
        return heap ? NativeLibrary.criticalWithHeap(symbol, type) : NativeLibrary.critical(symbol, type);
    }

    /** Linux 6.19 on arm64 did not abort a sequence that was preempted and went on on the same CPU. */
    private static String brokenKernel() {
        MethodHandle check = NativeLibrary.plain("check_aborts", NativeLibrary.POINTER_RETURNS_INT);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment found = arena.allocate(16, 8);
            int error = (int) check.invokeExact(found);
            long preemptions = found.get(JAVA_LONG, 0);
            long aborts = found.get(JAVA_LONG, 8);
            if (error == 0 && preemptions >= PROOF && aborts == 0) {
                return "this kernel does not abort sequences: " + preemptions + " preemptions inside, no abort";
            }
            return "";
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /** Whether sequences work for the running thread, now that it had its chance to register. */
    public static boolean attached() {
        return NATIVE && ThreadArea.find() != 0;
    }

    /** A critical downcall that does nothing, to compare with; needs {@link #NATIVE}. */
    public static int empty() {
        try {
            return (int) EMPTY.invokeExact();
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    private static long id(boolean byConcurrencyId) {
        return byConcurrencyId && Registration.HAS_CONCURRENCY_ID ? Abi.MM_CID : Abi.CPU_ID;
    }

    public static int add(long base, long stride, boolean byConcurrencyId, long delta) {
        try {
            return (int) ADD.invokeExact(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), delta);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int compareAndStore(long base, long stride, boolean byConcurrencyId, long expected, long value) {
        try {
            return (int) COMPARE_AND_STORE.invokeExact(base, stride, Registration.CPU_COUNT, id(byConcurrencyId),
                    expected,
                    value);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int swap(long base, long stride, boolean byConcurrencyId, long value, long[] old) {
        try {
            return (int) SWAP.invokeExact(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), value,
                    MemorySegment.ofArray(old));
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int push(long base, long stride, boolean byConcurrencyId, long capacity, long word) {
        try {
            return (int) PUSH.invokeExact(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), capacity, word);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static int pop(long base, long stride, boolean byConcurrencyId, long[] word) {
        try {
            return (int) POP.invokeExact(base, stride, Registration.CPU_COUNT, id(byConcurrencyId),
                    MemorySegment.ofArray(word));
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /** The word; {@code otherwise} when the stack is empty, {@code none} for a thread without an area. */
    public static long popWord(long base, long stride, boolean byConcurrencyId, long otherwise, long none) {
        try {
            return (long) POP_WORD.invokeExact(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), otherwise,
                    none);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static long pushMany(long base, long stride, boolean byConcurrencyId, long capacity, long[] words, long n) {
        try {
            return (long) PUSH_MANY.invokeExact(base, stride, Registration.CPU_COUNT, id(byConcurrencyId), capacity,
                    MemorySegment.ofArray(words), n);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    public static long popMany(long base, long stride, boolean byConcurrencyId, long[] words, long n) {
        try {
            return (long) POP_MANY.invokeExact(base, stride, Registration.CPU_COUNT, id(byConcurrencyId),
                    MemorySegment.ofArray(words), n);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /** Restarts the sequences on a CPU, on all when it is negative. */
    public static void fence(int cpu) {
        if (!NATIVE) {
            return;
        }
        int error = FENCE_ERROR != 0
                ? FENCE_ERROR
                : -Membarrier.call(Abi.MEMBARRIER_PRIVATE_EXPEDITED_RSEQ, cpu < 0 ? 0 : Abi.MEMBARRIER_FLAG_CPU,
                        Math.max(cpu, 0));
        if (error != 0) {
            throw new UnsupportedOperationException("membarrier failed with errno " + error);
        }
    }

    /** The aborts on the running OS thread. */
    public static long aborts() {
        long record = Registration.ACTIVE ? ThreadArea.record() : 0;
        return record == 0 ? 0 : (long) NativeMemory.LONG.get(NativeMemory.ALL, record + Abi.RECORD_ABORTS);
    }
}
