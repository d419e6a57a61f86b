// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.rseq4j.SliceExtension;

/**
 * A JVM for one contender, so that the JIT sees one kind of code. Each line of standard input, THREADS MILLIS, is a
 * round; it is answered by a line with its sample, or with what failed.
 */
final class Worker {
    static final String FAILED = "failed: ";

    private Worker() {
    }

    public static void main(String[] arguments) throws IOException {
        Contender contender = Contender.valueOf(arguments[0]);
        PrintStream out = System.out;
        var orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String order = orders.readLine(); order != null; order = orders.readLine()) {
            String[] words = order.split(" ");
            out.println(answer(contender, Integer.parseInt(words[0]), Long.parseLong(words[1])));
            out.flush();
        }
        Runtime.getRuntime().halt(0); // threads of a round that failed may be left
    }

    private static String answer(Contender contender, int threads, long millis) {
        try {
            return round(contender, threads, millis).toLine();
        } catch (Exception e) {
            return FAILED + e;
        }
    }

    /** Runs all threads from one moment on for a time. */
    static Sample round(Contender contender, int threads, long millis)
            throws InterruptedException, ExecutionException {
        Workload workload = contender.make(threads);
        var stop = new Stop();
        long[] begun = new long[1];
        var start = new CyclicBarrier(threads + 1, () -> begun[0] = System.nanoTime());
        List<FutureTask<Long>> tasks = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int thread = i;
            Callable<Long> work = () -> {
                start.await();
                return workload.work(thread, stop);
            };
            var task = new FutureTask<>(work);
            tasks.add(task);
            Thread worker = new Thread(task, "worker-" + i);
            worker.setDaemon(true);
            worker.start();
        }
        SliceExtension.Statistics before = SliceExtension.statistics();
        long operations = 0;
        try {
            start.await();
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (BrokenBarrierException e) {
            throw new IllegalStateException(e);
        } finally {
            stop.request();
        }
        for (FutureTask<Long> task : tasks) {
            operations += task.get();
        }
        long nanos = System.nanoTime() - begun[0];
        SliceExtension.Statistics after = SliceExtension.statistics();
        workload.check(operations);
        return new Sample(operations, nanos, workload.preempted(), after.yielded() - before.yielded(),
                after.revoked() - before.revoked(), after.interrupted() - before.interrupted());
    }
}
