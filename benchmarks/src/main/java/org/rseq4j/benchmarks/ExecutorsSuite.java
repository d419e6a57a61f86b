// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.rseq4j.queues.SliceBlockingQueue;

/** Empty tasks through a ThreadPoolExecutor of 64 threads on one queue or the other; who finds it full waits. */
final class ExecutorsSuite implements Suite {
    private static final int WORKERS = 64;
    private static final int CAPACITY = 1024;

    @Override
    public String name() {
        return "executors";
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        contenders.put("rseq4j SliceBlockingQueue", threads -> new Executor(new SliceBlockingQueue<>(CAPACITY)));
        contenders.put("ArrayBlockingQueue", threads -> new Executor(new ArrayBlockingQueue<>(CAPACITY)));
        contenders.put("LinkedBlockingQueue", threads -> new Executor(new LinkedBlockingQueue<>(CAPACITY)));
        return contenders;
    }

    private static final class Executor implements Contender {
        private final LongAdder ran = new LongAdder();
        private final LongAdder submitted = new LongAdder();
        private final ThreadPoolExecutor executor;

        Executor(BlockingQueue<Runnable> queue) {
            executor = new ThreadPoolExecutor(WORKERS, WORKERS, 0, TimeUnit.SECONDS, queue, (task, full) -> {
                try {
                    full.getQueue().put(task);
                } catch (InterruptedException e) {
                    throw new RejectedExecutionException(e);
                }
            });
            executor.prestartAllCoreThreads();
        }

        @Override
        public long work(int thread, Round round) {
            Runnable task = ran::increment;
            long operations = 0;
            while (round.running()) {
                for (int i = 0; i < 16; i++) {
                    executor.execute(task);
                }
                operations += 16;
            }
            submitted.add(operations);
            return operations;
        }

        @Override
        public void close() {
            executor.close();
            if (ran.sum() != submitted.sum()) {
                throw new IllegalStateException(submitted + " tasks, " + ran + " ran");
            }
        }
    }
}
