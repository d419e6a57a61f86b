// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.concurrent.locks.StampedLock;
import org.rseq4j.locks.PerCpuReadWriteLock;

/**
 * A read lock that all threads take and give back, reading one word; or, as write-locks, the write lock of the same,
 * taken and given back by the first thread while the others read: the writes are counted, the reads are not.
 */
final class ReadLocksSuite implements Suite {
    private final boolean writing;

    ReadLocksSuite(boolean writing) {
        this.writing = writing;
    }

    @Override
    public String name() {
        return writing ? "write-locks" : "read-locks";
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        if (writing) {
            contenders.put("ReentrantReadWriteLock", threads -> writes(new ReentrantReadWriteLock()));
            contenders.put("StampedLock", threads -> writes(new StampedLock().asReadWriteLock()));
            contenders.put("rseq4j PerCpuReadWriteLock", threads -> writes(new PerCpuReadWriteLock()));
            return contenders;
        }
        contenders.put("ReentrantReadWriteLock", threads -> loop(new ReentrantReadWriteLock()));
        contenders.put("StampedLock readLock", threads -> {
            var lock = new StampedLock();
            long[] word = new long[48];
            return (thread, round) -> {
                long operations = 0;
                long sum = 0;
                while (round.running()) {
                    for (int i = 0; i < 1000; i++) {
                        long stamp = lock.readLock();
                        try {
                            sum += word[24];
                        } finally {
                            lock.unlockRead(stamp);
                        }
                    }
                    operations += 1000;
                }
                return LocksSuite.kept(operations, sum);
            };
        });
        contenders.put("StampedLock optimistic", threads -> {
            var lock = new StampedLock();
            long[] word = new long[48];
            return (thread, round) -> {
                long operations = 0;
                long sum = 0;
                while (round.running()) {
                    for (int i = 0; i < 1000; i++) {
                        long stamp;
                        long read;
                        do {
                            stamp = lock.tryOptimisticRead();
                            read = word[24];
                        } while (!lock.validate(stamp));
                        sum += read;
                    }
                    operations += 1000;
                }
                return LocksSuite.kept(operations, sum);
            };
        });
        contenders.put("rseq4j PerCpuReadWriteLock", threads -> loop(new PerCpuReadWriteLock()));
        contenders.put("reentrant rseq4j PerCpuReadWriteLock",
                threads -> loop(PerCpuReadWriteLock.builder().reentrant().build()));
        contenders.put("rseq4j PerCpuReadWriteLock optimistic", threads -> {
            var lock = new PerCpuReadWriteLock();
            long[] word = new long[48];
            return (thread, round) -> {
                long operations = 0;
                long sum = 0;
                while (round.running()) {
                    for (int i = 0; i < 1000; i++) {
                        long stamp;
                        long read;
                        do {
                            stamp = lock.tryOptimisticRead();
                            read = word[24];
                        } while (!lock.validate(stamp));
                        sum += read;
                    }
                    operations += 1000;
                }
                return LocksSuite.kept(operations, sum);
            };
        });
        return contenders;
    }

    private static Contender loop(ReadWriteLock lock) {
        Lock read = lock.readLock();
        long[] word = new long[48];
        return (thread, round) -> {
            long operations = 0;
            long sum = 0;
            while (round.running()) {
                for (int i = 0; i < 1000; i++) {
                    read.lock();
                    try {
                        sum += word[24];
                    } finally {
                        read.unlock();
                    }
                }
                operations += 1000;
            }
            return LocksSuite.kept(operations, sum);
        };
    }

    private static Contender writes(ReadWriteLock lock) {
        Contender reads = loop(lock);
        long[] word = new long[48];
        return (thread, round) -> {
            if (thread != 0) {
                reads.work(thread, round);
                return 0;
            }
            long operations = 0;
            while (round.running()) {
                for (int i = 0; i < 10; i++) {
                    lock.writeLock().lock();
                    try {
                        word[24]++;
                    } finally {
                        lock.writeLock().unlock();
                    }
                }
                operations += 10;
            }
            return operations;
        };
    }
}
