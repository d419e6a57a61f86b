package org.rseq4j.pools;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The blocks of one size: a stack for each CPU, and the central list that these exchange batches with. All but the stacks is
 * under the lock; nothing is allocated for an exchange.
 */
final class SizeClass {
    private static final int LARGEST_STACK = 128;
    private static final int LARGEST_BATCH = 32;

    final int shift;
    /** How many addresses a CPU's stack holds. */
    final int capacity;
    final long stack;

    private final AddressStacks stacks;
    private final Spans spans;
    private final ReentrantLock lock = new ReentrantLock();
    private final int batch;
    /** A batch on its way. */
    private final long[] moving;
    private long[] free = new long[LARGEST_BATCH];
    private int size;
    /** What is left of the last span that was taken. */
    private long uncut;
    private long uncutEnd;
    private boolean closed;
    private long refills;
    private long flushes;
    private long exchangesBefore;

    SizeClass(int shift, int capacity, AddressStacks stacks, Spans spans) {
        this.shift = shift;
        this.capacity = capacity;
        this.stacks = stacks;
        this.spans = spans;
        stack = stacks.allocate(capacity);
        batch = Math.clamp(capacity / 2, 1, LARGEST_BATCH);
        moving = new long[batch];
    }

    /** How many blocks of a size a CPU keeps that keeps so many bytes of it. */
    static int capacity(int shift, long bytesPerCpu) {
        return Math.clamp(bytesPerCpu >>> shift, 2, LARGEST_STACK);
    }

    int bytes() {
        return 1 << shift;
    }

    /** A block, and a batch for the current CPU's stack; 0 when there is no memory, or the class is closed. */
    long refill() {
        lock.lock();
        try {
            if (closed || size == 0 && !cut() && !gather()) {
                return 0;
            }
            refills++;
            long block = free[--size];
            int n = Math.min(size, batch - 1);
            size -= n;
            System.arraycopy(free, size, moving, 0, n);
            int moved = stacks.pushMany(stack, capacity, moving, n);
            for (int i = moved; i < n; i++) {
                add(moving[i]);
            }
            return block;
        } finally {
            lock.unlock();
        }
    }

    /** Takes a block whose stack was full, and a batch from there. */
    void flush(long block) {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            flushes++;
            int moved = stacks.popMany(stack, moving, batch);
            for (int i = 0; i < moved; i++) {
                add(moving[i]);
            }
            if (!stacks.push(stack, capacity, block)) {
                add(block);
            }
        } finally {
            lock.unlock();
        }
    }

    private void add(long block) {
        if (size == free.length) {
            free = Arrays.copyOf(free, size * 2);
        }
        free[size++] = block;
    }

    /** Cuts a batch off a span. */
    private boolean cut() {
        if (uncut == uncutEnd) {
            Span span = spans.take(this);
            if (span == null) {
                return false;
            }
            uncut = span.base;
            uncutEnd = span.base + Span.BYTES;
        }
        // At once what a batch takes; in the order in which it is then handed out, from low to high addresses.
        int n = (int) Math.min(batch, uncutEnd - uncut >>> shift);
        for (int i = n - 1; i >= 0; i--) {
            add(uncut + ((long) i << shift));
        }
        uncut += (long) n << shift;
        return true;
    }

    /** Takes what all CPUs have; nothing where the kernel does not allow to look there. */
    private boolean gather() {
        try {
            stacks.drain(stack, capacity, this::add);
        } catch (UnsupportedOperationException e) {
            return size > 0; // no membarrier: those blocks wait for a thread on their CPU
        }
        return size > 0;
    }

    /** Gives spans back that are wholly free, when the central list was not used since the last call, or regardless. */
    void trim(boolean regardless) {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            if (refills + flushes == exchangesBefore || regardless) {
                gather();
                giveBack();
            }
            exchangesBefore = refills + flushes;
        } finally {
            lock.unlock();
        }
    }

    /** Gives back what another size can use, of the central list alone; whether that is anything. */
    boolean giveWay() {
        lock.lock();
        try {
            long before = spans.givenBack();
            if (size + (uncutEnd - uncut >>> shift) >= Span.BYTES >>> shift) {
                giveBack();
            }
            return spans.givenBack() != before;
        } finally {
            lock.unlock();
        }
    }

    private void giveBack() {
        for (int i = 0; i < size; i++) {
            spans.find(free[i]).free++;
        }
        List<Span> whole = new ArrayList<>();
        if (uncut != uncutEnd) {
            Span span = spans.find(uncut);
            span.free += (int) (uncutEnd - uncut >>> shift);
            if (isFree(span, whole)) {
                uncut = uncutEnd;
            }
        }
        int kept = 0;
        for (int i = 0; i < size; i++) {
            if (!isFree(spans.find(free[i]), whole)) {
                free[kept++] = free[i];
            }
        }
        size = kept;
        for (int i = 0; i < size; i++) {
            spans.find(free[i]).free = 0;
        }
        if (uncut != uncutEnd) {
            spans.find(uncut).free = 0;
        }
        free = Arrays.copyOf(free, Math.max(LARGEST_BATCH, Integer.highestOneBit(Math.max(1, size)) * 2));
        // Only now: another class may take them at once.
        whole.forEach(spans::giveBack);
    }

    private static boolean isFree(Span span, List<Span> whole) {
        if (span.free == span.blocks()) {
            span.free = Span.WHOLLY_FREE;
            whole.add(span);
        }
        return span.free == Span.WHOLLY_FREE;
    }

    /** From now on there are no blocks; those in use are dropped when they are released. */
    void close() {
        trim(true);
        lock.lock();
        try {
            closed = true;
            size = 0;
            uncut = 0;
            uncutEnd = 0;
        } finally {
            lock.unlock();
        }
    }

    /** Adds what this class has to a sum. */
    void addTo(BufferPoolStatistics.Sum sum) {
        lock.lock();
        try {
            sum.refills += refills;
            sum.flushes += flushes;
            long blocks = closed ? 0 : size + (uncutEnd - uncut >>> shift) + stacks.size(stack);
            sum.freeBytes += blocks << shift;
        } finally {
            lock.unlock();
        }
    }
}
