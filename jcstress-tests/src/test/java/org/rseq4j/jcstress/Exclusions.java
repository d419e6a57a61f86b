// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import java.util.Map;
import java.util.TreeMap;

/** Public methods that no actor of a jcstress test calls, and why none needs to. */
final class Exclusions {
    static final Map<String, String> METHODS = new TreeMap<>();

    private Exclusions() {
    }

    /** A method is named as TYPE.METHOD, for all of that name, or with /N for those of N parameters. */
    private static void exclude(String reason, String type, String... methods) {
        for (String method : methods) {
            METHODS.put("org.rseq4j." + type + (method.startsWith(":") ? "" : ".") + method, reason);
        }
    }

    static {
        exclude("sum(), in another type", "counters.PerCpuCounter", "longValue", "intValue", "floatValue",
                "doubleValue", "toString");
        exclude("snapshot(), as text", "counters.PerCpuSummary", "toString");
        for (String queue : new String[]{"queues.PerCpuQueue", "queues.SliceMpmcArrayQueue",
                "queues.SliceMpmcUnboundedQueue", "queues.SliceBlockingQueue"}) {
            exclude("shows what the iterator shows", queue, "spliterator");
            exclude("only reads", queue, "size", "isEmpty", "contains");
        }
        exclude("only reads", "queues.PerCpuQueue", "capacity");
        exclude("only reads", "queues.SliceMpmcArrayQueue", "capacity");
        exclude("only reads", "queues.SliceMpmcUnboundedQueue", "capacity");
        exclude("only reads", "queues.SliceBlockingQueue", "remainingCapacity");
        exclude("only reads", "PerCpuMemory", "bytesPerCpu", "strideCount", "get");
        exclude("only reads", "RestartableSequences", "byCpu", "byConcurrencyId", "isNative", "reason",
                "abortsOfThisThread");
        exclude("only reads", "SliceExtension", "isSupported", "statistics");
        exclude("before anybody else knows the object", "PerCpuMemory", "map");
        exclude("before anybody else knows the object", "counters.CounterFile", "create");
        exclude("before anybody else knows the object", "pools.PerCpuPool", "of", "builder");
        exclude("before anybody else knows the object", "queues.SliceBlockingQueue", "builder");
        exclude("before anybody else knows the object", "locks.SliceLock", "builder");
        exclude("before anybody else knows the object", "locks.ExtendedLock", "wrap");
        exclude("only reads", "pools.PerCpuPool", "size", "statistics", "maxPooled", "isClosed");
        exclude("before anybody else knows the object", "pools.PerCpuBufferPool", "builder");
        exclude("only reads", "pools.PerCpuBufferPool", "statistics", "toString");
        exclude("only reads", "locks.SliceLock", "getOwnerId", "getOwner", "isLocked", "isHeldByCurrentThread",
                "getHoldCount", "isFair", "isReentrant", "hasQueuedThreads", "hasQueuedThread", "getQueueLength",
                "getQueuedThreads", "hasWaiters", "getWaitQueueLength", "getWaitingThreads", "toString");
        exclude("only reads", "locks.PerCpuReadWriteLock", "readLock", "writeLock", "isWriteLocked",
                "isWriteLockedByCurrentThread", "getReadLockCount", "getReadHoldCount", "getWriteHoldCount", "getOwner",
                "isFair", "isReentrant", "hasQueuedThreads", "hasQueuedThread", "getQueueLength", "getQueuedThreads",
                "hasWaiters", "getWaitQueueLength", "getWaitingThreads", "toString");
        exclude("before anybody else knows the object", "locks.PerCpuReadWriteLock", "builder");
        exclude("only reads", "locks.ExtendedLock", "toString");
        exclude("before anybody else knows the object", "locks.SliceLock", "newCondition");
        exclude("before anybody else knows the object", "locks.ExtendedLock", "newCondition");
        exclude("before anybody else knows the object", "locks.PerCpuReadWriteLock", ":Lock.newCondition/0");
        exclude("by its interface", "locks.ExtendedLock", "lock", "lockInterruptibly", "tryLock", "unlock");
        exclude("before anybody else knows the object", "locks.ExtendedLock", ":Lock.newCondition/0");
        exclude("the wrapped lock's; AwaitSignal has the protocol around it", "locks.ExtendedLock",
                ":Condition.awaitUninterruptibly/0", ":Condition.awaitNanos/1", ":Condition.await/2",
                ":Condition.awaitUntil/1", ":Condition.signalAll/0");
        exclude("as await/2, with the deadline counted in another unit", "locks.SliceLock", ":Condition.awaitNanos/1",
                ":Condition.awaitUntil/1");
    }
}
