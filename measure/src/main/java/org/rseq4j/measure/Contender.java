// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.jctools.queues.MpmcArrayQueue;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.locks.SliceLock;
import org.rseq4j.pools.PerCpuPool;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;

/** A structure that is measured. In each family the first one is this library's, the first that is not is the JDK's. */
enum Contender {
    SECTION(Family.SECTION, "SliceExtension", true, threads -> new Sections()), //

    PER_CPU_COUNTER(Family.COUNTER, "PerCpuCounter", false, threads -> {
        var counter = new PerCpuCounter();
        return new Additions(counter::increment, counter::sum, counter::close);
    }), //
    LONG_ADDER(Family.COUNTER, "LongAdder", false, threads -> {
        var adder = new LongAdder();
        return new Additions(adder::increment, adder::sum, () -> {});
    }), //
    ATOMIC_LONG(Family.COUNTER, "AtomicLong", false, threads -> {
        var value = new AtomicLong();
        return new Additions(value::incrementAndGet, value::get, () -> {});
    }), //

    PER_CPU_POOL(Family.POOL, "PerCpuPool", true, threads -> {
        var pool = PerCpuPool.of(() -> new byte[Loans.SIZE]);
        return new Loans(pool::acquire, pool::release, pool::close);
    }), //
    POOL_BY_ARRAY_BLOCKING_QUEUE(Family.POOL, "ArrayBlockingQueue as a pool", false, threads -> {
        var queue = new ArrayBlockingQueue<byte[]>(Transfers.CAPACITY);
        return new Loans(() -> {
            byte[] pooled = queue.poll();
            return pooled != null ? pooled : new byte[Loans.SIZE];
        }, queue::offer, () -> {});
    }), //

    SLICE_QUEUE(Family.QUEUE, "SliceMpmcArrayQueue", true, threads -> new Transfers(
            new SliceMpmcArrayQueue<>(Transfers.CAPACITY), threads)), //
    PER_CPU_QUEUE(Family.QUEUE, "PerCpuQueue, relaxed order", true, threads -> new Transfers(
            new PerCpuQueue<>(Transfers.CAPACITY), threads)), //
    ARRAY_BLOCKING_QUEUE(Family.QUEUE, "ArrayBlockingQueue", false, threads -> new Transfers(
            new ArrayBlockingQueue<>(Transfers.CAPACITY), threads)), //
    MPMC_ARRAY_QUEUE(Family.QUEUE, "JCTools MpmcArrayQueue", false, threads -> new Transfers(
            new MpmcArrayQueue<>(Transfers.CAPACITY), threads)), //

    SLICE_LOCK(Family.LOCK, "SliceLock", true, threads -> new Holds(new SliceLock())), //
    REENTRANT_LOCK(Family.LOCK, "ReentrantLock", false, threads -> new Holds(new ReentrantLock()));

    final Family family;
    final String title;
    /** Whether it asks for the time slice extension. */
    final boolean asks;
    private final IntFunction<Workload> factory;

    Contender(Family family, String title, boolean asks, IntFunction<Workload> factory) {
        this.family = family;
        this.title = title;
        this.asks = asks;
        this.factory = factory;
    }

    Workload make(int threads) {
        return factory.apply(threads);
    }

    static List<Contender> of(Family family) {
        return Stream.of(values()).filter(contender -> contender.family == family).toList();
    }

    /** {@return how many threads work at once: one, one for each CPU, and four} */
    static List<Integer> threads(Family family, int cpus) {
        return family.shared ? new ArrayList<>(Stream.of(1, cpus, 4 * cpus).distinct().toList()) : List.of(1);
    }
}
