// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.jctools.queues.MpmcArrayQueue;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.counters.PerCpuHistogram;
import org.rseq4j.counters.PerCpuPrometheusMeterRegistry;
import org.rseq4j.counters.PerCpuSummary;
import org.rseq4j.locks.ExtendedLock;
import org.rseq4j.locks.PerCpuReadWriteLock;
import org.rseq4j.locks.SliceLock;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;
import org.rseq4j.queues.SliceMpmcUnboundedQueue;

/** All structures, each beside the peers that do its work. */
enum Subjects {
    COUNTER("PerCpuCounter", Kind.COUNTER, () -> {
        var counter = new PerCpuCounter();
        return new CounterSubject(counter::add, counter::sum, counter::sumThenReset);
    }),
    SUMMARY("PerCpuSummary", Kind.COUNTER, () -> {
        var summary = new PerCpuSummary();
        return new CounterSubject(summary::record, () -> summary.snapshot().count(),
                () -> summary.snapshotAndReset().count());
    }),
    HISTOGRAM("PerCpuHistogram", Kind.COUNTER, () -> {
        var histogram = new PerCpuHistogram(1000, 2);
        return new CounterSubject(histogram::record, () -> histogram.snapshot().getTotalCount(),
                () -> histogram.snapshotAndReset().getTotalCount());
    }),
    METERS("PerCpuCounter, PerCpuSummary, made", Kind.COUNTER, MetersSubject::new),
    FILE("CounterFile", Kind.COUNTER, FileSubject::new),
    BINDING("PerCpuMetrics", Kind.COUNTER, BindingSubject::new),
    REGISTRY("PerCpuPrometheusMeterRegistry", Kind.COUNTER,
            () -> new RegistrySubject(new PerCpuPrometheusMeterRegistry(PrometheusConfig.DEFAULT))),
    MICROMETER("PrometheusMeterRegistry", Kind.COUNTER,
            () -> new RegistrySubject(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT)), true),
    ADDER("LongAdder", Kind.COUNTER, () -> {
        var adder = new LongAdder();
        return new CounterSubject(adder::add, adder::sum, adder::sumThenReset);
    }, true),
    MPMC("SliceMpmcArrayQueue", Kind.QUEUE, () -> new QueueSubject(new SliceMpmcArrayQueue<>(64), 64)),
    MPMC_UNBOUNDED("SliceMpmcUnboundedQueue", Kind.QUEUE, () -> new QueueSubject(new SliceMpmcUnboundedQueue<>(), -1)),
    BLOCKING("SliceBlockingQueue", Kind.QUEUE, () -> new QueueSubject(new SliceBlockingQueue<>(64), 64)),
    BLOCKING_FAIR("SliceBlockingQueue, fair", Kind.QUEUE,
            () -> new QueueSubject(new SliceBlockingQueue<>(64, true), 64)),
    BLOCKING_UNBOUNDED("SliceBlockingQueue, unbounded", Kind.QUEUE,
            () -> new QueueSubject(new SliceBlockingQueue<>(), -1)),
    PER_CPU_QUEUE("PerCpuQueue", Kind.QUEUE, () -> {
        var queue = new PerCpuQueue<QueueSubject.Element>(64);
        return new QueueSubject(queue, queue.capacity());
    }),
    JCTOOLS("MpmcArrayQueue", Kind.QUEUE, () -> new QueueSubject(new MpmcArrayQueue<>(64), 64), true),
    ARRAY_BLOCKING("ArrayBlockingQueue", Kind.QUEUE, () -> new QueueSubject(new ArrayBlockingQueue<>(64), 64), true),
    LINKED_BLOCKING("LinkedBlockingQueue", Kind.QUEUE, () -> new QueueSubject(new LinkedBlockingQueue<>(64), 64), true),
    LINKED("ConcurrentLinkedQueue", Kind.QUEUE, () -> new QueueSubject(new ConcurrentLinkedQueue<>(), -1), true),
    LOCK("SliceLock", Kind.LOCK, () -> {
        var lock = new SliceLock();
        return new LockSubject(lock, lock, lock::isHeldByCurrentThread, true);
    }),
    LOCK_FAIR("SliceLock, fair", Kind.LOCK, () -> {
        SliceLock lock = SliceLock.builder().fair().build();
        return new LockSubject(lock, lock, lock::isHeldByCurrentThread, true);
    }),
    LOCK_HELD("SliceLock, held by another", Kind.LOCK, HeldLockSubject::new),
    EXTENDED_LOCK("ExtendedLock", Kind.LOCK, () -> {
        var wrapped = new PerCpuReadWriteLock(); // the JDK's own would hang
        Lock lock = ExtendedLock.wrap(wrapped.writeLock());
        return new LockSubject(lock, lock, wrapped::isWriteLockedByCurrentThread, true);
    }),
    WRITE_LOCK("PerCpuReadWriteLock, writing", Kind.LOCK, () -> {
        var lock = new PerCpuReadWriteLock();
        return new LockSubject(lock.writeLock(), lock.writeLock(), lock::isWriteLockedByCurrentThread, false);
    }),
    READ_LOCK("PerCpuReadWriteLock, reading", Kind.LOCK, () -> {
        var lock = new PerCpuReadWriteLock();
        return new LockSubject(lock.readLock(), lock.writeLock(), () -> lock.getReadLockCount() > 0, false);
    }),
    BOTH_SIDES("PerCpuReadWriteLock, both sides", Kind.LOCK, BothSidesSubject::new),
    REENTRANT("ReentrantLock", Kind.LOCK, () -> {
        var lock = new ReentrantLock();
        return new LockSubject(lock, lock, lock::isHeldByCurrentThread, true);
    }, true),
    REENTRANT_READ("ReentrantReadWriteLock, reading", Kind.LOCK, () -> {
        var lock = new ReentrantReadWriteLock();
        return new LockSubject(lock.readLock(), lock.writeLock(), () -> lock.getReadHoldCount() > 0, false);
    }, true),
    POOL("PerCpuPool", Kind.POOL, () -> new PoolSubject(PoolSubject.Form.PLAIN)),
    POOL_BOUNDED("PerCpuPool, bounded", Kind.POOL, () -> new PoolSubject(PoolSubject.Form.BOUNDED)),
    POOL_VALIDATED("PerCpuPool, validated", Kind.POOL, () -> new PoolSubject(PoolSubject.Form.VALIDATED)),
    POOL_MADE("PerCpuPool, made by executor", Kind.POOL,
            () -> new PoolSubject(PoolSubject.Form.MADE_BY_AN_EXECUTOR)),
    POOL_MADE_HERE("PerCpuPool, made by caller", Kind.POOL,
            () -> new PoolSubject(PoolSubject.Form.MADE_BY_THE_CALLER)),
    BUFFERS("PerCpuBufferPool", Kind.POOL, BufferSubject::new),
    SEGMENTS("PerCpuBufferPool, segments", Kind.POOL, SegmentSubject::new),
    STACK("RestartableSequences, stack", Kind.SEQUENCE, StackSubject::new),
    MAKING("all of them, made", Kind.MAKING, MakingSubject::new);

    /** What is compared with what. */
    enum Kind {
        COUNTER, QUEUE, LOCK, POOL, SEQUENCE, MAKING
    }

    final String title;
    final Kind kind;
    final boolean peer;
    private final Supplier<Subject> maker;

    Subjects(String title, Kind kind, Supplier<Subject> maker) {
        this(title, kind, maker, false);
    }

    Subjects(String title, Kind kind, Supplier<Subject> maker, boolean peer) {
        this.title = title;
        this.kind = kind;
        this.maker = maker;
        this.peer = peer;
    }

    /** Whether this Java has it. */
    boolean isHere() {
        return this != SEGMENTS || Runtime.version().feature() >= 22;
    }

    Subject make() {
        return maker.get();
    }
}
