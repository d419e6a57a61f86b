// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.stress;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Threads that all do one work for a while; the first failure ends it and is thrown. The while is rseq4j.test.seconds,
 * or a third of a second: enough for some millions of operations, in every set-up of every build.
 */
public final class Stress {
    private static final Integer SECONDS = Integer.getInteger("rseq4j.test.seconds");

    public static final long NANOS = SECONDS == null ? 333_000_000 : TimeUnit.SECONDS.toNanos(SECONDS);

    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    /** What each thread does, until a deadline of System.nanoTime, or longer where it likes. */
    @FunctionalInterface
    public interface Work {
        void run(long deadline) throws Exception;
    }

    /** Runs a work on as many threads and waits for them. */
    public void onThreads(ThreadFactory factory, int count, Work work) throws InterruptedException {
        long deadline = System.nanoTime() + NANOS;
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Thread thread = factory.newThread(() -> {
                try {
                    work.run(deadline);
                } catch (Throwable e) {
                    fail(e);
                }
            });
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }

    /** Runs a work on as many platform threads, which are moved between CPUs meanwhile. */
    public void inAMigrationStorm(int count, Work work) throws InterruptedException {
        assumeTrue(MigrationStorm.isAvailable(), "needs the tests' native library and native access");
        try (var storm = new MigrationStorm()) {
            var ended = new CountDownLatch(count);
            onThreads(Thread::new, count, deadline -> {
                storm.join();
                try {
                    work.run(deadline);
                } finally {
                    ended.countDown();
                    ended.await(); // the kernel may give a dead thread's number to another
                }
            });
            assertTrue(storm.moves() > 0, "no thread was moved");
        }
    }

    /** Whether the time is not up and nothing has failed. */
    public boolean goesOn(long deadline) {
        return System.nanoTime() - deadline < 0 && !hasFailed();
    }

    public boolean hasFailed() {
        return failure.get() != null;
    }

    /** For threads that the work starts itself. */
    public void fail(Throwable e) {
        failure.compareAndSet(null, e);
    }
}
