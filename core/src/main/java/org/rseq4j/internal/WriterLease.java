package org.rseq4j.internal;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.IntConsumer;
import java.util.function.IntPredicate;

/**
 * A lease makes one OS thread the only writer of the words that are its lease's, in every structure that has such words: it
 * changes them by plain loads and stores, where a thread without a lease needs an atomic instruction on another word.
 *
 * <p>
 * There are a few leases for each CPU that the process may use, and a thread keeps one until another wants it: that one
 * runs on the same CPU, so the first does not run, and takes it over. The thread that writes pays for nothing: it says in
 * its record that it is busy, reads there whether it has a lease, writes, and says that it is not busy any more, with no
 * atomic instruction and no fence. The one that takes over pays for both: it removes the lease from the other's record,
 * makes every running thread of the process execute a memory barrier (membarrier(2), expedited), and then looks whether the
 * other is busy. If not, whatever the other does next begins with reading that its lease is gone. If it is, it was
 * scheduled out while it wrote, and the lease stays where it is, for nobody, until it is seen not to be busy. The technique
 * is that of biased locks with asymmetric fences (Dice, Huang, Yang: Asymmetric Dekker Synchronization, 2001).
 *
 * <p>
 * {@link #begin} and {@link #end} on one OS thread, nothing between that parks, blocks or throws. They do not nest.
 */
public final class WriterLease {
    /** The leases for each available CPU. Several, because that of a thread that was scheduled out while it wrote serves nobody. */
    public static final int PER_CPU = 8;
    private static final int CPUS = Math.min(Runtime.getRuntime().availableProcessors(), Registration.cpuCount());

    /** A take-over costs tens of microseconds; so many writes without a lease are about as much. */
    private static final long PATIENCE = Long.getLong("rseq4j.debug.patience", 1 << 14);
    /**
     * After so many, less 1, a lease that nobody has is looked for. Few, so that whatever is compiled later has seen both
     * ways.
     */
    private static final long SOON = 31;
    /** How long a lease is left to the one who got it, in nanoseconds and in barriers; for tests, not at all. */
    private static final long COOLDOWN = PATIENCE < 1 << 14 ? 0 : 3_000_000;
    private static final long COOLDOWN_FENCES = PATIENCE < 1 << 14 ? 0 : 50;
    private static final int SPINS = 100;

    private static final MethodHandle MEMBARRIER = NativeLibrary.isAvailable() && Registration.ACTIVE
            ? NativeLibrary.plain("membarrier", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT,
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_INT))
            : null;
    private static final boolean SUPPORTED = isSupported();

    /** The number of leases, which are numbered from 0; 0 where there are none. */
    public static final int COUNT = SUPPORTED ? CPUS * PER_CPU : 0;

    /** In the upper half of a lease: the records may be shared with a copy of this class in another class loader. */
    private static final int TAG = ThreadLocalRandom.current().nextInt(1, Integer.MAX_VALUE);

    // Guarded by LOCK, which is tried, or waited for by exclusively.
    private static final AtomicBoolean LOCK = new AtomicBoolean();
    /** The record that a lease was given to last, 0 at first. */
    private static final long[] OWNERS = new long[COUNT];
    /** Whether it was removed from there, with a barrier since. */
    private static final boolean[] REVOKED = new boolean[COUNT];
    private static final long[] GRANTED = new long[COUNT];
    private static volatile int used;
    /** Read without the lock, as a hint. */
    private static int unowned = COUNT;
    /** How long the last barrier took, in nanoseconds. */
    private static long fence;
    private static long granted;
    private static long takenOver;
    private static long stuck;

    private WriterLease() {
    }

    /** Where the kernel has no membarrier, or a seccomp filter forbids it, there are no leases. */
    private static boolean isSupported() {
        return MEMBARRIER != null && !System.getProperty("rseq4j.leases", "on").equals("off")
                && membarrier(Abi.MEMBARRIER_REGISTER_PRIVATE_EXPEDITED) == 0
                && membarrier(Abi.MEMBARRIER_PRIVATE_EXPEDITED) == 0;
    }

    private static int membarrier(int command) {
        try {
            return (int) MEMBARRIER.invokeExact(command, 0, 0);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /** Every thread of the process that runs executes a memory barrier before this returns; one that does not has done so. */
    private static boolean fence() {
        long begun = System.nanoTime();
        int error = membarrier(Abi.MEMBARRIER_PRIVATE_EXPEDITED);
        fence = System.nanoTime() - begun;
        return error == 0;
    }

    /** The words of leases from this number on were never written. Read it before them. */
    public static int used() {
        return COUNT == 0 ? 0 : used;
    }

    /** The record of the running OS thread; 0 when it has none, or there are no leases. */
    public static long record() {
        return SUPPORTED ? ThreadArea.record() : 0;
    }

    /** The rseq area of a record's thread, as {@link ThreadArea#find}. */
    public static long area(long record) {
        return ThreadArea.areaOf(record & Words.PLACE);
    }

    /** The lease that the running thread seems to have; 0 when it has none. Its number is what is left of it as an int. */
    public static long peek(long record) {
        long lease = getOpaque(record + Abi.RECORD_LEASE);
        return (int) (lease >>> 32) == TAG ? lease : 0;
    }

    /**
     * Begins to write by a lease.
     *
     * @param record the running thread's
     * @param lease what {@link #peek} returned
     * @param read anything that was read just now from the words that will be written. A processor that is interrupted has
     *            finished what is older than the instruction it waits for: so it had better wait for these words before it
     *            says that the thread is busy than after
     * @return whether the thread has the lease, then until {@link #end}; no end otherwise
     */
    public static boolean begin(long record, long lease, long read) {
        setOpaque(record + Abi.RECORD_BUSY, read | 1);
        // For the compiler. That the processor may load the lease before others see the store is what the barrier is for.
        VarHandle.releaseFence();
        if (getOpaque(record + Abi.RECORD_LEASE) == lease) {
            return true;
        }
        setOpaque(record + Abi.RECORD_BUSY, 0);
        return false;
    }

    /** The words that were written are so for whoever sees that the thread is not busy. */
    public static void end(long record) {
        NativeMemory.LONG.setRelease(NativeMemory.ALL, record + Abi.RECORD_BUSY & Words.PLACE, 0L);
    }

    /** Tells that a thread wrote without a lease; now and then it gets one. */
    public static void missed(long record) {
        long misses = getOpaque(record + Abi.RECORD_MISSES) + 1;
        setOpaque(record + Abi.RECORD_MISSES, misses);
        if ((misses & SOON) == 0 && (unowned > 0 || misses >= PATIENCE)) {
            acquire(record, misses >= PATIENCE);
        }
    }

    private static void acquire(long record, boolean takeOver) {
        if (!LOCK.compareAndSet(false, true)) {
            return;
        }
        try {
            int lease = find(record, takeOver);
            if (takeOver || lease >= 0) {
                setOpaque(record + Abi.RECORD_MISSES, 0);
            }
            if (lease >= 0) {
                unowned -= OWNERS[lease] == 0 ? 1 : 0;
                OWNERS[lease] = record;
                REVOKED[lease] = false;
                GRANTED[lease] = System.nanoTime();
                granted++;
                used = Math.max(used, lease + 1);
                NativeMemory.LONG.setRelease(NativeMemory.ALL, record + Abi.RECORD_LEASE,
                        (long) TAG << 32 | lease);
            }
        } finally {
            LOCK.set(false);
        }
    }

    private static int find(long record, boolean takeOver) {
        for (int i = 0; i < COUNT; i++) {
            if (OWNERS[i] == record) {
                return !REVOKED[i] || !isBusy(record) ? i : -1; // no second one
            }
        }
        int first = Ids.concurrencyId(ThreadArea.areaOf(record)) % CPUS * PER_CPU;
        for (int i = first; i < first + PER_CPU; i++) {
            if (OWNERS[i] == 0 || REVOKED[i] && !isBusy(OWNERS[i])) {
                return i;
            }
        }
        if (!takeOver) {
            return -1;
        }
        long now = System.nanoTime();
        for (int i = first; i < first + PER_CPU; i++) {
            if (!REVOKED[i] && now - GRANTED[i] > Math.max(COOLDOWN, COOLDOWN_FENCES * fence)) {
                remove(i);
                REVOKED[i] = fence();
                // One that runs, elsewhere by now, is done soon.
                for (int spins = 0; REVOKED[i] && spins < SPINS; spins++) {
                    if (!isBusy(OWNERS[i])) {
                        takenOver++;
                        return i;
                    }
                    Thread.onSpinWait();
                }
                stuck++;
                return -1;
            }
        }
        return -1;
    }

    private static void remove(int lease) {
        setOpaque(OWNERS[lease] + Abi.RECORD_LEASE, 0);
    }

    /** Pairs with end. */
    private static boolean isBusy(long record) {
        return (long) NativeMemory.LONG.getAcquire(NativeMemory.ALL, record + Abi.RECORD_BUSY) != 0;
    }

    /**
     * Runs an action while no thread has a lease. Waits for those that write by one, as for a lock that they hold.
     */
    public static void exclusively(Runnable action) {
        if (COUNT == 0) {
            action.run();
            return;
        }
        lock();
        try {
            boolean[] all = revoke(i -> true);
            for (int i = 0; i < COUNT; i++) {
                isFree(i, all[i]);
            }
            action.run();
        } finally {
            LOCK.set(false);
        }
    }

    /**
     * Takes leases away, and runs an action for each of them while nobody has it.
     *
     * @param which whether a lease is meant, by its number
     * @param waits whether to wait, as for a lock that they hold, for those that write by such a lease; else those are left out,
     *            and all of them while another thread takes leases
     * @param action gets the number of a lease
     */
    public static void take(IntPredicate which, boolean waits, IntConsumer action) {
        if (COUNT == 0) {
            return;
        }
        if (waits) {
            lock();
        } else if (!LOCK.compareAndSet(false, true)) {
            return;
        }
        try {
            boolean[] meant = revoke(which);
            for (int i = 0; i < COUNT; i++) {
                if (meant[i] && isFree(i, waits)) {
                    action.accept(i);
                }
            }
        } finally {
            LOCK.set(false);
        }
    }

    private static void lock() {
        while (!LOCK.compareAndSet(false, true)) {
            Thread.yield();
        }
    }

    /** Takes leases from their owners, which may be busy still. */
    private static boolean[] revoke(IntPredicate which) {
        boolean[] meant = new boolean[COUNT];
        boolean any = false;
        for (int i = 0; i < COUNT; i++) {
            meant[i] = which.test(i);
            if (meant[i] && OWNERS[i] != 0 && !REVOKED[i]) {
                remove(i);
                any = true;
            }
        }
        if (any && !fence()) {
            throw new IllegalStateException("membarrier worked and does not any more: is there a new seccomp filter?");
        }
        for (int i = 0; i < COUNT; i++) {
            REVOKED[i] |= meant[i] && OWNERS[i] != 0;
        }
        return meant;
    }

    /** Whether nobody has a lease that was revoked, or had no owner; nobody then owns it. */
    private static boolean isFree(int lease, boolean waits) {
        if (OWNERS[lease] != 0) {
            for (int spins = 0; isBusy(OWNERS[lease]); spins++) {
                if (spins < SPINS) {
                    Thread.onSpinWait();
                } else if (waits) {
                    Thread.yield();
                } else {
                    return false;
                }
            }
            OWNERS[lease] = 0;
            REVOKED[lease] = false;
            unowned++;
        }
        return true;
    }

    /** For tests: leases that were given, of those taken from another, and tries that found the other busy. */
    static String statistics() {
        return granted + " granted, " + takenOver + " taken over, " + stuck + " stuck";
    }

    private static long getOpaque(long address) {
        return (long) NativeMemory.LONG.getOpaque(NativeMemory.ALL, address & Words.PLACE);
    }

    private static void setOpaque(long address, long value) {
        NativeMemory.LONG.setOpaque(NativeMemory.ALL, address & Words.PLACE, value);
    }
}
